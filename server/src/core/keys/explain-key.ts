import type { Context } from '../context.ts'
import type { Spending } from '../ports/key-store.ts'
import type { FoundKey } from './api-key.ts'
import { checkCost, fingerprintOfAny, MALFORMED } from './check-key.ts'
import { explainJudgement, explainNoKey, judge } from './judge.ts'
import { parseKeyToken } from './key-token.ts'
import { lookUpToken } from './look-up-token.ts'
import type { LimitOutcome } from './rate-limits.ts'
import { withDpop } from './shown-proof.ts'
import { factsOf, grantsOf, ownerRolesOf, type Subject, subjectOf, UNKNOWN } from './use-key.ts'
import type { CheckStep, KeyCheck, KeyVerdict } from './verdict.ts'

/** What a check would answer, and the steps that lead there. */
export type Explanation = { readonly verdict: KeyVerdict; readonly steps: readonly CheckStep[] }

/**
 * What `checkKey` would answer now, and why: the same judgement, with limits and budget only looked at. Leaves no trace,
 * neither in counts nor in the audit trail.
 *
 * @throws {DomainError} `policy.invalid` for a cost that is none.
 */
export async function explainKey(context: Context, token: string, check: KeyCheck): Promise<Explanation> {
  if (check.cost !== undefined) checkCost(check.cost)
  const family = parseKeyToken(token)
  const fingerprint = fingerprintOfAny(token)
  const looked = await lookUpToken(context, token, fingerprint)
  const found = family === undefined || family === 'session' ? undefined : looked
  if (found === undefined) {
    return family === undefined
      ? { verdict: MALFORMED, steps: explainNoKey('malformed') }
      : { verdict: UNKNOWN, steps: explainNoKey('unknown') }
  }
  // What the owner may do is looked up whether or not it is asked for: the steps tell of it.
  const roles = await ownerRolesOf(context, found.key)
  const use = { fingerprint, check, isSecondTry: false }
  const facts = withDpop(context, factsOf(context, found, grantsOf(roles)), found, use)
  const subject = subjectOf(found, roles)
  const judgement = judge(found, check, facts)
  if (judgement.refusal !== undefined) {
    const verdict = { refusal: judgement.refusal, ...subject, limits: [] }
    return { verdict, steps: explainJudgement(found, check, facts) }
  }
  const outcome = await context.rates.preview(judgement.limits, judgement.cost, facts.now)
  const spending = outcome.admitted ? await lookAtBudget(context, found, judgement.cost) : undefined
  const verdict = verdictOf(subject, outcome, spending)
  return { verdict, steps: explainJudgement(found, check, facts, outcome, spending) }
}

async function lookAtBudget(
  { storage, clock }: Context,
  { key }: FoundKey,
  cost: number,
): Promise<Spending | undefined> {
  const budget = await storage.keys.credits(key.id, clock.now())
  if (budget === undefined) return undefined
  const spent = budget.remaining >= cost
  return { ...budget, spent, remaining: spent ? budget.remaining - cost : budget.remaining }
}

function verdictOf(
  subject: Subject,
  { admitted, states: limits, retryAt }: LimitOutcome,
  spending: Spending | undefined,
): KeyVerdict {
  if (!admitted) {
    return { refusal: 'rate_limited', ...subject, limits, ...(retryAt !== undefined && { retryAt }) }
  }
  if (spending === undefined) return { ...subject, limits }
  const { remaining: credits, refillAt } = spending
  if (spending.spent) return { ...subject, limits, credits }
  return {
    refusal: 'usage_exceeded',
    ...subject,
    limits: [],
    credits,
    ...(refillAt !== undefined && { retryAt: refillAt }),
  }
}
