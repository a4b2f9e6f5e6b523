import type { Caller } from '../access/caller.ts'
import { requireKeyRight } from '../access/key-rights.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId } from '../ids.ts'
import type { DayOfUse, Spending } from '../ports/key-store.ts'
import { findKnownKey, requireKey } from './get-key.ts'
import { checkMayLoosen } from './keys-issuing-keys.ts'
import { COST_MAX } from './verdict.ts'

/** How what is left of a budget changes. */
export type CreditsChange = {
  readonly operation: 'set' | 'increment' | 'decrement'
  /** Whole number, 0 to `COST_MAX`. */
  readonly amount: number
}

/**
 * Changes what is left of a key's budget; it never falls below 0.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`, `key.revoked`, `key.policy_forbidden`; `policy.invalid` for a wrong amount, or
 *   when the key has no budget.
 */
export async function setCredits(
  context: Context,
  caller: Caller,
  id: KeyId,
  { operation, amount }: CreditsChange,
): Promise<Spending> {
  const key = await requireKey(context, caller, 'change', id)
  checkMayLoosen(caller)
  if (!Number.isInteger(amount) || amount < 0 || amount > COST_MAX) {
    throw invalid(id, `a whole number from 0 to ${COST_MAX} is needed`, 'amount')
  }
  const details = { owner: key.owner, operation, amount }
  const change = { by: caller, action: 'key.credits', subject: `key:${id}`, details } as const
  return recordChange(context, change, async (event) => {
    const budget = await context.storage.keys.setCredits(id, { operation, amount }, event)
    if (budget !== undefined) return budget
    throw invalid(id, 'it has no budget; change the key to give it one')
  })
}

/** Days that are told of at once. */
export const USAGE_DAYS_MAX = 400

/** Uses of a key by day, latest first, to this moment or to its revocation. @throws {DomainError} `key.not_found`. */
export async function keyUsage(
  context: Context,
  caller: Caller,
  id: KeyId,
  days: number,
): Promise<readonly DayOfUse[]> {
  const { key } = await findKnownKey(context, id)
  await requireKeyRight(context, caller, 'read', key)
  await context.uses.writeKeys([id])
  return context.storage.keys.usage(id, Math.min(days, USAGE_DAYS_MAX))
}

/** `member`: of the change that was asked for, when that is what is wrong. */
function invalid(id: KeyId, problem: string, member?: string): DomainError {
  return new DomainError('policy.invalid', `Cannot change the credits of key "${id}": ${problem}`, {
    id,
    problem,
    ...(member !== undefined && { member }),
  })
}
