import { rolesAllow } from '../access/evaluate-rights.ts'
import type { Role } from '../access/role.ts'
import type { Context } from '../context.ts'
import type { Spending } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import type { ApiKey, FoundKey } from './api-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { grantedScopesOf } from './granted-scopes.ts'
import { type JudgeFacts, judge, lacksProof } from './judge.ts'
import { notesOf } from './key-notes.ts'
import { lookUpToken } from './look-up-token.ts'
import { isNamesake, nameTrustOf } from './namesakes.ts'
import type { CountedLimit, LimitOutcome } from './rate-limits.ts'
import { type ProvenUse, rememberProof, withDpop } from './shown-proof.ts'
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
  const use: ProvenUse = { fingerprint, check, isSecondTry: false }
  const found = lookUpToken(context, token, fingerprint)
  return found instanceof Promise
    ? found.then((later) => useFound(context, later, use))
    : useFound(context, found, use)
}

/** No key is known, or none that may be told of. Shared, because everybody may ask for it for free. */
export const UNKNOWN: KeyVerdict = { refusal: 'unknown', limits: [] }

/** A token that somebody showed. */
export type ShownToken = { readonly token: string; readonly fingerprint: Fingerprint }

function useFound(
  context: Context,
  found: FoundKey | undefined,
  use: ProvenUse,
): KeyVerdict | Promise<KeyVerdict> {
  if (found === undefined) return UNKNOWN
  // Most keys have no scopes, and most questions name no permission: then nobody has to know what the owner may do.
  if (use.check.permissions === undefined && found.key.policy?.scopes === undefined) {
    return useGranted(context, { found }, use, NO_GRANTS)
  }
  const roles = ownerRolesOf(context, found.key)
  return roles instanceof Promise
    ? roles.then((later) => useWithRoles(context, found, use, later))
    : useWithRoles(context, found, use, roles)
}

function useWithRoles(
  context: Context,
  found: FoundKey,
  use: ProvenUse,
  roles: readonly Role[],
): KeyVerdict | Promise<KeyVerdict> {
  return useGranted(context, subjectOf(found, roles), use, grantsOf(roles))
}

/** The key, and what its scopes come to. */
export type Subject = Pick<KeyVerdict, 'permissions'> & { readonly found: FoundKey }

/** What a verdict tells of a key, whatever it is. */
export function subjectOf(found: FoundKey, roles: readonly Role[]): Subject {
  const permissions = grantedScopesOf(found, roles)
  return permissions === undefined ? { found } : { found, permissions }
}

/** The roles of the owner of a key: none, should it only be called like a user. */
export function ownerRolesOf(context: Context, key: ApiKey): readonly Role[] | Promise<readonly Role[]> {
  const roles = context.storage.access.rolesOf(key.owner)
  const trust = nameTrustOf(key)
  if (trust === 'all') return roles
  return isNamesake(context, key.owner, trust).then(async (isUser) => (isUser ? await roles : NO_ROLES))
}

const NO_ROLES: readonly Role[] = []
const NO_GRANTS = (): boolean => false

function useGranted(
  context: Context,
  subject: Subject,
  use: ProvenUse,
  ownerGrants: JudgeFacts['ownerGrants'],
): KeyVerdict | Promise<KeyVerdict> {
  const { found } = subject
  const facts = withDpop(context, factsOf(context, found, ownerGrants), found, use)
  const judgement = judge(found, use.check, facts)
  if (judgement.refusal !== undefined) {
    const refused = { refusal: judgement.refusal, ...subject, limits: NO_LIMITS }
    return lacksProof(found, use.check, facts) ? { ...refused, lacksProof: true } : refused
  }
  if (facts.dpop !== undefined) rememberProof(context, facts, found, use)
  const { limits, cost } = judgement
  const taking = { use, limits, cost, now: facts.now, spends: judgement.spends }
  if (limits.length === 0) return useTaken(context, subject, taking, undefined)
  const taken = context.rates.take(limits, cost, facts.now)
  return taken instanceof Promise
    ? taken.then((later) => useTaken(context, subject, taking, later))
    : useTaken(context, subject, taking, taken)
}

/** What is left to do once the limits answered; without limits, `taken` is undefined. */
function useTaken(
  context: Context,
  subject: Subject,
  { use, limits, cost, now, spends }: Taking,
  taken: LimitOutcome | undefined,
): KeyVerdict | Promise<KeyVerdict> {
  if (taken?.admitted === false) return tooOften(subject, taken)
  if (spends) return spend(context, subject, { use, limits, cost, taken, now })
  const { found, permissions } = subject
  if (use.check.isNoUse !== true) context.uses.accepted(found.key.id, now, notesOf(found))
  const states = taken?.states ?? NO_LIMITS
  if (found.key.policy?.credits !== undefined) return withCredits(context, subject, states)
  return permissions === undefined ? { found, limits: states } : { found, permissions, limits: states }
}

type Taking = {
  readonly use: ProvenUse
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
export function grantsOf(roles: readonly Role[]): JudgeFacts['ownerGrants'] {
  return (controller, action) => rolesAllow(roles, controller, action)
}

const NO_LIMITS: readonly LimitState[] = []

function tooOften(subject: Subject, { states, retryAt }: LimitOutcome): KeyVerdict {
  return { refusal: 'rate_limited', ...subject, limits: states, ...(retryAt !== undefined && { retryAt }) }
}

/** A use that costs nothing is told what is left all the same. */
async function withCredits(
  { storage, clock }: Context,
  subject: Subject,
  limits: readonly LimitState[],
): Promise<KeyVerdict> {
  const budget = await storage.keys.credits(subject.found.key.id, clock.now())
  return { ...subject, limits, ...(budget !== undefined && { credits: budget.remaining }) }
}

type Spend = Omit<Taking, 'spends'> & { readonly taken: LimitOutcome | undefined }

async function spend(context: Context, subject: Subject, how: Spend): Promise<KeyVerdict> {
  const { use, limits, cost, taken, now } = how
  const { id } = subject.found.key
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
    return { ...subject, limits: taken?.states ?? NO_LIMITS, credits }
  }
  const refused = { refusal: 'usage_exceeded', ...subject, limits: NO_LIMITS, credits } as const
  return refillAt === undefined ? refused : { ...refused, retryAt: refillAt }
}

/**
 * Between look-up and spending the key ended or lost its budget, so it is looked up once more. Should it have been given
 * one again by then, and taken, it is refused rather than used for free.
 */
async function useWithoutBudget(context: Context, use: ProvenUse): Promise<KeyVerdict> {
  if (use.isSecondTry) return UNKNOWN
  const found = await context.storage.keys.lookUp(use.fingerprint)
  return useFound(context, found, { ...use, isSecondTry: true })
}

function latest(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.max(one, other)
}
