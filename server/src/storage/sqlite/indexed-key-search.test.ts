import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { aKey, anEvent, numbers, userId } from '../contract/records.ts'
import { assertFindsWhatIsJudged, byOwner, OWNERS, randomKeys } from '../contract/search-contract.ts'
import { prepareAudit } from './audit-store.ts'
import type { SqliteDatabase } from './database.ts'
import { createKeyStore } from './key-store.ts'
import { openDatabase } from './open-database.ts'
import { searchKeys } from './search.ts'
import { INDEX_BATCH_KEYS, INDEXED_FROM_KEYS, prepareSearchIndex } from './search-index.ts'

const BOUNDS = { waitingMax: 100_000, lockWaitMaxMs: 1_000 }
const EVENT = anEvent('key.create')

/** Keys of owners that need not exist, in a database of their own. */
async function openKeys() {
  const database = await openDatabase(':memory:', BOUNDS)
  const keys = createKeyStore(database, prepareAudit(database), () => undefined)
  return { database, keys }
}

function indexAll(database: SqliteDatabase): Promise<void> {
  const index = prepareSearchIndex(database)
  return database.change(() => {
    for (const owner of OWNERS) while (index.indexNext(userId(owner)));
  })
}

const words = (database: SqliteDatabase) =>
  database.statement('SELECT term, sum(key_count) FROM key_index_block GROUP BY term ORDER BY term').all()

describe('searches with the index of descriptions', () => {
  test('find what judging each key finds, with keys removed since, and keys not indexed yet', async () => {
    for (const seed of numbers(40)) {
      const { database, keys } = await openKeys()
      const all = randomKeys(seed)
      const early = all.slice(0, Math.floor(all.length * 0.8))
      for (const key of early) await keys.insert(key, undefined, EVENT)
      await indexAll(database)
      for (const key of all.slice(early.length)) await keys.insert(key, undefined, EVENT)
      const removed = all.filter((_, index) => index % 7 === seed % 7)
      for (const key of removed) await keys.remove(key.owner, key.id, EVENT)

      const left = byOwner(all.filter((key) => !removed.includes(key)))
      const find = (owner: string, search: Parameters<typeof searchKeys>[2]) =>
        searchKeys(database, userId(owner), search, 0)
      await assertFindsWhatIsJudged(left, find, 250)
      await database.close()
    }
  })
})

describe('the index of descriptions', () => {
  const bigOwner = (count: number): readonly ApiKey[] =>
    numbers(count).map((n) => aKey(`k${n}`, 'ann', { description: `word${n % 300} common` }))

  test('is not kept for owners with few keys', async () => {
    const { database, keys } = await openKeys()
    await Promise.all(bigOwner(300).map((key) => keys.insert(key, undefined, EVENT)))
    assert.deepEqual(words(database), [])
    await database.close()
  })

  test('is kept for owners with many keys, as they come', async () => {
    const { database, keys } = await openKeys()
    const all = bigOwner(INDEXED_FROM_KEYS + 30)
    await Promise.all(all.map((key) => keys.insert(key, undefined, EVENT)))
    const [common] = words(database)
    const indexed = Number(common?.[1])
    assert.ok(indexed >= INDEXED_FROM_KEYS - INDEX_BATCH_KEYS, `${indexed} keys are indexed`)
    await database.close()
  })

  test('forgets words with the last key that has them, and everything with the owner', async () => {
    const { database, keys } = await openKeys()
    const [first, second] = [
      aKey('a', 'ann', { description: 'one two two' }),
      aKey('b', 'ann', { description: 'two three' }),
    ]
    for (const key of [first, second]) await keys.insert(key, undefined, EVENT)
    await indexAll(database)
    assert.deepEqual(words(database), [
      ['one', 1],
      ['three', 1],
      ['two', 2],
    ])
    await keys.remove(first.owner, first.id, EVENT)
    assert.deepEqual(words(database), [
      ['three', 1],
      ['two', 1],
    ])
    await database.change(() => database.statement('DELETE FROM owner_stats WHERE owner = ?').run('ann'))
    assert.deepEqual(words(database), [])
    await database.close()
  })

  test('is undone with the change that it belongs to', async () => {
    const { database, keys } = await openKeys()
    await keys.insert(aKey('a', 'ann', { description: 'one' }), undefined, EVENT)
    const index = prepareSearchIndex(database)
    const change = database.change(() => {
      index.indexNext(userId('ann'))
      throw new Error('undone')
    })
    await assert.rejects(change, /undone/)
    assert.deepEqual(words(database), [])
    await database.close()
  })
})
