import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

test('terms finds any of the values, in creation order', async () => {
  assert.deepEqual(await find({ terms: { ttl: [42, '36000'] } }), ['gate', 'ete'])
  assert.deepEqual(await find({ terms: { description: ['sigfox', 'lora'] } }), [
    'perm',
    'half',
    'fox',
    'gate',
  ])
  assert.deepEqual(await find({ terms: { _id: ['fox', 'x'], boost: 2 } }), ['fox'])
  assert.deepEqual(await find({ terms: { expiresAt: [-1, '-1', 5, 1.5] } }), ['perm', 'fox', 'none'])
  assert.deepEqual(await find({ terms: { '_kuzzle_info.createdAt': ['2024-03-31', '2024-04-01'] } }), [
    'fox',
    'gate',
  ])
})

test('terms without values, or on an unmapped field, finds nothing', async () => {
  assert.deepEqual(await find({ terms: { ttl: [] } }), [])
  assert.deepEqual(await find({ terms: { nope: ['x'] } }), [])
})

test('terms refuses what is no list, null, several lists, a look-up elsewhere, and too many values', () => {
  assertRefused({ terms: { tags: 'x' } }, '[terms] query does not support [tags]')
  assertRefused({ terms: { userId: ['a', null] } }, 'No value specified for terms query')
  assertRefused({ terms: { userId: ['a'], ttl: ['b'] } }, '[terms] query does not support multiple fields')
  assertRefused({ terms: {} }, '[terms] query requires a field name')
  assertRefused({ terms: { userId: { index: 'a', id: 'b' } } }, 'not allowed', 'forbidden_keyword')
  assertRefused({ terms: { userId: Array(65_537).fill('a') } }, 'exceeded the allowed maximum of [65536]')
  assertRefused({ terms: { expiresAt: ['abc'] } }, 'For input string: "abc"')
})

test('terms_set needs as many of the terms as the document says', async () => {
  const mapping = { properties: { tags: { type: 'keyword' }, need: { type: 'integer' } } } as const
  const sources = [
    { tags: ['a', 'b'], need: 2 },
    { tags: ['a'], need: 2 },
    { tags: ['b'], need: 1 },
    { tags: ['a'] },
  ]
  const query = { terms_set: { tags: { terms: ['a', 'b'], minimum_should_match_field: 'need' } } }
  const found = await searchIn(documentsOf(mapping, sources), { mapping, now: NOW }, { query })
  assert.deepEqual(found.toSorted(), ['d0', 'd2'])
})

test('terms_set refuses scripts and needs a count', () => {
  assertRefused({ terms_set: { ttl: { terms: ['a'] } } }, 'No minimum should match')
  assertRefused(
    { terms_set: { ttl: { terms: ['a'], minimum_should_match_field: 'userId' } } },
    'failed to find minimum_should_match field [userId]',
  )
  assertRefused(
    { terms_set: { ttl: { terms: ['a'], minimum_should_match_script: {} } } },
    'minimum_should_match_script',
    'forbidden_keyword',
  )
})
