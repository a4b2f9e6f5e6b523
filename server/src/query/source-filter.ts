import { type Body, isBody, malformed, tokenOf } from './elasticsearch/arguments.ts'
import { fitsGlob, type Glob, parseGlob } from './glob.ts'

/** Which members of a hit's source are answered: dotted paths in which `*` stands for any run of characters. */
export type SourceFilter = {
  /** Empty: everything. */
  readonly includes: readonly string[]
  readonly excludes: readonly string[]
}

/**
 * Reads `_source`, `_source_includes` and `_source_excludes` of a search body; undefined when everything is answered.
 *
 * @throws {QueryError} `malformed`
 */
export function parseSourceFilter(body: Body): SourceFilter | undefined {
  const own = parseSource(body['_source'])
  const includes = [...own.includes, ...pathsOf('_source_includes', body['_source_includes'])]
  const excludes = [...own.excludes, ...pathsOf('_source_excludes', body['_source_excludes'])]
  return includes.length + excludes.length === 0 ? undefined : { includes, excludes }
}

const EVERYTHING: SourceFilter = { includes: [], excludes: [] }

function parseSource(source: unknown): SourceFilter {
  if (source === undefined || source === null || source === true || source === 'true') return EVERYTHING
  if (source === false || source === 'false') return { includes: [], excludes: ['*'] }
  if (!isBody(source)) return { includes: pathsOf('_source', source), excludes: [] }

  const includes: string[] = []
  const excludes: string[] = []
  for (const [name, value] of Object.entries(source)) {
    if (name === 'includes' || name === 'include') includes.push(...pathsOf(name, value))
    else if (name === 'excludes' || name === 'exclude') excludes.push(...pathsOf(name, value))
    else throw malformed(`Unknown key for a ${tokenOf(value)} in [${name}].`)
  }
  return { includes, excludes }
}

function pathsOf(name: string, value: unknown): readonly string[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return value.split(',')
  if (!Array.isArray(value)) throw malformed(`Unknown key for a ${tokenOf(value)} in [${name}].`)
  return value.map((path: unknown) => {
    if (typeof path !== 'string') throw malformed(`Unknown key for a ${tokenOf(path)} in [${name}].`)
    return path
  })
}

/** The members of a source that a filter lets through. */
export function applySourceFilter(filter: SourceFilter | undefined, source: Body): Body {
  if (filter === undefined) return source
  const includes = filter.includes.map(parseGlob)
  const excludes = filter.excludes.map(parseGlob)
  return filterObject(source, '', includes.length === 0, { includes, excludes })
}

type Patterns = { readonly includes: readonly Glob[]; readonly excludes: readonly Glob[] }

function filterObject(object: Body, prefix: string, included: boolean, patterns: Patterns): Body {
  const kept: [string, unknown][] = []
  for (const [name, value] of Object.entries(object)) {
    const path = prefix + name
    if (fitsAny(path, patterns.excludes)) continue
    const isIncluded = included || fitsAny(path, patterns.includes)
    const filtered = filterValue(value, path, isIncluded, patterns)
    if (filtered !== undefined) kept.push([name, filtered])
  }
  return Object.fromEntries(kept)
}

/** What is left of a value; undefined when nothing of it was asked for. */
function filterValue(value: unknown, path: string, included: boolean, patterns: Patterns): unknown {
  if (Array.isArray(value)) {
    const elements = value
      .map((element) => filterValue(element, path, included, patterns))
      .filter((element) => element !== undefined)
    return included || elements.length > 0 ? elements : undefined
  }
  if (!isBody(value)) return included ? value : undefined
  const members = filterObject(value, `${path}.`, included, patterns)
  return included || Object.keys(members).length > 0 ? members : undefined
}

function fitsAny(path: string, patterns: readonly Glob[]): boolean {
  return patterns.some((glob) => fitsGlob(path, glob))
}
