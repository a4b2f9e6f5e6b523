import { z } from 'zod'
import { areSameRights, defaultRoleId, EVERYTHING } from '../../core/access/default-rights.ts'
import type { Profile } from '../../core/access/profile.ts'
import { type ControllerRights, PROTECTED_ROLES, type Role } from '../../core/access/role.ts'
import { DomainError, type ErrorCode } from '../../core/errors.ts'
import { ID_BYTES_MAX, type ProfileId, type RoleId } from '../../core/ids.ts'
import { type Endpoint, type EndpointContext, endpoint } from './endpoint.ts'
import { parseId } from './parse-id.ts'
import { Problem } from './problem.ts'
import { requireRight } from './require-right.ts'
import { PERMISSION, printRights, rightsOf } from './role-permissions.ts'
import { strict } from './strict-object.ts'

const roleId = z
  .string()
  .min(1)
  .max(ID_BYTES_MAX)
  .transform((id) => id as RoleId)

const roleBody = strict({
  permissions: z
    .array(
      z
        .string()
        .max(512)
        .regex(PERMISSION, { error: 'must be a permission such as "invoices:read", "invoices:*" or "*"' }),
    )
    .min(1)
    .max(1_000)
    .meta({
      description: 'Such as `invoices:read`, `invoices:*` for all of `invoices`, `*` for everything.',
    }),
})

const roleView = strict({
  id: z.string(),
  permissions: z.array(z.string()),
  exceptions: z.array(z.string()).meta({ description: 'What the role does not grant although a `*` would.' }),
}).meta({ id: 'Role' })

const ROLE = { description: 'The role', schema: roleView }

/** What owners may do. In Kuzzle's words a role that is made here is a role and the profile of the same id. */
export const ROLE_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'putRole',
    method: 'PUT',
    path: '/v1/roles/:id',
    group: 'Owners and roles',
    summary: 'Creates a role or replaces its permissions; they hold from the next request on',
    access: 'counted',
    idOf: 'role',
    body: { schema: roleBody, kind: 'json' },
    answers: { 200: ROLE, 201: { description: 'The new role', schema: roleView } },
    problems: [
      'right.missing',
      'id.invalid',
      'role.protected',
      'role.invalid',
      'role.unknown_action',
      'role.login_required',
      'role.profile_differs',
    ],
    async run({ id, body }, context) {
      const name = parseId(roleId, id, 'id.invalid')
      await need(context, 'createOrReplaceRole')
      await need(context, 'createOrReplaceProfile')
      const controllers = rightsOf(body.permissions)
      checkStaysAdministrator(name, controllers)
      const known = await findRole(context, name)
      await checkProfile(context, name)
      const { authority, caller } = context
      const request = {
        content: known?.content ?? {},
        ...(known?.tags !== undefined && { tags: known.tags }),
        controllers,
      }
      const role = await authority.roles.put(caller, name, request)
      await ensureProfile(context, name)
      return { status: known === undefined ? 201 : 200, json: viewOf(role) }
    },
  }),

  endpoint({
    name: 'getRole',
    method: 'GET',
    path: '/v1/roles/:id',
    group: 'Owners and roles',
    summary: 'Shows a role',
    access: 'counted',
    idOf: 'role',
    answers: { 200: ROLE },
    problems: ['role.not_found', 'right.missing'],
    async run({ id }, context) {
      await need(context, 'getRole')
      const role = await context.authority.roles.get(parseId(roleId, id, 'role.not_found'))
      return { status: 200, json: viewOf(role) }
    },
  }),

  endpoint({
    name: 'deleteRole',
    method: 'DELETE',
    path: '/v1/roles/:id',
    group: 'Owners and roles',
    summary: 'Removes a role that no owner has',
    access: 'counted',
    idOf: 'role',
    answers: { 204: { description: 'The role is gone' } },
    problems: ['role.not_found', 'role.protected', 'role.in_use', 'profile.in_use', 'right.missing'],
    async run({ id }, context) {
      const name = parseId(roleId, id, 'role.not_found')
      await need(context, 'deleteRole')
      await need(context, 'deleteProfile')
      const { authority, caller } = context
      await authority.roles.get(name)
      const profile = await findProfile(context, name)
      // A profile of other roles has nothing to do with this one but its name.
      // That of a protected role is protected too, and it is the role that was asked for.
      if (profile !== undefined && isPairedWith(profile, name) && !isProtected(name)) {
        await authority.profiles.remove(caller, profile.id, 'refuse')
      }
      await authority.roles.remove(caller, name)
      return { status: 204 }
    },
  }),
]

function need({ authority, caller }: EndpointContext, action: string): Promise<void> {
  return requireRight(authority, caller, { controller: 'security', action })
}

function findRole({ authority }: EndpointContext, id: RoleId): Promise<Role | undefined> {
  return unlessMissing(authority.roles.get(id), 'role.not_found')
}

function findProfile({ authority }: EndpointContext, id: RoleId): Promise<Profile | undefined> {
  return unlessMissing(authority.profiles.get(profileIdOf(id)), 'profile.not_found')
}

async function unlessMissing<T>(found: Promise<T>, code: ErrorCode): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (error instanceof DomainError && error.code === code) return undefined
    throw error
  }
}

/** Profile and role of a pair have the same id. */
function profileIdOf(id: RoleId): ProfileId {
  return id as string as ProfileId
}

/** Whether who has the profile has the role, everywhere and without others. */
function isPairedWith({ policies }: Profile, id: RoleId): boolean {
  const [policy, ...others] = policies
  return others.length === 0 && policy?.roleId === id && (policy.restrictedTo ?? []).length === 0
}

function isProtected(id: RoleId): boolean {
  return PROTECTED_ROLES.some((name) => name === id)
}

/** @throws {Problem} `role.protected`: nobody could give the rights back through any API. */
function checkStaysAdministrator(id: RoleId, controllers: ControllerRights): void {
  if (id !== defaultRoleId('admin') || areSameRights(controllers, EVERYTHING)) return
  throw new Problem(
    'role.protected',
    'Cannot store role "admin" with fewer permissions than "*": nobody could administer any more; make a role of another name and give it to the owners that shall have less',
  )
}

/** @throws {Problem} `role.profile_differs`: whoever got that name as a role would get other rights than it says. */
async function checkProfile(context: EndpointContext, id: RoleId): Promise<void> {
  const profile = await findProfile(context, id)
  if (profile === undefined || isPairedWith(profile, id)) return
  throw new Problem(
    'role.profile_differs',
    `Cannot store role "${id}": there is a profile of that id which holds other roles`,
  )
}

async function ensureProfile(context: EndpointContext, id: RoleId): Promise<void> {
  if ((await findProfile(context, id)) !== undefined) return
  const request = { policies: [{ roleId: id }], content: {} }
  await context.authority.profiles.createOrReplace(context.caller, profileIdOf(id), request)
}

function viewOf({ id, controllers }: Role) {
  return { id, ...printRights(controllers) }
}
