import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, find } from './sample-keys.ts'

test('ids finds the documents with these ids, in creation order', async () => {
  assert.deepEqual(await find({ ids: { values: ['fox', 'perm', 'nobody'] } }), ['perm', 'fox'])
})

test('ids takes one id without an array, and numbers', async () => {
  assert.deepEqual(await find({ ids: { values: 'fox' } }), ['fox'])
  assert.deepEqual(await find({ ids: { values: [1, 'fox'] } }), ['fox'])
})

test('ids without values finds nothing', async () => {
  assert.deepEqual(await find({ ids: { values: [] } }), [])
  assert.deepEqual(await find({ ids: {} }), [])
})

test('ids refuses other arguments and values that are no ids', () => {
  assertRefused({ ids: { value: ['a'] } }, '[ids] unknown field [value]')
  assertRefused({ ids: { values: [['a']] } }, '[ids] unknown token [START_ARRAY]')
})
