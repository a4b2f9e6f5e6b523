import { z } from 'zod'
import { stateOf } from '../../core/keys/key-view.ts'
import { parseCollectionSearch } from '../../query/search-body.ts'
import { type Endpoint, type EndpointContext, endpoint } from './endpoint.ts'
import { keyAnswer } from './key-answer.ts'
import { filterOf, listQuery } from './key-filters.ts'
import { keyChangeOf, keyRequestOf } from './key-requests.ts'
import { issuedKey, keyChange, keyId, keyRequest, keyView, ownerId } from './key-schemas.ts'
import { parseId } from './parse-id.ts'
import { jsonObject, strict } from './strict-object.ts'

/** Most keys that one listing or search answers. */
const PAGE_SIZE_MAX = 1_000
const PAGE_SIZE = 100

const KEY = { description: 'The key', schema: keyView }

/** The members of a search for keys, beside its page. */
export const keySearchShape = {
  owner: ownerId.meta({ description: 'Whose keys to search; absent: those of the caller.' }).exactOptional(),
  query: jsonObject.meta({ type: 'object', description: 'Absent: all keys.' }).exactOptional(),
  language: z.enum(['elasticsearch', 'koncorde']).exactOptional(),
}

const searchBody = strict({
  ...keySearchShape,
  sort: z
    .union([z.string(), jsonObject, z.array(z.union([z.string(), jsonObject])).max(16)], {
      error: 'must be a field, an object, or a list of these',
    })
    .exactOptional(),
  from: z.int().min(0).exactOptional(),
  size: z.int().min(0).max(PAGE_SIZE_MAX).exactOptional(),
})

/** Creating, finding and changing keys. */
export const KEY_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    name: 'createKey',
    method: 'POST',
    path: '/v1/keys',
    group: 'Keys',
    summary: 'Issues a key. The answer is the only one that ever holds its token',
    access: 'counted',
    body: { schema: keyRequest, kind: 'json' },
    idempotent: 'key',
    answers: {
      201: { description: 'The new key with its token', schema: issuedKey },
      200: { description: 'The same request was done before: the key, without its token', schema: issuedKey },
    },
    problems: [
      'right.missing',
      'user.not_found',
      'id.invalid',
      'key.id_taken',
      'key.owner_full',
      'key.ttl_exceeded',
      'key.ttl_invalid',
      'key.issuing_forbidden',
      'key.outlives_issuer',
      'key.policy_forbidden',
      'keyspace.unknown',
      'policy.invalid',
      'metadata.invalid',
    ],
    async run({ body }, { authority, caller, clock }) {
      const request = keyRequestOf(body, caller.user.id, clock.now())
      const { token, issued } = await authority.lifeCycle.create(caller, request)
      return {
        status: 201,
        about: issued.key.id,
        json: { key: token.reveal(), ...keyAnswer(issued) },
        headers: { Location: `/v1/keys/${encodeURIComponent(issued.key.id)}` },
      }
    },
  }),

  endpoint({
    name: 'listKeys',
    method: 'GET',
    path: '/v1/keys',
    group: 'Keys',
    summary: 'Lists the keys that the caller may see, in the order of their creation',
    access: 'counted',
    query: listQuery(PAGE_SIZE_MAX),
    answers: {
      200: {
        description: 'A page of keys; `next` is the cursor of the one after it, if there is any',
        schema: strict({ keys: z.array(keyView), next: z.string().exactOptional() }),
      },
    },
    problems: ['right.missing'],
    async run({ query }, { authority, caller }) {
      const { limit = PAGE_SIZE, cursor } = query
      const page = { limit, ...(cursor !== undefined && { after: cursor }) }
      const { keys, next } = await authority.lifeCycle.list(caller, filterOf(query), page)
      return { status: 200, json: { keys: keys.map(keyAnswer), ...(next !== undefined && { next }) } }
    },
  }),

  endpoint({
    name: 'searchKeys',
    method: 'POST',
    path: '/v1/keys/search',
    group: 'Keys',
    summary: 'Searches the keys of one owner in a query language; see the guide to searching',
    access: 'counted',
    body: { schema: searchBody, kind: 'json', optional: true },
    answers: {
      200: {
        description: 'Matching keys, without what is left of their budgets, and how many match in all',
        schema: strict({ keys: z.array(keyView), total: z.int() }),
      },
    },
    problems: [
      'right.missing',
      'query.malformed',
      'query.unknown_clause',
      'query.forbidden_keyword',
      'query.invalid_type',
      'query.koncorde_syntax',
      'query.koncorde_translation',
      'query.koncorde_restricted',
      'query.too_expensive',
    ],
    async run({ body }, context) {
      const { authority, caller, clock } = context
      const { from = 0, size = PAGE_SIZE } = body
      const search = await keySearchOf(body, { from, size }, context)
      const { hits, total } = await authority.lifeCycle.search(caller, body.owner ?? caller.user.id, search)
      const now = clock.now()
      const keys = hits.map((key) => keyAnswer({ key, state: stateOf(key, now) }))
      return { status: 200, json: { keys, total } }
    },
  }),

  endpoint({
    name: 'getKey',
    method: 'GET',
    path: '/v1/keys/:id',
    group: 'Keys',
    summary: 'Shows a key, also one that was revoked',
    access: 'counted',
    idOf: 'key',
    answers: { 200: KEY },
    problems: ['key.not_found', 'right.missing'],
    async run({ id }, { authority, caller }) {
      const view = await authority.lifeCycle.get(caller, parseId(keyId, id, 'key.not_found'))
      return { status: 200, json: keyAnswer(view) }
    },
  }),

  endpoint({
    name: 'changeKey',
    method: 'PATCH',
    path: '/v1/keys/:id',
    group: 'Keys',
    summary: 'Changes what is said of a key and what binds it: absent stays, null clears',
    access: 'counted',
    idOf: 'key',
    body: { schema: keyChange, kind: 'json' },
    answers: { 200: KEY },
    problems: [
      'key.not_found',
      'key.revoked',
      'right.missing',
      'key.policy_forbidden',
      'policy.invalid',
      'metadata.invalid',
      'key.ttl_exceeded',
      'key.ttl_invalid',
    ],
    async run({ id, body }, { authority, caller, clock }) {
      const change = keyChangeOf(body, clock.now())
      const view = await authority.lifeCycle.update(caller, parseId(keyId, id, 'key.not_found'), change)
      return { status: 200, json: keyAnswer(view) }
    },
  }),
]

/** A search for keys as the query engine takes it. @throws {QueryError} */
export async function keySearchOf(
  {
    query,
    sort,
    language = 'elasticsearch',
  }: { query?: unknown; sort?: unknown; language?: 'elasticsearch' | 'koncorde' },
  page: { readonly from: number; readonly size: number },
  { authority, clock }: EndpointContext,
) {
  const mapping = await authority.administration.mapping('api-keys')
  const body = { ...(query !== undefined && { query }), ...(sort !== undefined && { sort }) }
  return parseCollectionSearch(body, page, language, { mapping, now: clock.now() }).search
}
