import { recordChange } from '../audit/record-change.ts'
import { checkId } from '../check-id.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { RoleId } from '../ids.ts'
import type { RoleRequest } from '../key-authority.ts'
import type { Existing } from '../ports/access-store.ts'
import type { Caller } from './caller.ts'
import { roleAllows } from './evaluate-rights.ts'
import { PROTECTED_ROLES, type Role } from './role.ts'
import { checkControllersExist, parseControllerRights, type RoleNames } from './validate-role.ts'

/** A role to write. */
export type RoleWrite = { readonly id: RoleId; readonly request: RoleRequest; readonly names: RoleNames }

/**
 * Creates a role; or with `existing` `replace`, creates or replaces it.
 *
 * @throws {DomainError} `id.invalid`, `role.already_exists`, `role.invalid`, `role.unknown_controller`,
 *   `role.unknown_action`, `role.login_required`.
 */
export async function putRole(
  context: Context,
  caller: Caller,
  { existing, ...write }: RoleWrite & { readonly existing: Existing },
): Promise<Role> {
  checkId('role', write.id)
  const parts = checkRole(write)
  const before = existing === 'replace' ? await context.storage.access.findRole(write.id) : undefined
  const now = context.clock.now()
  const role: Role = {
    ...parts,
    id: write.id,
    record:
      before === undefined
        ? { createdBy: caller.user.id, createdAt: now }
        : { ...before.record, updatedBy: caller.user.id, updatedAt: now },
  }
  await recordChange(
    context,
    {
      by: caller,
      action: before === undefined ? 'role.create' : 'role.replace',
      subject: `role:${write.id}`,
      details: { before: before?.controllers ?? null, after: role.controllers },
    },
    (event) => context.storage.access.putRole(role, existing, event),
  )
  return role
}

/**
 * Replaces the whole content of a role that exists.
 *
 * @throws {DomainError} `role.not_found`, and as `putRole`.
 */
export async function updateRole(context: Context, caller: Caller, write: RoleWrite): Promise<Role> {
  const before = await getRole(context, write.id)
  const parts = checkRole(write)
  return recordChange(
    context,
    {
      by: caller,
      action: 'role.update',
      subject: `role:${write.id}`,
      details: { before: before.controllers, after: parts.controllers },
    },
    (event) =>
      context.storage.access.updateRole(
        write.id,
        ({ id, record }) => ({
          ...parts,
          id,
          record: { ...record, updatedBy: caller.user.id, updatedAt: event.at },
        }),
        event,
      ),
  )
}

/** @throws {DomainError} `role.protected`, `role.not_found`, `role.in_use`, with `facts.id`. */
export async function removeRole(context: Context, caller: Caller, id: RoleId): Promise<void> {
  if (PROTECTED_ROLES.some((name) => name === id)) {
    throw new DomainError('role.protected', `Cannot delete role "${id}": it must always exist`, { id })
  }
  const before = await getRole(context, id)
  const details = { before: before.controllers }
  await recordChange(
    context,
    { by: caller, action: 'role.delete', subject: `role:${id}`, details },
    (event) => context.storage.access.removeRole(id, event),
  )
}

/** @throws {DomainError} `role.not_found` with `facts.id`. */
export async function getRole(context: Context, id: RoleId): Promise<Role> {
  const role = await context.storage.access.findRole(id)
  if (role === undefined)
    throw new DomainError('role.not_found', `Cannot get role "${id}": there is none`, { id })
  return role
}

/** The checked members of a role. @throws {DomainError} As `putRole`. */
export function checkRole({ id, request, names }: RoleWrite): Omit<Role, 'id' | 'record'> {
  const controllers = parseControllerRights(id, request.controllers)
  checkControllersExist(id, controllers, names)
  const parts = {
    controllers,
    ...(request.tags !== undefined && { tags: request.tags }),
    content: request.content,
  }
  if (id === 'anonymous' && !roleAllows(parts, 'auth', 'login')) {
    throw new DomainError(
      'role.login_required',
      'Cannot store role "anonymous" without "auth:login": nobody could log in any more',
      { id },
    )
  }
  return parts
}
