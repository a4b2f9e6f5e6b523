import type { Storage } from '../../core/ports/storage.ts'
import { AccessFreshness } from './access-cache.ts'
import { createAccessStore } from './access-store.ts'
import { createAuditStore, prepareAudit } from './audit-store.ts'
import type { CommitQueueBounds } from './commit-queue.ts'
import { createConfigStore } from './config-store.ts'
import type { SqliteDatabase } from './database.ts'
import { createIdempotencyStore } from './idempotency-store.ts'
import { createKeyStore, shareKeys } from './key-store.ts'
import { createLegacyKeyStore } from './legacy-key-store.ts'
import { openDatabase } from './open-database.ts'
import { prepareOwners } from './owners.ts'
import { createScrollStore } from './scroll-store.ts'
import { createSessionStore } from './session-store.ts'
import { createStoreChanges } from './store-changes.ts'
import { createUserStore } from './user-store.ts'
import { prepareUserWriter } from './user-writer.ts'

/** Limits of a storage in SQLite. */
export type SqliteBounds = CommitQueueBounds & {
  /** Keys that are kept in memory for verifications. */
  readonly keysInMemoryMax: number
}

/**
 * Opens everything that outlives the process in one SQLite file; `:memory:` lives as long as the storage is open.
 *
 * @throws {DomainError} `storage.unavailable`; see `openDatabase`.
 */
export async function openSqliteStorage(path: string, bounds: SqliteBounds): Promise<Storage> {
  const database = await openDatabase(path, bounds)
  const writeAudit = prepareAudit(database)
  const requireOwner = prepareOwners(database)
  const freshness = new AccessFreshness(database)
  const userWriter = prepareUserWriter(database, freshness)
  const sharedKeys = shareKeys(database, bounds.keysInMemoryMax)
  const changes = createStoreChanges(sharedKeys.news)
  return {
    keys: createKeyStore(database, writeAudit, requireOwner, sharedKeys),
    legacyKeys: createLegacyKeyStore(database, { writeAudit, requireOwner, shared: sharedKeys }),
    users: createUserStore(database, { writeAudit, requireOwner, userWriter, revoked: sharedKeys.revoked }),
    access: createAccessStore(database, { writeAudit, userWriter, freshness }),
    sessions: createSessionStore(database, { writeAudit, requireOwner, news: sharedKeys.news }),
    audit: createAuditStore(database, writeAudit),
    config: createConfigStore(database, writeAudit),
    idempotency: createIdempotencyStore(database),
    scrolls: createScrollStore(database),
    changes,
    isHealthy: async () => isHealthy(database),
    cachedKeys: () => sharedKeys.memory.size,
    async close() {
      changes.close()
      await database.close()
    },
  }
}

/** Whether the store can be read, and was written when that was tried last; reading goes on where the disk is full. */
function isHealthy(database: SqliteDatabase): boolean {
  try {
    return !database.isFailing && database.statement('SELECT 1 FROM access_revision').get() !== undefined
  } catch {
    // Whatever the reason is, the answer to the question is no.
    return false
  }
}
