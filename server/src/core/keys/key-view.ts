import type { Context } from '../context.ts'
import type { Instant } from '../record.ts'
import type { ApiKey, RevokedKey } from './api-key.ts'
import { judge } from './judge.ts'
import type { KeyCheck, KeyState, KeyView } from './verdict.ts'

/** A key as people see it who manage it: with its state, what is left of its budget, and its last use to this moment. */
export async function viewKey(context: Context, stored: ApiKey): Promise<KeyView> {
  const now = context.clock.now()
  const key = withLastUse(context, stored)
  const state = stateOf(key, now)
  if (key.policy?.credits === undefined) return { key, state }
  const budget = await context.storage.keys.credits(key.id, now)
  return budget === undefined ? { key, state } : { key, state, credits: budget.remaining }
}

/** A key that was revoked, as people see it who managed it. */
export function viewRevoked({ key, revocation }: RevokedKey): KeyView {
  return { key, state: 'revoked', revocation }
}

/** What a key that was not revoked is at `now`: disabled before expired, as verifications say. */
export function stateOf(key: ApiKey, now: Instant): Exclude<KeyState, 'revoked'> {
  const { refusal } = judge({ key }, LOOKING, { now, ownerGrants: () => false })
  return refusal === 'disabled' || refusal === 'expired' ? refusal : 'active'
}

const LOOKING: KeyCheck = { cost: 0, limits: [] }

/** A key with its last use up to this moment. */
export function withLastUse({ uses }: Context, key: ApiKey): ApiKey {
  const lastUsedAt = uses.lastUsedAt(key.id)
  if (lastUsedAt === undefined || lastUsedAt <= (key.lastUsedAt ?? 0)) return key
  return { ...key, lastUsedAt }
}
