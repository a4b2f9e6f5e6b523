import type { KeyId } from '../../core/ids.ts'
import type { CreditPlan } from '../../core/keys/policy.ts'
import { refilled, replanned } from '../../core/keys/refill.ts'
import type { KeyStore, Spending } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { column, jsonColumn } from './column.ts'
import type { SqliteDatabase } from './database.ts'
import type { KeyParts } from './key-parts.ts'
import type { StoredKey } from './key-writer.ts'

/** SQL about budgets, for the test that asks SQLite how it answers it. */
export const CREDITS_LOOKUPS = {
  byKey: `SELECT keys.seq, created_at, remaining, refilled_at, json_extract(policy, '$.credits')
    FROM keys JOIN key_credits ON key_credits.key_seq = keys.seq WHERE keys.id = ?`,
  set: 'UPDATE key_credits SET remaining = ?, refilled_at = ? WHERE key_seq = ?',
  ofKey: 'SELECT remaining, refilled_at FROM key_credits WHERE key_seq = ?',
  remove: 'DELETE FROM key_credits WHERE key_seq = ?',
} as const

const START = 'INSERT INTO key_credits (key_seq, remaining, refilled_at) VALUES (?, ?, ?)'

/** Gives keys their budgets; inside a change only. */
export type CreditsWriter = {
  /** The `initial` of a plan, for a key that has no budget. */
  start(keySeq: number, plan: CreditPlan, at: Instant): void
  /** What another plan than that of the key leaves, or no budget at all. */
  replan(before: StoredKey, plan: CreditPlan | undefined, at: Instant): void
}

/** Prepares the writing of budgets. */
export function prepareCreditsWriter(database: SqliteDatabase): CreditsWriter {
  const start = database.statement(START)
  const remove = database.statement(CREDITS_LOOKUPS.remove)
  const ofKey = database.statement(CREDITS_LOOKUPS.ofKey)
  const set = database.statement(CREDITS_LOOKUPS.set)
  return {
    start(keySeq, plan, at) {
      start.run(keySeq, plan.initial, at)
    },
    replan({ seq, key }, plan, at) {
      const row = ofKey.get(seq)
      const from = key.policy?.credits
      if (plan === undefined) remove.run(seq)
      else if (row === undefined || from === undefined) start.run(seq, plan.initial, at)
      else {
        const stored = { remaining: column<number>(row, 0), refilledAt: column<Instant>(row, 1) }
        const { remaining, refilledAt } = refilled(from, key.record.createdAt, stored, at)
        set.run(replanned(remaining, from, plan), Math.max(refilledAt, at), seq)
      }
    },
  }
}

type Budget = {
  readonly seq: number
  readonly remaining: number
  readonly refilledAt: Instant
  readonly refillAt?: Instant
}

/**
 * Budgets in SQLite. A spending reads and writes under the write lock, which makes it exact over all processes; one that
 * the budget of the moment cannot pay is refused without waiting for the lock.
 */
export function createCreditsStore(parts: KeyParts): Pick<KeyStore, 'spend' | 'credits' | 'setCredits'> {
  const { database, writeAudit } = parts
  const byKey = database.statement(CREDITS_LOOKUPS.byKey)
  const set = database.statement(CREDITS_LOOKUPS.set)

  function budgetOf(id: KeyId, now: Instant): Budget | undefined {
    const row = byKey.get(id)
    if (row === undefined) return undefined
    const stored = { remaining: column<number>(row, 2), refilledAt: column<Instant>(row, 3) }
    const state = refilled(jsonColumn<CreditPlan>(row, 4), column<Instant>(row, 1), stored, now)
    return { seq: column<number>(row, 0), ...state }
  }

  /** Writes what is left, and answers it as a budget. */
  function leave(budget: Budget, remaining: number): Budget {
    set.run(remaining, budget.refilledAt, budget.seq)
    return { ...budget, remaining }
  }

  function spendNow(id: KeyId, cost: number, now: Instant): Spending | undefined {
    const budget = budgetOf(id, now)
    if (budget === undefined || !canPay(budget, cost)) return budget && asSpending(budget, false)
    return asSpending(leave(budget, budget.remaining - cost), true)
  }

  return {
    async spend(id, cost, now) {
      const budget = database.read(() => budgetOf(id, now))
      if (budget === undefined) return undefined
      if (cost === 0 || !canPay(budget, cost)) return asSpending(budget, cost === 0)
      return database.change(() => spendNow(id, cost, now))
    },
    async credits(id, now) {
      const budget = database.read(() => budgetOf(id, now))
      return budget && asSpending(budget, true)
    },
    setCredits(id, { operation, amount }, event) {
      return database.change(() => {
        const budget = budgetOf(id, event.at)
        if (budget === undefined) return undefined
        const left = leave(budget, changed(budget.remaining, operation, amount))
        writeAudit(event)
        return asSpending(left, true)
      })
    },
  }
}

function canPay(budget: Budget, cost: number): boolean {
  return cost <= budget.remaining
}

function changed(remaining: number, operation: 'set' | 'increment' | 'decrement', amount: number): number {
  const wanted = { set: amount, increment: remaining + amount, decrement: remaining - amount }[operation]
  return Math.min(Math.max(wanted, 0), Number.MAX_SAFE_INTEGER)
}

function asSpending({ remaining, refillAt }: Budget, spent: boolean): Spending {
  return { spent, remaining, ...(refillAt !== undefined && { refillAt }) }
}
