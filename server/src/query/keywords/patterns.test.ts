import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL, assertRefused, find } from './sample-keys.ts'

const JARED = ['perm', 'half', 'fox', 'gate']

test('prefix finds the start of keywords and of tokens, in creation order', async () => {
  assert.deepEqual(await find({ prefix: { userId: 'jar' } }), JARED)
  assert.deepEqual(await find({ prefix: { userId: 'JAR' } }), [])
  assert.deepEqual(await find({ prefix: { userId: { value: 'JAR', case_insensitive: true } } }), JARED)
  assert.deepEqual(await find({ prefix: { description: 'lo' } }), ['perm', 'half', 'gate'])
  assert.deepEqual(await find({ prefix: { description: 'api k' } }), [])
  assert.deepEqual(await find({ prefix: { ttl: '36' } }), ['call', 'ete', 'empty'])
})

test('an empty prefix is any term', async () => {
  assert.deepEqual(await find({ prefix: { userId: '' } }), ALL)
  assert.deepEqual(
    await find({ prefix: { description: '' } }),
    ALL.filter((id) => id !== 'empty' && id !== 'none'),
  )
})

test('wildcard matches whole terms with * and ?', async () => {
  assert.deepEqual(await find({ wildcard: { userId: '*doe' } }), JARED)
  assert.deepEqual(await find({ wildcard: { userId: 'red' } }), [])
  assert.deepEqual(await find({ wildcard: { userId: { wildcard: 'M?LIS', case_insensitive: true } } }), [
    'call',
    'ete',
  ])
  assert.deepEqual(await find({ wildcard: { description: '*fox*' } }), ['fox', 'call'])
  assert.deepEqual(await find({ wildcard: { description: 'Lo*' } }), [])
  assert.deepEqual(await find({ wildcard: { ttl: '42?' } }), [])
})

test("regexp matches whole terms in Lucene's language", async () => {
  assert.deepEqual(await find({ regexp: { userId: 'jared.*' } }), JARED)
  assert.deepEqual(await find({ regexp: { userId: 'jared' } }), [])
  assert.deepEqual(await find({ regexp: { ttl: '<40-50>' } }), ['gate'])
  assert.deepEqual(await find({ regexp: { userId: { value: 'MELIS', case_insensitive: true } } }), [
    'call',
    'ete',
  ])
  assert.deepEqual(await find({ regexp: { ttl: { value: '<40-50>', flags: 'NONE' } } }), [])
})

test('regexp on a fingerprint takes either case', async () => {
  const hex = Buffer.from('fox'.padEnd(32, 'fox')).toString('hex')
  assert.deepEqual(await find({ regexp: { fingerprint: `${hex.slice(0, 8).toUpperCase()}.*` } }), ['fox'])
  assert.deepEqual(await find({ wildcard: { hash: `${hex.slice(0, 8).toUpperCase()}*` } }), ['fox'])
  assert.deepEqual(await find({ prefix: { hash: hex.slice(0, 8).toUpperCase() } }), ['fox'])
})

test('a regexp longer than 1000 characters is refused', () => {
  assertRefused({ regexp: { userId: 'a'.repeat(1001) } }, 'The length of regex [1001]')
})

test('fuzzy finds terms a few edits away', async () => {
  assert.deepEqual(await find({ fuzzy: { description: 'sigfax' } }), ['fox'])
  assert.deepEqual(await find({ fuzzy: { userId: 'melos' } }), ['call', 'ete'])
  assert.deepEqual(await find({ fuzzy: { description: 'LoRa' } }), [])
  assert.deepEqual(await find({ fuzzy: { description: { value: 'LoRa', fuzziness: 2 } } }), [
    'gate',
    'perm',
    'half',
  ])
  assert.deepEqual(await find({ fuzzy: { description: { value: 'sogfox', prefix_length: 2 } } }), [])
})

test('fuzzy stands for the nearest terms only', async () => {
  const found = (max_expansions: number) =>
    find({ fuzzy: { description: { value: 'kay', fuzziness: 2, max_expansions } } })
  assert.equal((await found(1)).includes('gate'), false)
  assert.deepEqual((await found(1)).toSorted(), ['fox', 'half', 'perm', 'ship'])
})

test('clauses about terms find nothing in unmapped fields, whatever the pattern', async () => {
  for (const clause of ['prefix', 'wildcard', 'regexp', 'fuzzy']) {
    assert.deepEqual(await find({ [clause]: { nope: 'a' } }), [], clause)
  }
})

test('clauses about terms are refused on fields without terms', () => {
  const wide = 'keyword, text and wildcard fields - not on [expiresAt] which is of type [long]'
  assertRefused({ prefix: { expiresAt: '1' } }, `Can only use prefix queries on ${wide}`)
  assertRefused({ wildcard: { expiresAt: '1' } }, `Can only use wildcard queries on ${wide}`)
  const narrow = 'keyword and text fields - not on [expiresAt] which is of type [long]'
  assertRefused({ regexp: { expiresAt: '1' } }, `Can only use regexp queries on ${narrow}`)
  assertRefused({ fuzzy: { expiresAt: '1' } }, `Can only use fuzzy queries on ${narrow}`)
  assertRefused({ prefix: { _id: 'a' } }, 'not on [_id] which is of type [_id]')
})

test('clauses about terms refuse null, lists and arguments they do not know', () => {
  for (const clause of ['prefix', 'wildcard', 'regexp', 'fuzzy']) {
    assertRefused({ [clause]: { userId: null } }, 'value cannot be null')
    assertRefused({ [clause]: { userId: ['a'] } }, `[${clause}] unknown token [START_ARRAY] after [userId]`)
    assertRefused(
      { [clause]: { userId: { value: 'a', foo: 1 } } },
      `[${clause}] query does not support [foo]`,
    )
  }
})
