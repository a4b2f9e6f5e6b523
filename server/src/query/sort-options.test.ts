import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertRefusedSearch, documentsOf, NOW, searchIn } from './keywords/sample-keys.ts'

const mapping = {
  properties: {
    d: { type: 'date' },
    k: { type: 'keyword' },
    o: { type: 'nested', properties: { n: { type: 'long' }, k: { type: 'keyword' } } },
  },
} as const

const DOCUMENTS = documentsOf(mapping, [
  {
    d: '2024-01-01',
    k: 'b',
    o: [
      { n: 1, k: 'x' },
      { n: 7, k: 'y' },
    ],
  },
  {
    d: '2025-01-01',
    o: [
      { n: 2, k: 'x' },
      { n: 6, k: 'y' },
    ],
  },
  { k: 'a', o: [{ n: 3, k: 'x' }] },
])

const sorted = (sort: unknown, more: object = {}) =>
  searchIn(DOCUMENTS, { mapping, now: NOW }, { sort, ...more })

describe('sorting', () => {
  test('by nested objects counts only those that a filter accepts, in the old words as well', async () => {
    const filter = { term: { 'o.k': 'y' } }
    assert.deepEqual(await sorted({ 'o.n': { nested: { path: 'o' } } }), ['d0', 'd1', 'd2'])
    assert.deepEqual(await sorted({ 'o.n': { nested: { path: 'o', filter } } }), ['d1', 'd0', 'd2'])
    assert.deepEqual(await sorted({ 'o.n': { nested_path: 'o', nested_filter: filter } }), ['d1', 'd0', 'd2'])
    assert.deepEqual(await sorted({ 'o.n': { nested: { path: 'o', filter: null } } }), ['d0', 'd1', 'd2'])
  })

  test('takes dates for missing ones as it takes dates of queries', async () => {
    assert.deepEqual(await sorted({ d: { missing: '2024-06-01' } }), ['d0', 'd2', 'd1'])
    assert.deepEqual(await sorted({ d: { missing: 'now+1y' } }), ['d0', 'd1', 'd2'])
    assert.deepEqual(await sorted({ d: { missing: 0 } }), ['d2', 'd0', 'd1'])
    assertRefusedSearch({ sort: { '_kuzzle_info.createdAt': { missing: true } } }, '[true]')
  })

  test('by score takes nothing but an order', () => {
    assertRefusedSearch({ sort: { _score: { missing: '_first' } } }, '[field_sort] unknown field [missing]')
  })
})

describe('search_after', () => {
  test('with nothing for a value goes on behind the values that are missing', async () => {
    assert.deepEqual(await sorted([{ k: 'asc' }, { _id: 'asc' }], { search_after: [null, 'd0'] }), ['d1'])
    assert.deepEqual(await sorted([{ k: 'asc' }, { _id: 'asc' }], { search_after: ['b', 'd0'] }), ['d1'])
  })
})

describe('fields that are not mapped', () => {
  test('sort nothing, whatever stands for their missing values', async () => {
    const by = (missing: unknown) => [{ nope: { unmapped_type: 'long', missing } }, { _doc: 'desc' }]
    for (const missing of ['_first', '_last', 5, 'x']) {
      assert.deepEqual(await sorted(by(missing)), ['d2', 'd1', 'd0'])
    }
    for (const unmapped_type of ['keyword', 'date', 'boolean', 'double']) {
      assert.deepEqual(await sorted([{ nope: { unmapped_type } }]), ['d0', 'd1', 'd2'])
    }
    assertRefusedSearch({ sort: { nope: { unmapped_type: 'text' } } }, 'No mapper found for type [text]')
    assert.deepEqual(await sorted(by('_last'), { search_after: [5, 1] }), ['d2', 'd1', 'd0'])
    assert.deepEqual(await sorted(by('_last'), { search_after: [null, 1] }), ['d0'])
  })
})

describe('a search without search_after', () => {
  test('answers from the first hit on, also when that is null', async () => {
    assert.deepEqual(await sorted('k', { search_after: null }), ['d2', 'd0', 'd1'])
  })
})
