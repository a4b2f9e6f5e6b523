import type { Origin } from '../core/audit/audit-event.ts'
import { DomainError } from '../core/errors.ts'
import type { UserId } from '../core/ids.ts'
import type { Settings } from '../settings/settings.ts'
import type { Log } from './log.ts'
import { openAuthority } from './open-authority.ts'
import { StartError } from './start-error.ts'

/**
 * Creates the first administrator in the store that the settings name; a server may be using it meanwhile.
 *
 * @throws {StartError} when there is one already, the name or password is refused, or the store cannot be opened.
 */
export async function createAdministrator(
  settings: Settings,
  log: Log,
  credentials: { readonly username: string; readonly password: string },
): Promise<void> {
  const { authority, randomness, close } = await openAuthority(settings, log)
  try {
    const origin: Origin = { carrier: 'cli', requestId: randomness.uuid(), local: true }
    const caller = await authority.tokens.identify(undefined, origin)
    await authority.users.createFirstAdmin(caller, {
      // Any text may be asked for; the core checks that it can be an id.
      id: credentials.username as UserId,
      idKind: 'human',
      content: {},
      credentials: { local: credentials },
      restrictRights: false,
    })
  } catch (error) {
    throw error instanceof DomainError ? new StartError(error.message, { cause: error }) : error
  } finally {
    await close()
  }
}
