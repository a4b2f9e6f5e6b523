import type { Authorization } from '../knox-filter.ts'
import { KnoxRefusal } from '../knox-request.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Provider } from '../topology.ts'

/** Who counts as an administrator in access lists. */
export type KnoxAdministrators = { readonly users: readonly string[]; readonly groups: readonly string[] }

/** One access list: who may use a service. */
type Acl = {
  readonly users: readonly string[]
  readonly groups: readonly string[]
  readonly addresses: readonly string[]
  readonly mode: 'AND' | 'OR'
}

/**
 * Reads the access lists of `AclsAuthz`: `{role}.acl` = `users;groups;addresses` with `*` for any, and `{role}.acl.mode`
 * or `acl.mode`, AND or OR. A service without a list is open to everybody who was authenticated.
 *
 * @throws {TopologyProblem} a list has not exactly three parts, or a mode is unknown.
 */
export function createAclAuthorization(
  { params }: Provider,
  administrators: KnoxAdministrators,
  file: string,
): Authorization {
  const acls = new Map<string, Acl>()
  const commonMode = modeOf(params.get('acl.mode'), 'acl.mode', file) ?? 'AND'
  for (const [name, value] of params) {
    if (!name.endsWith('.acl')) continue
    const role = name.slice(0, -'.acl'.length)
    const mode = modeOf(params.get(`${role}.acl.mode`), `${role}.acl.mode`, file) ?? commonMode
    acls.set(role.toLowerCase(), aclOf(value, mode, `${file}: provider "AclsAuthz": parameter "${name}"`))
  }
  return (request, principal, role) => {
    const acl = acls.get(role.toLowerCase())
    if (acl === undefined) return
    const users = acl.users.flatMap((user) => (user === 'KNOX_ADMIN_USERS' ? administrators.users : [user]))
    const groups = acl.groups.flatMap((group) =>
      group === 'KNOX_ADMIN_GROUPS' ? administrators.groups : [group],
    )
    const isUser = users.includes(principal.effective)
    const isMember = principal.groups.some((group) => groups.includes(group))
    const isPlace = isAddressOf(request.address, acl.addresses)
    // In OR mode "any" would make a list mean nothing: there it does not count as satisfied.
    const isAllowed =
      acl.mode === 'OR'
        ? isUser || isMember || isPlace
        : (isUser || isAny(users)) && (isMember || isAny(groups)) && (isPlace || isAny(acl.addresses))
    if (!isAllowed) throw new KnoxRefusal(403)
  }
}

function aclOf(value: string, mode: Acl['mode'], where: string): Acl {
  const parts = value.split(';')
  if (parts.length !== 3) {
    throw new TopologyProblem(`${where} has ${parts.length} parts, and must have 3: users;groups;addresses`)
  }
  const [users, groups, addresses] = parts.map((part) =>
    part
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  return { users: users ?? [], groups: groups ?? [], addresses: addresses ?? [], mode }
}

function modeOf(value: string | undefined, name: string, file: string): Acl['mode'] | undefined {
  if (value === undefined) return undefined
  const mode = value.trim().toUpperCase()
  if (mode === 'AND' || mode === 'OR') return mode
  throw new TopologyProblem(`${file}: provider "AclsAuthz": parameter "${name}" is "${value}", not AND or OR`)
}

const isAny = (names: readonly string[]): boolean => names.includes('*')

/** `192.168.*` means every address that begins so; an address that is not known is in no list. */
export function isAddressOf(address: string | undefined, patterns: readonly string[]): boolean {
  if (address === undefined) return false
  return patterns.some((pattern) => {
    if (pattern === '*') return false
    return pattern.endsWith('*') ? address.startsWith(pattern.slice(0, -1)) : pattern === address
  })
}
