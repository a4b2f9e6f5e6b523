import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

const EVERLASTING = ['perm', 'fox', 'none']

test('term finds the exact keyword, case included', async () => {
  assert.deepEqual(await find({ term: { userId: 'melis' } }), ['call', 'ete'])
  assert.deepEqual(await find({ term: { userId: { value: 'Melis' } } }), [])
  assert.deepEqual(await find({ term: { userId: { term: 'melis' } } }), ['call', 'ete'])
})

test('term compares a number with a keyword by its text', async () => {
  assert.deepEqual(await find({ term: { ttl: 42 } }), ['gate'])
  assert.deepEqual(await find({ term: { ttl: '42' } }), ['gate'])
  assert.deepEqual(await find({ term: { ttl: '042' } }), [])
})

test('term on a text is about single tokens, which are lower-case', async () => {
  assert.deepEqual(await find({ term: { description: 'lora' } }), ['gate', 'perm', 'half'])
  assert.deepEqual(await find({ term: { description: 'LoRa' } }), [])
  assert.deepEqual(await find({ term: { description: 'api key' } }), [])
})

test('term reads numbers from texts, and a fraction equals no whole number', async () => {
  assert.deepEqual(await find({ term: { expiresAt: '-1.0' } }), EVERLASTING)
  assert.deepEqual(await find({ term: { expiresAt: -1.5 } }), [])
  assert.deepEqual(await find({ term: { expiresAt: '-1.5' } }), [])
  assertRefused({ term: { expiresAt: 'abc' } }, 'failed to create query: For input string: "abc"')
  assertRefused({ term: { expiresAt: true } }, 'For input string: "true"')
  assertRefused({ term: { expiresAt: 1e30 } }, 'is out of range for a long')
})

test('term on a date takes all of what the date names', async () => {
  assert.deepEqual(await find({ term: { '_kuzzle_info.createdAt': '2024-03-31' } }), ['fox'])
  assertRefused({ term: { '_kuzzle_info.createdAt': true } }, 'failed to parse date field [true]')
})

test('term finds a fingerprint written in either case, under both of its names', async () => {
  const hex = Buffer.from('fox'.padEnd(32, 'fox')).toString('hex')
  for (const field of ['fingerprint', 'hash']) {
    assert.deepEqual(await find({ term: { [field]: hex.toUpperCase() } }), ['fox'])
  }
})

test('term with case_insensitive ignores the case of ASCII letters only', async () => {
  assert.deepEqual(await find({ term: { userId: { value: 'CI-bot', case_insensitive: true } } }), ['ship'])
  assert.deepEqual(await find({ term: { description: { value: 'ÉTÉ', case_insensitive: true } } }), [])
  assertRefused(
    { term: { expiresAt: { value: 1, case_insensitive: true } } },
    '[expiresAt] field which is of type [long], does not support case insensitive term queries',
  )
})

test('term finds nothing in unmapped fields and objects, and the id under _id', async () => {
  for (const field of ['nope', '_kuzzle_info', 'description.x'])
    assert.deepEqual(await find({ term: { [field]: 'x' } }), [])
  assert.deepEqual(await find({ term: { _id: 'fox' } }), ['fox'])
})

test('term looks at every element of an array', async () => {
  const mapping = { properties: { n: { type: 'integer' }, b: { type: 'boolean' } } } as const
  const documents = documentsOf(mapping, [{ n: [1, '2', 3.7] }, { n: 3, b: [true] }, { b: 'false' }])
  const scope = { mapping, now: NOW }
  assert.deepEqual(await searchIn(documents, scope, { query: { term: { n: 3 } } }), ['d0', 'd1'])
  assert.deepEqual(await searchIn(documents, scope, { query: { term: { b: 'true' } } }), ['d1'])
  assert.deepEqual(await searchIn(documents, scope, { query: { term: { b: '' } } }), ['d2'])
})

test('term refuses lists, null, several fields and other arguments', () => {
  assertRefused({ term: { userId: ['a'] } }, '[term] query does not support array of values')
  assertRefused({ term: { userId: { value: ['a'] } } }, '[term] query does not support arrays for value')
  assertRefused({ term: { userId: null } }, 'value cannot be null')
  assertRefused({ term: { userId: { boost: 1 } } }, 'value cannot be null')
  assertRefused(
    { term: { userId: 'a', ttl: 'b' } },
    "doesn't support multiple fields, found [userId] and [ttl]",
  )
  assertRefused({ term: { userId: { value: 'a', foo: 1 } } }, '[term] query does not support [foo]')
  assertRefused({ term: {} }, 'field name is null or empty')
})
