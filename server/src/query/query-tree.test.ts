import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MATCH_ALL, MATCH_NONE, type Query, type TermQuery } from './filter.ts'
import { innerQueries, mapInnerQueries, partsOf, wholeQuery } from './query-tree.ts'

const term = (name: string): TermQuery => ({ kind: 'term', field: 'f', term: name, boost: 1 })
const [a, b, c, d] = [term('a'), term('b'), term('c'), term('d')]

const BOOL: Query = {
  kind: 'bool',
  must: [a],
  filter: [b],
  should: [c],
  mustNot: [d],
  shouldMin: 0,
  boost: 1,
}
const CONSTANT: Query = { kind: 'constant', query: a, boost: 1 }
const NESTED: Query = { kind: 'nested', path: 'p', query: a, scoreMode: 'avg', boost: 1 }
const DIS_MAX: Query = { kind: 'disMax', queries: [a, b], tieBreaker: 0, boost: 1 }
const BOOSTING: Query = { kind: 'boosting', positive: a, negative: b, negativeBoost: 0.5, boost: 1 }
const BLENDED: Query = { kind: 'blended', terms: [a, b], tieBreaker: 0, boost: 1 }
const TERMS_SET: Query = { kind: 'termsSet', terms: [a, b], countField: 'n', boost: 1 }

describe('a tree of queries', () => {
  test('knows the queries directly inside each', () => {
    assert.deepEqual(innerQueries(BOOL), [a, b, c, d])
    assert.deepEqual(innerQueries(CONSTANT), [a])
    assert.deepEqual(innerQueries(NESTED), [a])
    for (const query of [DIS_MAX, BOOSTING, BLENDED, TERMS_SET]) assert.deepEqual(innerQueries(query), [a, b])
    for (const query of [a, MATCH_ALL, MATCH_NONE]) assert.deepEqual(innerQueries(query), [])
  })

  test('gives the same tree with other queries inside', () => {
    const toNone = () => MATCH_NONE
    for (const query of [BOOL, CONSTANT, NESTED, DIS_MAX, BOOSTING, TERMS_SET]) {
      const mapped = mapInnerQueries(query, toNone)
      assert.equal(mapped.kind, query.kind)
      assert.ok(innerQueries(mapped).every((inner) => inner === MATCH_NONE))
      assert.equal(innerQueries(mapped).length, innerQueries(query).length)
      assert.deepEqual(
        mapInnerQueries(query, (inner) => inner),
        query,
      )
    }
    for (const query of [a, BLENDED]) assert.equal(mapInnerQueries(query, toNone), query)
  })

  test('is walked outermost first, to the last leaf', () => {
    const tree: Query = { kind: 'constant', query: { ...DIS_MAX, queries: [BOOSTING, c] }, boost: 1 }
    const kinds = [...wholeQuery(tree)].map((query) => (query.kind === 'term' ? query.term : query.kind))
    assert.deepEqual(kinds, ['constant', 'disMax', 'boosting', 'a', 'b', 'c'])
  })

  test('knows whose scores matter, and does not look into nested objects', () => {
    assert.deepEqual(partsOf(BOOL), { scored: [a, c], unscored: [b, d] })
    assert.deepEqual(partsOf(CONSTANT), { scored: [], unscored: [a] })
    assert.deepEqual(partsOf(DIS_MAX), { scored: [a, b], unscored: [] })
    assert.deepEqual(partsOf(BOOSTING), { scored: [a], unscored: [b] })
    for (const query of [BLENDED, TERMS_SET])
      assert.deepEqual(partsOf(query), { scored: [a, b], unscored: [] })
    for (const query of [NESTED, a, MATCH_ALL]) assert.deepEqual(partsOf(query), { scored: [], unscored: [] })
  })
})
