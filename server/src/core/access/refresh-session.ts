import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { Issued } from '../key-authority.ts'
import type { Caller } from './caller.ts'
import { mintSession } from './mint-session.ts'
import type { Session } from './session.ts'
import { sessionLife } from './session-life.ts'

/**
 * Exchanges the caller's session for a new one. The old one stays good for the grace period, for requests that are
 * under way, and cannot be exchanged again.
 *
 * @throws {DomainError} `session.refresh_forbidden` (`facts.kind` is `key` or `infinite`), `token.invalid` when there
 *   is no session or it was exchanged before, `session.ttl_exceeded`, `session.ttl_invalid`.
 */
export async function refreshSession(
  context: Context,
  caller: Caller,
  request: { readonly ttlMs?: number },
): Promise<Issued<Session>> {
  const old = refreshable(caller)
  const now = context.clock.now()
  const life = sessionLife(context.settings, request.ttlMs, now)
  const plan = { ...life, owner: old.owner, singleUse: false, createdAt: now }
  const minted = await mintSession(context, plan)
  const oldExpiresAt = Math.min(old.expiresAt, now + context.settings.sessionGracePeriodMs)
  const change = {
    by: caller,
    action: 'session.refresh',
    subject: `session:${old.fingerprint}`,
    details: { next: minted.issued.fingerprint, expiresAt: life.expiresAt ?? null },
  } as const
  await recordChange(context, change, async (event) => {
    const { sessions } = context.storage
    if (!(await sessions.refresh(old.fingerprint, oldExpiresAt, minted.issued, event))) throw notRefreshable()
  })
  return minted
}

function refreshable({ token }: Caller): Session & { readonly expiresAt: number } {
  if (token === undefined) throw notRefreshable()
  if (token.kind === 'key') {
    throw new DomainError('session.refresh_forbidden', 'Cannot refresh an API key', { kind: 'key' })
  }
  const { expiresAt } = token.session
  if (expiresAt === undefined) {
    throw new DomainError('session.refresh_forbidden', 'Cannot refresh a session that never expires', {
      kind: 'infinite',
    })
  }
  return { ...token.session, expiresAt }
}

function notRefreshable(): DomainError {
  return new DomainError('token.invalid', 'Cannot refresh the session: it ended or was refreshed before')
}
