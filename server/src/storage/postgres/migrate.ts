import { readdirSync, readFileSync } from 'node:fs'
import type { PostgresDatabase } from './database.ts'
import { unavailable } from './postgres-error.ts'
import type { Transaction } from './transaction.ts'

/** One step of the schema: forward only, never edited once released. */
type Migration = { readonly version: number; readonly name: string; readonly sql: string }

/** First half of the advisory lock that migrations take ("LKEY" in ASCII); the second is made of the schema's name. */
const LOCK = 0x4c4b4559

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
 * Brings a schema to that of this build; several nodes may do so at once.
 *
 * @throws {DomainError} `storage.unavailable`: the schema is newer than `migrations`, or another program's. Nothing is
 *   changed then.
 */
export function migrate(database: PostgresDatabase, migrations: readonly Migration[]): Promise<void> {
  return database.change(async (transaction) => {
    if ((await readVersion(transaction, migrations)) === migrations.length) return
    await transaction.script(
      `SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
      SELECT pg_advisory_xact_lock(${LOCK}, hashtext(current_schema()))`,
    )
    // Read again under the lock: another node may have been first.
    const version = await readVersion(transaction, migrations)
    if (version === 0) await transaction.script(BOOKKEEPING)
    for (const migration of migrations.slice(version)) await apply(transaction, migration)
  })
}

async function apply(transaction: Transaction, { version, name, sql }: Migration): Promise<void> {
  await transaction.script(sql)
  await transaction.script(`INSERT INTO latchkey_migrations (version, name) VALUES (${version}, '${name}')`)
}

const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS latchkey_migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`

const OWNERSHIP = `SELECT current_schema(),
  to_regclass(quote_ident(current_schema()) || '.latchkey_migrations') IS NOT NULL,
  (SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()
    AND tablename IN ('keys', 'users', 'sessions', 'roles', 'profiles', 'config'))`

async function readVersion(transaction: Transaction, migrations: readonly Migration[]): Promise<number> {
  const [schema, isOurs, others] = (await transaction.script(OWNERSHIP))[0] ?? []
  if (typeof schema !== 'string') throw unavailable('the connection names no schema to work in')
  if (isOurs !== true) {
    if (Number(others) > 0) throw unavailable(`schema "${schema}" has tables of another program`)
    return 0
  }
  const [row] = await transaction.script('SELECT coalesce(max(version), 0) FROM latchkey_migrations')
  const version = Number(row?.[0])
  if (version > migrations.length) throw unavailable(tooNew(version, migrations.length))
  return version
}

function tooNew(found: number, known: number): string {
  return `its schema is version ${found}, and this build knows versions up to ${known}: start the newer Latchkey that wrote it`
}
