import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params } from '../topology.ts'

/** Whether a path needs a password or nobody in particular. */
export type UrlRule = 'authcBasic' | 'anon'

/** The rule of the first pattern that a path matches; undefined: none does. */
export type UrlRules = (path: string) => UrlRule | undefined

const PREFIX = 'urls.'

/**
 * Reads `urls.PATTERN` = `authcBasic` or `anon`, in the order of the file. Patterns are those of Ant: `?` for one
 * character, `*` for some within a segment, `**` for any number of segments.
 *
 * @throws {TopologyProblem} a rule is neither, or there is none at all: then Knox answers 500 to everything.
 */
export function createUrlRules(params: Params, where: string): UrlRules {
  const rules = [...params]
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, value]) => ({
      pattern: antPattern(name.slice(PREFIX.length)),
      rule: ruleOf(name, value, where),
    }))
  if (rules.length === 0) {
    throw new TopologyProblem(`${where}: no parameter "urls.PATTERN" says which paths need a password`)
  }
  return (path) => rules.find(({ pattern }) => pattern.test(path))?.rule
}

function ruleOf(name: string, value: string, where: string): UrlRule {
  const rule = value.trim()
  if (rule === 'authcBasic' || rule === 'anon') return rule
  throw new TopologyProblem(`${where}: parameter "${name}" is "${value}", and authcBasic and anon are known`)
}

function antPattern(pattern: string): RegExp {
  const segments = pattern.split('/').filter((segment) => segment !== '')
  const source = segments
    .map((segment) => {
      if (segment === '**') return '(?:/[^/]*)*'
      const parts = segment.split(/([*?])/).map((part) => {
        if (part === '*') return '[^/]*'
        return part === '?' ? '[^/]' : escapeRegExp(part)
      })
      return `/${parts.join('')}`
    })
    .join('')
  return new RegExp(`^${source}/?$`, 's')
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
