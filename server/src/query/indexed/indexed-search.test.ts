import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { executeSearch, queriesOf, slicesOf } from '../execute-search.ts'
import type { PreparedDocument } from '../prepared-document.ts'
import { prepareDocument } from '../prepared-document.ts'
import { QueryError } from '../query-error.ts'
import type { Search } from '../search.ts'
import { parseCollectionSearch } from '../search-body.ts'
import { memoryScope } from '../testing/memory-index.ts'
import { executeIndexedSearch } from './indexed-search.ts'
import { loadIndex } from './load-index.ts'

const MAPPING = {
  properties: {
    text: { type: 'text' },
    name: { type: 'keyword' },
    other: { type: 'keyword' },
    n: { type: 'long' },
    part: { type: 'nested', properties: { name: { type: 'keyword' } } },
  },
} as const

/** Positions far apart and in several pages of a set. */
function prepare(sources: readonly unknown[]): readonly PreparedDocument[] {
  return sources.map((source, index) =>
    prepareDocument(MAPPING, { id: `d${index}`, position: 7 + index * 9_001, source }),
  )
}

function parse(body: object, from = 0, size = 50): Search | undefined {
  try {
    return parseCollectionSearch(body, { from, size }, 'elasticsearch', { mapping: MAPPING, now: 0 }).search
  } catch (error) {
    assert.ok(error instanceof QueryError, String(error))
    return undefined
  }
}

const WORDS = ['lora', 'loras', 'lor', 'key', 'été', 'x\u{1f680}', 'api'] as const
const word = fc.constantFrom(...WORDS)
const text = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '))
const source = fc.record(
  {
    text,
    name: word,
    other: word,
    n: fc.nat(4),
    part: fc.array(fc.record({ name: word }), { maxLength: 2 }),
  },
  // Every document has the field of the index.
  { requiredKeys: ['text'] },
)
const boost = fc.constantFrom(1, 2, 0.3, 0)
const on = (clause: string, field: string, value: unknown) => ({ [clause]: { [field]: value } })
const keyword = fc.constantFrom('name', 'other', 'text')

const leaf = fc.oneof(
  fc.constantFrom({ match_all: {} }, { match_none: {} }),
  fc.tuple(keyword, word, boost).map(([field, value, by]) => on('term', field, { value, boost: by })),
  fc.tuple(keyword, fc.array(word, { maxLength: 3 })).map(([field, values]) => on('terms', field, values)),
  fc.tuple(keyword, word, boost).map(([field, value, by]) => on('fuzzy', field, { value, boost: by })),
  fc.tuple(keyword, word).map(([field, value]) => on('prefix', field, value.slice(0, 2))),
  fc.tuple(keyword, word).map(([field, value]) => on('wildcard', field, `*${value.slice(1, 3)}*`)),
  fc.tuple(keyword, word).map(([field, value]) => on('regexp', field, `${value}.?`)),
  fc.tuple(keyword, word, word).map(([field, gt, lte]) => on('range', field, { gt, lte })),
  fc.nat(4).map((gte) => on('range', 'n', { gte })),
  fc.array(fc.nat(4), { maxLength: 2 }).map((values) => on('terms', 'n', values)),
  fc.constantFrom('name', 'n', 'text', '*').map((field) => ({ exists: { field } })),
  fc.array(fc.nat(30), { maxLength: 3 }).map((ids) => ({ ids: { values: ids.map((id) => `d${id}`) } })),
  fc
    .tuple(text, fc.constantFrom('or', 'and'), boost)
    .map(([query, operator, by]) => on('match', 'text', { query, operator, boost: by })),
  fc.tuple(text, fc.nat(2)).map(([query, slop]) => on('match_phrase', 'text', { query, slop })),
  fc
    .tuple(text, word)
    .map(([query, last]) => on('match_phrase_prefix', 'text', `${query} ${last.slice(0, 2)}`)),
  text.map((query) => ({ multi_match: { query, fields: ['text', 'name'], type: 'cross_fields' } })),
  word.map((value) => ({
    nested: { path: 'part', score_mode: 'none', query: { term: { 'part.name': value } } },
  })),
  fc.tuple(word, word).map((terms) => on('terms_set', 'name', { terms, minimum_should_match_field: 'n' })),
)

const query: fc.Arbitrary<object> = fc.letrec<{ query: object }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .record(
        {
          must: fc.array(tie('query'), { maxLength: 2 }),
          should: fc.array(tie('query'), { maxLength: 3 }),
          filter: fc.array(tie('query'), { maxLength: 2 }),
          must_not: fc.array(tie('query'), { maxLength: 1 }),
          minimum_should_match: fc.constantFrom(0, 1, 2, 4),
          boost,
        },
        { requiredKeys: [] },
      )
      .map((bool) => ({ bool })),
    fc.tuple(tie('query'), boost).map(([filter, by]) => ({ constant_score: { filter, boost: by } })),
    fc
      .array(tie('query'), { minLength: 1, maxLength: 3 })
      .map((queries) => ({ dis_max: { queries, tie_breaker: 0.4 } })),
    fc
      .tuple(tie('query'), tie('query'))
      .map(([positive, negative]) => ({ boosting: { positive, negative, negative_boost: 0.5 } })),
  ),
})).query

const rest = fc.record(
  {
    sort: fc.constantFrom<object[]>(
      ['_score'],
      ['_doc'],
      [{ n: 'desc' }],
      [{ _score: 'asc' }, { _id: 'asc' }],
    ),
    post_filter: query,
    collapse: fc.constant({ field: 'name' }),
    aggs: query.map((filter) => ({ a: { filter, aggs: { n: { terms: { field: 'name' } } } } })),
  },
  { requiredKeys: [] },
)
const body = fc.oneof(
  { weight: 3, arbitrary: query.map((one) => ({ query: one })) },
  fc.tuple(query, rest).map(([one, more]) => ({ query: one, ...more })),
)

const RUNS = { numRuns: 1500 }

describe('a search with an index', () => {
  test('finds what judging every document finds, whatever of them is indexed or told by SQL', async () => {
    const sources = fc.array(source, { maxLength: 14 })
    const told = fc.subarray(['name', 'other', 'n'])
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(body, sources, fc.nat(14), told, fc.nat(3)),
        async ([given, all, indexed, fields, from]) => {
          const search = parse(given, from, 8)
          if (search === undefined) return
          const documents = prepare(all)
          const expected = await executeSearch(search, { documents: () => slicesOf(documents) })
          const page = await executeIndexedSearch(search, memoryScope('text', documents, indexed, fields))
          assert.deepEqual(
            page.hits.map((hit) => hit.position),
            expected.hits.map((hit) => hit.position),
          )
          assert.equal(page.total, expected.total)
          assert.deepEqual(page.aggregations, expected.aggregations)
        },
      ),
      RUNS,
    )
  })

  test('counts as counting every document does', async () => {
    await fc.assert(
      fc.asyncProperty(query, fc.array(source, { maxLength: 10 }), fc.nat(10), async (one, all, indexed) => {
        const search = parse({ query: one })
        if (search === undefined) return
        const documents = prepare(all)
        const scope = memoryScope('text', documents, indexed, ['name', 'other', 'n'])
        const options = {
          statistics: async (...[demands, budget]: Parameters<Statistics>) =>
            (await loadIndex(queriesOf(search), demands, scope, budget)).statistics,
        }
        const counted = await executeSearch(search, { documents: () => slicesOf(documents) }, options)
        const expected = await executeSearch(search, { documents: () => slicesOf(documents) })
        assert.deepEqual(counted, expected)
      }),
      { numRuns: 1000 },
    )
  })
})

type Statistics = NonNullable<NonNullable<Parameters<typeof executeSearch>[2]>['statistics']>

describe('an index spares reading documents', () => {
  const many = prepare(
    Array.from({ length: 20_500 }, (_, index) => ({
      text: index % 2 === 0 ? 'common even' : index % 1000 === 1 ? 'common rare' : 'common',
      name: `name${index % 10}`,
      n: index % 3,
    })),
  )
  const readsFor = async (given: object, told: readonly string[] = ['name', 'n']) => {
    const search = parse(given, 0, 5)
    assert.ok(search !== undefined)
    const scope = memoryScope('text', many, many.length, told)
    const page = await executeIndexedSearch(search, scope)
    const expected = await executeSearch(search, { documents: () => slicesOf(many) })
    assert.deepEqual(
      page.hits.map((hit) => hit.position),
      expected.hits.map((hit) => hit.position),
    )
    assert.equal(page.total, expected.total)
    return scope.read()
  }
  const common = on('match', 'text', 'common')

  test('when the query is about words alone', async () => {
    assert.equal(await readsFor({ query: common }), 0)
    assert.equal(
      await readsFor({ query: { bool: { must: common, must_not: on('match', 'text', 'even') } } }),
      0,
    )
    assert.equal(await readsFor({ query: on('match_phrase', 'text', 'common rare'), sort: ['_doc'] }), 0)
    assert.equal(await readsFor({ query: on('wildcard', 'text', '*ar*') }), 0)
  })

  test('when SQL tells the rest, and words alone leave many', async () => {
    const mixed = {
      bool: { must: [common, on('term', 'name', 'name3')], filter: on('range', 'n', { gt: 0 }) },
    }
    assert.equal(await readsFor({ query: mixed }), 0)
    assert.equal(
      await readsFor({
        query: { dis_max: { queries: [on('match', 'text', 'rare'), on('terms', 'n', [1])] } },
      }),
      0,
    )
    assert.equal(
      await readsFor({
        query: { boosting: { positive: common, negative: on('terms', 'n', [1]), negative_boost: 0.2 } },
      }),
      0,
    )
    assert.equal(await readsFor({ query: { constant_score: { filter: mixed } } }), 0)
  })

  test('but those with a rare word, when other fields matter', async () => {
    const rare = { bool: { must: on('match', 'text', 'rare'), filter: on('range', 'n', { gt: 0 }) } }
    assert.equal(await readsFor({ query: rare }), 21)
    assert.equal(await readsFor({ query: on('match', 'text', 'rare'), sort: [{ n: 'asc' }] }), 21)
    assert.equal(
      await readsFor({ query: { bool: { must: [on('match', 'text', 'rare'), common] } }, sort: ['name'] }),
      21,
    )
  })

  test('whatever kind of clause the word is in', async () => {
    const rare = on('match', 'text', 'rare')
    for (const query of [
      on('fuzzy', 'text', 'rara'),
      on('match_phrase', 'text', 'common rare'),
      on('match_phrase_prefix', 'text', 'common rar'),
      on('prefix', 'text', 'ra'),
      on('wildcard', 'text', '*ar*'),
      on('regexp', 'text', 'ra.e'),
      on('terms', 'text', ['rare', 'nowhere']),
      on('range', 'text', { gt: 'even' }),
      { constant_score: { filter: rare } },
      { dis_max: { queries: [rare, on('match', 'text', 'rare nowhere')] } },
      { boosting: { positive: rare, negative: common, negative_boost: 0.5 } },
      { bool: { should: [rare, on('term', 'text', 'nowhere')] } },
      { bool: { should: [rare, common], minimum_should_match: 1, filter: rare } },
      { multi_match: { query: 'rare', fields: ['text'], type: 'cross_fields' } },
    ]) {
      assert.equal(await readsFor({ query, sort: [{ n: 'asc' }] }), 21, JSON.stringify(query))
    }
    assert.equal(
      await readsFor({ query: { bool: { should: [rare], minimum_should_match: 2 } }, sort: ['n'] }),
      0,
    )
    assert.equal(await readsFor({ query: { match_none: {} }, sort: ['n'] }), 0)
  })

  test('and all of them only when neither words nor SQL tell', async () => {
    assert.equal(await readsFor({ query: on('terms', 'n', [1]) }, []), many.length)
    const mixed = { bool: { must: [common, on('term', 'name', 'name3')] } }
    assert.ok((await readsFor({ query: mixed }, ['n'])) >= many.length)
  })

  test('is refused when it takes too many steps', async () => {
    const search = parse({ query: common })
    assert.ok(search !== undefined)
    const scope = memoryScope('text', many, many.length, [])
    await assert.rejects(
      executeIndexedSearch(search, scope, { stepsMax: 100 }),
      (error) => error instanceof QueryError && error.code === 'too_expensive',
    )
  })
})
