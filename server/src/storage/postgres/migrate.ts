import {
  type AppliedMigration,
  compatibleFrom,
  lastVersion,
  type Migration,
  missingMigrations,
  readMigrations as readMigrationsIn,
} from '../migration.ts'
import type { PostgresDatabase } from './database.ts'
import { NODE_STALE_AFTER_MS } from './node-bounds.ts'
import { unavailable } from './postgres-error.ts'
import type { Transaction } from './transaction.ts'

/** First half of the advisory lock that migrations take ("LKEY" in ASCII); the second is made of the schema's name. */
const LOCK = 0x4c4b4559

/** The migrations of this build, read from the folder beside this file, in order. */
export function readMigrations(folder = new URL('./migrations/', import.meta.url)): readonly Migration[] {
  return readMigrationsIn(folder)
}

/**
 * Brings a schema to that of this build; several nodes may do so at once.
 *
 * @throws {DomainError} `storage.unavailable`: the schema is newer than `migrations` and says that programs of theirs cannot
 *   use it, it is another program's, or nodes are running that could not use what would become of it. Nothing is changed
 *   then.
 */
export function migrate(database: PostgresDatabase, migrations: readonly Migration[]): Promise<void> {
  return database.change(async (transaction) => {
    if (missing(await readApplied(transaction), migrations).length === 0) return
    await lockSchema(transaction)
    // Read again under the lock: another node may have been first.
    const todo = missing(await readApplied(transaction), migrations)
    await refuseWhileInUse(transaction, todo)
    if (todo.length > 0) await transaction.script(BOOKKEEPING)
    for (const migration of todo) await apply(transaction, migration)
  })
}

/** Keeps others from changing the schema until the end of the transaction, which may take as long as it needs. */
export async function lockSchema(transaction: Transaction): Promise<void> {
  await transaction.script(
    `SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
    SELECT pg_advisory_xact_lock(${LOCK}, hashtext(current_schema()))`,
  )
}

function missing(applied: readonly AppliedMigration[], known: readonly Migration[]): readonly Migration[] {
  try {
    return missingMigrations(applied, known)
  } catch (error) {
    throw unavailable(error instanceof Error ? error.message : String(error))
  }
}

async function apply(transaction: Transaction, migration: Migration): Promise<void> {
  const { version, name, sql, compatibleFrom } = migration
  await transaction.script(sql)
  await transaction.script(
    `INSERT INTO latchkey_migrations (version, name, compatible_from)
      VALUES (${version}, '${name}', ${compatibleFrom ?? 'NULL'})`,
  )
}

/** The second statement is for schemas of before there was a rule for what may run on them. */
const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS latchkey_migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE latchkey_migrations ADD COLUMN IF NOT EXISTS compatible_from integer`

const OWNERSHIP = `SELECT current_schema(),
  to_regclass(quote_ident(current_schema()) || '.latchkey_migrations') IS NOT NULL,
  (SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()
    AND tablename IN ('keys', 'users', 'sessions', 'roles', 'profiles', 'config'))`

async function readApplied(transaction: Transaction): Promise<readonly AppliedMigration[]> {
  const [schema, isOurs, others] = (await transaction.script(OWNERSHIP))[0] ?? []
  if (typeof schema !== 'string') throw unavailable('the connection names no schema to work in')
  if (isOurs !== true) {
    if (Number(others) > 0) throw unavailable(`schema "${schema}" has tables of another program`)
    return []
  }
  const rows = await transaction.script(
    "SELECT version, (to_jsonb(m) ->> 'compatible_from')::integer FROM latchkey_migrations AS m",
  )
  return rows.map(([version, from]) => ({
    version: Number(version),
    ...(typeof from === 'number' && { compatibleFrom: from }),
  }))
}

/** Who runs already would go on with a schema that it does not understand. */
async function refuseWhileInUse(transaction: Transaction, todo: readonly Migration[]): Promise<void> {
  const [row] = await transaction.script(
    "SELECT to_regclass(quote_ident(current_schema()) || '.cluster_nodes') IS NOT NULL",
  )
  if (row?.[0] !== true) return
  const [node] = await transaction.script(
    `SELECT name, version FROM cluster_nodes WHERE schema_version < ${compatibleFrom(todo)}
      AND heartbeat_at > clock_timestamp() - interval '${NODE_STALE_AFTER_MS} milliseconds' ORDER BY name LIMIT 1`,
  )
  if (node === undefined) return
  throw unavailable(
    `node "${String(node[0])}" (Latchkey ${String(node[1])}) is running and could not use schema version ${lastVersion(todo)}: stop it first; one that was killed counts as running for ${NODE_STALE_AFTER_MS / 1000} s`,
  )
}
