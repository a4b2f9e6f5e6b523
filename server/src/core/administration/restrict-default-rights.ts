import type { Caller } from '../access/caller.ts'
import { DEFAULT_NAMES, defaultProfileId, defaultRoleId, STANDARD_RIGHTS } from '../access/default-rights.ts'
import { putProfile } from '../access/write-profile.ts'
import { putRole } from '../access/write-role.ts'
import type { Context } from '../context.ts'

/**
 * Ends the default rights of the start: writes the roles and profiles of `security.standard` over those of the same
 * name. Each write is durable by itself, what everybody may do first; repeating it is safe.
 */
export async function restrictDefaultRights(context: Context, caller: Caller): Promise<void> {
  for (const name of DEFAULT_NAMES) {
    const request = { controllers: STANDARD_RIGHTS.roles[name], content: {} }
    await putRole(context, caller, { id: defaultRoleId(name), request, names: 'known', existing: 'replace' })
  }
  for (const name of DEFAULT_NAMES) {
    const request = {
      policies: [{ roleId: defaultRoleId(name) }],
      rateLimit: STANDARD_RIGHTS.rateLimits[name],
      content: {},
    }
    await putProfile(context, caller, { id: defaultProfileId(name), request, existing: 'replace' })
  }
}
