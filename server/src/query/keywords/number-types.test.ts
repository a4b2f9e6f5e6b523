import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { documentsOf, find, NOW, searchIn } from './sample-keys.ts'

const mapping = {
  properties: {
    float: { type: 'float' },
    double: { type: 'double' },
    short: { type: 'short' },
    flag: { type: 'boolean' },
    date: { type: 'date' },
  },
} as const

const documents = documentsOf(mapping, [
  { float: 0.1, double: 0.1, short: '7.9', flag: true, date: 2024 },
  { float: '0.5', double: '0.5', short: 8, flag: 'false', date: '2024' },
  { float: 'x', double: ' ', short: null, flag: '', date: null },
  { float: [], flag: 'yes' },
])

const found = (query: object) => searchIn(documents, { mapping, now: NOW }, { query })

describe('fields of numbers', () => {
  test('with fractions are found by them', async () => {
    for (const field of ['float', 'double']) {
      assert.deepEqual(await found({ term: { [field]: 0.1 } }), ['d0'])
      assert.deepEqual(await found({ term: { [field]: '0.1' } }), ['d0'])
      assert.deepEqual(await found({ terms: { [field]: [0.1, 0.5, 0.7] } }), ['d0', 'd1'])
      assert.deepEqual(await found({ range: { [field]: { gt: 0.1 } } }), ['d1'])
      assert.deepEqual(await found({ range: { [field]: { gte: 0.1, lt: 0.5 } } }), ['d0'])
      assert.deepEqual(await found({ exists: { field } }), ['d0', 'd1'])
    }
  })

  test('without fractions drop those of documents, and find none of queries', async () => {
    assert.deepEqual(await found({ term: { short: 7 } }), ['d0'])
    assert.deepEqual(await found({ term: { short: 7.9 } }), [])
    assert.deepEqual(await found({ range: { short: { gt: 7.5 } } }), ['d1'])
    assert.deepEqual(await found({ range: { short: { lt: 7.5 } } }), ['d0'])
  })
})

describe('fields of truth', () => {
  test('take true and false, also as texts, and an empty text for false', async () => {
    assert.deepEqual(await found({ term: { flag: true } }), ['d0'])
    assert.deepEqual(await found({ term: { flag: 'false' } }), ['d1', 'd2'])
    assert.deepEqual(await found({ range: { flag: { gte: false } } }), ['d0', 'd1', 'd2'])
    assert.deepEqual(await found({ exists: { field: 'flag' } }), ['d0', 'd1', 'd2'])
  })
})

describe('fields of dates', () => {
  test('take numbers for milliseconds, and texts of four digits for years', async () => {
    assert.deepEqual(await found({ term: { date: 2024 } }), ['d0'])
    assert.deepEqual(await found({ terms: { date: ['2024'] } }), ['d1'])
    assert.deepEqual(await found({ range: { date: { gte: '2024', lte: '2024' } } }), ['d1'])
    assert.deepEqual(await found({ range: { date: { lte: 2024 } } }), ['d0'])
    assert.deepEqual(await find({ range: { '_kuzzle_info.createdAt': { lt: 2025 } } }), [])
  })
})
