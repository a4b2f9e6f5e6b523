import type { Context } from '../context.ts'
import { ADMIN_PROFILE_ID, ANONYMOUS_ID } from '../ids.ts'
import { scopesKeep } from '../keys/scopes.ts'
import type { Caller } from './caller.ts'
import { CLOSED_RIGHTS } from './default-rights.ts'
import { profilesGrant, roleAllows } from './evaluate-rights.ts'
import type { Right } from './rights.ts'
import type { User } from './user.ts'

/**
 * Whether the caller may do it: its user may, and the scopes of the key that it shows, if any, keep it. Somebody on this very host who shows no token may always ask to create the first
 * administrator, in failsafe mode as well, else nobody ever could; the use case refuses once there is one.
 */
export async function isAllowed(context: Context, caller: Caller, right: Right): Promise<boolean> {
  if (!keyKeeps(caller, right)) return false
  if (await mayUser(context, caller.user, right)) return !isBeyondStrangers(context, caller, right)
  const createsFirstAdmin = right.controller === 'security' && right.action === 'createFirstAdmin'
  return (
    createsFirstAdmin && caller.origin.local && caller.user.id === ANONYMOUS_ID && caller.token === undefined
  )
}

function keyKeeps({ token }: Caller, { controller, action }: Right): boolean {
  return token?.kind !== 'key' || scopesKeep(token.key.policy?.scopes, controller, action)
}

/**
 * Whether it is the open start alone that would let somebody do this who is not on this host. That start is meant for
 * the developer, and not for websites that run in the developer's browser.
 */
function isBeyondStrangers({ settings }: Context, { user, origin }: Caller, right: Right): boolean {
  if (!settings.openStart || origin.local || user.id !== ANONYMOUS_ID) return false
  return !roleAllows({ controllers: CLOSED_RIGHTS.roles.anonymous }, right.controller, right.action)
}

/** Whether the user's profiles grant the right; in failsafe mode only administrators may do more than log in. */
export async function mayUser(context: Context, user: User, right: Right): Promise<boolean> {
  if (context.settings.failsafeMode && !isExemptFromFailsafe(user, right)) return false
  return profilesGrant(context.storage.access, user.profileIds, right)
}

function isExemptFromFailsafe(user: User, { controller, action }: Right): boolean {
  return (controller === 'auth' && action === 'login') || user.profileIds.includes(ADMIN_PROFILE_ID)
}
