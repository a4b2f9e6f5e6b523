import { z } from 'zod'
import type { GoodToken } from '../../core/access/caller.ts'
import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Instant } from '../../core/record.ts'
import { shownToken } from './authenticate.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { cnfAnswer, keyAnswer } from './key-answer.ts'
import { cnf, keyView, revocationReason } from './key-schemas.ts'
import { requireRight } from './require-right.ts'
import { strict } from './strict-object.ts'
import { instantOut } from './time-schemas.ts'

const token = z.string({ error: 'must be given, as in token=...' }).min(1).max(8_192)
const tokenTypeHint = z.string().max(64).meta({ description: 'Not needed; taken and not looked at.' })

// RFC 6749 section 3.2: parameters that are not known are passed over, as clients send some of their own.
const introspectForm = z.object({
  token,
  token_type_hint: tokenTypeHint.exactOptional(),
  ip: z
    .string()
    .max(64)
    .meta({ description: 'Address of who showed the token; keys bound to addresses are inactive without.' })
    .exactOptional(),
  certificate: z
    .string()
    .max(64)
    .meta({
      description:
        'SHA-256 in base64url of the certificate of who showed the token; keys bound to one are inactive without.',
    })
    .exactOptional(),
})

const introspection = strict({
  active: z.boolean(),
  scope: z
    .string()
    .meta({
      description:
        'What the scopes of the key come to: never more than its owner may do. Absent: the key has no scopes.',
    })
    .exactOptional(),
  client_id: z.string().meta({ description: 'Id of the key.' }).exactOptional(),
  username: z.string().meta({ description: 'Owner of the key.' }).exactOptional(),
  token_type: z.literal('Bearer').exactOptional(),
  exp: z.int().meta({ description: 'Seconds since 1970.' }).exactOptional(),
  iat: z.int().meta({ description: 'Seconds since 1970.' }).exactOptional(),
  nbf: z.int().meta({ description: 'Seconds since 1970.' }).exactOptional(),
  sub: z.string().meta({ description: 'Owner of the key.' }).exactOptional(),
  jti: z.string().meta({ description: 'Id of the key.' }).exactOptional(),
  cnf: cnf.exactOptional(),
})

/** What can be done with a token by whoever has it, and by services that are shown one. */
export const TOKEN_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'introspect',
    method: 'POST',
    path: '/v1/introspect',
    group: 'Tokens',
    summary: 'Tells whether a key is good (RFC 7662); spends and counts nothing',
    access: 'counted',
    body: { schema: introspectForm, kind: 'form' },
    speaksOAuth: true,
    answers: { 200: { description: 'Whether it is active, and whose', schema: introspection } },
    problems: ['right.missing'],
    async run({ body }, { authority, caller }) {
      await requireRight(authority, caller, { controller: 'keys', action: 'verify' })
      const check = {
        cost: 0,
        isNoUse: true as const,
        ...(body.ip !== undefined && { address: body.ip }),
        ...(body.certificate !== undefined && { shown: { x5tS256: body.certificate } }),
      }
      const { refusal, found, permissions } = await authority.verification.check(body.token, check)
      const isActive = refusal === undefined && found !== undefined
      return { status: 200, json: isActive ? activeToken(found, permissions) : { active: false } }
    },
  }),

  endpoint({
    name: 'revokeToken',
    method: 'POST',
    path: '/v1/revoke',
    group: 'Tokens',
    summary: 'Ends a key or session for whoever has its token (RFC 7009)',
    access: 'none',
    body: { schema: z.object({ token, token_type_hint: tokenTypeHint.exactOptional() }), kind: 'form' },
    speaksOAuth: true,
    answers: {
      200: { description: 'It is not good any more, or never was', schema: strict({}) },
    },
    problems: [],
    async run({ body }, { authority, origin }) {
      await authority.lifeCycle.revokeToken(body.token, origin, 'unspecified')
      // RFC 7009 section 2.2: a token that is not good any more is no error.
      return { status: 200, json: {} }
    },
  }),

  endpoint({
    name: 'whoAmI',
    method: 'GET',
    path: '/v1/whoami',
    group: 'Tokens',
    summary: 'Tells who the caller is by the token that it shows',
    access: 'uncounted',
    answers: {
      200: {
        description: 'Whose token it is; of a key, what binds it',
        schema: strict({
          kind: z.enum(['key', 'session']),
          owner: z.string(),
          roles: z.array(z.string()),
          expiresAt: instantOut.nullable(),
          key: keyView.exactOptional(),
        }),
      },
    },
    problems: [],
    async run(_input, { caller: { user, token: shown } }) {
      const who = { owner: user.id, roles: user.profileIds, expiresAt: endOf(shown) }
      if (shown?.kind !== 'key') return { status: 200, json: { kind: 'session', ...who } }
      const key = keyAnswer({ key: shown.key, state: 'active' })
      return { status: 200, json: { kind: 'key', ...who, key } }
    },
  }),

  endpoint({
    name: 'revokeMyself',
    method: 'POST',
    path: '/v1/whoami/revoke',
    group: 'Tokens',
    summary: 'Ends the very token that the caller shows, whatever it may do',
    access: 'uncounted',
    body: { schema: strict({ reason: revocationReason.exactOptional() }), kind: 'json', optional: true },
    answers: {
      200: { description: 'The token is not good any more', schema: strict({ revoked: z.boolean() }) },
    },
    problems: [],
    async run({ body, request }, { authority, origin }) {
      const own = shownToken(request) ?? ''
      const revoked = await authority.lifeCycle.revokeToken(own, origin, body.reason ?? 'unspecified')
      return { status: 200, json: { revoked } }
    },
  }),
]

function endOf(token: GoodToken | undefined): Instant | null {
  if (token === undefined) return null
  return (token.kind === 'key' ? token.key.expiresAt : token.session.expiresAt) ?? null
}

function activeToken(
  { key, goodUntil, goodFrom }: FoundKey,
  permissions: readonly string[] | undefined,
): z.output<typeof introspection> {
  const bound = key.policy?.confirmation
  const ends = [key.expiresAt, goodUntil].filter((end) => end !== undefined)
  return {
    active: true,
    token_type: 'Bearer',
    client_id: key.id,
    jti: key.id,
    sub: key.owner,
    username: key.owner,
    iat: seconds(key.record.createdAt),
    ...(permissions !== undefined && { scope: permissions.join(' ') }),
    ...(ends.length > 0 && { exp: seconds(Math.min(...ends)) }),
    ...(goodFrom !== undefined && { nbf: seconds(goodFrom) }),
    ...(bound !== undefined && { cnf: cnfAnswer(bound) }),
  }
}

/** Rounded down: nobody shall believe a token good for longer than it is. */
function seconds(at: Instant): number {
  return Math.floor(at / 1000)
}
