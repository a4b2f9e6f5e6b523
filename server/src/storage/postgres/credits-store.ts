import type { KeyId } from '../../core/ids.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { number } from './column.ts'
import type { CreditLeases } from './credit-leases.ts'
import { asSpending, type BudgetView, budgetIn, budgetOf, dueRefill } from './credit-statements.ts'
import type { KeyParts } from './key-parts.ts'
import type { Transaction } from './transaction.ts'

/** Budgets in PostgreSQL: exact over all nodes; see `CreditLeases`. */
export function createCreditsStore(
  { database, audit }: KeyParts,
  leases: CreditLeases,
): Pick<KeyStore, 'spend' | 'credits' | 'setCredits'> {
  return {
    async spend(id, cost, now) {
      return cost === 0 ? leases.look(id, now) : leases.spend(id, cost, now)
    },
    credits: (id, now) => leases.look(id, now),
    setCredits(id, { operation, amount }, event) {
      return leases.withoutLeases(() =>
        database.change(async (transaction) => {
          const seen = budgetIn(await transaction.first(budgetOf(id)), event.at)
          const budget = seen && (await lockBudget(transaction, leases, { id, uid: seen.uid }, event.at))
          if (budget === undefined) return undefined
          const remaining = changed(budget.remaining, operation, amount)
          transaction.later(leave(budget, remaining, event.at))
          transaction.later(audit.insert(event))
          return asSpending({ ...budget, remaining }, true)
        }),
      )
    },
  }
}

/** All of a budget as it stays until the end of the transaction: nothing is leased. In a change within `withoutLeases`. */
export async function lockBudget(
  transaction: Transaction,
  leases: Pick<CreditLeases, 'requireNone' | 'forgetEnded'>,
  { id, uid }: { readonly id: KeyId; readonly uid: string },
  now: Instant,
): Promise<BudgetView | undefined> {
  await leases.requireNone(transaction, uid)
  const budget = budgetIn(await transaction.first(budgetOf(id)), now)
  leases.forgetEnded(transaction, uid)
  return budget
}

function leave(budget: BudgetView, remaining: number, now: Instant) {
  return sql`UPDATE key_credits SET remaining = ${number(remaining)},
      refilled_at = greatest(refilled_at, ${number(dueRefill(budget, now)?.at)})
    WHERE key_uid = ${budget.uid}::uuid`
}

function changed(remaining: number, operation: 'set' | 'increment' | 'decrement', amount: number): number {
  const wanted = { set: amount, increment: remaining + amount, decrement: remaining - amount }[operation]
  return Math.min(Math.max(wanted, 0), Number.MAX_SAFE_INTEGER)
}
