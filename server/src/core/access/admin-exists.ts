import type { Context } from '../context.ts'
import { ADMIN_PROFILE_ID } from '../ids.ts'

/** True while some user has the profile `admin`. */
export function adminExists(context: Context): Promise<boolean> {
  return context.storage.users.existsWithProfile(ADMIN_PROFILE_ID)
}
