import type { Confirmation, KeyPolicy, RateLimit, Refill, TimeWindow } from '../../core/keys/policy.ts'
import type { KeyView } from '../../core/keys/verdict.ts'
import type { KeyAnswer } from './key-schemas.ts'
import { printTimeOfDay } from './time-schemas.ts'

/** A key as this API shows it. Holds no secret. */
export function keyAnswer({ key, state, credits, revocation }: KeyView): KeyAnswer {
  const { record, policy = {} } = key
  return {
    id: key.id,
    owner: key.owner,
    description: key.description,
    state,
    family: key.family ?? 'kuzzle',
    ...(key.family === 'native' && { keyspace: key.keyspace ?? 'default' }),
    ...(key.hint !== undefined && { hint: key.hint }),
    fingerprint: key.fingerprint,
    createdAt: record.createdAt,
    createdBy: record.createdBy,
    ...(record.updatedAt !== undefined && { updatedAt: record.updatedAt }),
    ...(record.updatedBy !== undefined && { updatedBy: record.updatedBy }),
    expiresAt: key.expiresAt ?? null,
    lastUsedAt: key.lastUsedAt ?? null,
    ...policyAnswer(policy, credits),
    ...(key.metadata !== undefined && { metadata: key.metadata }),
    ...(key.disabled !== undefined && { disabled: { ...key.disabled } }),
    ...(revocation !== undefined && { revocation: { ...revocation } }),
    ...(key.goodFrom !== undefined && { goodFrom: key.goodFrom }),
    ...(key.previous !== undefined && {
      previous: key.previous.map(({ goodUntil }) => ({ goodUntil })),
    }),
  }
}

function policyAnswer(policy: KeyPolicy, remaining: number | undefined) {
  const { scopes, addresses, window, confirmation, idleTimeoutMs, limits, credits } = policy
  return {
    ...(scopes !== undefined && { scopes: [...scopes] }),
    ...(addresses !== undefined && { addresses: [...addresses] }),
    ...(window !== undefined && { window: windowAnswer(window) }),
    ...(confirmation !== undefined && { cnf: cnfAnswer(confirmation) }),
    ...(idleTimeoutMs !== undefined && { idleTimeout: idleTimeoutMs }),
    ...(limits !== undefined && { limits: limits.map(limitAnswer) }),
    ...(credits !== undefined && {
      credits: {
        initial: credits.initial,
        ...(credits.refill !== undefined && { refill: refillAnswer(credits.refill) }),
        ...(remaining !== undefined && { remaining }),
      },
    }),
  }
}

function windowAnswer({ notBefore, days, from, to, timeZone }: TimeWindow) {
  return {
    ...(notBefore !== undefined && { notBefore }),
    ...(days !== undefined && { days: [...days] }),
    ...(from !== undefined && { from: printTimeOfDay(from) }),
    ...(to !== undefined && { to: printTimeOfDay(to) }),
    ...(timeZone !== undefined && { timeZone }),
  }
}

/** What a key is bound to as this API shows it, with the names of RFC 8705 and 9449. */
export function cnfAnswer({ x5tS256, jkt }: Confirmation) {
  return { ...(x5tS256 !== undefined && { 'x5t#S256': x5tS256 }), ...(jkt !== undefined && { jkt }) }
}

/** A rate limit as this API shows it. */
export function limitAnswer({ name, limit, windowMs, automatic }: RateLimit) {
  return { name, limit, window: windowMs, ...(automatic !== undefined && { automatic }) }
}

function refillAnswer(refill: Refill) {
  if (refill.interval !== 'every') return refill
  return { interval: refill.interval, amount: refill.amount, every: refill.everyMs }
}
