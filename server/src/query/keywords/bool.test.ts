import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL, assertRefused, find } from './sample-keys.ts'

const lora = { match: { description: 'lora' } }
const key = { match: { description: 'key' } }
const gateway = { match: { description: 'gateway' } }
const everlasting = { term: { ttl: -1 } }
const jared = { term: { userId: 'jared.doe' } }

const bool = (body: object) => find({ bool: body })

test('bool without clauses finds everything', async () => {
  assert.deepEqual(await bool({}), ALL)
  assert.deepEqual(await bool({ must: [], filter: null }), ALL)
})

test('bool wants all of must and filter, and none of must_not', async () => {
  assert.deepEqual(await bool({ must: key, filter: [everlasting] }), ['fox', 'perm'])
  assert.deepEqual(await bool({ must: key, must_not: everlasting }), ['half', 'ship'])
  assert.deepEqual(await bool({ must_not: [jared] }), ALL.slice(4))
  assert.deepEqual(await bool({ must_not: { match_all: {} } }), [])
})

test('bool wants one of should when there is neither must nor filter', async () => {
  assert.deepEqual((await bool({ should: [gateway, everlasting] })).toSorted(), [
    'fox',
    'gate',
    'none',
    'perm',
  ])
  assert.deepEqual(await bool({ should: [gateway], minimum_should_match: 0 }), ['gate'])
})

test('bool ranks by should when must is there', async () => {
  assert.deepEqual(await bool({ must: [jared], should: [gateway] }), ['gate', 'perm', 'half', 'fox'])
  assert.deepEqual(await bool({ filter: [jared], should: [gateway], minimum_should_match: 1 }), ['gate'])
})

test('bool counts should against minimum_should_match', async () => {
  const should = [lora, key, everlasting]
  assert.deepEqual(await bool({ should, minimum_should_match: 2 }), ['perm', 'half', 'fox'].toSorted(byRank))
  assert.deepEqual(
    await bool({ should, minimum_should_match: '-1' }),
    await bool({ should, minimum_should_match: 2 }),
  )
  assert.deepEqual(await bool({ should: [lora], minimum_should_match: 2 }), [])
})

const RANKS = ['perm', 'fox', 'half']

function byRank(a: string, b: string): number {
  return RANKS.indexOf(a) - RANKS.indexOf(b)
}

test('bool ranks nothing by filter', async () => {
  assert.deepEqual(await bool({ filter: [lora] }), ['perm', 'half', 'gate'])
})

test('bool multiplies the scores of its clauses by its boost', async () => {
  const should = [{ bool: { must: lora, boost: 0.01 } }, { constant_score: { filter: key, boost: 0.5 } }]
  assert.equal((await bool({ should }))[0], 'perm')
  assert.deepEqual((await bool({ should })).slice(-1), ['gate'])
})

test('bool that is only negative can be told to find nothing', async () => {
  assert.deepEqual(await bool({ must_not: [jared], adjust_pure_negative: false }), [])
})

test('bool refuses what it does not take', () => {
  assertRefused({ bool: { x: 1 } }, '[bool] unknown field [x]')
  assertRefused({ bool: { must: 'x' } }, 'VALUE_STRING')
  assertRefused({ bool: { must: ['x'] } }, 'must start with start_object')
  assertRefused({ bool: { should: [lora], minimum_should_match: 'abc' } }, 'abc')
})
