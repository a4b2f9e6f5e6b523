import { rolesAllow } from '../access/evaluate-rights.ts'
import type { Role } from '../access/role.ts'
import type { Context } from '../context.ts'
import type { Spending } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import type { FoundKey } from './api-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { type JudgeFacts, judge } from './judge.ts'
import { notesOf } from './key-notes.ts'
import { lookUpToken } from './look-up-token.ts'
import { isNamesake, nameTrustOf } from './namesakes.ts'
import type { CountedLimit, LimitOutcome } from './rate-limits.ts'
import type { KeyCheck, KeyVerdict, LimitState } from './verdict.ts'

/**
 * Judges the key of a fingerprint and counts one use of it: all or nothing.
 *
 * Limits are taken before credits are spent, so that no two uses can both have the last place: at once and in this turn of
 * the event loop where this process counts, and by the store where nodes share one; should the budget then not suffice, they are given back. So a use that is refused has counted
 * and spent nothing in the end, and one that is admitted has done both. While a spending is under way its limits count:
 * uses of the same key that come meanwhile may be told to wait a moment longer than they had to.
 *
 * Answers without a promise unless the store has to be waited for, which is so for keys with a budget, and now and then for
 * keys with limits where nodes share the store.
 */
export function useKey(
  context: Context,
  { token, fingerprint }: ShownToken,
  check: KeyCheck,
): KeyVerdict | Promise<KeyVerdict> {
  const use: Use = { fingerprint, check, isSecondTry: false }
  const found = lookUpToken(context, token, fingerprint)
  return found instanceof Promise
    ? found.then((later) => useFound(context, later, use))
    : useFound(context, found, use)
}

/** No key is known, or none that may be told of. Shared, because everybody may ask for it for free. */
export const UNKNOWN: KeyVerdict = { refusal: 'unknown', limits: [] }

/** A token that somebody showed. */
export type ShownToken = { readonly token: string; readonly fingerprint: Fingerprint }

type Use = { readonly fingerprint: Fingerprint; readonly check: KeyCheck; readonly isSecondTry: boolean }

function useFound(context: Context, found: FoundKey | undefined, use: Use): KeyVerdict | Promise<KeyVerdict> {
  if (found === undefined) return UNKNOWN
  if (use.check.permissions === undefined) return useGranted(context, found, use, NO_GRANTS)
  const grants = ownerGrantsOf(context, found)
  return grants instanceof Promise
    ? grants.then((later) => useGranted(context, found, use, later))
    : useGranted(context, found, use, grants)
}

/** What the owner of a key may do here: nothing, should it only be called like a user. */
export function ownerGrantsOf(
  context: Context,
  { key }: FoundKey,
): JudgeFacts['ownerGrants'] | Promise<JudgeFacts['ownerGrants']> {
  const roles = context.storage.access.rolesOf(key.owner)
  const trust = nameTrustOf(key)
  if (trust !== 'all') {
    return isNamesake(context, key.owner, trust).then(async (isUser) =>
      isUser ? grantsOf(await roles) : NO_GRANTS,
    )
  }
  return roles instanceof Promise ? roles.then(grantsOf) : grantsOf(roles)
}

const NO_GRANTS = (): boolean => false

function useGranted(
  context: Context,
  found: FoundKey,
  use: Use,
  ownerGrants: JudgeFacts['ownerGrants'],
): KeyVerdict | Promise<KeyVerdict> {
  const facts = factsOf(context, found, ownerGrants)
  const judgement = judge(found, use.check, facts)
  if (judgement.refusal !== undefined) return { refusal: judgement.refusal, found, limits: NO_LIMITS }
  const { limits, cost } = judgement
  const taking = { use, limits, cost, now: facts.now, spends: judgement.spends }
  if (limits.length === 0) return useTaken(context, found, taking, undefined)
  const taken = context.rates.take(limits, cost, facts.now)
  return taken instanceof Promise
    ? taken.then((later) => useTaken(context, found, taking, later))
    : useTaken(context, found, taking, taken)
}

/** What is left to do once the limits answered; without limits, `taken` is undefined. */
function useTaken(
  context: Context,
  found: FoundKey,
  { use, limits, cost, now, spends }: Taking,
  taken: LimitOutcome | undefined,
): KeyVerdict | Promise<KeyVerdict> {
  if (taken?.admitted === false) return tooOften(found, taken)
  if (spends) return spend(context, found, { use, limits, cost, taken, now })
  if (use.check.isNoUse !== true) context.uses.accepted(found.key.id, now, notesOf(found))
  const states = taken?.states ?? NO_LIMITS
  if (found.key.policy?.credits === undefined) return { found, limits: states }
  return withCredits(context, found, states)
}

type Taking = {
  readonly use: Use
  readonly limits: readonly CountedLimit[]
  readonly cost: number
  readonly now: Instant
  readonly spends: boolean
}

/** What `judge` needs to know besides the key: the time, its last use, and what its owner may do. */
export function factsOf(
  { clock, uses }: Context,
  { key }: FoundKey,
  ownerGrants: JudgeFacts['ownerGrants'],
): JudgeFacts {
  const now = clock.now()
  if (key.policy?.idleTimeoutMs === undefined) return { now, ownerGrants }
  const lastUsedAt = latest(key.lastUsedAt, uses.lastUsedAt(key.id))
  return lastUsedAt === undefined ? { now, ownerGrants } : { now, ownerGrants, lastUsedAt }
}

/** Grants what any of the roles allows; rights that name no data. */
function grantsOf(roles: readonly Role[]): JudgeFacts['ownerGrants'] {
  return (controller, action) => rolesAllow(roles, controller, action)
}

const NO_LIMITS: readonly LimitState[] = []

function tooOften(found: FoundKey, { states, retryAt }: LimitOutcome): KeyVerdict {
  return { refusal: 'rate_limited', found, limits: states, ...(retryAt !== undefined && { retryAt }) }
}

/** A use that costs nothing is told what is left all the same. */
async function withCredits(
  { storage, clock }: Context,
  found: FoundKey,
  limits: readonly LimitState[],
): Promise<KeyVerdict> {
  const budget = await storage.keys.credits(found.key.id, clock.now())
  return budget === undefined ? { found, limits } : { found, limits, credits: budget.remaining }
}

type Spend = Omit<Taking, 'spends'> & { readonly taken: LimitOutcome | undefined }

async function spend(context: Context, found: FoundKey, how: Spend): Promise<KeyVerdict> {
  const { use, limits, cost, taken, now } = how
  const { id } = found.key
  let spending: Spending | undefined
  try {
    spending = await context.storage.keys.spend(id, cost, now)
  } finally {
    if (spending?.spent !== true && taken !== undefined) {
      context.rates.giveBack(limits, cost, taken, context.clock.now())
    }
  }
  if (spending === undefined) return useWithoutBudget(context, use)
  const { remaining: credits, refillAt } = spending
  if (spending.spent) {
    context.uses.accepted(id, now)
    return { found, limits: taken?.states ?? NO_LIMITS, credits }
  }
  const refused = { refusal: 'usage_exceeded', found, limits: NO_LIMITS, credits } as const
  return refillAt === undefined ? refused : { ...refused, retryAt: refillAt }
}

/**
 * Between look-up and spending the key ended or lost its budget, so it is looked up once more. Should it have been given
 * one again by then, and taken, it is refused rather than used for free.
 */
async function useWithoutBudget(context: Context, use: Use): Promise<KeyVerdict> {
  if (use.isSecondTry) return UNKNOWN
  const found = await context.storage.keys.lookUp(use.fingerprint)
  return useFound(context, found, { ...use, isSecondTry: true })
}

function latest(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.max(one, other)
}
