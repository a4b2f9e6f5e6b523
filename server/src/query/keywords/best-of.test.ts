import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { executeSearch, slicesOf } from '../execute-search.ts'
import { parseCollectionSearch } from '../search-body.ts'
import { assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

const mapping = {
  properties: { k: { type: 'keyword' }, n: { type: 'double' }, t: { type: 'text' } },
} as const
const scope = { mapping, now: NOW }

describe('dis_max', () => {
  const documents = documentsOf(mapping, [{ k: ['a', 'c'] }, { k: 'b' }, { k: 'c' }])
  const score = (value: string, boost: number) => ({
    constant_score: { filter: { term: { k: value } }, boost },
  })

  test('takes the best score, wherever in the list its query is', async () => {
    const queries = [score('a', 3), score('b', 2), score('c', 1)]
    for (const order of [queries, queries.toReversed()]) {
      const query = { dis_max: { queries: order } }
      assert.deepEqual(await searchIn(documents, scope, { query }), ['d0', 'd1', 'd2'])
    }
  })

  test('adds a share of the others', async () => {
    const query = (tie_breaker: number) => ({
      dis_max: { queries: [score('a', 2), score('b', 2.5), score('c', 1)], tie_breaker },
    })
    assert.deepEqual(await searchIn(documents, scope, { query: query(0.4) }), ['d1', 'd0', 'd2'])
    assert.deepEqual(await searchIn(documents, scope, { query: query(0.6) }), ['d0', 'd1', 'd2'])
  })
})

test('of several values the median is the middle one, or between the two in the middle', async () => {
  const documents = documentsOf(mapping, [{ n: [9, 1, 2] }, { n: [1, 4] }, { n: 2.25 }, { n: [8, 0, 3, 2] }])
  const sort = [{ n: { mode: 'median' } }, '_id']
  assert.deepEqual(await searchIn(documents, scope, { sort }), ['d0', 'd2', 'd1', 'd3'])
})

test('a search answers its aggregations over all matches, beside one page of hits', async () => {
  const documents = documentsOf(mapping, [{ k: 'a', n: 1 }, { k: 'b', n: 2 }, { k: 'a', n: 4 }, { n: 8 }])
  const body = {
    query: { exists: { field: 'k' } },
    post_filter: { term: { k: 'b' } },
    aggs: { total: { sum: { field: 'n' } }, a: { filter: { term: { k: 'a' } } } },
  }
  const { search } = parseCollectionSearch(body, { from: 0, size: 1 }, 'elasticsearch', scope)
  const page = await executeSearch(search, { documents: () => slicesOf(documents) })
  assert.deepEqual(
    page.hits.map((hit) => hit.id),
    ['d1'],
  )
  assert.equal(page.total, 1)
  assert.deepEqual(page.aggregations, { total: { value: 7 }, a: { doc_count: 2 } })
})

test('a star alone finds what has no field at all, unless a field is named', async () => {
  const documents = documentsOf(mapping, [{}, { k: 'a' }])
  const query = (query_string: object) => searchIn(documents, scope, { query: { query_string } })
  assert.deepEqual(await query({ query: '*' }), ['d0', 'd1'])
  assert.deepEqual(await query({ query: '*:*' }), ['d0', 'd1'])
  assert.deepEqual(await query({ query: '*', fields: ['k'] }), ['d1'])
  assert.deepEqual(await query({ query: 'k:*' }), ['d1'])
})

test('numbers are texts that hold nothing but a number', async () => {
  const documents = documentsOf(mapping, [{ n: 0.25 }, { n: 1.5 }, { n: 1500 }])
  const term = (value: string) => searchIn(documents, scope, { query: { term: { n: value } } })
  for (const text of ['.25', '0.25', ' +0.25 ', '25e-2', '.25f', '2.5E-1d']) {
    assert.deepEqual(await term(text), ['d0'], text)
  }
  assert.deepEqual(await term('1500.'), ['d2'])
  for (const text of ['1 apple', 'x1', '.', '1e', '--1', '1.5.5', '1ff']) {
    await assert.rejects(term(text), { message: `failed to create query: For input string: "${text}"` })
  }
})

test('ranges are told how they relate to ranges, which no field here holds', async () => {
  const range = (relation: string) => ({ range: { expiresAt: { gte: 0, lte: 5, relation } } })
  for (const relation of ['intersects', 'CONTAINS', 'Within'])
    assert.deepEqual(await find(range(relation)), [])
  assertRefused(range('disjoint'), '[range] query does not support relation [disjoint]')
  assertRefused(range('near'), 'near is not a valid relation')
})

test('a phrase needs a field with positions', () => {
  const phrase = (field: string) => ({ match_phrase: { [field]: { query: 'a b', analyzer: 'standard' } } })
  assertRefused(phrase('ttl'), 'field:[ttl] was indexed without position data; cannot run PhraseQuery')
  assertRefused(phrase('_id'), 'Can only use phrase queries on text fields - not on [_id]')
})
