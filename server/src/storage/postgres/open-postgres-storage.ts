import type { FeedHealth } from '../../core/ports/cluster-nodes.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { lastVersion } from '../migration.ts'
import { createAccessStore } from './access-store.ts'
import { AuditWriter, createAuditStore } from './audit-store.ts'
import { ChangeFeed, type FeedBounds } from './change-feed.ts'
import { createClusterNodes } from './cluster-nodes.ts'
import { createConfigStore } from './config-store.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { type CreditBounds, CreditLeases } from './credit-leases.ts'
import { type PostgresBounds, PostgresDatabase } from './database.ts'
import { createIdempotencyStore } from './idempotency-store.ts'
import { inTime } from './in-time.ts'
import { KeyMemory } from './key-memory.ts'
import { createKeyStore } from './key-store.ts'
import { createLegacyKeyStore } from './legacy-key-store.ts'
import { migrate, readMigrations } from './migrate.ts'
import { PostgresRateCounters } from './rate-counters.ts'
import type { RateBounds } from './rate-reservations.ts'
import { ReadThrough, type StalePolicy } from './read-through.ts'
import { createScrollStore } from './scroll-store.ts'
import { createSessionStore } from './session-store.ts'
import { createUserStore } from './user-store.ts'

/** Limits of a storage in PostgreSQL. */
export type PostgresStorageBounds = PostgresBounds &
  FeedBounds &
  CreditBounds &
  RateBounds &
  StalePolicy & {
    /** Keys that are kept in memory for verifications. */
    readonly keysInMemoryMax: number
  }

/**
 * Opens everything that outlives the process in a schema of a PostgreSQL database: the first in the search path of the
 * connection, which must be empty or Latchkey's. `url` may name several servers; see `parseConnectionUrl`.
 *
 * @throws {DomainError} `storage.unavailable`, whose message is meant for the operator.
 */
export async function openPostgresStorage(url: string, bounds: PostgresStorageBounds): Promise<Storage> {
  const database = new PostgresDatabase(parseConnectionUrl(url), bounds)
  try {
    await migrate(database, readMigrations())
  } catch (error) {
    await database.close()
    throw error
  }
  const feed = new ChangeFeed(database, bounds)
  const storage = createStorage(database, feed, bounds)
  await feed.start()
  return storage
}

function createStorage(database: PostgresDatabase, feed: ChangeFeed, bounds: PostgresStorageBounds): Storage {
  const audit = new AuditWriter()
  const readThrough = new ReadThrough(feed, bounds)
  const memory = new KeyMemory(bounds.keysInMemoryMax, bounds.now)
  // Before everybody else: who hears of a change may look up what it concerns.
  feed.listen((change) => memory.obey(change))
  const leases = new CreditLeases(database, bounds, feed)
  const rates = new PostgresRateCounters(database, bounds)
  const parts = { database, audit, feed, leases }
  const lookUps = { database, feed, readThrough }
  return {
    keys: createKeyStore(parts, { ...lookUps, memory }),
    legacyKeys: createLegacyKeyStore(parts, memory),
    users: createUserStore(audit, lookUps),
    access: createAccessStore(audit, lookUps),
    sessions: createSessionStore(audit, lookUps),
    audit: createAuditStore(database, audit),
    config: createConfigStore(database, audit),
    idempotency: createIdempotencyStore(database),
    scrolls: createScrollStore(database),
    cluster: createClusterNodes(database, {
      id: database.id,
      schemaVersion: lastVersion(readMigrations()),
      feed: () => healthOf(feed),
    }),
    changes: feed,
    rates,
    isHealthy: () => isHealthy(database),
    cachedKeys: () => memory.size,
    async close() {
      const givenBack = Promise.all([leases.close(), rates.close()])
      await inTime(givenBack, GIVE_BACK_MAX_MS, () => undefined)
      await feed.close()
      await database.close()
    },
  }
}

function healthOf(feed: ChangeFeed): FeedHealth {
  const { heardMsAgo, heardSequence } = feed.lag()
  return { isFresh: feed.isFresh(), silentMs: heardMsAgo, heardSequence }
}

/** How long it may take to give back what this node holds of budgets and limits, in ms; then it ends by itself. */
const GIVE_BACK_MAX_MS = 3_000

/** How long the store may take to say that it is healthy, in ms. */
const HEALTH_MAX_MS = 2_000

/** Whatever the reason is that nothing is answered, or not in time, the answer to the question is no. */
async function isHealthy(database: PostgresDatabase): Promise<boolean> {
  const answered = database.first(sql`SELECT 1 FROM access_revision`).then(
    (row) => row !== undefined,
    () => false,
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), HEALTH_MAX_MS)
  })
  try {
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
  }
}
