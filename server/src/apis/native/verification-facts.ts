import { z } from 'zod'
import { COST_MAX } from '../../core/keys/verdict.ts'
import type { EndpointFacts } from './endpoint.ts'
import { jsonObject, strict } from './strict-object.ts'
import { instantOut } from './time-schemas.ts'

/** Most keys of one batch. */
export const BATCH_MAX = 1_000

const token = z
  .string()
  .meta({ description: 'The token as a client showed it; what cannot be one is answered as `MALFORMED`.' })

const verifyShape = {
  key: token,
  permissions: z
    .union([z.string(), z.array(z.string())])
    .meta({
      description:
        'What the key must be allowed to do: `invoices:read AND (files:read OR files:list)`; a list means all of it.',
    })
    .exactOptional(),
  cost: z
    .int()
    .min(0)
    .max(COST_MAX)
    .meta({ description: 'Credits and uses that this costs; absent: 1. 0 spends and counts nothing.' })
    .exactOptional(),
  ip: z
    .string()
    .meta({
      description:
        'IPv4 or IPv6 address of the client that showed the key; what is none counts as unknown, which keys bound to addresses refuse.',
    })
    .exactOptional(),
  certificate: z
    .string()
    .meta({
      description:
        'SHA-256 in base64url of the certificate (DER) that the client showed to you; keys bound to another one are refused.',
    })
    .exactOptional(),
  dpop: strict({ proof: z.string(), method: z.string(), url: z.string() })
    .meta({
      description:
        'The header `DPoP` that the client sent, with the method and the URL of its request; keys bound to a key pair are refused without. A proof is good once.',
    })
    .exactOptional(),
  resource: z
    .string()
    .max(1_000)
    .meta({ description: 'What the key was shown for; repeated in explanations.' })
    .exactOptional(),
  limits: z
    .array(z.string())
    .max(40)
    .meta({
      description:
        'Rate limits to count against, by name; those that the key does not have limit nothing. Absent: the automatic ones.',
    })
    .exactOptional(),
}

const verifyBody = strict({
  ...verifyShape,
  explain: z
    .boolean()
    .meta({ description: 'List every check; counts and spends nothing. Needs the right `keys:explain`.' })
    .exactOptional(),
}).meta({ id: 'Verification' })

const verdict = z
  .looseObject({
    valid: z.boolean().meta({ description: 'Whether the key is good for what was asked.' }),
    code: z
      .enum([
        'VALID',
        'NOT_FOUND',
        'MALFORMED',
        'EXPIRED',
        'REVOKED',
        'DISABLED',
        'FORBIDDEN',
        'INSUFFICIENT_PERMISSIONS',
        'RATE_LIMITED',
        'USAGE_EXCEEDED',
      ])
      .meta({ description: '`VALID`, or the first reason against it.' }),
    keyId: z
      .string()
      .meta({
        description: 'Id of the key. Absent: no key of that token is known, and nothing else is told of one.',
      })
      .exactOptional(),
    owner: z.string().meta({ description: 'Whose key it is. Absent: as `keyId`.' }).exactOptional(),
    name: z
      .string()
      .meta({ description: 'Its description; empty when it has none. Absent: as `keyId`.' })
      .exactOptional(),
    permissions: z
      .array(z.string())
      .meta({
        description:
          'What its scopes come to: never more than its owner may do. Absent: the key has no scopes and may do whatever its owner may; ask for what you need by `permissions`.',
      })
      .exactOptional(),
    metadata: jsonObject
      .meta({ description: 'Facts of your own about the key. Absent: it has none.' })
      .exactOptional(),
    expiresAt: instantOut
      .nullable()
      .meta({ description: 'When this token ends. Null: never. Absent: as `keyId`.' })
      .exactOptional(),
    limits: z
      .array(strict({ name: z.string(), limit: z.int(), remaining: z.int(), resetAt: z.number() }))
      .meta({ description: 'The rate limits that were counted against, as they are now. Empty: none.' })
      .exactOptional(),
    credits: z
      .int()
      .meta({
        description: 'What is left. Absent: the key has no budget, or was refused before that was looked at.',
      })
      .exactOptional(),
    retryAt: z
      .number()
      .meta({
        description:
          'When it is worth while to try again, after `RATE_LIMITED` and `USAGE_EXCEEDED`. Absent: that is not known, or never.',
      })
      .exactOptional(),
    explanation: strict({
      resource: z.string().exactOptional(),
      steps: z.array(
        strict({
          check: z.string(),
          outcome: z.enum(['passed', 'refused', 'skipped']),
          input: jsonObject,
          remedy: z.string().exactOptional(),
        }),
      ),
    })
      .meta({ description: 'Every check. Absent: `explain` was not asked for.' })
      .exactOptional(),
  })
  .meta({ id: 'Verdict' })

/** Routes under `/v1` that others answer; here for what is told of them. */
export const VERIFICATION_FACTS: readonly EndpointFacts[] = [
  {
    name: 'verifyKey',
    method: 'POST',
    path: '/v1/verify',
    group: 'Verification',
    summary: 'Tells whether a key is good, whose it is and what it may do, and counts that use',
    access: 'counted',
    body: { schema: verifyBody, kind: 'json' },
    answers: { 200: { description: 'The verdict, also when the key is not good', schema: verdict } },
    problems: ['right.missing', 'policy.invalid'],
  },
  {
    name: 'verifyKeys',
    method: 'POST',
    path: '/v1/verify/batch',
    group: 'Verification',
    summary: 'Verifies many keys at once',
    access: 'counted',
    body: {
      schema: strict({
        keys: z
          .array(z.union([token, strict(verifyShape)]))
          .min(1)
          .max(BATCH_MAX),
      }),
      kind: 'json',
    },
    answers: {
      200: {
        description: 'The verdicts, in the order of the keys',
        schema: strict({ results: z.array(verdict) }),
      },
    },
    problems: ['right.missing', 'policy.invalid'],
  },
  {
    name: 'authorize',
    method: 'GET',
    path: '/v1/authorize',
    group: 'Verification',
    summary:
      'Forward-auth: whether the request that a proxy asks about may pass, by status and headers alone',
    access: 'counted',
    query: strict({
      permissions: z
        .string()
        .meta({
          description:
            'What the key must be allowed to do, as of `POST /v1/verify`; also as `X-Required-Permissions`.',
        })
        .exactOptional(),
    }),
    answers: {
      200: {
        description:
          'It may pass. `X-Latchkey-Owner`, `X-Latchkey-Key-Id`, `X-Latchkey-Scopes` and `X-Latchkey-Credits` say whose key it shows and what it may do, and `RateLimit` what is left. Any method is answered alike, and so is every path below this one.',
      },
    },
    problems: ['right.missing', 'permissions.unreadable', 'token.unproven'],
  },
]
