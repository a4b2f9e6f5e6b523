import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL, assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

const SHORT_LIVED = ['half', 'gate', 'call', 'ete', 'empty', 'ship']
const EVERLASTING = ['perm', 'fox', 'none']

const range = (field: string, bounds: object) => find({ range: { [field]: bounds } })

test('range over numbers takes numbers and numeric texts', async () => {
  assert.deepEqual(await range('expiresAt', { gt: 0 }), SHORT_LIVED)
  assert.deepEqual(await range('expiresAt', { gt: '0' }), SHORT_LIVED)
  assert.deepEqual(await range('expiresAt', { lte: -1 }), EVERLASTING)
  assert.deepEqual(await range('expiresAt', { gt: 5, lt: 1 }), [])
})

test('range over whole numbers rounds a fraction inward', async () => {
  assert.deepEqual(await range('expiresAt', { gt: -1.5, lt: -0.5 }), EVERLASTING)
  assert.deepEqual(await range('expiresAt', { gte: -0.5, lt: 0.5 }), [])
})

test('range over keywords compares code points, so that ttl is ordered as text', async () => {
  assert.deepEqual(await range('ttl', { gte: 36_000, lte: 3_600_000 }), ['call', 'ete', 'empty'])
  assert.deepEqual(await range('ttl', { lt: 2 }), ['perm', 'half', 'fox', 'none'])
  assert.deepEqual(await range('userId', { lt: 'a' }), ['ship'])
})

test('range over keywords puts characters beyond U+FFFF behind all others', async () => {
  const mapping = { properties: { k: { type: 'keyword' } } } as const
  const documents = documentsOf(mapping, [{ k: '\u{1f680}' }, { k: '\uffee' }])
  const found = await searchIn(
    documents,
    { mapping, now: NOW },
    { query: { range: { k: { gt: '\uffee' } } } },
  )
  assert.deepEqual(found, ['d0'])
})

test('range over dates includes or excludes the whole unit', async () => {
  const created = (bounds: object) => range('_kuzzle_info.createdAt', bounds)
  assert.deepEqual(await created({ lte: '2024-03-31' }), ['perm', 'half', 'fox'])
  assert.deepEqual(await created({ lt: '2024-03-31' }), ['perm', 'half'])
  assert.deepEqual(await created({ gt: '2024-03-31' }), ALL.slice(3))
  assert.deepEqual(await created({ gte: '2024-03-31', lte: '2024-04-01' }), ['fox', 'gate'])
  assert.deepEqual(await created({ gte: Date.UTC(2025, 5, 15) }), ['ship'])
})

test('range without bounds, or with null for both, is exists', async () => {
  assert.deepEqual(await range('_kuzzle_info.updater', {}), ['ship'])
  assert.deepEqual(await range('expiresAt', { gt: null, lt: null }), ALL)
})

test('range takes the older from and to, and of two bounds the later', async () => {
  assert.deepEqual(await range('expiresAt', { from: -1, to: -1 }), EVERLASTING)
  assert.deepEqual(await range('expiresAt', { from: -1, to: 10, include_lower: false }), [])
  assert.deepEqual(await range('expiresAt', { gt: -1, gte: -1, lt: 0 }), EVERLASTING)
  assert.deepEqual(await range('expiresAt', { gte: -1, gt: -1, lt: 0 }), [])
})

test('range on what is not mapped finds nothing', async () => {
  assert.deepEqual(await range('nope', { gt: 0 }), [])
})

test('range over decimals and booleans compares numbers', async () => {
  const mapping = { properties: { x: { type: 'double' }, b: { type: 'boolean' } } } as const
  const documents = documentsOf(mapping, [
    { x: 1.5, b: true },
    { x: '2.5', b: false },
  ])
  const found = (bounds: object) => searchIn(documents, { mapping, now: NOW }, { query: { range: bounds } })
  assert.deepEqual(await found({ x: { gt: 1.5 } }), ['d1'])
  assert.deepEqual(await found({ b: { gt: false } }), ['d0'])
})

test('range accepts relations that make no difference here, and refuses the others', async () => {
  assert.equal((await range('expiresAt', { relation: 'within' })).length, ALL.length)
  assertRefused(
    { range: { expiresAt: { relation: 'disjoint' } } },
    '[range] query does not support relation [disjoint]',
  )
  assertRefused({ range: { expiresAt: { relation: 'x' } } }, 'x is not a valid relation')
})

test('range refuses what it does not take', () => {
  assertRefused({ range: { expiresAt: 5 } }, '[range] query does not support [expiresAt]')
  assertRefused({ range: { expiresAt: { x: 5 } } }, '[range] query does not support [x]')
  assertRefused({ range: { expiresAt: { gte: 'foo' } } }, 'failed to create query: For input string: "foo"')
  assertRefused({ range: { expiresAt: { gte: [1] } } }, 'unknown token [START_ARRAY]')
  assertRefused({ range: { expiresAt: {}, ttl: {} } }, "[range] query doesn't support multiple fields")
  assertRefused({ range: { _id: { gt: 'a' } } }, 'does not support range queries')
  assertRefused({ range: {} }, 'field name is null or empty')
})
