import { test } from 'node:test'
import { StepBudget } from './step-budget.ts'
import { assertRefuses } from './testing/refusal.ts'

const MESSAGE =
  'Cannot finish the query: it needs more than 10 steps, and that is the limit. Narrow it down, for example by a ' +
  'longer literal prefix or by a clause on an exact value'

test('a budget can be spent to the last step, and not beyond', () => {
  const budget = new StepBudget(10)
  budget.spend(4)
  budget.spend(6)
  budget.spend(0)
  assertRefuses(() => budget.spend(1), 'too_expensive', MESSAGE)
})

test('a budget that was exceeded stays exceeded', () => {
  const budget = new StepBudget(10)
  assertRefuses(() => budget.spend(11), 'too_expensive', MESSAGE)
  assertRefuses(() => budget.spend(0), 'too_expensive', MESSAGE)
})
