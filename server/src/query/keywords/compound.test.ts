import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, find } from './sample-keys.ts'

const lora = { match: { description: 'lora' } }
const gateway = { match: { description: 'gateway' } }

test('constant_score gives every match the same rank', async () => {
  assert.deepEqual(await find({ constant_score: { filter: lora, boost: 1.2 } }), ['perm', 'half', 'gate'])
})

test('constant_score needs one filter', () => {
  assertRefused({ constant_score: { boost: 1 } }, "[constant_score] requires a 'filter' element")
  assertRefused({ constant_score: { filter: [lora] } }, 'unexpected token [START_ARRAY]')
  assertRefused({ constant_score: { query: lora } }, '[constant_score] query does not support [query]')
  assertRefused({ constant_score: { filter: 'x' } }, '[constant_score] query does not support [filter]')
})

test('dis_max ranks by the best of its queries', async () => {
  const queries = [
    { constant_score: { filter: { term: { userId: 'melis' } }, boost: 3 } },
    { constant_score: { filter: { term: { ttl: 36_000 } }, boost: 2 } },
    { constant_score: { filter: gateway, boost: 4 } },
  ]
  assert.deepEqual(await find({ dis_max: { queries } }), ['gate', 'call', 'ete'])
  assert.deepEqual(await find({ dis_max: { queries, tie_breaker: 0.7 } }), ['ete', 'gate', 'call'])
})

test('dis_max needs a query', () => {
  const message = "[dis_max] requires 'queries' field with at least one clause"
  assertRefused({ dis_max: { queries: [] } }, message)
  assertRefused({ dis_max: {} }, message)
})

test('boosting ranks lower what also matches the negative query, and loses nothing', async () => {
  const boosting = { positive: lora, negative: gateway, negative_boost: 0.1 }
  assert.deepEqual(await find({ boosting }), ['perm', 'half', 'gate'])
})

test('boosting needs all of its parts', () => {
  assertRefused({ boosting: { negative: lora } }, "requires 'positive' query to be set'")
  assertRefused({ boosting: { positive: lora } }, "requires 'negative' query to be set'")
  const both = { positive: lora, negative: gateway }
  assertRefused({ boosting: both }, "requires 'negative_boost' to be set to be a positive value'")
  assertRefused({ boosting: { ...both, negative_boost: -1 } }, "requires 'negative_boost'")
})
