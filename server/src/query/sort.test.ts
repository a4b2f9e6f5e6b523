import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertRefusedSearch, documentsOf, NOW, search, searchIn } from './keywords/sample-keys.ts'

const mapping = {
  properties: {
    n: { type: 'long' },
    k: { type: 'keyword' },
    t: { type: 'text' },
    d: { type: 'date' },
    o: { type: 'nested', properties: { n: { type: 'long' }, k: { type: 'keyword' } } },
  },
} as const

const DOCUMENTS = documentsOf(mapping, [
  { n: [3, 9], k: 'b', o: [{ n: 1, k: 'x' }] },
  { n: 5, k: ['a', 'z'] },
  { k: '\u{1f680}', d: '2024-01-01' },
  {
    n: 4,
    k: '\uffee',
    o: [
      { n: 0, k: 'x' },
      { n: 9, k: 'y' },
    ],
  },
])

const sorted = (sort: unknown, more: object = {}) =>
  searchIn(DOCUMENTS, { mapping, now: NOW }, { sort, ...more })

describe('sorting', () => {
  test('is ascending unless told otherwise, with missing values last either way', async () => {
    assert.deepEqual(await sorted('n'), ['d0', 'd3', 'd1', 'd2'])
    assert.deepEqual(await sorted([{ n: 'desc' }]), ['d0', 'd1', 'd3', 'd2'])
    assert.deepEqual(await sorted({ n: { order: 'DESC' } }), ['d0', 'd1', 'd3', 'd2'])
  })

  test('puts missing values first, or takes another value for them', async () => {
    assert.deepEqual(await sorted({ n: { missing: '_first' } }), ['d2', 'd0', 'd3', 'd1'])
    assert.deepEqual(await sorted({ n: { missing: '4' } }), ['d0', 'd2', 'd3', 'd1'])
  })

  test('reduces several values as told: least for asc and greatest for desc by default', async () => {
    assert.deepEqual(await sorted({ n: { mode: 'max' } }), ['d3', 'd1', 'd0', 'd2'])
    assert.deepEqual(await sorted({ n: { mode: 'sum' } }), ['d3', 'd1', 'd0', 'd2'])
    assert.deepEqual(await sorted({ n: { mode: 'avg', order: 'desc' } }), ['d0', 'd1', 'd3', 'd2'])
    assert.deepEqual(await sorted({ n: { mode: 'median', order: 'desc' } }), ['d0', 'd1', 'd3', 'd2'])
  })

  test('orders keywords by code points', async () => {
    assert.deepEqual(await sorted('k'), ['d1', 'd0', 'd3', 'd2'])
  })

  test('takes several keys, and creation order for what is left equal', async () => {
    assert.deepEqual(await sorted([{ d: 'desc' }, { _id: 'desc' }]), ['d2', 'd3', 'd1', 'd0'])
    assert.deepEqual(await sorted([{ d: 'desc' }]), ['d2', 'd0', 'd1', 'd3'])
    assert.deepEqual(await sorted([{ _doc: 'desc' }]), ['d3', 'd2', 'd1', 'd0'])
    assert.deepEqual(await sorted([]), ['d0', 'd1', 'd2', 'd3'])
  })

  test('sorts by score, best first', async () => {
    const query = { match: { description: 'lora permanent' } }
    assert.deepEqual(await search({ query, sort: '_score' }), await search({ query }))
    assert.deepEqual(await search({ query, sort: { _score: 'asc' } }), (await search({ query })).toReversed())
    assert.deepEqual(await search({ query, sort: ['userId', '_score'] }), ['ship', 'perm', 'gate', 'half'])
  })

  test('looks into nested objects, and only into some of them when filtered', async () => {
    assert.deepEqual(await sorted('o.n'), ['d0', 'd1', 'd2', 'd3'])
    const nested = { path: 'o' }
    assert.deepEqual(await sorted({ 'o.n': { nested } }), ['d3', 'd0', 'd1', 'd2'])
    const filter = { term: { 'o.k': 'y' } }
    assert.deepEqual(await sorted({ 'o.n': { nested: { path: 'o', filter } } }), ['d3', 'd0', 'd1', 'd2'])
    assert.deepEqual(await sorted({ 'o.n': { order: 'desc', nested_path: 'o' } }), ['d3', 'd0', 'd1', 'd2'])
  })

  test('takes an unmapped field only with a type for it', async () => {
    assert.deepEqual(await sorted({ nope: { unmapped_type: 'long' } }), ['d0', 'd1', 'd2', 'd3'])
    assertRefusedSearch({ sort: 'nope' }, 'No mapping found for [nope] in order to sort on')
    assertRefusedSearch({ sort: { nope: { unmapped_type: 'x' } } }, 'No mapper found for type [x]')
  })

  test('refuses what cannot be sorted by', () => {
    assertRefusedSearch({ sort: 'description' }, 'Text fields are not optimised')
    assertRefusedSearch({ sort: { ttl: 'up' } }, 'SortOrder.UP')
    assertRefusedSearch({ sort: { ttl: { mode: 'x' } } }, 'Unknown SortMode [x]')
    assertRefusedSearch({ sort: { ttl: { mode: 'sum' } } }, 'number based fields')
    assertRefusedSearch({ sort: { ttl: { x: 1 } } }, '[field_sort] unknown field [x]')
    assertRefusedSearch({ sort: { ttl: ['asc'] } }, '[field_sort] unknown token [START_ARRAY]')
    assertRefusedSearch({ sort: [1] }, 'malformed sort format')
    assertRefusedSearch(
      { sort: { ttl: { nested: { path: 'x' } } } },
      'failed to find nested object under path [x]',
    )
    assertRefusedSearch({ sort: { ttl: { nested: 1 } } }, '[nested]')
    assertRefusedSearch({ sort: Array(51).fill('ttl') }, '50 is the limit')
  })
})

describe('search_after', () => {
  test('answers only what comes strictly after, missing values being last', async () => {
    assert.deepEqual(await sorted('n', { search_after: [4] }), ['d1', 'd2'])
    assert.deepEqual(await sorted('n', { search_after: ['5'] }), ['d2'])
    assert.deepEqual(await sorted('n', { search_after: [null] }), [])
    assert.deepEqual(await sorted([{ k: 'desc' }, '_id'], { search_after: ['\uffee', 'd3'] }), ['d1', 'd0'])
    assert.deepEqual(await sorted('_doc', { search_after: [1] }), ['d2', 'd3'])
    assert.deepEqual(await sorted({ d: 'asc' }, { search_after: ['2023-12-31'] }), ['d2', 'd0', 'd1', 'd3'])
  })

  test('does not change the total', async () => {
    assert.equal((await sorted('n', { search_after: [100] })).length, 1)
  })

  test('needs one value for each sort key, and no from', () => {
    assertRefusedSearch({ sort: 'ttl', search_after: [1, 2] }, 'search_after has 2 value(s) but sort has 1.')
    assertRefusedSearch({ search_after: [1] }, 'Sort must contain at least one field.')
    assertRefusedSearch({ sort: 'ttl', search_after: [] }, 'Values must contains at least one value.')
    assertRefusedSearch({ sort: 'ttl', search_after: 1 }, '[search_after]')
    assertRefusedSearch({ sort: 'ttl', search_after: [[1]] }, '[search_after]')
    assertRefusedSearch({ sort: '_score', search_after: ['x'] }, 'Failed to parse search_after value')
    assertRefusedSearch({ sort: 'ttl', search_after: [1] }, 'must be set to 0', 1)
  })
})
