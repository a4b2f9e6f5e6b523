import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ALL, assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

describe('arguments of clauses', () => {
  test('that are null are as if they were not there', async () => {
    const LORA = ['gate', 'perm', 'half']
    const query = { query: 'lora', operator: null, boost: null, fuzziness: null, _name: null }
    assert.deepEqual(await find({ match: { description: query } }), LORA)
    assert.deepEqual(await find({ bool: { must: null, should: null, filter: null } }), ALL)
    assert.deepEqual(
      await find({ range: { ttl: { gte: null, lte: null, format: null, relation: null } } }),
      ALL,
    )
    assert.deepEqual(await find({ ids: { values: null } }), [])
  })

  test('may be a boost of 0, which takes a clause out of the order', async () => {
    const should = [{ match: { description: { query: 'lora', boost: 0 } } }, { term: { _id: 'half' } }]
    assert.deepEqual(await find({ bool: { should } }), ['half', 'perm', 'gate'])
  })

  test('that are numbers of Java are bounded as those are', async () => {
    const fuzzy = (prefix_length: number) => ({ fuzzy: { userId: { value: 'a', prefix_length } } })
    assert.deepEqual(await find(fuzzy(2 ** 31 - 1)), [])
    assertRefused(fuzzy(2 ** 31), 'Numeric value (2147483648) out of range of int (-2147483648 - 2147483647)')
  })

  test('that ought to be numbers are refused when they are empty', () => {
    assertRefused({ term: { expiresAt: '' } }, 'failed to create query: empty String')
    assertRefused({ term: { expiresAt: ' ' } }, 'failed to create query: empty String')
  })

  test('are refused by their names when they are values of the wrong kind', () => {
    assertRefused({ range: { ttl: { gte: ['1'] } } }, '[range] unknown token [START_ARRAY] after [gte]')
    assertRefused(
      { range: { ttl: { from: 1, include_lower: 'x' } } },
      'Failed to parse value [x] as only [true] or [false] are allowed.',
    )
  })
})

describe('clauses that test terms', () => {
  test('are refused on the id, by its name', () => {
    for (const clause of ['prefix', 'wildcard', 'regexp', 'fuzzy']) {
      assertRefused({ [clause]: { _id: 'a' } }, 'not on [_id] which is of type [_id]')
    }
    assertRefused(
      { match_phrase_prefix: { _id: 'a' } },
      'Can only use phrase prefix queries on text fields - not on [_id] which is of type [_id]',
    )
  })

  test('take two swapped neighbours for one edit, unless told otherwise', async () => {
    assert.deepEqual((await find({ fuzzy: { description: 'lroa' } })).toSorted(), ['gate', 'half', 'perm'])
    const value = 'lroa'
    assert.deepEqual(await find({ fuzzy: { description: { value, transpositions: false } } }), [])
  })

  test('work inside constant_score, where nothing is scored', async () => {
    const inner = (filter: object) => find({ constant_score: { filter } })
    assert.deepEqual(await inner({ wildcard: { description: '*fox*' } }), ['fox', 'call'])
    assert.deepEqual(await inner({ regexp: { description: 'sig.*' } }), ['fox', 'call'])
    assert.deepEqual(await inner({ match_phrase: { description: 'api key' } }), ['perm', 'half', 'fox'])
  })
})

describe('terms_set', () => {
  const mapping = { properties: { k: { type: 'keyword' }, n: { type: 'long' } } } as const
  const documents = documentsOf(mapping, [
    { k: ['a', 'b'], n: 2 },
    { k: 'a', n: 2 },
    { k: 'a', n: 1 },
    { k: 'a' },
  ])
  const find = (terms: readonly string[]) =>
    searchIn(
      documents,
      { mapping, now: NOW },
      { query: { terms_set: { k: { terms, minimum_should_match_field: 'n' } } } },
    )

  test('wants as many terms as the document says, and nothing where it does not say', async () => {
    assert.deepEqual((await find(['a', 'b'])).toSorted(), ['d0', 'd2'])
    assert.deepEqual(await find(['a']), ['d2'])
    assert.deepEqual(await find([]), [])
  })

  test('refuses a count that is no number of the document', () => {
    for (const minimum_should_match_field of ['nope', '_id', 'userId']) {
      assertRefused(
        { terms_set: { userId: { terms: ['a'], minimum_should_match_field } } },
        `failed to find minimum_should_match field [${minimum_should_match_field}]`,
      )
    }
  })
})
