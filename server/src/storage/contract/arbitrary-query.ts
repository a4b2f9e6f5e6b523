import fc from 'fast-check'

/**
 * Random queries of the Elasticsearch DSL over API keys, most of which find some of `arbitraryKeys`, and some of
 * which are refused.
 */

const WORDS = ['lora', 'Key', 'api', 'sigfox', 'gateway', 'perm', 'été', '日本', 'a1', 'lor'] as const
const PEOPLE = ['ann', 'bob', 'Ann', 'z\u{1f680}', '\ufb01n'] as const
const TTLS = [42, 420, 1000, 5, 1e21, -1] as const
const TIMES = [0, 1, 42, 1000, 1_704_067_200_000, 1_704_153_600_000] as const

const word = fc.constantFrom(...WORDS)
const person = fc.constantFrom(...PEOPLE)
const ttl = fc.constantFrom(...TTLS)
const time = fc.constantFrom(...TIMES)
const scope = fc.constantFrom('invoices:read', 'invoices:*', '*')
const plan = fc.constantFrom<string | number>('pro', 'Pro', 42)

/** A text of some words, sometimes empty, or only punctuation. */
const text = fc.oneof(
  { weight: 8, arbitrary: fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join(' ')) },
  { weight: 1, arbitrary: fc.constantFrom('', '!!!', 'API-key') },
)

/** What differs between random keys. */
export type KeyTraits = {
  readonly description: string
  readonly ttlMs: number | undefined
  readonly expiresAt: number | undefined
  readonly createdBy: string
  readonly createdAt: number
  readonly updatedBy: string | undefined
  readonly updatedAt: number | undefined
  readonly isDisabled: boolean
  readonly lastUsedAt: number | undefined
  readonly scopes: readonly string[] | undefined
  readonly plan: string | number | undefined
}

/** Traits of a random key. */
export const arbitraryTraits: fc.Arbitrary<KeyTraits> = fc.record({
  description: text,
  ttlMs: fc.option(
    ttl.filter((value) => value > 0),
    { nil: undefined },
  ),
  expiresAt: fc.option(time, { nil: undefined }),
  createdBy: person,
  createdAt: time,
  updatedBy: fc.option(person, { nil: undefined }),
  updatedAt: fc.option(time, { nil: undefined }),
  isDisabled: fc.boolean(),
  lastUsedAt: fc.option(time, { nil: undefined }),
  scopes: fc.option(fc.array(scope, { maxLength: 3 }), { nil: undefined }),
  plan: fc.option(plan, { nil: undefined }),
})

const id = fc.nat(25).map((n) => `k${n}`)
const fingerprint = fc.constantFrom('', 'a', '3F', 'a0', 'ffff', 'xyz')
const keyword = fc.oneof(
  fc.tuple(fc.constantFrom('userId', '_kuzzle_info.author', '_kuzzle_info.updater'), person),
  fc.tuple(fc.constant('ttl'), ttl),
  fc.tuple(fc.constant('_id'), id),
  fc.tuple(fc.constantFrom('fingerprint', 'hash'), fingerprint),
  fc.tuple(fc.constant('unmapped'), word),
  fc.tuple(fc.constant('scopes'), scope),
  fc.tuple(fc.constantFrom('metadata.plan', 'metadata.deep.plan', 'metadata'), plan),
  fc.tuple(fc.constant('enabled'), fc.boolean()),
)
const number = fc.tuple(
  fc.constantFrom('expiresAt', '_kuzzle_info.createdAt', '_kuzzle_info.updatedAt', 'lastUsedAt'),
  fc.oneof(time, fc.constantFrom<string | number>(-1, '42', -0.5)),
)
const description = fc.tuple(fc.constant('description'), fc.oneof(word, text))
const anyField = fc.oneof(keyword, number, description)
const boost = fc.constantFrom(1, 2, 0.5)

function on<T>(clause: string, field: string, body: T) {
  return { [clause]: { [field]: body } }
}

const range = fc
  .tuple(anyField, anyField, fc.constantFrom('gt', 'gte', undefined), fc.constantFrom('lt', 'lte', undefined))
  .map(([[field, low], [, high], lower, upper]) =>
    on('range', field, {
      ...(lower !== undefined && { [lower]: low }),
      ...(upper !== undefined && { [upper]: high }),
    }),
  )

const leaf = fc.oneof(
  fc.constantFrom({ match_all: {} }, { match_none: {} }),
  fc.tuple(anyField, boost).map(([[field, value], boosted]) => on('term', field, { value, boost: boosted })),
  fc.array(anyField, { minLength: 1, maxLength: 3 }).map((pairs) =>
    on(
      'terms',
      pairs[0]?.[0] ?? '',
      pairs.map(([, value]) => value),
    ),
  ),
  fc.array(id, { maxLength: 4 }).map((values) => ({ ids: { values } })),
  anyField.map(([field]) => ({ exists: { field } })),
  range,
  fc
    .tuple(text, fc.constantFrom('or', 'and'), fc.constantFrom(undefined, 1, 2, '50%'))
    .map(([query, operator, minimum_should_match]) =>
      on('match', 'description', {
        query,
        operator,
        ...(minimum_should_match && { minimum_should_match }),
      }),
    ),
  anyField.map(([field, query]) => on('match', field, { query, lenient: true })),
  fc.tuple(text, fc.nat(3)).map(([query, slop]) => on('match_phrase', 'description', { query, slop })),
  text.map((query) => on('match_phrase_prefix', 'description', query)),
  text.map((query) => on('match_bool_prefix', 'description', query)),
  text.map((query) => ({ multi_match: { query, fields: ['description', 'userId', '_kuzzle_info.author'] } })),
  fc
    .tuple(fc.oneof(keyword, description), fc.boolean())
    .map(([[field, value], case_insensitive]) =>
      on('prefix', field, { value: `${value}`.slice(0, 2), case_insensitive }),
    ),
  fc
    .tuple(fc.oneof(keyword, description), fc.constantFrom('*', '?', ''))
    .map(([[field, value], any]) => on('wildcard', field, `${`${value}`.slice(0, 2)}${any}*`)),
  fc.oneof(keyword, description).map(([field, value]) => on('fuzzy', field, `${value}`)),
)

/** A random query; nested ones combine others. */
export const arbitraryQuery: fc.Arbitrary<object> = fc.letrec<{ query: object; bool: object }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('bool'),
    tie('query').map((filter) => ({ constant_score: { filter, boost: 2 } })),
    fc
      .array(tie('query'), { minLength: 1, maxLength: 3 })
      .map((queries) => ({ dis_max: { queries, tie_breaker: 0.3 } })),
    fc
      .tuple(tie('query'), tie('query'))
      .map(([positive, negative]) => ({ boosting: { positive, negative, negative_boost: 0.5 } })),
  ),
  bool: fc
    .record(
      {
        must: fc.array(tie('query'), { maxLength: 2 }),
        filter: fc.array(tie('query'), { maxLength: 2 }),
        should: fc.array(tie('query'), { maxLength: 3 }),
        must_not: fc.array(tie('query'), { maxLength: 2 }),
        minimum_should_match: fc.constantFrom(0, 1, 2),
      },
      { requiredKeys: [] },
    )
    .map((bool) => ({ bool })),
})).query

/** A random order of hits. */
export const arbitrarySort: fc.Arbitrary<readonly object[] | undefined> = fc.option(
  fc.array(
    fc
      .tuple(
        fc.constantFrom(
          'ttl',
          'expiresAt',
          '_kuzzle_info.updater',
          '_kuzzle_info.updatedAt',
          '_id',
          '_score',
        ),
        fc.constantFrom('asc', 'desc'),
      )
      .map(([field, order]) => ({ [field]: { order } })),
    { minLength: 1, maxLength: 2 },
  ),
  { nil: undefined },
)
