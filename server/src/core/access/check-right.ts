import type { Context } from '../context.ts'
import { ADMIN_PROFILE_ID, ANONYMOUS_ID } from '../ids.ts'
import type { Caller } from './caller.ts'
import { profilesGrant } from './evaluate-rights.ts'
import type { Right } from './rights.ts'
import type { User } from './user.ts'

/**
 * Whether the caller may do it. Somebody on this very host who shows no token may always ask to create the first
 * administrator, in failsafe mode as well, else nobody ever could; the use case refuses once there is one.
 */
export async function isAllowed(context: Context, caller: Caller, right: Right): Promise<boolean> {
  if (await mayUser(context, caller.user, right)) return true
  const createsFirstAdmin = right.controller === 'security' && right.action === 'createFirstAdmin'
  return (
    createsFirstAdmin && caller.origin.local && caller.user.id === ANONYMOUS_ID && caller.token === undefined
  )
}

/** Whether the user's profiles grant the right; in failsafe mode only administrators may do more than log in. */
export async function mayUser(context: Context, user: User, right: Right): Promise<boolean> {
  if (context.settings.failsafeMode && !isExemptFromFailsafe(user, right)) return false
  return profilesGrant(context.storage.access, user.profileIds, right)
}

function isExemptFromFailsafe(user: User, { controller, action }: Right): boolean {
  return (controller === 'auth' && action === 'login') || user.profileIds.includes(ADMIN_PROFILE_ID)
}
