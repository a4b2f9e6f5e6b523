import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, find } from './sample-keys.ts'

const multi = (more: object) => find({ multi_match: more })

test('multi_match finds the text in any of the fields', async () => {
  assert.deepEqual(await multi({ query: 'melis', fields: ['description', 'userId'] }), ['call', 'ete'])
  assert.deepEqual(await multi({ query: 'lora', fields: 'desc*' }), ['gate', 'perm', 'half'])
  assert.deepEqual(await multi({ query: 'lora', fields: ['description^3', 'nope'] }), [
    'gate',
    'perm',
    'half',
  ])
  assert.deepEqual(await multi({ query: 'lora', fields: ['no*'] }), [])
})

test('multi_match without fields looks in all of them, and forgives what cannot be a value', async () => {
  assert.deepEqual(await multi({ query: 'melis' }), ['call', 'ete'])
  assert.deepEqual(await multi({ query: '42' }), ['gate'])
  assert.deepEqual(await multi({ query: 'lora', fields: ['*'] }), ['gate', 'perm', 'half'])
})

test('multi_match is strict about fields it was told', () => {
  assertRefused({ multi_match: { query: 'lora', fields: ['expiresAt'] } }, 'For input string: "lora"')
})

test('multi_match wants all words in one field with operator and', async () => {
  const query = { query: 'lora jared.doe', fields: ['description', 'userId'], operator: 'and' }
  assert.deepEqual(await multi(query), [])
  assert.deepEqual((await multi({ ...query, type: 'cross_fields', analyzer: 'standard' })).toSorted(), [
    'gate',
    'half',
    'perm',
  ])
})

test('multi_match of each type finds what its match does', async () => {
  const found = async (query: string, type: string) =>
    (await multi({ query, type, fields: ['description', 'userId'] })).toSorted()
  assert.deepEqual(await found('api key', 'phrase'), ['fox', 'half', 'perm'])
  assert.deepEqual(await found('gateway per', 'bool_prefix'), ['gate', 'perm', 'ship'])
  assert.deepEqual(await found('sigfox', 'most_fields'), ['fox'])
  assert.deepEqual(await found('lora melis', 'cross_fields'), ['gate', 'half', 'perm'])
  assertRefused(
    { multi_match: { query: 'a', fields: ['userId'], type: 'phrase_prefix' } },
    'Can only use phrase prefix queries on text fields',
  )
})

test('multi_match ranks by the best field, and by a share of the others', async () => {
  const should = await multi({ query: 'sigfox melis', fields: ['description', 'userId'], tie_breaker: 1 })
  assert.deepEqual(should, ['fox'])
})

test('multi_match refuses what does not go together', () => {
  assertRefused({ multi_match: { fields: ['a'] } }, 'No text specified for multi_match query')
  assertRefused(
    { multi_match: { query: 'a', type: 'x' } },
    'failed to parse [multi_match] query type [x]. unknown type.',
  )
  assertRefused(
    { multi_match: { query: 'a', type: 'phrase', fuzziness: 1 } },
    'Fuzziness not allowed for type [phrase]',
  )
  assertRefused({ multi_match: { query: 'a', type: 'bool_prefix', slop: 1 } }, '[slop] not allowed for type')
  assertRefused({ multi_match: { query: 'a', fields: ['userId^x'] } }, 'For input string: "x"')
  assertRefused({ multi_match: { query: 'a', fields: ['userId^-1'] } }, 'negative [boost]')
})
