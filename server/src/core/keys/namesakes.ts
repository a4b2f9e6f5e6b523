import { roleAllows, rolesAllow } from '../access/evaluate-rights.ts'
import { NATIVE_ACTIONS } from '../access/native-actions.ts'
import type { Context } from '../context.ts'
import type { RoleId, UserId } from '../ids.ts'
import type { ApiKey, NameTrust } from './api-key.ts'

/**
 * Whether somebody who is called so, as far as others say, is this server's user of that name: always, never, or unless
 * that user may manage something. So whoever may choose a name in a directory does not become an administrator here.
 *
 * With `ordinary`, a name that no user has is true as well.
 */
export async function isNamesake({ storage }: Context, name: UserId, trust: NameTrust): Promise<boolean> {
  if (trust !== 'ordinary') return trust === 'all'
  const roles = await storage.access.rolesOf(name)
  const strangers = await storage.access.findRole(ANONYMOUS_ROLE)
  // What everybody may do anyway, as in a server for development, is nobody's power.
  return !MANAGING.some(
    ([controller, action]) =>
      rolesAllow(roles, controller, action) &&
      !(strangers !== undefined && roleAllows(strangers, controller, action)),
  )
}

/** Who said whose a key is, and how far that is believed. Keys of other families belong to this server's users. */
export function nameTrustOf({ family, knox }: Pick<ApiKey, 'family' | 'knox'>): NameTrust {
  return family === 'knox' ? (knox?.ownerTrust ?? 'ordinary') : 'all'
}

/**
 * Whether it is a user of this server to whom the key was issued, and not a mere name that somebody else vouched for. A
 * user and a name that are spelt alike keep apart how many keys they may have.
 */
export function isIssuedToUser(key: Pick<ApiKey, 'family' | 'knox'>): boolean {
  return nameTrustOf(key) === 'all'
}

const ANONYMOUS_ROLE = 'anonymous' as RoleId

/** What it takes to manage this server, or the keys of others. */
const MANAGING: readonly (readonly [controller: string, action: string])[] = [
  'admin',
  'cluster',
  'debug',
  'keys',
  'security',
].flatMap((controller) =>
  [...(NATIVE_ACTIONS.get(controller) ?? [])].map((action) => [controller, action] as const),
)
