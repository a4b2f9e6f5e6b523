import { z } from 'zod'
import { type Endpoint, type EndpointContext, endpoint } from './endpoint.ts'
import { keyAnswer } from './key-answer.ts'
import { keySearchOf, keySearchShape } from './key-endpoints.ts'
import { keyFilter } from './key-filters.ts'
import {
  creditsAnswer,
  creditsBody,
  disableBody,
  emptyBody,
  issuedKey,
  keyId,
  keyView,
  revocationReason,
  revokeBody,
  rotateBody,
  usageAnswer,
} from './key-schemas.ts'
import { parseId } from './parse-id.ts'
import { withPointers } from './problem-document.ts'
import { strict } from './strict-object.ts'

const KEY = { description: 'The key', schema: keyView }

const DAY_MS = 86_400_000
const DAYS = 30
const DAYS_MAX = 366

const bulkBody = strict({
  operation: z.enum(['revoke', 'disable']),
  reason: revocationReason.exactOptional(),
  filter: keyFilter.exactOptional(),
  search: strict(keySearchShape).exactOptional(),
  dryRun: z.boolean().meta({ description: 'Only count.' }).exactOptional(),
}).refine(({ filter, search }) => (filter === undefined) !== (search === undefined), {
  error: 'must have either "filter" or "search"',
})

/** What becomes of keys, after they were made. */
export const LIFE_CYCLE_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'revokeKeyPlainly',
    method: 'DELETE',
    path: '/v1/keys/:id',
    group: 'Keys',
    summary: 'Revokes a key at once, without saying why',
    access: 'counted',
    idOf: 'key',
    answers: { 204: { description: 'The key is revoked' } },
    problems: ['key.not_found', 'right.missing'],
    async run({ id }, { authority, caller }) {
      await authority.lifeCycle.revoke(caller, idOf(id), { reason: 'unspecified' })
      return { status: 204 }
    },
  }),

  endpoint({
    name: 'revokeKey',
    method: 'POST',
    path: '/v1/keys/:id/revoke',
    group: 'Keys',
    summary: 'Revokes a key at once: the very next verification refuses it',
    access: 'counted',
    idOf: 'key',
    body: { schema: revokeBody, kind: 'json', optional: true },
    answers: { 200: KEY },
    problems: ['key.not_found', 'right.missing'],
    async run({ id, body }, { authority, caller }) {
      const why = { ...body, reason: body.reason ?? ('unspecified' as const) }
      return { status: 200, json: keyAnswer(await authority.lifeCycle.revoke(caller, idOf(id), why)) }
    },
  }),

  endpoint({
    name: 'restoreKey',
    method: 'POST',
    path: '/v1/keys/:id/restore',
    group: 'Keys',
    summary: 'Makes a revoked key as it was before, for a while after its revocation',
    access: 'counted',
    idOf: 'key',
    body: { schema: emptyBody, kind: 'json', optional: true },
    answers: { 200: KEY },
    problems: [
      'key.not_found',
      'key.not_revoked',
      'right.missing',
      'key.id_taken',
      'key.restore_too_late',
      'key.owner_full',
      'user.not_found',
    ],
    async run({ id }, { authority, caller }) {
      return { status: 200, json: keyAnswer(await authority.lifeCycle.restore(caller, idOf(id))) }
    },
  }),

  endpoint({
    name: 'disableKey',
    method: 'POST',
    path: '/v1/keys/:id/disable',
    group: 'Keys',
    summary: 'Disables a key for the time being',
    access: 'counted',
    idOf: 'key',
    body: { schema: disableBody, kind: 'json', optional: true },
    answers: { 200: KEY },
    problems: ['key.not_found', 'key.revoked', 'right.missing'],
    async run({ id, body }, { authority, caller }) {
      return {
        status: 200,
        json: keyAnswer(await authority.lifeCycle.disable(caller, idOf(id), body.reason)),
      }
    },
  }),

  endpoint({
    name: 'enableKey',
    method: 'POST',
    path: '/v1/keys/:id/enable',
    group: 'Keys',
    summary: 'Enables a disabled key',
    access: 'counted',
    idOf: 'key',
    body: { schema: emptyBody, kind: 'json', optional: true },
    answers: { 200: KEY },
    problems: ['key.not_found', 'key.revoked', 'right.missing'],
    async run({ id }, { authority, caller }) {
      return { status: 200, json: keyAnswer(await authority.lifeCycle.enable(caller, idOf(id))) }
    },
  }),

  endpoint({
    name: 'rotateKey',
    method: 'POST',
    path: '/v1/keys/:id/rotate',
    group: 'Keys',
    summary:
      'Gives a key another token; id, history and budget stay, and the old token stays good for a while',
    access: 'counted',
    idOf: 'key',
    body: { schema: rotateBody, kind: 'json', optional: true },
    idempotent: 'key',
    answers: { 200: { description: 'The key with its new token', schema: issuedKey } },
    problems: [
      'key.not_found',
      'key.revoked',
      'right.missing',
      'key.rotating',
      'key.rotation_invalid',
      'key.issuing_forbidden',
      'key.outlives_issuer',
    ],
    async run({ id, body }, { authority, caller }) {
      const rotation = {
        graceMs: body.graceMs ?? body.grace ?? 0,
        ...(body.cutOverAt !== undefined && { cutOverAt: body.cutOverAt }),
      }
      const named = (pointer: string): string =>
        pointer === '/graceMs' && body.grace !== undefined ? '/grace' : pointer
      const { token, issued } = await authority.lifeCycle
        .rotate(caller, idOf(id), rotation)
        .catch((error: unknown) => Promise.reject(withPointers(error, named)))
      return { status: 200, about: issued.key.id, json: { key: token.reveal(), ...keyAnswer(issued) } }
    },
  }),

  endpoint({
    name: 'changeCredits',
    method: 'POST',
    path: '/v1/keys/:id/credits',
    group: 'Keys',
    summary: 'Sets what is left of the budget of a key, or adds to it',
    access: 'counted',
    idOf: 'key',
    body: { schema: creditsBody, kind: 'json' },
    idempotent: 'answer',
    answers: { 200: { description: 'What is left now', schema: creditsAnswer } },
    problems: ['key.not_found', 'key.revoked', 'right.missing', 'policy.invalid'],
    async run({ id, body }, { authority, caller }) {
      const about = idOf(id)
      const { remaining, refillAt } = await authority.lifeCycle.setCredits(caller, about, body)
      return { status: 200, about, json: { remaining, ...(refillAt !== undefined && { refillAt }) } }
    },
  }),

  endpoint({
    name: 'keyUsage',
    method: 'GET',
    path: '/v1/keys/:id/usage',
    group: 'Keys',
    summary: 'Counts the uses of a key by day (UTC), latest first; also of one that was revoked',
    access: 'counted',
    idOf: 'key',
    query: strict({ days: z.coerce.number().int().min(1).max(DAYS_MAX).exactOptional() }),
    answers: { 200: { description: 'Days on which it was used', schema: usageAnswer } },
    problems: ['key.not_found', 'right.missing'],
    async run({ id, query }, { authority, caller }) {
      const days = await authority.lifeCycle.usage(caller, idOf(id), query.days ?? DAYS)
      return {
        status: 200,
        json: { days: days.map(({ day, ...uses }) => ({ day: printDay(day), ...uses })) },
      }
    },
  }),

  endpoint({
    name: 'changeManyKeys',
    method: 'POST',
    path: '/v1/keys/bulk',
    group: 'Keys',
    summary: 'Revokes or disables many keys at once, or counts them',
    access: 'counted',
    body: { schema: bulkBody, kind: 'json' },
    answers: {
      200: {
        description: 'How many keys matched, and how many were changed by this request',
        schema: strict({
          operation: z.enum(['revoke', 'disable']),
          dryRun: z.boolean(),
          matched: z.int(),
          changed: z.int(),
          complete: z.boolean().meta({
            description: 'False when more keys match than one request changes: repeat it for the rest.',
          }),
        }),
      },
    },
    problems: ['right.missing', 'query.malformed', 'query.unknown_clause'],
    async run({ body }, context) {
      const { operation, dryRun = false, reason = 'unspecified' } = body
      const counts = await context.authority.lifeCycle.bulk(
        context.caller,
        { kind: operation, reason, dryRun },
        await selectionOf(body, context),
      )
      return { status: 200, json: { operation, dryRun, ...counts } }
    },
  }),
]

function idOf(text: string) {
  return parseId(keyId, text, 'key.not_found')
}

async function selectionOf({ filter, search }: z.output<typeof bulkBody>, context: EndpointContext) {
  if (filter !== undefined) return { filter }
  const owner = search?.owner ?? context.caller.user.id
  return { owner, search: await keySearchOf(search ?? {}, { from: 0, size: 0 }, context) }
}

/** A day since 1970 as `2030-01-31`. */
function printDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}
