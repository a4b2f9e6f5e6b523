import type { Policy, Profile } from './profile.ts'
import type { Right } from './rights.ts'
import type { Role } from './role.ts'

/**
 * Whether the role grants the action. A controller that is named hides `*`, and so does an action: only what is
 * exactly `true` there counts. Index and collection are the policy's matter, see `policyCovers`.
 */
export function roleAllows(role: RoleRights, controller: string, action: string): boolean {
  const compiled = compiledRole(role)
  const actions = compiled.get(controller) ?? compiled.get('*')
  return actions !== undefined && (actions.get(action) ?? actions.get('*')) === true
}

/** Whether any of the roles grants the action. A denial in one never takes away what another grants. */
export function rolesAllow(roles: readonly RoleRights[], controller: string, action: string): boolean {
  for (const role of roles) if (roleAllows(role, controller, action)) return true
  return false
}

/**
 * Whether the policy speaks about the data that the right names. A right that names no index is about no data, so
 * every policy covers it.
 */
export function policyCovers(policy: Policy, right: Right): boolean {
  if (policy.restrictedTo === undefined || policy.restrictedTo.length === 0) return true
  if (right.index === undefined) return true
  return policy.restrictedTo.some(({ index, collections }) => {
    if (index !== right.index) return false
    if (collections === undefined || collections.length === 0) return true
    return right.collection !== undefined && collections.includes(right.collection)
  })
}

/** Where rights are read from. Both answer the identical object while it is unchanged. */
export type RightsSource = {
  findProfile(id: Profile['id']): Promise<Profile | undefined>
  findRole(id: Role['id']): Promise<Role | undefined>
}

/**
 * Whether any of the profiles grants the right: any policy that covers it, with a role that allows it. A denial in one
 * role never takes away what another grants. Profiles and roles that do not exist grant nothing.
 */
export async function profilesGrant(
  source: RightsSource,
  profileIds: readonly Profile['id'][],
  right: Right,
): Promise<boolean> {
  for (const profileId of profileIds) {
    const profile = await source.findProfile(profileId)
    for (const policy of profile?.policies ?? []) {
      if (!policyCovers(policy, right)) continue
      const role = await source.findRole(policy.roleId)
      if (role !== undefined && roleAllows(role, right.controller, right.action)) return true
    }
  }
  return false
}

/** The part of a role that decides. */
export type RoleRights = Pick<Role, 'controllers'>

type CompiledRole = ReadonlyMap<string, ReadonlyMap<string, boolean>>

/** Maps instead of objects: names such as `constructor` come from clients and must not find what JavaScript put there. */
const compiledRoles = new WeakMap<RoleRights, CompiledRole>()

function compiledRole(role: RoleRights): CompiledRole {
  const known = compiledRoles.get(role)
  if (known !== undefined) return known
  const compiled = new Map(
    Object.entries(role.controllers).map(([name, { actions }]) => [name, new Map(Object.entries(actions))]),
  )
  compiledRoles.set(role, compiled)
  return compiled
}
