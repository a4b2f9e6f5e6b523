import { z } from 'zod'
import type { KeyId, UserId } from '../../core/ids.ts'
import { ID_BYTES_MAX } from '../../core/ids.ts'
import { REVOCATION_REASONS } from '../../core/keys/api-key.ts'
import { ADDRESSES_MAX, LIMITS_MAX, METADATA_BYTES_MAX, SCOPES_MAX } from '../../core/keys/policy.ts'
import { jsonObject, strict } from './strict-object.ts'
import { duration, durationOut, instant, instantOut, timeOfDay } from './time-schemas.ts'

/** Longest text that people write of a key. */
const TEXT_LENGTH_MAX = 4_096

const text = z.string().max(TEXT_LENGTH_MAX)
const idText = z.string().min(1).max(ID_BYTES_MAX)

/** The id of a key, as the use cases want it. */
export const keyId = idText
  .transform((id) => id as KeyId)
  .meta({ description: 'Public name of the key. Not secret.' })

/** The id of an owner, as the use cases want it. */
export const ownerId = idText
  .transform((id) => id as UserId)
  .meta({ description: 'Whose key it is; in Kuzzle the `kuid` of a user.' })

const scopes = z.array(z.string().min(1).max(512)).max(SCOPES_MAX).meta({
  description:
    'Permissions that the key keeps of those of its owner, such as `invoices:read` or `invoices:*`.',
})

const addresses = z
  .array(z.string().min(1).max(64))
  .max(ADDRESSES_MAX)
  .meta({ description: 'Networks that it may be used from, such as `192.0.2.0/24` or `2001:db8::1`.' })

const weekdays = z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).max(7)
const timeZone = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'IANA name, such as `Europe/Paris`; absent: UTC.' })

const window = strict({
  notBefore: instant.exactOptional(),
  days: weekdays.exactOptional(),
  from: timeOfDay.exactOptional(),
  to: timeOfDay.exactOptional(),
  timeZone: timeZone.exactOptional(),
}).meta({ id: 'TimeWindow', description: 'When the key may be used; all that is given must hold.' })

const thumbprint = z.string().regex(/^[\w-]{42}[AEIMQUYcgkosw048]$/, {
  error: 'must be a SHA-256 in base64url, which has 43 characters',
})

/** What a key is bound to, by the names that tokens have for it (RFC 7800). */
export const cnf = strict({
  'x5t#S256': thumbprint
    .meta({ description: 'SHA-256 of the client certificate in DER (RFC 8705).' })
    .exactOptional(),
  jkt: thumbprint
    .meta({ description: 'Thumbprint of the public key that signs DPoP proofs (RFC 9449, RFC 7638).' })
    .exactOptional(),
})
  .refine((bound) => Object.keys(bound).length > 0, { error: 'must have "x5t#S256", "jkt" or both' })
  .meta({ id: 'Confirmation', description: 'What the holder of the key must prove to hold as well.' })

const limitName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, dots, dashes and underscores' })

/** A rate limit as clients write it. */
export const rateLimit = strict({
  name: limitName,
  limit: z.int().min(1),
  window: duration,
  automatic: z.boolean().exactOptional(),
}).meta({
  id: 'RateLimit',
  description:
    'At most `limit` uses in a `window`. Counts for every verification, unless `automatic` is false: then only for those that name it.',
})

/** Several rate limits as clients write them. */
export const rateLimits = z.array(rateLimit).max(LIMITS_MAX)

const refill = z
  .discriminatedUnion('interval', [
    strict({ interval: z.literal('daily'), amount: z.int().min(0) }),
    strict({ interval: z.literal('monthly'), amount: z.int().min(0), day: z.int().min(1).max(31) }),
    strict({ interval: z.literal('every'), amount: z.int().min(0), every: duration }),
  ])
  .meta({ id: 'Refill', description: 'Sets what is left to `amount` at each turn (UTC).' })

const credits = strict({ initial: z.int().min(0), refill: refill.exactOptional() }).meta({
  id: 'Credits',
  description: 'How often the key may be used in all.',
})

const metadata = jsonObject.meta({
  type: 'object',
  description: `Facts of your own, at most ${METADATA_BYTES_MAX} bytes as JSON; answered by verifications.`,
})

const ttl = duration.meta({
  description: 'How long it lives from now on, in ms or as ISO 8601 such as `P30D`.',
})

/** The body of `POST /v1/keys`. */
export const keyRequest = strict({
  owner: ownerId.exactOptional(),
  description: text.exactOptional(),
  id: keyId.exactOptional(),
  keyspace: z
    .string()
    .min(1)
    .max(64)
    .meta({ description: 'Decides how the token begins; absent: `default`.' })
    .exactOptional(),
  scopes: scopes.exactOptional(),
  addresses: addresses.exactOptional(),
  window: window.exactOptional(),
  cnf: cnf.exactOptional(),
  idleTimeout: duration
    .meta({ description: 'It expires when not used for so long, in ms or as ISO 8601.' })
    .exactOptional(),
  limits: rateLimits.exactOptional(),
  credits: credits.exactOptional(),
  metadata: metadata.exactOptional(),
  expiresAt: instant.nullable().exactOptional(),
  ttl: ttl.nullable().exactOptional(),
  disabled: z.boolean().exactOptional(),
})
  .refine(({ expiresAt, ttl }) => expiresAt === undefined || ttl === undefined, {
    error: 'may have "expiresAt" or "ttl", not both',
  })
  .meta({ id: 'KeyRequest' })

/** What a client wants a new key to be. */
export type KeyRequestBody = z.output<typeof keyRequest>

/** The body of `PATCH /v1/keys/{id}`: absent stays, null clears. */
export const keyChange = strict({
  description: text.nullable().exactOptional(),
  metadata: metadata.nullable().exactOptional(),
  expiresAt: instant.nullable().exactOptional(),
  ttl: ttl.nullable().exactOptional(),
  scopes: scopes.nullable().exactOptional(),
  addresses: addresses.nullable().exactOptional(),
  window: window.nullable().exactOptional(),
  cnf: cnf.nullable().exactOptional(),
  idleTimeout: duration.nullable().exactOptional(),
  limits: rateLimits.nullable().exactOptional(),
  credits: credits.nullable().exactOptional(),
})
  .refine(({ expiresAt, ttl }) => expiresAt === undefined || ttl === undefined, {
    error: 'may have "expiresAt" or "ttl", not both',
  })
  .meta({ id: 'KeyChange', description: 'What shall change: absent stays, null clears.' })

/** What a client wants to change of a key. */
export type KeyChangeBody = z.output<typeof keyChange>

/** Why a key is revoked. */
export const revocationReason = z
  .enum(REVOCATION_REASONS)
  .meta({ id: 'RevocationReason', description: 'Names of RFC 5280 section 5.3.1.' })

/** The body of `POST /v1/keys/{id}/revoke`. */
export const revokeBody = strict({
  reason: revocationReason.exactOptional(),
  comment: text.exactOptional(),
})

/** The body of `POST /v1/keys/{id}/disable`. */
export const disableBody = strict({ reason: text.exactOptional() })

/** The body of routes that are told nothing. */
export const emptyBody = strict({})

/** The body of `POST /v1/keys/{id}/rotate`. */
export const rotateBody = strict({
  graceMs: z.int().min(0).meta({ description: 'As `grace`, in ms only.' }).exactOptional(),
  grace: duration
    .meta({
      description: 'How long all earlier secrets stay good at the most after the new one is; absent: 0.',
    })
    .exactOptional(),
  cutOverAt: instant
    .meta({
      description:
        'When the new secret begins to be good; absent: at once. A later rotation takes its place until then.',
    })
    .exactOptional(),
}).refine(({ grace, graceMs }) => grace === undefined || graceMs === undefined, {
  error: 'may have "grace" or "graceMs", not both',
})

/** The body of `POST /v1/keys/{id}/credits`. */
export const creditsBody = strict({
  operation: z.enum(['set', 'increment', 'decrement']),
  amount: z.int().min(0),
})

/** What is left of a budget. */
export const creditsAnswer = strict({ remaining: z.int(), refillAt: instantOut.exactOptional() })

/** Uses of a key by day. */
export const usageAnswer = strict({
  days: z.array(
    strict({
      day: z.iso.date().meta({ description: 'In UTC.' }),
      accepted: z.int().min(0),
      refused: z.int().min(0),
    }),
  ),
})

/** Whether a key can be used. */
export const keyState = z.enum(['active', 'disabled', 'expired', 'revoked'])

const rateLimitOut = strict({
  name: limitName,
  limit: z.int(),
  window: durationOut,
  automatic: z.boolean().exactOptional(),
})

/** Limits that all keys of an owner share, as they are answered. */
export const rateLimitsOut = z.array(rateLimitOut)

const refillOut = z.discriminatedUnion('interval', [
  strict({ interval: z.literal('daily'), amount: z.int() }),
  strict({ interval: z.literal('monthly'), amount: z.int(), day: z.int() }),
  strict({ interval: z.literal('every'), amount: z.int(), every: durationOut }),
])

const timeOfDayOut = z.string().regex(/^\d\d:\d\d$/)

const keyViewShape = {
  id: z.string(),
  owner: z.string(),
  description: z.string(),
  state: keyState,
  family: z
    .enum(['native', 'kuzzle', 'knox'])
    .meta({ description: 'How its tokens look: as those of Latchkey, Kuzzle or Knox.' }),
  keyspace: z.string().exactOptional(),
  hint: z.string().meta({ description: 'How its token begins. Not secret.' }).exactOptional(),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ description: 'SHA-256 of its newest token. Not secret.' }),
  createdAt: instantOut,
  createdBy: z.string(),
  updatedAt: instantOut.exactOptional(),
  updatedBy: z.string().exactOptional(),
  expiresAt: instantOut.nullable().meta({ description: 'Null: never.' }),
  lastUsedAt: instantOut.nullable().meta({ description: 'Exact to a few seconds. Null: never used.' }),
  scopes: z.array(z.string()).exactOptional(),
  addresses: z.array(z.string()).exactOptional(),
  window: strict({
    notBefore: instantOut.exactOptional(),
    days: weekdays.exactOptional(),
    from: timeOfDayOut.exactOptional(),
    to: timeOfDayOut.exactOptional(),
    timeZone: z.string().exactOptional(),
  }).exactOptional(),
  cnf: cnf.exactOptional(),
  idleTimeout: durationOut.exactOptional(),
  limits: rateLimitsOut.exactOptional(),
  credits: strict({
    initial: z.int(),
    refill: refillOut.exactOptional(),
    remaining: z.int().exactOptional(),
  }).exactOptional(),
  metadata: jsonObject.exactOptional(),
  disabled: strict({ at: instantOut, by: z.string(), reason: z.string().exactOptional() }).exactOptional(),
  revocation: strict({
    at: instantOut,
    by: z.string(),
    reason: revocationReason,
    comment: z.string().exactOptional(),
  }).exactOptional(),
  goodFrom: instantOut
    .meta({ description: 'A scheduled rotation: its newest token is good from then on.' })
    .exactOptional(),
  previous: z
    .array(strict({ goodUntil: instantOut }))
    .meta({ description: 'Earlier tokens that are still good, newest first.' })
    .exactOptional(),
}

/** Everything that may be told of a key. */
export const keyView = strict(keyViewShape).meta({ id: 'Key' })

/** Everything that may be told of a key, as JSON. */
export type KeyAnswer = z.output<typeof keyView>

/** A key with its token: the one answer that ever holds it. */
export const issuedKey = strict({
  key: z
    .string()
    .nullable()
    .meta({ description: 'The token. Null in the answer to a repeated request: it is shown once.' }),
  ...keyViewShape,
}).meta({ id: 'IssuedKey' })
