import { type GroupHeaders, groupHeadersOf, printGroups } from './auth-service/group-headers.ts'
import type { Principal } from './principal.ts'
import { TopologyProblem } from './topologies/topology-problem.ts'
import type { Params } from './topology.ts'

/** In which headers other programs are told who asks. */
export type IdentityHeaders = {
  readonly nameHeader: string
  readonly groups: GroupHeaders
}

/** Reads the parameters `preauth.auth.header.…`. @throws {TopologyProblem} */
export function identityHeadersOf(params: Params, where: string): IdentityHeaders {
  const groups = groupHeadersOf(params, where)
  // The headers have a number behind it.
  headerName(groups.prefix, where)
  return {
    nameHeader: headerName(params.get('preauth.auth.header.actor.id.name') ?? 'X-Knox-Actor-ID', where),
    groups,
  }
}

/** The name is the authenticated one: neither mapping nor `doAs` change it, as in Knox. */
export function printIdentity(
  { name, groups }: Pick<Principal, 'name' | 'groups'>,
  headers: IdentityHeaders,
): Readonly<Record<string, string>> {
  return {
    [headers.nameHeader]: encodeHeader(name),
    ...printGroups(groups.map(encodeHeader), headers.groups),
  }
}

const PLAIN = /^[ -$&-~]*$/

/** What cannot stand in a header is percent-encoded, so that a name can never become another header. */
export function encodeHeader(value: string): string {
  if (PLAIN.test(value)) return value
  return value.replaceAll(/[^ -~]|%/gu, (character) =>
    character === '%' ? '%25' : encodeURIComponent(character.isWellFormed() ? character : '\uFFFD'),
  )
}

/** The name of a header that a file names. @throws {TopologyProblem} */
export function headerName(text: string, where: string): string {
  const name = text.trim()
  if (/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) return name
  throw new TopologyProblem(`${where}: "${text}" is no name of a header`)
}
