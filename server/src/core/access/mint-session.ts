import type { Context } from '../context.ts'
import type { UserId } from '../ids.ts'
import type { Issued } from '../key-authority.ts'
import { mintToken } from '../keys/mint-token.ts'
import type { Instant } from '../record.ts'
import type { Session } from './session.ts'

/** What a new session shall be. */
export type SessionPlan = Pick<Session, 'ttlMs' | 'expiresAt' | 'singleUse'> & {
  readonly owner: UserId
  readonly createdAt: Instant
}

/** A session and its token, not stored yet. */
export async function mintSession(context: Context, plan: SessionPlan): Promise<Issued<Session>> {
  const { token, fingerprint } = await mintToken(context, {
    family: 'session',
    owner: plan.owner,
    issuedAt: plan.createdAt,
    ...(plan.expiresAt !== undefined && { expiresAt: plan.expiresAt }),
  })
  return { token, issued: { ...plan, fingerprint, refreshed: false } }
}
