import type { Caller } from '../access/caller.ts'
import { DEFAULT_NAMES } from '../access/default-rights.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { startProfile, startRights, startRole } from './prepare-store.ts'

/** How much a reset deleted. */
export type ResetCounts = {
  readonly deletedUsers: number
  readonly deletedProfiles: number
  readonly deletedRoles: number
}

/**
 * Deletes all users with their credentials, keys and sessions, those of the anonymous user included, and all profiles
 * and roles; then starts over with the rights of the first start.
 *
 * Users go first: a crash in between leaves rights that nobody but the anonymous user has, and repeating it finishes.
 */
export async function resetSecurity(context: Context, caller: Caller): Promise<ResetCounts> {
  const { storage, ended } = context
  const change = { by: caller, action: 'rights.reset' } as const
  const users = await recordChange(context, { ...change, subject: 'users' }, (event) =>
    storage.users.removeAll(event),
  )
  ended.announce(users.endedTokens)

  const rights = startRights(context)
  const now = context.clock.now()
  const roles = DEFAULT_NAMES.map((name) => startRole(rights, name, now))
  const profiles = DEFAULT_NAMES.map((name) => startProfile(rights, name, now))
  const access = await recordChange(context, { ...change, subject: 'roles and profiles' }, (event) =>
    storage.access.replaceAll(roles, profiles, event),
  )
  return {
    deletedUsers: users.count,
    deletedProfiles: access.removedProfiles,
    deletedRoles: access.removedRoles,
  }
}
