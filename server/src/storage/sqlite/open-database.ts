import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { DomainError } from '../../core/errors.ts'
import { type CommitQueueBounds, READ_BUSY_TIMEOUT_MS } from './commit-queue.ts'
import { SqliteDatabase } from './database.ts'
import { migrate, readMigrations, schemaVersion } from './migrate.ts'
import { addTestFunction } from './search-tests.ts'
import { isLockedOut, isNotADatabase } from './sqlite-error.ts'

/** Pages kept in memory, in KiB. */
const PAGE_CACHE_KIB = 65_536

/** What is left of the write-ahead log after it was copied into the file, in bytes. */
const LOG_KEPT_BYTES = 67_108_864

/** How long one attempt to open stops the event loop while another process holds the file, in ms. */
const OPEN_BUSY_TIMEOUT_MS = 50

/** Pause between attempts to open a file that another process holds, in ms. */
const OPEN_RETRY_MS = 20

const IN_MEMORY = ':memory:'

/**
 * Opens a database file, creating it and its folders when absent, and brings its schema up to date.
 *
 * The file is readable by its owner only; SQLite gives its companions `-wal` and `-shm` the same mode.
 *
 * @throws {DomainError} `storage.unavailable` when it cannot be opened, is no SQLite database or another program's,
 *   or has a newer schema.
 */
export async function openDatabase(path: string, bounds: CommitQueueBounds): Promise<SqliteDatabase> {
  const giveUpAt = performance.now() + bounds.lockWaitMaxMs
  for (;;) {
    try {
      return new SqliteDatabase(connect(path), bounds)
    } catch (error) {
      if (!isLockedOut(error) || performance.now() >= giveUpAt) throw cannotOpen(path, error)
    }
    await pause(OPEN_RETRY_MS)
  }
}

function connect(path: string): DatabaseSync {
  if (path !== IN_MEMORY) createFile(path)
  const migrations = readMigrations()
  const connection = new DatabaseSync(path, {
    timeout: OPEN_BUSY_TIMEOUT_MS,
    enableForeignKeyConstraints: true,
  })
  try {
    // First, so that nothing is written to a file that turns out to be something else.
    schemaVersion(connection, migrations)
    configure(connection)
    migrate(connection, migrations)
    connection.exec(`PRAGMA busy_timeout = ${READ_BUSY_TIMEOUT_MS}`)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** Creates the file before SQLite does, since SQLite would create it with the process's default mode. */
function createFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

function configure(connection: DatabaseSync): void {
  connection.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -${PAGE_CACHE_KIB};
    PRAGMA journal_size_limit = ${LOG_KEPT_BYTES};
    PRAGMA temp_store = MEMORY;`)
  addTestFunction(connection)
}

function cannotOpen(path: string, error: unknown): DomainError {
  const message = `Cannot open the SQLite store "${path}": ${reasonOf(error)}`
  return new DomainError('storage.unavailable', message, { path }, { cause: error })
}

function reasonOf(error: unknown): string {
  if (isNotADatabase(error)) return 'the file is not an SQLite database'
  return error instanceof Error ? error.message : String(error)
}
