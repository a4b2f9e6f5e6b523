import type { Spending } from '../ports/key-store.ts'
import { INSTANT_MAX, type Instant } from '../record.ts'
import type { CreditPlan } from './policy.ts'
import type { LimitOutcome } from './rate-limits.ts'
import type { CheckStep } from './verdict.ts'

/** How taking `cost` uses of the rate limits went; without an outcome it was not tried. */
export function explainLimits(outcome: LimitOutcome | undefined, cost: number): CheckStep {
  if (outcome === undefined) return skippedStep('limits', 'Limits are counted after all that was refused.')
  if (outcome.states.length === 0) return skippedStep('limits', 'No limits apply.')
  const input = { cost, limits: outcome.states }
  if (outcome.admitted) return { check: 'limits', outcome: 'passed', input }
  const remedy =
    outcome.retryAt === undefined
      ? 'Ask for a lower cost, or raise the limit: this cost is above a limit, and will never be admitted.'
      : `Wait until ${isoTime(outcome.retryAt)}, ask for a lower cost, or raise the limits that have too little left.`
  return { check: 'limits', outcome: 'refused', input, remedy }
}

/** How spending `cost` credits went; without a spending it was not tried. */
export function explainCredits(
  plan: CreditPlan | undefined,
  spending: Spending | undefined,
  cost: number,
): CheckStep {
  if (plan === undefined) return skippedStep('credits', 'The key has no budget.')
  if (spending === undefined) return skippedStep('credits', 'Credits are spent after all that was refused.')
  const { spent, remaining, refillAt } = spending
  const input = { cost, remaining, ...(refillAt !== undefined && { refillAt }) }
  if (spent) return { check: 'credits', outcome: 'passed', input }
  const remedy =
    refillAt === undefined
      ? 'Add credits, or ask for a lower cost: the budget is never filled up.'
      : `Wait until ${isoTime(refillAt)}, when the budget is filled up, add credits, or ask for a lower cost.`
  return { check: 'credits', outcome: 'refused', input, remedy }
}

/** A check that did not have to be made. */
export function skippedStep(check: CheckStep['check'], because: string): CheckStep {
  return { check, outcome: 'skipped', input: { because } }
}

/** An instant as people and machines read it; the last that there is when it is beyond that. */
export function isoTime(instant: Instant): string {
  return new Date(Math.min(instant, INSTANT_MAX)).toISOString()
}
