import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL, assertRefused, find } from './sample-keys.ts'

test('match_all finds everything in creation order', async () => {
  assert.deepEqual(await find({ match_all: {} }), ALL)
  assert.deepEqual(await find({ match_all: { boost: 3, _name: 'all' } }), ALL)
})

test('match_none finds nothing', async () => {
  assert.deepEqual(await find({ match_none: {} }), [])
})

test('match_all and match_none refuse arguments they do not know', () => {
  assertRefused({ match_all: { x: 1 } }, '[match_all] unknown field [x]')
  assertRefused({ match_none: { x: 1 } }, '[match_none] unknown field [x]')
})

test('a boost must be a number that is not negative', () => {
  assertRefused({ match_all: { boost: -1 } }, 'negative [boost] are not allowed')
  assertRefused({ match_all: { boost: 'much' } }, 'For input string: "much"')
})
