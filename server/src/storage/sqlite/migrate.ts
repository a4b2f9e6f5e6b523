import type { DatabaseSync } from 'node:sqlite'
import {
  type AppliedMigration,
  lastVersion,
  type Migration,
  missingMigrations,
  readMigrations as readMigrationsIn,
} from '../migration.ts'

/** Marks our files, so that no other program's database is ever changed ("LKEY" in ASCII). */
const APPLICATION_ID = 0x4c4b4559

/** The migrations of this build, read from the folder beside this file, in order. */
export function readMigrations(folder = new URL('./migrations/', import.meta.url)): readonly Migration[] {
  return readMigrationsIn(folder)
}

/**
 * Brings a database to the schema of this build; several processes may do so at once.
 *
 * @throws {Error} as `schemaVersion`; nothing is changed then.
 */
export function migrate(connection: DatabaseSync, migrations: readonly Migration[]): void {
  if (missingMigrations(readApplied(connection), migrations).length === 0) return
  connection.exec('BEGIN IMMEDIATE')
  try {
    // Read again under the lock: another process may have been first.
    const applied = readApplied(connection)
    applyMissing(connection, missingMigrations(applied, migrations), applied)
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

/**
 * The number of the last migration that was applied; 0 for an empty database.
 *
 * @throws {Error} when the schema is newer than `migrations` and says that programs of theirs cannot use it, or the database
 *   is another program's.
 */
export function schemaVersion(connection: DatabaseSync, migrations: readonly Migration[]): number {
  const applied = readApplied(connection)
  missingMigrations(applied, migrations)
  return lastVersion(applied)
}

function applyMissing(
  connection: DatabaseSync,
  missing: readonly Migration[],
  applied: readonly AppliedMigration[],
): void {
  if (applied.length === 0) connection.exec(createBookkeeping())
  else if (!saysWhatIsCompatible(connection)) {
    connection.exec('ALTER TABLE schema_migrations ADD COLUMN compatible_from INTEGER')
  }
  const record = connection.prepare(
    'INSERT INTO schema_migrations (version, name, compatible_from) VALUES (?, ?, ?)',
  )
  for (const { version, name, sql, compatibleFrom } of missing) {
    connection.exec(sql)
    record.run(version, name, compatibleFrom ?? null)
  }
}

// One statement, because between two of them another process may finish the first migration.
const READ_OWNERSHIP = `SELECT (SELECT application_id FROM pragma_application_id) AS application,
  (SELECT count(*) FROM sqlite_schema) AS objects`

function readApplied(connection: DatabaseSync): readonly AppliedMigration[] {
  const { application, objects } = connection.prepare(READ_OWNERSHIP).get() ?? {}
  if (application === 0 && objects === 0) return []
  if (application !== APPLICATION_ID) throw new Error('the file is a database of another program')
  const from = saysWhatIsCompatible(connection) ? 'compatible_from' : 'NULL'
  const rows = connection.prepare(`SELECT version, ${from} AS compatible_from FROM schema_migrations`).all()
  return rows.map(({ version, compatible_from }) => ({
    version: Number(version),
    ...(compatible_from !== null && { compatibleFrom: Number(compatible_from) }),
  }))
}

/** Files of before there was a rule for it do not. */
function saysWhatIsCompatible(connection: DatabaseSync): boolean {
  const columns = connection
    .prepare("SELECT 1 FROM pragma_table_info('schema_migrations') WHERE name = 'compatible_from'")
    .all()
  return columns.length > 0
}

function createBookkeeping(): string {
  return `
    PRAGMA application_id = ${APPLICATION_ID};
    CREATE TABLE schema_migrations (
      version INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
      compatible_from INTEGER
    ) STRICT;`
}
