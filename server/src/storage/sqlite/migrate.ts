import { readdirSync, readFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

/** One step of the schema: forward only, never edited once released. */
type Migration = { readonly version: number; readonly name: string; readonly sql: string }

/** Marks our files, so that no other program's database is ever changed ("LKEY" in ASCII). */
const APPLICATION_ID = 0x4c4b4559

const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/

/** The migrations of this build, read from the folder beside this file, in order. */
export function readMigrations(folder = new URL('./migrations/', import.meta.url)): readonly Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file, index) => readMigration(folder, file, index + 1))
}

function readMigration(folder: URL, file: string, expected: number): Migration {
  const [, version, name] = FILE_NAME.exec(file) ?? []
  if (name === undefined || Number(version) !== expected) {
    throw new Error(`Cannot read migration "${file}": its name must be ${printVersion(expected)}-words.sql`)
  }
  return { version: expected, name, sql: readFileSync(new URL(file, folder), 'utf8') }
}

function printVersion(version: number): string {
  return String(version).padStart(4, '0')
}

/**
 * Brings a database to the schema of this build; several processes may do so at once.
 *
 * @throws {Error} as `schemaVersion`; nothing is changed then.
 */
export function migrate(connection: DatabaseSync, migrations: readonly Migration[]): void {
  if (schemaVersion(connection, migrations) === migrations.length) return
  connection.exec('BEGIN IMMEDIATE')
  try {
    // Read again under the lock: another process may have been first.
    applyMissing(connection, migrations, schemaVersion(connection, migrations))
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

/**
 * The number of the last migration that was applied; 0 for an empty database.
 *
 * @throws {Error} when the schema is newer than `migrations`, or the database is another program's.
 */
export function schemaVersion(connection: DatabaseSync, migrations: readonly Migration[]): number {
  const version = readVersion(connection)
  if (version > migrations.length) throw new Error(tooNew(version, migrations.length))
  return version
}

function applyMissing(connection: DatabaseSync, migrations: readonly Migration[], from: number): void {
  if (from === 0) connection.exec(createBookkeeping())
  const record = connection.prepare('INSERT INTO schema_migrations (version, name) VALUES (?, ?)')
  for (const { version, name, sql } of migrations.slice(from)) {
    connection.exec(sql)
    record.run(version, name)
  }
}

// One statement, because between two of them another process may finish the first migration.
const READ_OWNERSHIP = `SELECT (SELECT application_id FROM pragma_application_id) AS application,
  (SELECT count(*) FROM sqlite_schema) AS objects`

function readVersion(connection: DatabaseSync): number {
  const { application, objects } = connection.prepare(READ_OWNERSHIP).get() ?? {}
  if (application === APPLICATION_ID) return lastMigration(connection)
  if (application === 0 && objects === 0) return 0
  throw new Error('the file is a database of another program')
}

function lastMigration(connection: DatabaseSync): number {
  const row = connection.prepare('SELECT max(version) AS version FROM schema_migrations').get()
  return Number(row?.['version'] ?? 0)
}

function createBookkeeping(): string {
  return `
    PRAGMA application_id = ${APPLICATION_ID};
    CREATE TABLE schema_migrations (
      version INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;`
}

function tooNew(found: number, known: number): string {
  return `its schema is version ${found}, and this build knows versions up to ${known}: start the newer Latchkey that wrote it`
}
