import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL, assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

test('exists finds documents with a value, an empty text included', async () => {
  assert.deepEqual(
    await find({ exists: { field: 'description' } }),
    ALL.filter((id) => id !== 'none'),
  )
})

test('exists does not count null, and nothing in an unmapped field', async () => {
  assert.deepEqual(await find({ exists: { field: '_kuzzle_info.updatedAt' } }), [])
  assert.deepEqual(await find({ exists: { field: '_kuzzle_info.updater' } }), ['ship'])
  assert.deepEqual(await find({ exists: { field: 'nope' } }), [])
  assert.deepEqual(await find({ exists: { field: 'token' } }), [])
})

test('exists on an object asks for any of its fields, on _id for nothing', async () => {
  assert.deepEqual(await find({ exists: { field: '_kuzzle_info' } }), ALL)
  assert.deepEqual(await find({ exists: { field: '_id' } }), ALL)
})

test('exists expands * over mapped names', async () => {
  assert.deepEqual(await find({ exists: { field: '_kuzzle_info.upd*' } }), ['ship'])
})

test('exists does not count empty arrays, nor arrays of null', async () => {
  const mapping = { properties: { tags: { type: 'keyword' } } } as const
  const documents = documentsOf(mapping, [{ tags: [] }, { tags: [null] }, { tags: [[], ['']] }, {}])
  const found = await searchIn(documents, { mapping, now: NOW }, { query: { exists: { field: 'tags' } } })
  assert.deepEqual(found, ['d2'])
})

test('exists refuses to be asked for nothing, for lists, and other arguments', () => {
  assertRefused({ exists: {} }, '[exists] must be provided with a [field]')
  assertRefused({ exists: { field: ['a'] } }, '[exists] unknown token [START_ARRAY] after [field]')
  assertRefused({ exists: { field: 'a', x: 1 } }, '[exists] query does not support [x]')
})
