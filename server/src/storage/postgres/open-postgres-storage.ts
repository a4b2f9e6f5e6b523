import type { Storage } from '../../core/ports/storage.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { AccessRevision } from './access-memory.ts'
import { createAccessStore } from './access-store.ts'
import { AuditWriter, createAuditStore } from './audit-store.ts'
import { createConfigStore } from './config-store.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { type PostgresBounds, PostgresDatabase } from './database.ts'
import { createIdempotencyStore } from './idempotency-store.ts'
import { KeyMemory } from './key-memory.ts'
import { createKeyStore } from './key-store.ts'
import { createLegacyKeyStore } from './legacy-key-store.ts'
import { migrate, readMigrations } from './migrate.ts'
import { createSessionStore } from './session-store.ts'
import { createUserStore } from './user-store.ts'

/** Limits of a storage in PostgreSQL. */
export type PostgresStorageBounds = PostgresBounds & {
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
  return createStorage(database, new KeyMemory(bounds.keysInMemoryMax))
}

function createStorage(database: PostgresDatabase, memory: KeyMemory): Storage {
  const audit = new AuditWriter()
  const revision = new AccessRevision()
  const parts = { database, audit }
  return {
    keys: createKeyStore(parts, memory, revision),
    legacyKeys: createLegacyKeyStore(parts),
    users: createUserStore(database, audit),
    access: createAccessStore(database, audit, revision),
    sessions: createSessionStore(database, audit),
    audit: createAuditStore(database, audit),
    config: createConfigStore(database, audit),
    idempotency: createIdempotencyStore(database),
    isHealthy: () => isHealthy(database),
    cachedKeys: () => memory.size,
    close: () => database.close(),
  }
}

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
