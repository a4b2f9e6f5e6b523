import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { compareCodePoints } from '../../query/code-point-order.ts'
import { manyKeys, QUERIES_OF_MANY } from '../contract/many-keys.ts'
import { aKey, anEvent, numbers, revokeKey, userId } from '../contract/records.ts'
import {
  assertFindsWhatIsJudged,
  byOwner,
  judgeAll,
  OWNERS,
  parseKeys,
  randomKeys,
} from '../contract/search-contract.ts'
import { prepareAudit } from './audit-store.ts'
import type { SqliteDatabase } from './database.ts'
import { KeyIndex } from './key-index.ts'
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

/** The words of ann's keys that are in the index, and how many have each. */
async function words(database: SqliteDatabase): Promise<readonly (readonly [string, number])[]> {
  const all: (readonly [string, number])[] = []
  for await (const slice of KeyIndex.open(database, userId('ann'))?.terms({ from: '' }) ?? []) {
    for (const { term, documents } of slice) all.push([term, documents])
  }
  return all.sort(([a], [b]) => compareCodePoints(a, b))
}

describe('searches with the index of descriptions', () => {
  test('find what judging each key finds, with keys removed and reworded since, and keys not indexed yet', async () => {
    for (const seed of numbers(40)) {
      const { database, keys } = await openKeys()
      const all = randomKeys(seed)
      const early = all.slice(0, Math.floor(all.length * 0.8))
      for (const key of early) await keys.insert(key, undefined, EVENT)
      await indexAll(database)
      for (const key of all.slice(early.length)) await keys.insert(key, undefined, EVENT)
      const removed = all.filter((_, index) => index % 7 === seed % 7)
      for (const key of removed) await revokeKey(keys, key.id)
      const kept = all.filter((key) => !removed.includes(key))
      // Words of a neighbour, in the place that the key has.
      const reworded = kept.map((key, index) =>
        index % 5 === seed % 5 ? { ...key, description: kept[index - 1]?.description ?? 'new' } : key,
      )
      for (const [index, key] of reworded.entries()) {
        if (key !== kept[index]) await keys.update(key.id, () => key, EVENT)
      }

      const left = byOwner(reworded)
      const find = (owner: string, search: Parameters<typeof searchKeys>[2]) =>
        searchKeys(database, userId(owner), search, 0)
      await assertFindsWhatIsJudged(left, find, 250)
      await database.close()
    }
  })
})

describe('searches of an owner with more keys than one statement reads', () => {
  const all = manyKeys('ann')

  test('find what judging each key finds', { timeout: 120_000 }, async () => {
    const { database, keys } = await openKeys()
    await Promise.all(all.map((key) => keys.insert(key, undefined, EVENT)))
    for (const query of QUERIES_OF_MANY) {
      for (const sort of [undefined, [{ expiresAt: 'desc' }]]) {
        const search = parseKeys({ query, ...(sort && { sort }) }, 3, 12)
        assert.ok(search !== undefined)
        const page = await keys.search(userId('ann'), search)
        const found = { ids: page.hits.map((key) => key.id), total: page.total }
        assert.deepEqual(found, await judgeAll(search, all), JSON.stringify(query))
      }
    }
    await database.close()
  })

  test('bring the index up to date in the background when it is far behind', async () => {
    const { database, keys } = await openKeys()
    // As a store that was filled before there was an index.
    await database.change(() => {
      const insert = database.statement(
        `INSERT INTO keys (fingerprint, id, owner, description, created_by, created_at)
          VALUES (randomblob(32), ?, 'ann', 'a key', 'ann', 0)`,
      )
      for (const n of numbers(INDEXED_FROM_KEYS + 500)) insert.run(`k${n}`)
      database
        .statement('INSERT INTO owner_stats (owner, key_count) VALUES (?, ?)')
        .run('ann', INDEXED_FROM_KEYS + 500)
    })
    const search = parseKeys({ query: { match: { description: 'key' } } }, 0, 1)
    assert.ok(search !== undefined)
    assert.equal((await keys.search(userId('ann'), search)).total, INDEXED_FROM_KEYS + 500)
    // Closing waits for the changes that were begun.
    await database.change(() => undefined)
    await database.change(() => undefined)
    assert.ok((await words(database)).length > 0)
    await database.close()
  })
})

describe('the index of descriptions', () => {
  const bigOwner = (count: number): readonly ApiKey[] =>
    numbers(count).map((n) => aKey(`k${n}`, 'ann', { description: `word${n % 300} common` }))

  test('is not kept for owners with few keys', async () => {
    const { database, keys } = await openKeys()
    await Promise.all(bigOwner(300).map((key) => keys.insert(key, undefined, EVENT)))
    assert.deepEqual(await words(database), [])
    await database.close()
  })

  test('is kept for owners with many keys, as they come', async () => {
    const { database, keys } = await openKeys()
    // Those that were there before are added while some more come.
    const all = bigOwner(INDEXED_FROM_KEYS + 400)
    await Promise.all(all.map((key) => keys.insert(key, undefined, EVENT)))
    const [common] = await words(database)
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
    assert.deepEqual(await words(database), [
      ['one', 1],
      ['three', 1],
      ['two', 2],
    ])
    await revokeKey(keys, first.id)
    assert.deepEqual(await words(database), [
      ['three', 1],
      ['two', 1],
    ])
    await database.change(() => database.statement('DELETE FROM owner_stats WHERE owner = ?').run('ann'))
    assert.deepEqual(await words(database), [])
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
    assert.deepEqual(await words(database), [])
    await database.close()
  })
})
