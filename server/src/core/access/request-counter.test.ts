import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserId } from '../ids.ts'
import { COUNTED_USERS_MAX, createRequestCounter } from './request-counter.ts'

test('counts each user by itself and starts over when a second begins', () => {
  let now = 1_700_000_000_250
  const counter = createRequestCounter({ now: () => now })
  const count = (user: string) => counter.count(user as UserId, 2)
  assert.deepEqual([count('a'), count('a'), count('a'), count('b')], [true, true, false, true])
  now += 749
  assert.equal(count('a'), false)
  now += 1
  assert.equal(count('a'), true)
})

test('keeps its memory within bounds: users beyond them share one count', () => {
  const counter = createRequestCounter({ now: () => 0 })
  for (let n = 0; n < COUNTED_USERS_MAX; n++) counter.count(`user${n}` as UserId, 1)
  assert.equal(counter.count('one more' as UserId, 1), true)
  assert.equal(counter.count('and another' as UserId, 1), false)
  assert.equal(counter.count('user0' as UserId, 2), true)
})
