import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DomainError } from '../../core/errors.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { aKey, anEvent, keyId, numbers, refusal, revokeKey, userId } from '../contract/records.ts'
import { parseKeys } from '../contract/search-contract.ts'
import { openStorage } from '../open-storage.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'
import { partitionKeys, readKeyLayout } from './partition-keys.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { until } from './testing/until.ts'

const BOUNDS = { connectionsMax: 2, waitingMax: 10, lockWaitMaxMs: 60_000 }

const OWNERS = ['-1', 'admin', 'ann', 'bob', 'cid', 'dan', 'eve', 'fay'] as const

describe('keys in partitions', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres({ deadlock_timeout: '100ms' })
  })
  after(() => server.stop())

  const schemaOf = (url: string): string => /search_path%3D(\w+)/.exec(url)?.[1] ?? assert.fail()
  const split = (url: string, partitions: number) => partitionKeys(url, partitions, () => {})

  /** A store with five keys of each owner, which need not be users: they are Knox's. */
  const filledStore = async (): Promise<string> => {
    const url = await server.newStore()
    const storage = await openStorage(url)
    await Promise.all(
      OWNERS.flatMap((owner) => numbers(5).map((n) => insert(storage, `${owner}-${n}`, owner))),
    )
    await storage.keys.noteUses([
      {
        id: keyId('ann-1'),
        since: 5_000,
        lastUsedAt: 5_000,
        days: new Map([[3, { accepted: 2, refused: 1 }]]),
      },
    ])
    await storage.close()
    return url
  }

  /** Stores a key; `secret` names what its fingerprint is made of. */
  const insert = (storage: Storage, id: string, owner: string, secret = id): Promise<void> => {
    const { fingerprint } = aKey(secret, owner)
    const key = aKey(id, owner, { fingerprint, family: 'knox', knox: { type: 'API_KEY' } })
    return storage.keys.insert(key, undefined, anEvent('key.create'))
  }

  /** Everything in the tables of keys, with the columns in their order, and what guards them. */
  const contentsOf = async (url: string): Promise<readonly unknown[]> => {
    const schema = schemaOf(url)
    const rows = [
      await server.run(`SELECT * FROM ${schema}.keys ORDER BY uid`),
      await server.run(`SELECT * FROM ${schema}.key_usage ORDER BY key_uid, day`),
      await server.run(`SELECT * FROM ${schema}.key_ids ORDER BY id`),
      await server.run(`SELECT * FROM ${schema}.key_fingerprints ORDER BY fingerprint`),
    ]
    const guards = await server.run(`SELECT conrelid::regclass::text AS table, pg_get_constraintdef(oid) AS is
      FROM pg_constraint WHERE conrelid = '${schema}.keys'::regclass ORDER BY 1, 2`)
    return [...rows, guards]
  }

  test('hold what they held in one table, in any number of partitions and back', async () => {
    const url = await filledStore()
    const schema = schemaOf(url)
    await server.run(`CREATE ROLE "a reader"; GRANT SELECT ON ${schema}.keys TO "a reader" WITH GRANT OPTION;
      GRANT SELECT ON ${schema}.key_usage TO PUBLIC`)
    const before = await contentsOf(url)
    const objects = () =>
      server.run(`SELECT relname, relkind, reloptions, relacl::text FROM pg_class
        WHERE relnamespace = '${schema}'::regnamespace AND relname LIKE 'key%' ORDER BY 1
      `)
    const triggers = () =>
      server.run(
        `SELECT tgname FROM pg_trigger WHERE tgrelid = '${schema}.keys'::regclass AND NOT tgisinternal ORDER BY 1`,
      )
    const [objectsBefore, triggersBefore] = [await objects(), await triggers()]
    const steps: string[] = []
    assert.deepEqual(await readKeyLayout(url), { partitions: 1, keys: 40 })
    assert.deepEqual(await partitionKeys(url, 4, (step) => steps.push(step)), { partitions: 4, keys: 40 })
    assert.ok(steps.includes('copying 40 rows of keys into 4 partitions'), steps.join('\n'))
    assert.deepEqual((await contentsOf(url)).slice(0, 4), before.slice(0, 4))
    assert.equal((await triggers()).length, triggersBefore.length + 3)
    assert.deepEqual(await split(url, 7), { partitions: 7, keys: 40 })
    assert.deepEqual((await contentsOf(url)).slice(0, 4), before.slice(0, 4))
    assert.deepEqual(await split(url, 1), { partitions: 1, keys: 40 })
    assert.deepEqual(await contentsOf(url), before)
    assert.deepEqual(await objects(), objectsBefore)
    assert.deepEqual(await triggers(), triggersBefore)
  })

  test('know where each key is, whatever becomes of it', async () => {
    const url = await filledStore()
    await split(url, 3)
    const storage = await openStorage(url)
    try {
      await revokeKey(storage.keys, 'ann-1')
      await storage.keys.restore(keyId('ann-1'), { revokedSince: 0 }, anEvent('key.restore', 'ann-1'))
      await revokeKey(storage.keys, 'bob-1')
      const replaces = aKey('cid-1', 'cid').fingerprint
      const to = { replaces, fingerprint: aKey('other', 'cid').fingerprint, previousGoodUntil: 9e15 }
      assert.ok(await storage.keys.rotate(keyId('cid-1'), to, anEvent('key.rotate', 'cid-1')))
      await insert(storage, 'new', 'dan')
      assert.equal((await storage.keys.lookUp(to.fingerprint))?.key.id, 'cid-1')
      assert.equal((await storage.keys.lookUp(replaces))?.goodUntil, 9e15)
      await refusal(insert(storage, 'new', 'eve'), 'key.id_taken')
    } finally {
      await storage.close()
    }
    const schema = schemaOf(url)
    for (const [table, column] of [
      ['key_ids', 'id'],
      ['key_fingerprints', 'fingerprint'],
    ]) {
      const places = `SELECT ${column}, owner FROM ${schema}.${table}`
      const keys = `SELECT ${column}, owner FROM ${schema}.keys`
      assert.deepEqual(
        await server.run(`(${places} EXCEPT ${keys}) UNION ALL (${keys} EXCEPT ${places})`),
        [],
      )
    }
  })

  test('are found in one partition, by fingerprint, by id and by owner', async () => {
    const url = await filledStore()
    await split(url, 8)
    /** Partitions that were looked into, at least so many. A connection that ends tells all that it did, bit by bit. */
    const readBy = async (
      least: number,
      work: (storage: Storage) => Promise<unknown>,
    ): Promise<readonly string[]> => {
      await server.run('SELECT pg_stat_reset()')
      const storage = await openStorage(url)
      await work(storage)
      await storage.close()
      let read: readonly string[] = []
      await until(async () => {
        const rows = await server.run(`SELECT relname FROM pg_stat_user_tables
          WHERE schemaname = '${schemaOf(url)}' AND relname LIKE 'key%' AND idx_scan + seq_scan > 0 ORDER BY 1`)
        read = rows.map((row) => String(row['relname'])).filter((name) => /_p\d+$/.test(name))
        return read.length >= least
      })
      return read.map((name) => name.replace(/_p\d+$/, ''))
    }
    const { id, fingerprint } = aKey('ann-1', 'ann')
    assert.deepEqual(await readBy(2, ({ keys }) => Promise.resolve(keys.lookUp(fingerprint))), [
      'key_fingerprints',
      'keys',
    ])
    assert.deepEqual(await readBy(2, ({ keys }) => keys.findById(id)), ['key_ids', 'keys'])
    const page = (storage: Storage) => storage.keys.list({ owner: userId('ann'), now: 0 }, { limit: 3 })
    assert.deepEqual(await readBy(1, page), ['keys'])
    assert.deepEqual(await readBy(3, ({ keys }) => keys.usage(id, 3)), ['key_ids', 'key_usage', 'keys'])
  })

  test('of one id, on several nodes at the same moment, are one', async () => {
    const url = await filledStore()
    await split(url, 5)
    const nodes = await Promise.all(numbers(3).map(() => openStorage(url)))
    try {
      for (const round of numbers(10)) {
        const attempts = nodes.flatMap((node, n) =>
          ['ann', 'bob', 'ann'].map((owner, place) =>
            insert(node, `same-${round}`, owner, `${round} ${n} ${place}`),
          ),
        )
        const outcomes = await Promise.allSettled(attempts)
        const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
        assert.equal(refused.length, attempts.length - 1)
        for (const { reason } of refused) assert.equal(reason.code, 'key.id_taken', String(reason))
      }
    } finally {
      for (const node of nodes) await node.close()
    }
  })

  test('are split under nodes that run, which go on', async () => {
    const url = await filledStore()
    const node = await openStorage(url)
    try {
      const { fingerprint } = aKey('ann-2', 'ann')
      assert.equal((await node.keys.lookUp(fingerprint))?.key.id, 'ann-2')
      const busy = (async () => {
        for (const n of numbers(60)) await insert(node, `meanwhile-${n}`, OWNERS[n % OWNERS.length] ?? 'ann')
      })()
      for (const partitions of [6, 2, 1]) await split(url, partitions)
      await busy
      assert.equal((await node.keys.findById(keyId('meanwhile-59')))?.id, 'meanwhile-59')
      await revokeKey(node.keys, 'ann-2')
      assert.ok((await node.keys.lookUp(fingerprint))?.revocation)
    } finally {
      await node.close()
    }
    assert.deepEqual(await readKeyLayout(url), { partitions: 1, keys: 99 })
  })

  test('are never taken for gone while they are split: the true answer, or that the store is busy', async () => {
    const url = await filledStore()
    const nodes = await Promise.all(numbers(2).map(() => openStorage(url, { staleAfterMs: 0 })))
    const [first] = nodes
    const replaces = aKey('ann-1', 'ann').fingerprint
    const to = { replaces, fingerprint: aKey('newer', 'ann').fingerprint, previousGoodUntil: 9e15 }
    assert.ok(await first?.keys.rotate(keyId('ann-1'), to, anEvent('key.rotate', 'ann-1')))
    const counts = { right: 0, busy: 0, uses: 0 }
    const wrong: string[] = []
    try {
      let isOver = false
      const asking = nodes.flatMap(({ keys }, node) =>
        Object.entries(questionsOf(keys, counts)).map(async ([name, isThere]) => {
          for (let n = node; !isOver; n += 1) {
            await sleep(5)
            try {
              if (await isThere(OWNERS[n % OWNERS.length] ?? 'ann', (n % 2) + 2 * node)) counts.right += 1
              else wrong.push(name)
            } catch (error) {
              if (error instanceof DomainError && error.code === 'storage.unavailable') counts.busy += 1
              else wrong.push(`${name}: ${String(error)}`)
            }
          }
        }),
      )
      for (const partitions of [3, 8, 2, 5, 1]) await split(url, partitions)
      isOver = true
      await Promise.all(asking)
      assert.deepEqual(countOf(wrong), {})
      assert.ok(counts.right > 100, JSON.stringify(counts))
      const days = await first?.keys.usage(keyId('bob-4'), 3)
      assert.equal(days?.[0]?.accepted, counts.uses)
    } finally {
      for (const node of nodes) await node.close()
    }
  })

  test('are in a snapshot that was opened while they were split', async () => {
    const url = await filledStore()
    const schema = schemaOf(url)
    const database = new PostgresDatabase(parseConnectionUrl(url), BOUNDS)
    const waiting = async (count: number): Promise<void> => {
      const blocked = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
      await until(async () => (await server.run(blocked)).length === count)
    }
    const open = Promise.withResolvers<void>()
    try {
      const reading = database.change(async (transaction) => {
        await transaction.script(`SELECT count(*) FROM ${schema}.keys`)
        await open.promise
      })
      const splitting = split(url, 4)
      await waiting(1)
      const counted = database.snapshot(
        async (snapshot) => (await snapshot.all(sql`SELECT count(*) FROM keys`))[0]?.[0],
      )
      await waiting(2)
      open.resolve()
      await Promise.all([reading, splitting])
      assert.equal(await counted, 40)
    } finally {
      open.resolve()
      await database.close()
    }
  })

  test('are for programs that know of them: others refuse, and as long as one runs nothing is split', async () => {
    const url = await filledStore()
    const schema = schemaOf(url)
    const addNode = (version: number) =>
      server.run(`INSERT INTO ${schema}.cluster_nodes (id, name, version, schema_version, address, threads, state,
          started_at, heartbeat_at, clock_ahead_ms)
        VALUES (gen_random_uuid(), 'old', '0.0.9', ${version}, '', 1, 'ready', clock_timestamp(), clock_timestamp(), 0)`)
    await addNode(7)
    const before = await contentsOf(url)
    const refused = await refusal(split(url, 4), 'storage.unavailable')
    assert.match(
      refused.message,
      /node "old" \(Latchkey 0\.0\.9\) is running and knows nothing of partitions/,
    )
    assert.deepEqual(await contentsOf(url), before)
    await server.run(`DELETE FROM ${schema}.cluster_nodes`)
    await split(url, 4)
    const old = new PostgresDatabase(parseConnectionUrl(url), BOUNDS)
    try {
      const known = readMigrations().filter(({ version }) => version < 8)
      const error = await refusal(migrate(old, known), 'storage.unavailable')
      assert.match(error.message, /start the newer Latchkey/)
      await split(url, 1)
      await migrate(old, known)
    } finally {
      await old.close()
    }
  })
})

type Counts = { uses: number }

/** What is asked of keys that are there, each of them by one node at a time: whether they seem to be. */
function questionsOf(keys: KeyStore, counts: Counts) {
  const everything = parseKeys({ query: { match_all: {} } }, 0, 10) ?? assert.fail()
  return {
    lookUp: async (owner: string, n: number) => {
      const found = await keys.lookUp(aKey(`${owner}-${n}`, owner).fingerprint)
      return found !== undefined && found.revocation === undefined
    },
    findById: async (owner: string, n: number) =>
      (await keys.findById(keyId(`${owner}-${n}`)))?.id === `${owner}-${n}`,
    update: async (owner: string, n: number) =>
      (await keys.update(keyId(`${owner}-${n}`), (key) => key, anEvent('key.update'))) !== undefined,
    list: async (owner: string) =>
      (await keys.list({ owner: userId(owner), now: 0 }, { limit: 9 })).keys.length > 0,
    search: async (owner: string) => (await keys.search(userId(owner), everything)).total > 0,
    usage: async () => (await keys.usage(keyId('ann-1'), 3)).length === 1,
    noteUses: async () => {
      await keys.noteUses([
        { since: 9_000, id: keyId('bob-4'), days: new Map([[3, { accepted: 1, refused: 0 }]]) },
      ])
      counts.uses += 1
      return true
    },
  }
}

function countOf(names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...new Set(names)].map((name) => [name, names.filter((one) => one === name).length]),
  )
}
