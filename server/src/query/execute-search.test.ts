import assert from 'node:assert/strict'
import { test } from 'node:test'
import { executeSearch, slicesOf } from './execute-search.ts'
import { MATCH_ALL, type Query } from './filter.ts'
import { documentsOf } from './keywords/sample-keys.ts'
import { QueryError } from './query-error.ts'

const mapping = { properties: { n: { type: 'long' }, t: { type: 'text' } } } as const

test('a search of many documents lets everything else have its turn', async () => {
  const documents = documentsOf(
    mapping,
    Array.from({ length: 20_000 }, (_, n) => ({ t: `word${n} and others` })),
  )
  const query: Query = { kind: 'term', field: 't', term: 'others', boost: 1 }
  let turns = 0
  let searching = true
  const tick = () => {
    turns += 1
    if (searching) setImmediate(tick)
  }
  setImmediate(tick)
  const { total } = await executeSearch({ query, from: 0, size: 1 }, { documents: () => slicesOf(documents) })
  searching = false
  assert.equal(total, 20_000)
  assert.ok(turns > 5, `there were ${turns} turns`)
})

test('a search that takes more steps than it may is refused', async () => {
  const documents = documentsOf(mapping, Array(100).fill({ n: 1 }))
  await assert.rejects(
    executeSearch(
      { query: MATCH_ALL, from: 0, size: 1 },
      { documents: () => slicesOf(documents) },
      { stepsMax: 50 },
    ),
    (error) => error instanceof QueryError && error.code === 'too_expensive',
  )
})

test('the best hits of many are the same as of all sorted', async () => {
  const documents = documentsOf(
    mapping,
    Array.from({ length: 5_000 }, (_, n) => ({ n: (n * 7919) % 5_003 })),
  )
  const sort = [{ field: 'n', order: 'asc', missing: '_last' }] as const
  const page = await executeSearch(
    { query: MATCH_ALL, from: 100, size: 3, sort },
    { documents: () => slicesOf(documents) },
  )
  const values = page.hits.map((document) => document.field('n'))
  const all = Array.from({ length: 5_000 }, (_, n) => (n * 7919) % 5_003).toSorted((a, b) => a - b)
  assert.deepEqual(
    values.map((field) => (field?.kind === 'number' ? field.values[0] : undefined)),
    all.slice(100, 103),
  )
  assert.equal(page.total, 5_000)
})

test('documents may arrive asynchronously', async () => {
  const documents = documentsOf(mapping, [{ n: 1 }, { n: 2 }])
  async function* slices() {
    for (const document of documents) yield [document]
  }
  const page = await executeSearch({ query: MATCH_ALL, from: 0, size: 10 }, { documents: slices })
  assert.deepEqual(page.hits, documents)
})
