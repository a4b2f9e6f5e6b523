import type { Storage } from '../../core/ports/storage.ts'
import { createAccessStore } from './access-store.ts'
import { createAuditStore, prepareAudit } from './audit-store.ts'
import type { CommitQueueBounds } from './commit-queue.ts'
import { createConfigStore } from './config-store.ts'
import type { SqliteDatabase } from './database.ts'
import { createKeyStore } from './key-store.ts'
import { openDatabase } from './open-database.ts'
import { prepareOwners } from './owners.ts'
import { createSessionStore } from './session-store.ts'
import { createUserStore } from './user-store.ts'
import { prepareUserWriter } from './user-writer.ts'

/**
 * Opens everything that outlives the process in one SQLite file; `:memory:` lives as long as the storage is open.
 *
 * @throws {DomainError} `storage.unavailable`; see `openDatabase`.
 */
export async function openSqliteStorage(path: string, bounds: CommitQueueBounds): Promise<Storage> {
  const database = await openDatabase(path, bounds)
  const writeAudit = prepareAudit(database)
  const requireOwner = prepareOwners(database)
  const userWriter = prepareUserWriter(database)
  return {
    keys: createKeyStore(database, writeAudit, requireOwner),
    users: createUserStore(database, writeAudit, requireOwner, userWriter),
    access: createAccessStore(database, writeAudit, userWriter),
    sessions: createSessionStore(database, writeAudit, requireOwner),
    audit: createAuditStore(database, writeAudit),
    config: createConfigStore(database, writeAudit),
    isHealthy: async () => isHealthy(database),
    close: () => database.close(),
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
