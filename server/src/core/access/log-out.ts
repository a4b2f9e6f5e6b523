import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import type { UserId } from '../ids.ts'
import { canonicalUserId } from './anonymous-user.ts'
import type { Caller } from './caller.ts'
import { getUser } from './find-users.ts'

/**
 * Ends the caller's session, or with `everywhere` all sessions of its user. API keys stay good, also the one that the
 * caller shows. Without a token there is nothing to end.
 */
export async function logOut(context: Context, caller: Caller, everywhere: boolean): Promise<void> {
  const { token, user } = caller
  if (token === undefined) return
  if (everywhere) {
    const change = { by: caller, action: 'session.logout', subject: `user:${user.id}` } as const
    const ended = await recordChange(context, change, (event) =>
      context.storage.sessions.removeByOwner(user.id, event),
    )
    context.ended.announce(ended)
    return
  }
  if (token.kind === 'key') return
  const { fingerprint } = token.session
  const change = { by: caller, action: 'session.logout', subject: `session:${fingerprint}` } as const
  const wasThere = await recordChange(context, change, (event) =>
    context.storage.sessions.remove(fingerprint, event),
  )
  if (wasThere) context.ended.announce([fingerprint])
}

/** Ends all sessions of a user; API keys survive. @throws {DomainError} `user.not_found` */
export async function revokeSessions(context: Context, caller: Caller, owner: UserId): Promise<void> {
  await getUser(context, owner)
  const id = canonicalUserId(owner)
  const change = { by: caller, action: 'session.revoke_all', subject: `user:${id}` } as const
  const ended = await recordChange(context, change, (event) =>
    context.storage.sessions.removeByOwner(id, event),
  )
  context.ended.announce(ended)
}
