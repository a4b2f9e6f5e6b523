import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, numbers, refusal } from '../contract/records.ts'
import { compatibleFrom, lastVersion, type Migration } from '../migration.ts'
import { openStorage } from '../open-storage.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const ALL = readMigrations()
const LAST = lastVersion(ALL)

/** What the next release may bring: more of what old programs do not ask for. */
const ADDITIVE: Migration = {
  version: LAST + 1,
  name: 'additive',
  compatibleFrom: LAST,
  sql: `CREATE TABLE later_things (id integer);
    ALTER TABLE keys ADD COLUMN later_column integer NOT NULL DEFAULT 7`,
}

/** What would break them. */
const BREAKING: Migration = { version: LAST + 2, name: 'breaking', sql: 'ALTER TABLE keys DROP COLUMN hint' }

/** What a node says of itself. */
const report = (name: string) => ({
  name,
  version: '1.0.0',
  address: 'http://127.0.0.1:1',
  threads: 1,
  state: 'ready' as const,
  clockAheadMs: 0,
})

describe('the schema in PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  const migrated = async (url: string, migrations: readonly Migration[]): Promise<void> => {
    const database = new PostgresDatabase(parseConnectionUrl(url), {
      connectionsMax: 2,
      waitingMax: 10,
      lockWaitMaxMs: 30_000,
    })
    try {
      await migrate(database, migrations)
    } finally {
      await database.close()
    }
  }

  const schemaOf = (url: string): string => /search_path%3D(\w+)/.exec(url)?.[1] ?? assert.fail()

  const appliedIn = async (url: string): Promise<readonly number[]> => {
    const rows = await server.run(`SELECT version FROM ${schemaOf(url)}.latchkey_migrations ORDER BY version`)
    return rows.map((row) => Number(row['version']))
  }

  test('is made once, however many nodes start at once, each of another release', async () => {
    const url = await server.newStore()
    const releases = [ALL, [...ALL, ADDITIVE]]
    await Promise.all(numbers(24).map((n) => migrated(url, releases[n % 2] ?? ALL)))
    assert.deepEqual(
      await appliedIn(url),
      [...ALL, ADDITIVE].map(({ version }) => version),
    )
  })

  test('is brought up to date step by step from each one that there ever was', async () => {
    for (const { version } of ALL) {
      const url = await server.newStore()
      await migrated(
        url,
        ALL.filter((step) => step.version <= version),
      )
      const storage = await openStorage(url)
      await assertWorks([storage])
      await storage.close()
      assert.deepEqual(
        await appliedIn(url),
        ALL.map((step) => step.version),
      )
    }
  })

  test('serves this release and the next one side by side, in whichever order they start', async () => {
    const url = await server.newStore()
    const early = await openStorage(url)
    await early.cluster?.beat(report('early'))
    await migrated(url, [...ALL, ADDITIVE])
    // This release again, on the schema of the next: a node that is restarted in the middle of an upgrade.
    const late = await openStorage(url)
    await assertWorks([early, late])
    await late.close()
    await early.close()
  })

  test('lets older programs start exactly where it says that they may', async () => {
    const url = await server.newStore()
    await migrated(url, ALL)
    for (const { version } of ALL) {
      const known = ALL.filter((step) => step.version <= version)
      const from = compatibleFrom(ALL.filter((step) => step.version > version))
      if (version >= from) await migrated(url, known)
      else {
        const error = await refusal(migrated(url, known), 'storage.unavailable')
        assert.match(
          error.message,
          new RegExp(`version ${LAST}, .*up to ${version}: start the newer Latchkey`),
        )
      }
      assert.deepEqual(
        await appliedIn(url),
        ALL.map((step) => step.version),
      )
    }
  })

  test('is not changed under nodes that could not go on with it, until they are gone', async () => {
    const url = await server.newStore()
    const storage = await openStorage(url)
    await storage.cluster?.beat(report('old-node'))
    // However slow this machine is.
    await server.run(
      `UPDATE ${schemaOf(url)}.cluster_nodes SET heartbeat_at = heartbeat_at + interval '1 hour'`,
    )
    const error = await refusal(migrated(url, [...ALL, ADDITIVE, BREAKING]), 'storage.unavailable')
    assert.match(
      error.message,
      /node "old-node" \(Latchkey 1\.0\.0\) is running and could not use schema version/,
    )
    assert.deepEqual(
      await appliedIn(url),
      ALL.map((step) => step.version),
    )
    await assertWorks([storage])
    await storage.cluster?.leave()
    await storage.close()
    await migrated(url, [...ALL, ADDITIVE, BREAKING])
    await refusal(openStorage(url), 'storage.unavailable')
  })

  test('is not changed at all by a step that fails', async () => {
    const url = await server.newStore()
    await migrated(url, ALL)
    const broken = {
      version: LAST + 2,
      name: 'broken',
      compatibleFrom: LAST,
      sql: 'CREATE TABLE x (y integer); SELECT nonsense',
    }
    await assert.rejects(migrated(url, [...ALL, ADDITIVE, broken]), /nonsense/)
    assert.deepEqual(
      await appliedIn(url),
      ALL.map((step) => step.version),
    )
  })
})

let keys = 0

/** However slow this machine is, nodes have heard of a change by then, in ms. */
const HEARD_MAX_MS = 60_000

/** What one creates all see, and what one revokes all refuse. */
async function assertWorks(storages: readonly Storage[]): Promise<void> {
  for (const creator of storages) {
    for (const revoker of storages) {
      keys += 1
      const key = aKey(`works-${keys}`, '-1')
      await creator.keys.insert(key, undefined, anEvent('key.create'))
      for (const { keys } of storages) assert.deepEqual((await keys.lookUp(key.fingerprint))?.key, key)
      const revocation = { at: 1, by: key.owner, reason: 'unspecified' } as const
      await revoker.keys.revoke(key.id, { revocation }, anEvent('key.delete'))
      const giveUpAt = performance.now() + HEARD_MAX_MS
      for (const { keys } of storages) {
        while ((await keys.lookUp(key.fingerprint))?.revocation === undefined) {
          assert.ok(performance.now() < giveUpAt, 'a node still takes the key for good')
          await sleep(5)
        }
      }
    }
  }
}
