import type { z } from 'zod'
import type { UserId } from '../../core/ids.ts'
import type { KeyChange, KeyRequest } from '../../core/key-authority.ts'
import type { Confirmation, CreditPlan, KeyPolicy, RateLimit } from '../../core/keys/policy.ts'
import type { Instant } from '../../core/record.ts'
import type { cnf, KeyChangeBody, KeyRequestBody, rateLimit } from './key-schemas.ts'
import { Problem } from './problem.ts'

/**
 * What a client wants a new key to be, as the core takes it.
 *
 * @throws {Problem} `request.invalid` when the key would be expired already.
 */
export function keyRequestOf(body: KeyRequestBody, caller: UserId, now: Instant): KeyRequest {
  const policy = policyOf(body)
  const ttlMs = ttlOf(body, now)
  return {
    owner: body.owner ?? caller,
    description: body.description ?? '',
    native: { ...(body.keyspace !== undefined && { keyspace: body.keyspace }) },
    ...(body.id !== undefined && { id: body.id }),
    ...(ttlMs !== undefined && { ttlMs }),
    ...(Object.keys(policy).length > 0 && { policy }),
    ...(body.metadata !== undefined && { metadata: body.metadata }),
    ...(body.disabled !== undefined && { disabled: body.disabled }),
  }
}

/** What a client wants to change of a key, as the core takes it. @throws {Problem} As `keyRequestOf`. */
export function keyChangeOf(body: KeyChangeBody, now: Instant): KeyChange {
  const { description, ttl, expiresAt, cnf: bound, idleTimeout, limits, credits, ...same } = body
  const end = endOf(body, now)
  return {
    ...same,
    ...(description !== undefined && { description: description ?? '' }),
    ...(end !== undefined && { expiresAt: end }),
    ...(bound !== undefined && { confirmation: bound === null ? null : confirmationOf(bound) }),
    ...(idleTimeout !== undefined && { idleTimeoutMs: idleTimeout }),
    ...(limits !== undefined && { limits: limits === null ? null : limits.map(rateLimitOf) }),
    ...(credits !== undefined && { credits: credits === null ? null : creditsOf(credits) }),
  }
}

/** A rate limit as the core takes it. */
export function rateLimitOf({ window, ...same }: z.output<typeof rateLimit>): RateLimit {
  return { ...same, windowMs: window }
}

function policyOf(body: KeyRequestBody): KeyPolicy {
  const { scopes, addresses, window, cnf: bound, idleTimeout, limits, credits } = body
  return {
    ...(scopes !== undefined && { scopes }),
    ...(addresses !== undefined && { addresses }),
    ...(window !== undefined && { window }),
    ...(bound !== undefined && { confirmation: confirmationOf(bound) }),
    ...(idleTimeout !== undefined && { idleTimeoutMs: idleTimeout }),
    ...(limits !== undefined && { limits: limits.map(rateLimitOf) }),
    ...(credits !== undefined && { credits: creditsOf(credits) }),
  }
}

function confirmationOf({ 'x5t#S256': x5tS256, jkt }: z.output<typeof cnf>): Confirmation {
  return { ...(x5tS256 !== undefined && { x5tS256 }), ...(jkt !== undefined && { jkt }) }
}

function creditsOf({ initial, refill }: NonNullable<KeyRequestBody['credits']>): CreditPlan {
  if (refill === undefined) return { initial }
  if (refill.interval !== 'every') return { initial, refill }
  const { interval, amount, every } = refill
  return { initial, refill: { interval, amount, everyMs: every } }
}

/** Length of life in ms; undefined: it never ends. */
function ttlOf(
  { ttl, expiresAt }: Pick<KeyRequestBody, 'ttl' | 'expiresAt'>,
  now: Instant,
): number | undefined {
  if (typeof ttl === 'number') return checkTtl(ttl)
  if (typeof expiresAt !== 'number') return undefined
  return expiresAt > now ? expiresAt - now : refuse('expiresAt', 'must lie in the future')
}

/** When it ends; null: never, undefined: as before. An end that is over ends the key at once. */
function endOf({ ttl, expiresAt }: KeyChangeBody, now: Instant): Instant | null | undefined {
  if (typeof ttl === 'number') return now + checkTtl(ttl)
  return ttl === undefined ? expiresAt : null
}

function checkTtl(ttl: number): number {
  return ttl > 0 ? ttl : refuse('ttl', 'must be longer than 0')
}

function refuse(member: string, detail: string): never {
  throw new Problem('request.invalid', `Cannot read the request: ${member} ${detail}`, {
    errors: [{ pointer: `/${member}`, detail }],
  })
}
