import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { Issued } from '../key-authority.ts'
import { checkMayCreateToken } from '../keys/keys-issuing-keys.ts'
import type { Caller } from './caller.ts'
import { mintSession } from './mint-session.ts'
import type { Session } from './session.ts'
import { INFINITE_TTL, sessionLife } from './session-life.ts'

/**
 * Creates a session for the caller itself, without a password; it always expires.
 *
 * @throws {DomainError} `token.invalid` when the caller's own session ended meanwhile; `session.ttl_infinite`, `session.ttl_exceeded`, `session.ttl_invalid`; and, when the caller
 *   shows a key and keys may not issue, `key.outlives_issuer` or `key.issuing_forbidden`.
 */
export async function createToken(
  context: Context,
  caller: Caller,
  request: { readonly ttlMs?: number; readonly singleUse: boolean },
): Promise<Issued<Session>> {
  const now = context.clock.now()
  // Before the limits: whatever they are, this is what is wrong.
  if (request.ttlMs === INFINITE_TTL) throw infinite()
  const life = sessionLife(context.settings, request.ttlMs, now)
  if (life.expiresAt === undefined) throw infinite()
  checkMayCreateToken(context.settings, caller, life.expiresAt)
  const plan = { ...life, owner: caller.user.id, singleUse: request.singleUse, createdAt: now }
  const minted = await mintSession(context, plan)
  const session = minted.issued
  await recordChange(
    context,
    {
      by: caller,
      action: 'session.create',
      subject: `session:${session.fingerprint}`,
      details: { singleUse: session.singleUse, expiresAt: life.expiresAt },
    },
    (event) => context.storage.sessions.insert(session, event),
  )
  await endWithItsOrigin(context, caller, session)
  return minted
}

/**
 * Ends the new session when the one that asked for it ended meanwhile: it must not outlive a revocation that was not
 * there yet when the caller was let in. Nobody knows its token until it is answered.
 */
async function endWithItsOrigin(context: Context, caller: Caller, session: Session): Promise<void> {
  const { token } = caller
  if (token?.kind !== 'session' || token.session.singleUse) return
  const { sessions } = context.storage
  if ((await sessions.findByFingerprint(token.session.fingerprint)) !== undefined) return
  const change = { by: caller, action: 'session.logout', subject: `session:${session.fingerprint}` } as const
  await recordChange(context, change, (event) => sessions.remove(session.fingerprint, event))
  throw new DomainError('token.invalid', 'Cannot create a token: the session that asks for it is over')
}

function infinite(): DomainError {
  return new DomainError('session.ttl_infinite', 'Cannot create a token that never expires', {})
}
