import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params } from '../topology.ts'

/** How groups are put into headers. */
export type GroupHeaders = {
  readonly prefix: string
  /** Groups that do not match wholly are left out. */
  readonly pattern: RegExp
  /** Most characters, or bytes, of one header; a group that is longer has a header of its own. */
  readonly lengthMax: number
  readonly measure: (text: string) => number
}

/** Reads the parameters `preauth.auth.header.…` and `preauth.group.filter.pattern`. @throws {TopologyProblem} */
export function groupHeadersOf(params: Params, where: string): GroupHeaders {
  const bytesMax = numberOf(params, 'preauth.auth.header.groups.size.limit', -1, where)
  const charactersMax = numberOf(params, 'preauth.auth.header.groups.length.limit', 1_000, where)
  return {
    prefix: params.get('preauth.auth.header.actor.groups.prefix')?.trim() ?? 'X-Knox-Actor-Groups',
    pattern: patternOf(params.get('preauth.group.filter.pattern') ?? '.*', where),
    lengthMax: bytesMax > 0 ? bytesMax : charactersMax,
    measure: bytesMax > 0 ? (text) => Buffer.byteLength(text) : (text) => text.length,
  }
}

/** Groups as headers `PREFIX-1`, `PREFIX-2` …, joined by commas. */
export function printGroups(
  groups: readonly string[],
  { prefix, pattern, lengthMax, measure }: GroupHeaders,
): Readonly<Record<string, string>> {
  const lines: string[] = []
  for (const group of groups.filter((each) => pattern.test(each))) {
    const last = lines.at(-1)
    const joined = last === undefined ? group : `${last},${group}`
    if (last !== undefined && measure(joined) <= lengthMax) lines[lines.length - 1] = joined
    else lines.push(group)
  }
  return Object.fromEntries(lines.map((line, index) => [`${prefix}-${index + 1}`, line]))
}

function patternOf(text: string, where: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`, 'su')
  } catch (error) {
    throw new TopologyProblem(
      `${where}: parameter "preauth.group.filter.pattern" is no regular expression: ${String(error)}`,
    )
  }
}

function numberOf(params: Params, name: string, initial: number, where: string): number {
  const text = params.get(name)
  if (text === undefined) return initial
  const value = Number(text.trim())
  if (text.trim() !== '' && Number.isSafeInteger(value)) return value
  throw new TopologyProblem(`${where}: parameter "${name}" is "${text}", and must be a whole number`)
}
