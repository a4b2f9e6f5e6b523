import type { Caller } from '../core/access/caller.ts'
import type { Origin } from '../core/audit/audit-event.ts'
import { DomainError } from '../core/errors.ts'
import type { UserId } from '../core/ids.ts'
import type { KeyAuthority } from '../core/key-authority.ts'
import type { Settings } from '../settings/settings.ts'
import type { Log } from './log.ts'
import { openAuthority } from './open-authority.ts'
import { StartError } from './start-error.ts'

/** What an administrator logs in with. */
export type AdministratorLogin = { readonly username: string; readonly password: string }

/**
 * Creates the first administrator in the store that the settings name; a server may be using it meanwhile.
 *
 * @throws {StartError} when there is one already, the name or password is refused, or the store cannot be opened.
 */
export function createAdministrator(settings: Settings, log: Log, login: AdministratorLogin): Promise<void> {
  return inStore(settings, log, async ({ users }, caller) => {
    await users.createFirstAdmin(caller, {
      // Any text may be asked for; the core checks that it can be an id.
      id: login.username as UserId,
      idKind: 'human',
      content: {},
      credentials: { local: login },
      restrictRights: false,
    })
  })
}

/**
 * Gives the rights of administrators back in the store that the settings name, and makes one of who logs in with that
 * username; servers that are using the store learn of it as of every change. Answers the id of that user.
 *
 * @throws {StartError} when the name or password is refused, or the store cannot be opened.
 */
export function recoverAdministrator(
  settings: Settings,
  log: Log,
  login: AdministratorLogin,
): Promise<UserId> {
  return inStore(
    settings,
    log,
    async ({ administration }, caller) => (await administration.recoverAdministrator(caller, login)).id,
  )
}

async function inStore<T>(
  settings: Settings,
  log: Log,
  work: (authority: KeyAuthority, caller: Caller) => Promise<T>,
): Promise<T> {
  const { authority, randomness, close } = await openAuthority(settings, log)
  try {
    const origin: Origin = { carrier: 'cli', requestId: randomness.uuid(), local: true }
    return await work(authority, await authority.tokens.identify(undefined, origin))
  } catch (error) {
    throw error instanceof DomainError ? new StartError(messageOf(error), { cause: error }) : error
  } finally {
    await close()
  }
}

function messageOf({ code, message }: DomainError): string {
  if (code !== 'admin.exists') return message
  return `${message}; if nobody can administer any more, "latchkey create-admin NAME --recover" gives the rights back`
}
