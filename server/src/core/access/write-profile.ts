import { recordChange } from '../audit/record-change.ts'
import { checkId } from '../check-id.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { ProfileId } from '../ids.ts'
import type { ProfileRequest } from '../key-authority.ts'
import type { Existing } from '../ports/access-store.ts'
import type { Caller } from './caller.ts'
import { PROTECTED_PROFILES, type Profile } from './profile.ts'
import { checkAnonymousRole, parsePolicies, parseRateLimit } from './validate-profile.ts'

/** A profile to write. */
export type ProfileWrite = { readonly id: ProfileId; readonly request: ProfileRequest }

/**
 * Creates a profile; or with `existing` `replace`, creates or replaces it.
 *
 * @throws {DomainError} `id.invalid`, `profile.already_exists`, `profile.invalid`, `role.not_found`,
 *   `profile.anonymous_role_required`.
 */
export async function putProfile(
  context: Context,
  caller: Caller,
  { existing, ...write }: ProfileWrite & { readonly existing: Existing },
): Promise<Profile> {
  checkId('profile', write.id)
  const parts = checkProfile(write)
  const before = existing === 'replace' ? await context.storage.access.findProfile(write.id) : undefined
  const now = context.clock.now()
  const profile: Profile = {
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
      action: before === undefined ? 'profile.create' : 'profile.replace',
      subject: `profile:${write.id}`,
      details: { before: before === undefined ? null : rightsOf(before), after: rightsOf(profile) },
    },
    (event) => context.storage.access.putProfile(profile, existing, event),
  )
  return profile
}

/**
 * Merges members into a profile that exists; a member that is given replaces the stored one as a whole.
 *
 * @throws {DomainError} `profile.not_found`, and as `putProfile`.
 */
export async function updateProfile(
  context: Context,
  caller: Caller,
  { id, request }: { readonly id: ProfileId; readonly request: Partial<ProfileRequest> },
): Promise<Profile> {
  const before = await getProfile(context, id)
  const merge = (old: Profile): Profile => {
    const content = { ...old.content, ...request.content }
    return { ...old, ...checkProfile({ id, request: { ...old, ...request, content } }) }
  }
  const details = { before: rightsOf(before), after: rightsOf(merge(before)) }
  return recordChange(
    context,
    { by: caller, action: 'profile.update', subject: `profile:${id}`, details },
    (event) =>
      context.storage.access.updateProfile(
        id,
        (old) => ({
          ...merge(old),
          record: { ...old.record, updatedBy: caller.user.id, updatedAt: event.at },
        }),
        event,
      ),
  )
}

/**
 * Removes a profile; with `unassign`, takes it from its users first and gives `anonymous` to those left with none.
 *
 * @throws {DomainError} `profile.protected`, `profile.not_found`, `profile.in_use`, with `facts.id`.
 */
export async function removeProfile(
  context: Context,
  caller: Caller,
  { id, assigned }: { readonly id: ProfileId; readonly assigned: 'refuse' | 'unassign' },
): Promise<void> {
  if (PROTECTED_PROFILES.some((name) => name === id)) {
    throw new DomainError('profile.protected', `Cannot delete profile "${id}": it must always exist`, { id })
  }
  const before = await getProfile(context, id)
  const details = { before: rightsOf(before), assigned }
  await recordChange(
    context,
    { by: caller, action: 'profile.delete', subject: `profile:${id}`, details },
    (event) => context.storage.access.removeProfile(id, assigned, event, caller.user.id),
  )
}

/** @throws {DomainError} `profile.not_found` with `facts.id`. */
export async function getProfile(context: Context, id: ProfileId): Promise<Profile> {
  const profile = await context.storage.access.findProfile(id)
  if (profile !== undefined) return profile
  throw new DomainError('profile.not_found', `Cannot get profile "${id}": there is none`, { id })
}

/** The checked members of a profile. @throws {DomainError} As `putProfile`, but that roles exist is left to the store. */
export function checkProfile({ id, request }: ProfileWrite): Omit<Profile, 'id' | 'record'> {
  const policies = parsePolicies(id, request.policies)
  checkAnonymousRole(id, policies)
  return {
    policies,
    rateLimit: parseRateLimit(id, request.rateLimit),
    ...(request.tags !== undefined && { tags: request.tags }),
    content: request.content,
  }
}

function rightsOf({ policies, rateLimit }: Profile) {
  return { policies, rateLimit }
}
