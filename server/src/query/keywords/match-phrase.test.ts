import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

const phrase = (query: unknown) => find({ match_phrase: { description: query } })

test('match_phrase finds the words next to each other and in their order', async () => {
  assert.deepEqual(await phrase('API key'), ['fox', 'perm', 'half'])
  assert.deepEqual(await phrase('key api'), [])
  assert.deepEqual(await phrase('permanent key'), [])
  assert.deepEqual(await phrase('key permanent'), ['ship'])
})

test('match_phrase lets words be out of place by slop moves, and ranks the closer ones first', async () => {
  assert.deepEqual(await phrase({ query: 'permanent key', slop: 1 }), ['perm'])
  assert.deepEqual(await phrase({ query: 'permanent key', slop: 2 }), ['perm', 'ship'])
})

test('match_phrase never takes one occurrence of a word for two', async () => {
  assert.deepEqual(await phrase({ query: 'lora lora', slop: 5 }), ['gate'])
  assert.deepEqual(await phrase({ query: 'gateway gateway', slop: 5 }), [])
})

test('match_phrase does not reach from one text of an array into the next', async () => {
  const mapping = { properties: { d: { type: 'text' } } } as const
  const documents = documentsOf(mapping, [{ d: ['one two', 'three'] }])
  const found = (query: string, slop: number) =>
    searchIn(documents, { mapping, now: NOW }, { query: { match_phrase: { d: { query, slop } } } })
  assert.deepEqual(await found('one two', 0), ['d0'])
  assert.deepEqual(await found('two three', 99), [])
  assert.deepEqual(await found('two three', 100), ['d0'])
})

test('match_phrase of one word, or on a keyword, is that word', async () => {
  assert.deepEqual(await phrase('gateway'), ['gate'])
  assert.deepEqual(await find({ match_phrase: { userId: 'melis' } }), ['call', 'ete'])
  assert.deepEqual(await phrase('--'), [])
  assertRefused(
    { match_phrase: { userId: { query: 'a b', analyzer: 'whitespace' } } },
    'was indexed without position data',
  )
})

test('match_phrase refuses what it does not take', () => {
  assertRefused({ match_phrase: { description: { query: 'a', slop: -1 } } }, 'No negative slop allowed.')
  assertRefused(
    { match_phrase: { description: { query: 'a', operator: 'and' } } },
    '[match_phrase] query does not support [operator]',
  )
})

test('match_phrase_prefix takes the last word for the start of one', async () => {
  const found = async (query: unknown) =>
    (await find({ match_phrase_prefix: { description: query } })).toSorted()
  assert.deepEqual(await found('API k'), ['fox', 'half', 'perm'])
  assert.deepEqual(await found('sig'), ['call', 'fox'])
  assert.deepEqual(await found('lora per'), ['perm'])
  assert.deepEqual(await found('per lora'), [])
  assert.deepEqual(await found({ query: 'permanent k', slop: 1 }), ['perm'])
  assert.deepEqual(await found('!'), [])
})

test('match_phrase_prefix stands for the first terms only, in order', async () => {
  const found = (max_expansions: number) =>
    find({ match_phrase_prefix: { description: { query: 'sig', max_expansions } } })
  assert.deepEqual(await found(1), ['fox'])
  assert.deepEqual((await found(2)).toSorted(), ['call', 'fox'])
})

test('match_phrase_prefix is for texts only', () => {
  assertRefused(
    { match_phrase_prefix: { expiresAt: '1' } },
    'Can only use phrase prefix queries on text fields - not on [expiresAt] which is of type [long]',
  )
})

test('match_bool_prefix takes any of the words, the last one for the start of one', async () => {
  assert.deepEqual(await find({ match_bool_prefix: { description: 'gateway per' } }), [
    'gate',
    'perm',
    'ship',
  ])
  assert.deepEqual(await find({ match_bool_prefix: { description: 'sig' } }), ['fox', 'call'])
  assert.deepEqual(
    await find({ match_bool_prefix: { description: { query: 'lora per', operator: 'and' } } }),
    ['perm'],
  )
  assert.deepEqual(await find({ match_bool_prefix: { userId: 'jared' } }), ['perm', 'half', 'fox', 'gate'])
  assertRefused({ match_bool_prefix: { expiresAt: '1' } }, 'Can only use prefix queries')
})

test('of the words that a single unfinished one stands for, rarer ones rank higher', async () => {
  const mapping = { properties: { t: { type: 'text' } } } as const
  const documents = documentsOf(
    mapping,
    ['lora', 'lora', 'lorb', 'lora'].map((t) => ({ t })),
  )
  const query = { match_phrase_prefix: { t: 'lor' } }
  assert.deepEqual(await searchIn(documents, { mapping, now: NOW }, { query }), ['d2', 'd0', 'd1', 'd3'])
})
