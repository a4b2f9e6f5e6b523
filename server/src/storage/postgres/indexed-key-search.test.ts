import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { compareCodePoints } from '../../query/code-point-order.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { manyKeys, QUERIES_OF_MANY } from '../contract/many-keys.ts'
import { aKey, anEvent, numbers, revokeKey, userId, withUsers } from '../contract/records.ts'
import {
  assertFindsWhatIsJudged,
  byOwner,
  judgeAll,
  OWNERS,
  parseKeys,
  randomKeys,
} from '../contract/search-contract.ts'
import { openStorage } from '../open-storage.ts'
import { wordsOf } from '../word-packer.ts'
import { catchUpWithMost, caughtUp, indexAll } from './catch-up.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { KeyIndex } from './key-index.ts'
import { countKeys, searchKeys } from './search.ts'
import { INDEXED_FROM_KEYS, indexNext, tidyNext } from './search-index.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { until } from './testing/until.ts'

const EVENT = anEvent('key.create')
const BOUNDS = { connectionsMax: 4, waitingMax: 100_000, lockWaitMaxMs: 120_000 }
const ANN = userId('ann')
const PATIENT = { timeout: 300_000 }

describe('searches with the index of descriptions in PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  /** A store of ann and bob, and two nodes that use it besides the one that changes keys. */
  const withNodes =
    (body: (storage: Storage, one: PostgresDatabase, other: PostgresDatabase) => Promise<void>) =>
    async () => {
      const url = await server.newStore()
      const storage = await openStorage(url, { lockWaitMaxMs: 120_000 })
      const nodes = [1, 2].map(() => new PostgresDatabase(parseConnectionUrl(url), BOUNDS))
      const [one, other] = nodes
      assert.ok(one !== undefined && other !== undefined)
      try {
        await withUsers(storage, ...OWNERS)
        await body(storage, one, other)
      } finally {
        for (const node of nodes) {
          await caughtUp(node)
          await node.close()
        }
        await storage.close()
      }
    }

  async function insertAll({ keys }: Storage, all: readonly ApiKey[]): Promise<void> {
    await Promise.all(all.map((key) => keys.insert(key, undefined, EVENT)))
  }

  test(
    'find what judging each key finds, with keys removed and reworded since, and keys not indexed yet',
    PATIENT,
    withNodes(async (storage, node) => {
      for (const seed of numbers(12)) {
        const all = randomKeys(seed)
        const early = all.slice(0, Math.floor(all.length * 0.8))
        for (const key of early) await storage.keys.insert(key, undefined, EVENT)
        for (const owner of OWNERS) await indexWhole(node, userId(owner), 1 + (seed % 6))
        for (const key of all.slice(early.length)) await storage.keys.insert(key, undefined, EVENT)
        const removed = all.filter((_, index) => index % 7 === seed % 7)
        for (const key of removed) await revokeKey(storage.keys, key.id)
        const kept = all.filter((key) => !removed.includes(key))
        const reworded = kept.map((key, index) =>
          index % 5 === seed % 5 ? { ...key, description: kept[index - 1]?.description ?? 'new' } : key,
        )
        for (const [index, key] of reworded.entries()) {
          if (key !== kept[index]) await storage.keys.update(key.id, () => key, EVENT)
        }
        // Now and then some of what is gone is left out of the index itself.
        for (const owner of OWNERS) if (seed % 3 > 0) await tidyNext(node, userId(owner), seed % 2)
        const find = (owner: string, search: Parameters<typeof searchKeys>[2]) =>
          searchKeys(node, userId(owner), search, 0)
        await assertFindsWhatIsJudged(byOwner(reworded), find, 120)
        for (const key of reworded) await revokeKey(storage.keys, key.id)
      }
    }),
  )

  test(
    'find what judging each key finds among more keys than one statement reads',
    PATIENT,
    withNodes(async (storage, node) => {
      const all = manyKeys('ann', 9_000)
      await insertAll(storage, all)
      const inOrder = await inOrderOfCreation(node, all)
      await indexWhole(node, ANN, 300)
      for (const query of QUERIES_OF_MANY) {
        for (const sort of [undefined, [{ expiresAt: 'desc' }]]) {
          const search = parseKeys({ query, ...(sort && { sort }) }, 3, 12)
          assert.ok(search !== undefined)
          const page = await searchKeys(node, ANN, search)
          const found = { ids: page.hits.map((key) => key.id), total: page.total }
          assert.deepEqual(found, await judgeAll(search, inOrder), JSON.stringify(query))
        }
      }
    }),
  )

  test(
    'are right at any moment while nodes index, and keys come, go and are reworded',
    PATIENT,
    withNodes(async (storage, one, other) => {
      const all = numbers(600).map((n) => aKey(`k${n}`, 'ann', { description: `word${n % 9} common` }))
      await insertAll(storage, all.slice(0, 400))
      let isDone = false
      const indexing = [one, other].map(async (node) => {
        while (!isDone) {
          await indexNext(node, ANN, 7)
          await tidyNext(node, ANN, 20)
          await assertTellsOfAll(node)
        }
      })
      const changing = (async () => {
        for (const [index, key] of all.entries()) {
          if (index >= 400) await storage.keys.insert(key, undefined, EVENT)
          if (index % 3 === 0) await revokeKey(storage.keys, all[(index * 7) % 400]?.id ?? '')
          for (const times of numbers(index % 3)) {
            const id = all[(index * 11) % 400]?.id
            const description = `new${index % 5} ${times}`
            if (id !== undefined) await storage.keys.update(id, (old) => ({ ...old, description }), EVENT)
          }
        }
      })()
      await changing.finally(() => {
        isDone = true
      })
      await Promise.all(indexing)
      await indexWhole(one, ANN)
      await assertHasWordsOf(one, await livingKeys(other))
      while (await tidyNext(one, ANN, 0));
      await assertHasWordsOf(other, await livingKeys(one))
      assert.deepEqual(await one.readMany(sql`SELECT * FROM key_index_gone`), [])
    }),
  )

  test(
    'are right after a change that began before there was an index, and ended later',
    PATIENT,
    withNodes(async (storage, one, other) => {
      await insertAll(
        storage,
        numbers(20).map((n) => aKey(`k${n}`, 'ann', { description: 'old' })),
      )
      await one.change(async (transaction) => {
        await transaction.run(sql`UPDATE keys SET description = 'new' WHERE id = 'k3'`)
        assert.equal(await indexNext(other, ANN), false)
      })
      await until(() => indexNext(other, ANN))
      await assertHasWordsOf(one, await livingKeys(one))
      const search = parseKeys({ query: { match: { description: 'new' } } }, 0, 10)
      assert.ok(search !== undefined)
      assert.deepEqual(
        (await searchKeys(one, ANN, search, 0)).hits.map((key) => key.id),
        ['k3'],
      )
    }),
  )

  test(
    'bring the index up to date in the background when it is far behind, as housekeeping does',
    PATIENT,
    withNodes(async (_storage, one, other) => {
      await one.changeBy(sql`WITH counted AS (
          INSERT INTO owner_stats (owner, key_count, knox_count, last_seq)
          SELECT owner, ${INDEXED_FROM_KEYS}::bigint, 0, ${INDEXED_FROM_KEYS}::bigint
          FROM unnest(ARRAY['ann', 'bob']) AS owner
        ) INSERT INTO keys (uid, seq, fingerprint, id, owner, description, created_by, created_at)
        SELECT gen_random_uuid(), n, sha256((owner || n)::bytea), owner || n, owner, 'a key', owner, 0
        FROM generate_series(1, ${INDEXED_FROM_KEYS}::bigint) AS n, unnest(ARRAY['ann', 'bob']) AS owner`)
      const search = parseKeys({ query: { match: { description: 'key' } } }, 0, 1)
      assert.ok(search !== undefined)
      assert.equal((await searchKeys(one, ANN, search)).total, INDEXED_FROM_KEYS)
      await until(async () => {
        await searchKeys(one, ANN, search)
        await caughtUp(one)
        return (await words(other, ANN)).length > 0
      })
      await indexWhole(other, ANN)
      assert.deepEqual(await words(other, ANN), [
        ['a', INDEXED_FROM_KEYS],
        ['key', INDEXED_FROM_KEYS],
      ])
      await until(async () => {
        await catchUpWithMost(other)
        await caughtUp(other)
        return (await words(one, userId('bob'))).length === 2
      })
    }),
  )

  test(
    'leave out keys without a word that are gone, until these are forgotten as others are',
    PATIENT,
    withNodes(async (storage, node) => {
      await insertAll(
        storage,
        numbers(6).map((n) => aKey(`k${n}`, 'ann', { description: n < 5 ? '!' : 'word' })),
      )
      await indexWhole(node, ANN, 2)
      for (const n of numbers(4)) await revokeKey(storage.keys, `k${n}`)
      await assertTellsOfAll(node)
      while (await tidyNext(node, ANN, 0));
      assert.deepEqual(await node.readMany(sql`SELECT * FROM key_index_gone`), [])
      await assertHasWordsOf(node, await livingKeys(node))
    }),
  )

  test(
    'forget everything with the owner',
    PATIENT,
    withNodes(async (storage, node) => {
      const all = numbers(30).map((n) => aKey(`k${n}`, 'ann', { description: `word${n}` }))
      await insertAll(storage, all)
      await indexWhole(node, ANN)
      await revokeKey(storage.keys, 'k4')
      assert.equal((await words(node, ANN)).length, 29)
      await storage.users.remove(ANN, anEvent('user.delete'))
      for (const table of [
        sql`key_index_owner`,
        sql`key_index_segment`,
        sql`key_index_chunk`,
        sql`key_index_gone`,
      ]) {
        assert.deepEqual(await node.readMany(sql`SELECT 1 FROM ${table}`), [])
      }
    }),
  )

  test(
    'are right after the server died while nodes indexed',
    PATIENT,
    withNodes(async (storage, one, other) => {
      const all = numbers(2_000).map((n) => aKey(`k${n}`, 'ann', { description: `word${n % 50} w${n}` }))
      await insertAll(storage, all)
      // From the first batch on it is never too early for the next.
      await until(() => indexNext(one, ANN, 40))
      for (const round of numbers(3)) {
        let batches = 0
        const indexing = (async () => {
          while (await indexNext(one, ANN, 40)) {
            batches += 1
            await tidyNext(one, ANN)
          }
        })()
        const ended = indexing.catch(() => undefined)
        while (batches < 2 + round) await new Promise((resolve) => setImmediate(resolve))
        await server.kill()
        await ended
        await server.restart()
        await answering(one)
        await answering(other)
        await assertTellsOfAll(other)
      }
      await indexWhole(other, ANN)
      await assertHasWordsOf(other, await livingKeys(other))
    }),
  )
})

/**
 * Indexes all keys of an owner. That begins when whatever runs in the server has ended that might change some of them, such
 * as what tends its tables.
 */
async function indexWhole(node: PostgresDatabase, owner: UserId, keysMax?: number): Promise<void> {
  await until(async () => {
    await indexAll(node, owner, keysMax)
    const waiting = await node.readMany(sql`SELECT 1 FROM keys WHERE owner = ${owner}::text AND seq >
      (SELECT indexed_to FROM key_index_owner WHERE owner = ${owner}::text) LIMIT 1`)
    return waiting.length === 0
  })
}

/** Connections that broke are replaced when it is time to try again. */
async function answering(node: PostgresDatabase): Promise<void> {
  for (;;) {
    try {
      await node.read(sql`SELECT 1 FROM access_revision`)
      await node.readMany(sql`SELECT 1`)
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** Whoever inserts many at once learns of their order from the store. */
async function inOrderOfCreation(node: PostgresDatabase, all: readonly ApiKey[]): Promise<readonly ApiKey[]> {
  const byId = new Map(all.map((key) => [String(key.id), key]))
  const rows = await node.readMany(sql`SELECT id FROM keys ORDER BY seq`)
  return rows.flatMap((row) => byId.get(String(row[0])) ?? [])
}

async function livingKeys(node: PostgresDatabase): Promise<readonly string[]> {
  const rows = await node.readMany(sql`SELECT description FROM keys WHERE owner = 'ann'`)
  return rows.map((row) => String(row[0]))
}

/** Asserts that each key is in the index, or reworded, or behind it. */
async function assertTellsOfAll(node: PostgresDatabase): Promise<void> {
  await node.snapshot(async (snapshot) => {
    const index = await KeyIndex.open(snapshot, ANN)
    if (index === undefined) return
    const [later, all] = [
      await snapshot.readMany(
        sql`SELECT count(*) FROM keys WHERE owner = 'ann' AND seq > ${index.indexedTo}::bigint`,
      ),
      await snapshot.readMany(sql`SELECT key_count FROM owner_stats WHERE owner = 'ann'`),
    ]
    assert.equal(index.keys + index.reworded.length + Number(later[0]?.[0]), Number(all[0]?.[0]))
    const described = await snapshot.readMany(
      sql`SELECT seq, description FROM keys WHERE owner = 'ann' AND seq <= ${index.indexedTo}::bigint`,
    )
    const indexed = described.filter((row) => !index.reworded.includes(Number(row[0])))
    assert.deepEqual(await wordsIn(index), countsOf(indexed.map((row) => String(row[1]))))
  })
}

/** Asserts that an index that is up to date has the words of some descriptions. */
async function assertHasWordsOf(node: PostgresDatabase, descriptions: readonly string[]): Promise<void> {
  await assertTellsOfAll(node)
  assert.equal(await countKeys(node, ANN), descriptions.length)
  await node.snapshot(async (snapshot) => {
    const index = await KeyIndex.open(snapshot, ANN)
    assert.ok(index !== undefined)
    const texts = await snapshot.readMany(sql`SELECT seq, description FROM keys WHERE owner = 'ann'`)
    const indexed = texts.filter((row) => !index.reworded.includes(Number(row[0])))
    const tokens = indexed.map((row) => wordsOf(1, String(row[1])).words)
    assert.equal(
      index.statistics.tokens,
      tokens.reduce((sum, count) => sum + count, 0),
    )
    assert.equal(index.statistics.documents, tokens.filter((count) => count > 0).length)
  })
}

function countsOf(descriptions: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const description of descriptions) {
    for (const term of wordsOf(1, description).byTerm.keys()) counts.set(term, (counts.get(term) ?? 0) + 1)
  }
  return [...counts].sort(([a], [b]) => compareCodePoints(a, b))
}

/** The words in an index, and how many keys have each, as words themselves and as occurrences tell. */
async function wordsIn(index: KeyIndex): Promise<readonly (readonly [string, number])[]> {
  const all: (readonly [string, number])[] = []
  for await (const slice of index.terms({ from: '' })) {
    for (const { term, documents } of slice) all.push([term, documents])
  }
  for (const [term, documents] of all) {
    const seen: number[] = []
    await index.visitTerm(term, (document) => seen.push(document))
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
    )
    assert.equal(seen.length, documents)
  }
  return all.sort(([a], [b]) => compareCodePoints(a, b))
}

function words(node: PostgresDatabase, owner: UserId): Promise<readonly (readonly [string, number])[]> {
  return node.snapshot(async (snapshot) => {
    const index = await KeyIndex.open(snapshot, owner)
    return index === undefined ? [] : wordsIn(index)
  })
}
