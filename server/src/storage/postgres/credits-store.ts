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
          const budget = await readBudget(transaction, leases, id, event.at)
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

/** The budget as it stays until the end of the transaction. */
async function readBudget(
  transaction: Transaction,
  leases: CreditLeases,
  id: KeyId,
  now: Instant,
): Promise<BudgetView | undefined> {
  const seen = budgetIn(await transaction.first(budgetOf(id)), now)
  if (seen === undefined) return undefined
  await transaction.all(sql`SELECT 1 FROM key_credits WHERE key_uid = ${seen.uid}::uuid FOR UPDATE`)
  const budget = budgetIn(await transaction.first(budgetOf(id)), now)
  if (budget !== undefined) await leases.requireNone(transaction, budget.uid)
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
