import type { KeyId } from '../../core/ids.ts'
import type { CreditPlan, KeyPolicy } from '../../core/keys/policy.ts'
import { refilled } from '../../core/keys/refill.ts'
import type { KeyStore, Spending } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column, jsonColumn, number, text } from './column.ts'
import type { Row } from './connection.ts'
import type { KeyParts } from './key-parts.ts'

/** What there is from now on: the `initial` of a plan, or no budget at all. */
export function startCredits(uid: string, plan: CreditPlan | undefined, at: Instant): SqlText {
  if (plan === undefined) return sql`DELETE FROM key_credits WHERE key_uid = ${uid}::uuid`
  return sql`INSERT INTO key_credits (key_uid, remaining, refilled_at)
    VALUES (${uid}::uuid, ${number(plan.initial)}, ${number(at)})
    ON CONFLICT (key_uid) DO UPDATE SET remaining = excluded.remaining, refilled_at = excluded.refilled_at`
}

type Budget = {
  readonly uid: string
  readonly remaining: number
  readonly refilledAt: Instant
  readonly refillAt?: Instant
}

/**
 * Budgets in PostgreSQL. A spending locks the budget's row, which makes it exact over all nodes; one that the budget of the
 * moment cannot pay is refused without waiting for the lock.
 */
export function createCreditsStore({
  database,
  audit,
}: KeyParts): Pick<KeyStore, 'spend' | 'credits' | 'setCredits'> {
  return {
    async spend(id, cost, now) {
      const seen = budgetIn(await database.first(budgetOf(id)), now)
      if (seen === undefined) return undefined
      if (cost === 0 || !canPay(seen, cost)) return asSpending(seen, cost === 0)
      return database.change(async (transaction) => {
        const budget = budgetIn(await transaction.first(lockedBudgetOf(id)), now)
        if (budget === undefined || !canPay(budget, cost)) return budget && asSpending(budget, false)
        const left = { ...budget, remaining: budget.remaining - cost }
        transaction.later(leave(left))
        return asSpending(left, true)
      })
    },
    async credits(id, now) {
      const budget = budgetIn(await database.first(budgetOf(id)), now)
      return budget && asSpending(budget, true)
    },
    setCredits(id, { operation, amount }, event) {
      return database.change(async (transaction) => {
        const budget = budgetIn(await transaction.first(lockedBudgetOf(id)), event.at)
        if (budget === undefined) return undefined
        const left = { ...budget, remaining: changed(budget.remaining, operation, amount) }
        transaction.later(leave(left))
        transaction.later(audit.insert(event))
        return asSpending(left, true)
      })
    },
  }
}

function budgetOf(id: KeyId): SqlText {
  return sql`SELECT uid, created_at, remaining, refilled_at, policy
    FROM keys JOIN key_credits ON key_credits.key_uid = keys.uid WHERE keys.id = ${text(id)}`
}

function lockedBudgetOf(id: KeyId): SqlText {
  return sql`${budgetOf(id)} FOR UPDATE OF key_credits`
}

function budgetIn(row: Row | undefined, now: Instant): Budget | undefined {
  const plan = row && jsonColumn<KeyPolicy>(row, 4).credits
  if (row === undefined || plan === undefined) return undefined
  const stored = { remaining: column<number>(row, 2), refilledAt: column<Instant>(row, 3) }
  return { uid: column<string>(row, 0), ...refilled(plan, column<Instant>(row, 1), stored, now) }
}

function leave({ uid, remaining, refilledAt }: Budget): SqlText {
  return sql`UPDATE key_credits SET remaining = ${number(remaining)}, refilled_at = ${number(refilledAt)}
    WHERE key_uid = ${uid}::uuid`
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
