import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL, assertRefused, find } from './sample-keys.ts'

const description = (query: unknown) => ({ match: { description: query } })

test('match finds any of the words in any case, the best first', async () => {
  assert.deepEqual(await find(description('LORA')), ['gate', 'perm', 'half'])
  assert.deepEqual(await find(description('LoRa permanent')), ['perm', 'gate', 'ship', 'half'])
})

test('match with operator and finds all of the words', async () => {
  assert.deepEqual(await find(description({ query: 'permanent key', operator: 'AND' })), ['perm', 'ship'])
})

test('match counts how many of the words there are against minimum_should_match', async () => {
  const found = (minimum_should_match: unknown) =>
    find(description({ query: 'lora permanent key', minimum_should_match }))
  assert.deepEqual(await found(2), ['perm', 'ship', 'half'])
  assert.deepEqual(await found('100%'), ['perm'])
  assert.deepEqual(await found('-1'), ['perm', 'ship', 'half'])
  assert.deepEqual(await found(4), [])
  assert.deepEqual(await find(description({ query: 'lora', minimum_should_match: 5 })), [
    'gate',
    'perm',
    'half',
  ])
})

test('match without a single token finds nothing, or all when asked to', async () => {
  assert.deepEqual(await find(description('!!!')), [])
  assert.deepEqual(await find(description({ query: '', zero_terms_query: 'ALL' })), ALL)
  assertRefused(description({ query: 'a', zero_terms_query: 'some' }), 'zero_terms_query')
})

test('match forgives misspellings within the fuzziness', async () => {
  assert.deepEqual(await find(description({ query: 'sigfos', fuzziness: 'AUTO' })), ['fox'])
  const lroa = (more: object) => find(description({ query: 'lroa', fuzziness: 1, ...more }))
  assert.deepEqual((await lroa({})).toSorted(), ['gate', 'half', 'perm'])
  assert.deepEqual(await lroa({ fuzzy_transpositions: false }), [])
  assert.deepEqual(await lroa({ prefix_length: 2 }), [])
})

test('match analyzes the text as it is told', async () => {
  assert.deepEqual(await find(description({ query: 'LoRa', analyzer: 'keyword' })), [])
  assert.deepEqual(await find(description({ query: 'lora x', analyzer: 'whitespace' })), [
    'gate',
    'perm',
    'half',
  ])
  assertRefused(description({ query: 'x', analyzer: 'nope' }), '[match] analyzer [nope] not found')
})

test('match on a keyword takes the whole text, and on numbers and dates converts it', async () => {
  assert.deepEqual(await find({ match: { userId: 'jared.doe melis' } }), [])
  assert.deepEqual(await find({ match: { userId: 'melis' } }), ['call', 'ete'])
  assert.deepEqual(await find({ match: { expiresAt: '-1' } }), ['perm', 'fox', 'none'])
  assert.deepEqual(await find({ match: { '_kuzzle_info.createdAt': '2024-03-01' } }), ['half'])
  assert.deepEqual(await find({ match: { _id: 'fox' } }), ['fox'])
  assert.deepEqual(await find({ match: { nope: 'x' } }), [])
})

test('match that is lenient finds nothing where the text cannot be a value', async () => {
  assertRefused({ match: { expiresAt: 'abc' } }, 'For input string: "abc"')
  assert.deepEqual(await find({ match: { expiresAt: { query: 'abc', lenient: true } } }), [])
  assertRefused({ match: { expiresAt: { query: '1', fuzziness: 1 } } }, 'Can only use fuzzy queries')
})

test('match refuses what it does not take', () => {
  assertRefused(description(['lora']), '[match] unknown token [START_ARRAY] after [description]')
  assertRefused(description(null), 'No text specified for text query')
  assertRefused(description({ operator: 'or' }), 'No text specified for text query')
  assertRefused(description({ query: 'a', x: 1 }), '[match] query does not support [x]')
  assertRefused(description({ query: 'a', operator: 'xor' }), 'Operator.XOR')
  assertRefused(
    description({ query: 'a', prefix_length: -1 }),
    '[match] requires prefix length to be non-negative.',
  )
  assertRefused(
    description({ query: 'a', max_expansions: 0 }),
    '[match] requires maxExpansions to be positive.',
  )
  assertRefused({ match: { userId: 'a', ttl: 'b' } }, "[match] query doesn't support multiple fields")
})
