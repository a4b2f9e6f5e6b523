import type { Spending } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import { addressAllowed } from './address-list.ts'
import { type FoundKey, isExpired } from './api-key.ts'
import { confirms, confirmsCertificate, type DpopCheck } from './confirmation.ts'
import { explainCredits, explainLimits, isoTime, skippedStep } from './explain-takings.ts'
import { printPermissionQuery, queryHolds } from './permission-query.ts'
import type { RateLimit } from './policy.ts'
import type { CountedLimit, LimitOutcome } from './rate-limits.ts'
import { scopesKeep } from './scopes.ts'
import { windowAllows } from './time-window.ts'
import type { CheckStep, KeyCheck, RefusalReason } from './verdict.ts'

/** What a judgement depends on beside the key and what is asked of it. */
export type JudgeFacts = {
  readonly now: Instant
  /** When it is later than what the key itself says: uses are written down in batches. */
  readonly lastUsedAt?: Instant
  /** Whether the roles of the key's owner grant a permission. */
  readonly ownerGrants: (controller: string, action: string) => boolean
  /** Absent: no DPoP proof was shown, or the key needs none. */
  readonly dpop?: DpopCheck
}

/** A refusal, or what is still to be taken: the limits, each of which counts `cost` uses, and then the credits. */
export type Judgement =
  | { readonly refusal: RefusalReason }
  | {
      readonly refusal?: undefined
      readonly limits: readonly CountedLimit[]
      /** Of every limit, and of the credits; 0 when there is nothing to be taken. */
      readonly cost: number
      /** Whether the credits are to be spent, once all limits admitted. */
      readonly spends: boolean
    }

/**
 * Whether a key may be used for what is asked, in this order: known (and this very secret good) -> revoked -> disabled
 * -> expired (or not used for too long) -> address -> time window -> confirmation -> permissions. The first that fails is the
 * answer, so that nobody learns more of a key than the most final thing there is to say.
 *
 * Rate limits and credits come after all that: they cost something, which a use that is refused must not. Taking them
 * is for the caller: first `RateCounters.take`, all of the limits or none, and then the credits.
 */
export function judge(found: FoundKey | undefined, check: KeyCheck, facts: JudgeFacts): Judgement {
  if (found === undefined) return REFUSALS.unknown
  for (const { refusal, passes } of STEPS) {
    if (!passes(found, check, facts)) return REFUSALS[refusal]
  }
  return takings(found, check)
}

/** Whether a key is refused for want of a good DPoP proof alone: all that is checked before is well. */
export function lacksProof(found: FoundKey, check: KeyCheck, facts: JudgeFacts): boolean {
  const bound = found.key.policy?.confirmation
  if (bound?.jkt === undefined || !confirmsCertificate(bound, check.shown)) return false
  return STEPS.find(({ passes }) => !passes(found, check, facts)) === CONFIRMATION
}

/**
 * Every check of a key in order, with what was looked at and what would change a refusal; for those who manage it. Also
 * the checks after the first refusal are done, so that all there is to mend is seen at once: the first refused one is
 * what `judge` answers. What does not apply is skipped, and so are limits and credits without an outcome.
 */
export function explainJudgement(
  found: FoundKey,
  check: KeyCheck,
  facts: JudgeFacts,
  limitOutcome?: LimitOutcome,
  spending?: Spending,
): readonly CheckStep[] {
  return [
    ...STEPS.map((step) => explainStep(step, found, check, facts)),
    explainLimits(limitOutcome, check.cost ?? 1),
    explainCredits(found.key.policy?.credits, spending, check.cost ?? 1),
  ]
}

/** The same of a token that leads to no key. */
export function explainNoKey(refusal: keyof typeof NO_KEY_REMEDIES): readonly CheckStep[] {
  const known: CheckStep = {
    check: 'known',
    outcome: 'refused',
    input: {},
    remedy: NO_KEY_REMEDIES[refusal],
  }
  return [known, ...CHECKS.slice(1).map((name) => skippedStep(name, 'No key is known.'))]
}

/** One check of a key that is known, as a rule and as an explanation. */
type Step = {
  readonly check: CheckStep['check']
  readonly refusal: RefusalReason
  readonly passes: (found: FoundKey, check: KeyCheck, facts: JudgeFacts) => boolean
  /** Why there is nothing to check, if so. */
  readonly skips?: (found: FoundKey, check: KeyCheck) => string | undefined
  readonly input: (found: FoundKey, check: KeyCheck, facts: JudgeFacts) => CheckStep['input']
  readonly remedy: (found: FoundKey, check: KeyCheck, facts: JudgeFacts) => string
}

const KNOWN: Step = {
  check: 'known',
  refusal: 'unknown',
  passes: ({ goodFrom, goodUntil }, _check, { now }) =>
    (goodFrom === undefined || goodFrom <= now) && (goodUntil === undefined || goodUntil > now),
  input: ({ key, goodFrom, goodUntil }, _check, { now }) => ({
    keyId: key.id,
    now,
    ...(goodFrom !== undefined && { goodFrom }),
    ...(goodUntil !== undefined && { goodUntil }),
  }),
  remedy: ({ goodFrom, goodUntil }, _check, { now }) =>
    goodFrom !== undefined && goodFrom > now
      ? `This secret is good from ${isoTime(goodFrom)}: use the one before it until then.`
      : `A rotation replaced this secret, which was good until ${isoTime(goodUntil ?? now)}: use the newest one.`,
}

const REVOKED: Step = {
  check: 'revoked',
  refusal: 'revoked',
  passes: ({ revocation }) => revocation === undefined,
  input: ({ revocation }) =>
    revocation === undefined
      ? {}
      : { revokedAt: revocation.at, by: revocation.by, reason: revocation.reason },
  remedy: () => 'Restore the key while that is possible, or issue another.',
}

const DISABLED: Step = {
  check: 'disabled',
  refusal: 'disabled',
  passes: ({ key }) => key.disabled === undefined,
  input: ({ key: { disabled } }) => {
    if (disabled === undefined) return {}
    const { at, by, reason } = disabled
    return { disabledAt: at, by, ...(reason !== undefined && { reason }) }
  },
  remedy: () => 'Enable the key.',
}

const EXPIRED: Step = {
  check: 'expired',
  refusal: 'expired',
  passes: (found, _check, facts) => {
    if (isExpired(found.key, facts.now)) return false
    const idleAt = idleExpiry(found, facts)
    return idleAt === undefined || facts.now < idleAt
  },
  input: (found, _check, facts) => {
    const { expiresAt } = found.key
    const idleExpiresAt = idleExpiry(found, facts)
    return {
      now: facts.now,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(idleExpiresAt !== undefined && { idleExpiresAt }),
    }
  },
  remedy: ({ key }, _check, { now }) =>
    isExpired(key, now)
      ? 'Set a later expiry, or issue another key.'
      : 'Clear or lengthen the idle timeout: the key was not used for so long.',
}

const ADDRESS: Step = {
  check: 'address',
  refusal: 'forbidden',
  passes: ({ key: { policy } }, { address }) =>
    policy?.addresses === undefined || addressAllowed(policy.addresses, address),
  skips: ({ key }) =>
    key.policy?.addresses === undefined ? 'The key may be used from anywhere.' : undefined,
  input: ({ key }, { address }) => ({
    ...(address !== undefined && { address }),
    ...(key.policy?.addresses !== undefined && { allowed: key.policy.addresses }),
  }),
  remedy: (_found, { address }) =>
    address === undefined
      ? 'Say from which address the key was used.'
      : 'Use the key from an allowed network, or allow this address.',
}

const WINDOW: Step = {
  check: 'window',
  refusal: 'forbidden',
  passes: ({ key: { policy } }, _check, { now }) =>
    policy?.window === undefined || windowAllows(policy.window, now),
  skips: ({ key }) => (key.policy?.window === undefined ? 'The key may be used at any time.' : undefined),
  input: ({ key }, _check, { now }) => ({ now, ...key.policy?.window }),
  remedy: () => 'Use the key within its time window, or change the window.',
}

const CONFIRMATION: Step = {
  check: 'confirmation',
  refusal: 'forbidden',
  passes: ({ key: { policy } }, { shown }, { dpop }) =>
    policy?.confirmation === undefined || confirms(policy.confirmation, shown, dpop),
  skips: ({ key }) =>
    key.policy?.confirmation === undefined
      ? 'The key is bound to no certificate and no key pair.'
      : undefined,
  input: ({ key }, { shown }, { dpop }) => ({
    ...(key.policy?.confirmation !== undefined && { bound: key.policy.confirmation }),
    ...(shown?.x5tS256 !== undefined && { certificate: shown.x5tS256 }),
    ...(dpop !== undefined && { dpop: dpop().problem ?? 'good' }),
  }),
  remedy: ({ key }, { shown }, { dpop }) => {
    if (!confirmsCertificate(key.policy?.confirmation ?? {}, shown)) {
      return shown?.x5tS256 === undefined
        ? 'Say which certificate the client showed.'
        : 'Use the key with the certificate that it is bound to, or bind it to this one.'
    }
    const problem = dpop?.().problem
    return problem === undefined
      ? 'Send a DPoP proof with the key, and say with which method and URL it came.'
      : `Send another DPoP proof: ${problem}.`
  },
}

const PERMISSIONS: Step = {
  check: 'permissions',
  refusal: 'insufficient',
  passes: ({ key: { policy } }, { permissions }, { ownerGrants }) => {
    if (permissions === undefined) return true
    const scopes = policy?.scopes
    if (scopes === undefined) return queryHolds(permissions, ownerGrants)
    return queryHolds(
      permissions,
      (controller, action) => scopesKeep(scopes, controller, action) && ownerGrants(controller, action),
    )
  },
  skips: (_found, { permissions }) =>
    permissions === undefined ? 'No permission was asked for.' : undefined,
  input: ({ key: { owner, policy } }, { permissions }, { ownerGrants }) => ({
    owner,
    ...(policy?.scopes !== undefined && { scopes: policy.scopes }),
    ...(permissions !== undefined && {
      required: printPermissionQuery(permissions),
      keptByScopes: queryHolds(permissions, (controller, action) =>
        scopesKeep(policy?.scopes, controller, action),
      ),
      grantedToOwner: queryHolds(permissions, ownerGrants),
    }),
  }),
  remedy: ({ key: { policy } }, { permissions }, { ownerGrants }) =>
    permissions === undefined || queryHolds(permissions, ownerGrants)
      ? `Add what is required to the scopes of the key${policy?.scopes?.length === 0 ? ', which keep nothing' : ''}.`
      : 'Grant what is required to the owner by a role; a key never has more than its owner.',
}

const STEPS: readonly Step[] = [KNOWN, REVOKED, DISABLED, EXPIRED, ADDRESS, WINDOW, CONFIRMATION, PERMISSIONS]

const CHECKS: readonly CheckStep['check'][] = [...STEPS.map(({ check }) => check), 'limits', 'credits']

/** One frozen answer for each reason: a refusal makes nothing. */
const REFUSALS = Object.freeze({
  malformed: Object.freeze({ refusal: 'malformed' }),
  unknown: Object.freeze({ refusal: 'unknown' }),
  revoked: Object.freeze({ refusal: 'revoked' }),
  disabled: Object.freeze({ refusal: 'disabled' }),
  expired: Object.freeze({ refusal: 'expired' }),
  forbidden: Object.freeze({ refusal: 'forbidden' }),
  insufficient: Object.freeze({ refusal: 'insufficient' }),
  rate_limited: Object.freeze({ refusal: 'rate_limited' }),
  usage_exceeded: Object.freeze({ refusal: 'usage_exceeded' }),
}) satisfies { readonly [Reason in RefusalReason]: { readonly refusal: Reason } }

const NO_KEY_REMEDIES = {
  malformed:
    'This is no token of this server, or it was mistyped: its form or its checksum does not fit. Show it as it was issued.',
  unknown:
    'No key has this token, it was forgotten after its key was revoked, or a rotation replaced it: show the newest token of a key that this server issued.',
} as const satisfies Partial<Record<RefusalReason, string>>

function explainStep(step: Step, found: FoundKey, check: KeyCheck, facts: JudgeFacts): CheckStep {
  const reason = step.skips?.(found, check)
  if (reason !== undefined) return skippedStep(step.check, reason)
  const input = step.input(found, check, facts)
  if (step.passes(found, check, facts)) return { check: step.check, outcome: 'passed', input }
  return { check: step.check, outcome: 'refused', input, remedy: step.remedy(found, check, facts) }
}

/** First instant at which the key is not good any more for want of use; absent: never. */
function idleExpiry({ key }: FoundKey, { lastUsedAt }: JudgeFacts): Instant | undefined {
  const idleTimeoutMs = key.policy?.idleTimeoutMs
  if (idleTimeoutMs === undefined) return undefined
  return Math.max(key.record.createdAt, key.lastUsedAt ?? 0, lastUsedAt ?? 0) + idleTimeoutMs
}

/** Most keys have neither limits nor credits: for them nothing is made. */
const NOTHING_TO_TAKE: Judgement = Object.freeze({ limits: Object.freeze([]), cost: 0, spends: false })

function takings(found: FoundKey, { cost = 1, limits: names }: KeyCheck): Judgement {
  const { policy } = found.key
  const isFree = policy?.credits === undefined
  if (isFree && policy?.limits === undefined && found.ownerLimits === undefined) return NOTHING_TO_TAKE
  const limits = names === undefined ? automaticLimits(found) : namedLimits(found, names)
  if (isFree && limits.length === 0) return NOTHING_TO_TAKE
  return { limits, cost, spends: !isFree && cost > 0 }
}

/** What a key was found to be never changes, so the names of its counters are made once. */
const automatics = new WeakMap<FoundKey, readonly CountedLimit[]>()

function automaticLimits(found: FoundKey): readonly CountedLimit[] {
  const known = automatics.get(found)
  if (known !== undefined) return known
  const limits = countedLimits(found, ({ automatic }) => automatic !== false)
  automatics.set(found, limits)
  return limits
}

/** Names that neither the key nor its owner has a limit of limit nothing; names that both have count for both. */
function namedLimits(found: FoundKey, names: readonly string[]): readonly CountedLimit[] {
  return countedLimits(found, ({ name }) => names.includes(name))
}

function countedLimits(
  { key, ownerLimits = [] }: FoundKey,
  counts: (limit: RateLimit) => boolean,
): readonly CountedLimit[] {
  const own = (key.policy?.limits ?? []).filter(counts)
  return [
    ...own.map((limit) => ({ counter: `key:${key.id}:${limit.name}`, limit })),
    ...ownerLimits.filter(counts).map((limit) => ({ counter: `owner:${key.owner}:${limit.name}`, limit })),
  ]
}
