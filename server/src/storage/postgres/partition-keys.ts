import { sql } from '../../query/sql/sql-text.ts'
import type { KeyLayout } from '../key-layout.ts'
import { lastVersion } from '../migration.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { lockSchema, migrate, readMigrations } from './migrate.ts'
import { NODE_STALE_AFTER_MS } from './node-bounds.ts'
import { unavailable } from './postgres-error.ts'
import type { Transaction } from './transaction.ts'

/** The first migration with which programs look for keys where they are. */
const FIRST_VERSION = 8

/** One connection, and as much time as it takes. */
const BOUNDS = { connectionsMax: 1, waitingMax: 10, lockWaitMaxMs: 60_000 }

/**
 * How the keys of a store lie; changes nothing.
 *
 * @throws {DomainError} `storage.unavailable`, whose message is meant for the operator.
 */
export function readKeyLayout(url: string): Promise<KeyLayout> {
  return inDatabase(url, async (database) => {
    const there = await database.first(
      sql`SELECT to_regclass(quote_ident(current_schema()) || '.keys') IS NOT NULL`,
    )
    if (there?.[0] !== true) throw unavailable('no Latchkey was ever started on it')
    return database.change(readLayout)
  })
}

/**
 * Splits the table of keys by a hash of their owners, and the counts of their uses by a hash of the key, into so many
 * partitions; into 1: makes them whole again. All in one transaction: it is done, or nothing is changed. Nodes that run wait with
 * changes and with keys that they do not remember, and go on verifying those that they do.
 *
 * `onStep` is told what is done next.
 *
 * @throws {DomainError} `storage.unavailable`: also when a node of an earlier release runs.
 */
export function partitionKeys(
  url: string,
  partitions: number,
  onStep: (step: string) => void,
): Promise<KeyLayout> {
  return inDatabase(url, async (database) => {
    await migrate(database, readMigrations())
    return database.change((transaction) => partition(transaction, partitions, onStep))
  })
}

async function partition(
  transaction: Transaction,
  partitions: number,
  onStep: (step: string) => void,
): Promise<KeyLayout> {
  await lockSchema(transaction)
  await refuseWhileOldNodesRun(transaction)
  onStep('waiting until nobody changes a key')
  await transaction.script(
    `LOCK TABLE keys, key_usage IN ACCESS EXCLUSIVE MODE; DROP ${await whereKeysAre(transaction)}`,
  )
  for (const table of TABLES) await rebuild(transaction, table, partitions, onStep)
  onStep('noting where each key is')
  await transaction.script(partitions === 1 ? WHOLE : tablesBeside(partitions))
  await transaction.script('ANALYZE keys; ANALYZE key_usage')
  // A program that knows nothing of partitions would find everything, and slowly.
  await transaction.script(`UPDATE latchkey_migrations
      SET compatible_from = ${partitions === 1 ? 1 : FIRST_VERSION} WHERE version = ${FIRST_VERSION}`)
  return readLayout(transaction)
}

async function inDatabase<T>(url: string, work: (database: PostgresDatabase) => Promise<T>): Promise<T> {
  const database = new PostgresDatabase(parseConnectionUrl(url), BOUNDS)
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

async function readLayout(transaction: Transaction): Promise<KeyLayout> {
  const [row] = await transaction.script(`SELECT (SELECT count(*) FROM keys),
    (SELECT count(*) FROM pg_inherits WHERE inhparent = 'keys'::regclass)`)
  return { keys: Number(row?.[0]), partitions: Math.max(1, Number(row?.[1])) }
}

async function refuseWhileOldNodesRun(transaction: Transaction): Promise<void> {
  const [node] = await transaction.script(`SELECT name, version FROM cluster_nodes
    WHERE schema_version < ${FIRST_VERSION}
      AND heartbeat_at > clock_timestamp() - interval '${NODE_STALE_AFTER_MS} milliseconds' ORDER BY name LIMIT 1`)
  if (node === undefined) return
  throw unavailable(
    `node "${String(node[0])}" (Latchkey ${String(node[1])}) is running and knows nothing of partitions: upgrade it first, to schema version ${lastVersion(readMigrations())}`,
  )
}

/** A table that can be split. */
type SplitTable = {
  readonly name: string
  /** The column of which a hash is taken. */
  readonly by: string
  readonly fillfactor: number
  /** What is unique in one table, and what can be where the column has to be part of it. */
  readonly whole: readonly string[]
  readonly split: readonly string[]
}

const TABLES: readonly SplitTable[] = [
  {
    name: 'keys',
    by: 'owner',
    fillfactor: 85,
    whole: ['PRIMARY KEY (uid)', 'UNIQUE (fingerprint)', 'UNIQUE (id)', 'UNIQUE (owner, seq)'],
    split: [
      'PRIMARY KEY (uid, owner)',
      'UNIQUE (owner, id)',
      'UNIQUE (owner, fingerprint)',
      'UNIQUE (owner, seq)',
    ],
  },
  {
    name: 'key_usage',
    by: 'key_uid',
    fillfactor: 70,
    whole: ['PRIMARY KEY (key_uid, day)'],
    split: ['PRIMARY KEY (key_uid, day)'],
  },
]

/** Puts another table with the same rows, indexes, triggers and privileges in the place of one. */
async function rebuild(
  transaction: Transaction,
  table: SplitTable,
  partitions: number,
  onStep: (step: string) => void,
): Promise<void> {
  const { name, whole, split } = table
  const oldPartitions =
    await transaction.script(`SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE inhparent = '${name}'::regclass ORDER BY relname`)
  const indexes = await transaction.script(`SELECT pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid = '${name}'::regclass AND NOT indisunique ORDER BY indexrelid`)
  const triggers = await transaction.script(`SELECT pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = '${name}'::regclass AND NOT tgisinternal AND tgname NOT LIKE 'key\\_place\\_%' ORDER BY tgname`)
  const privileges = await transaction.script(`SELECT format('GRANT %s ON ${name} TO %s%s', privilege_type,
      CASE grantee WHEN 'PUBLIC' THEN grantee ELSE quote_ident(grantee) END,
      CASE is_grantable WHEN 'YES' THEN ' WITH GRANT OPTION' END)
    FROM information_schema.role_table_grants
    WHERE table_schema = current_schema() AND table_name = '${name}' AND grantee <> current_user`)
  const [count] = await transaction.script(`SELECT count(*) FROM ${name}`)
  onStep(
    `copying ${Number(count?.[0]).toLocaleString('en')} rows of ${name} into ${partitions === 1 ? 'one table' : `${partitions} partitions`}`,
  )
  for (const [old] of [[name], ...oldPartitions]) {
    await transaction.script(`ALTER TABLE ${String(old)} RENAME TO before_${String(old)}`)
  }
  await transaction.script(`${createTable(table, partitions)};
    INSERT INTO ${name} SELECT * FROM before_${name};
    DROP TABLE before_${name}`)
  onStep(`making the indexes of ${name}`)
  const constraints = (partitions === 1 ? whole : split).map((constraint) => `ADD ${constraint}`)
  await transaction.script(`ALTER TABLE ${name} ${constraints.join(', ')}`)
  for (const [definition] of indexes) {
    await transaction.script(String(definition).replace(' ON ONLY ', ' ON '))
  }
  for (const [definition] of [...triggers, ...privileges]) await transaction.script(String(definition))
}

function createTable({ name, by, fillfactor }: SplitTable, partitions: number): string {
  const like = `CREATE TABLE ${name} (LIKE before_${name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)`
  if (partitions === 1) return `${like} WITH (fillfactor = ${fillfactor})`
  return [
    `${like} PARTITION BY HASH (${by})`,
    ...listPartitions(name, partitions, ` WITH (fillfactor = ${fillfactor})`),
  ].join(';\n')
}

function listPartitions(name: string, partitions: number, options = ''): readonly string[] {
  return Array.from(
    { length: partitions },
    (_, at) =>
      `CREATE TABLE ${name}_p${at} PARTITION OF ${name} FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${at})${options}`,
  )
}

/** What `DROP` takes away: the views, or the tables that are there in their place and what fills them. */
async function whereKeysAre(transaction: Transaction): Promise<string> {
  const [kind] = await transaction.script(
    "SELECT relkind = 'v' FROM pg_class WHERE oid = 'key_ids'::regclass",
  )
  const asked = 'DROP FUNCTION key_place_by_id, key_place_by_fingerprint, key_place_by_uid'
  if (kind?.[0] === true) return `VIEW key_ids, key_fingerprints; ${asked}`
  return `TABLE key_ids, key_fingerprints; ${asked};
    DROP FUNCTION key_place_stored, key_place_removed, key_place_moved CASCADE;
    DROP FUNCTION key_owner_of_id`
}

/** What migration 0008 made. */
const WHOLE = readMigrations().find(({ version }) => version === FIRST_VERSION)?.sql ?? ''

/**
 * In place of the views, tables in which ids and fingerprints are unique over all partitions. Triggers fill them, so that no
 * statement forgets it.
 *
 * A plan that was made for many rows must not be used for one, since it would read all of a table: so these are made to
 * use indexes whatever the number.
 */
function tablesBeside(partitions: number): string {
  const byIndex = 'SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off'
  return `CREATE TABLE key_ids (id text COLLATE "C" NOT NULL, owner text COLLATE "C" NOT NULL) PARTITION BY HASH (id);
    CREATE TABLE key_fingerprints (fingerprint bytea NOT NULL, owner text COLLATE "C" NOT NULL)
      PARTITION BY HASH (fingerprint);
    ${[...listPartitions('key_ids', partitions), ...listPartitions('key_fingerprints', partitions)].join(';\n')};
    INSERT INTO key_ids SELECT id, owner FROM keys;
    INSERT INTO key_fingerprints SELECT fingerprint, owner FROM keys;
    ALTER TABLE key_ids ADD PRIMARY KEY (id);
    ALTER TABLE key_fingerprints ADD PRIMARY KEY (fingerprint);

    CREATE FUNCTION key_place_stored() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO key_ids (id, owner) SELECT id, owner FROM stored ORDER BY id;
      INSERT INTO key_fingerprints (fingerprint, owner) SELECT fingerprint, owner FROM stored ORDER BY fingerprint;
      RETURN NULL;
    END
    $$;
    CREATE TRIGGER key_place_stored AFTER INSERT ON keys REFERENCING NEW TABLE AS stored
      FOR EACH STATEMENT EXECUTE FUNCTION key_place_stored();

    CREATE FUNCTION key_place_removed() RETURNS trigger LANGUAGE plpgsql ${byIndex} AS $$
    BEGIN
      DELETE FROM key_ids USING removed WHERE key_ids.id = removed.id;
      DELETE FROM key_fingerprints USING removed WHERE key_fingerprints.fingerprint = removed.fingerprint;
      RETURN NULL;
    END
    $$;
    CREATE TRIGGER key_place_removed AFTER DELETE ON keys REFERENCING OLD TABLE AS removed
      FOR EACH STATEMENT EXECUTE FUNCTION key_place_removed();

    CREATE FUNCTION key_place_moved() RETURNS trigger LANGUAGE plpgsql ${byIndex} AS $$
    BEGIN
      DELETE FROM key_fingerprints WHERE fingerprint = OLD.fingerprint;
      INSERT INTO key_fingerprints (fingerprint, owner) VALUES (NEW.fingerprint, NEW.owner);
      RETURN NULL;
    END
    $$;
    CREATE TRIGGER key_place_moved AFTER UPDATE OF fingerprint ON keys
      FOR EACH ROW WHEN (OLD.fingerprint IS DISTINCT FROM NEW.fingerprint) EXECUTE FUNCTION key_place_moved();

    ${FUNCTIONS};
    ANALYZE key_ids; ANALYZE key_fingerprints`
}

/**
 * A statement that waits for `keys` while they are split may go on with what it saw before, and there nothing is where the keys
 * are now. PostgreSQL tells what they are called now whatever a statement sees; so who finds nothing looks whether it sees
 * that. It fails as who lost a race does, and whoever asked asks again.
 */
const REFUSE_IF_MOVED = `IF NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('keys')) THEN
        RAISE serialization_failure USING MESSAGE = 'keys are being split';
      END IF`

/**
 * By the owner, and so in one partition. `key_owner_of_id` is said to be immutable although it reads a table, and is only ever
 * part of a statement that reads the same things anyway: so PostgreSQL asks it while it plans, and plans for one partition
 * instead of all.
 */
const FUNCTIONS = `CREATE FUNCTION key_owner_of_id(wanted text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE
      whose text COLLATE "C";
    BEGIN
      SELECT owner INTO whose FROM key_ids WHERE id = wanted;
      IF FOUND THEN
        RETURN whose;
      END IF;
      ${REFUSE_IF_MOVED};
      RETURN NULL;
    END
    $$;
    CREATE FUNCTION key_place_by_id(owner text, id text) RETURNS boolean
      LANGUAGE sql IMMUTABLE AS 'SELECT $1 = key_owner_of_id($2) COLLATE "C"';
    CREATE FUNCTION key_place_by_fingerprint(wanted bytea) RETURNS SETOF keys LANGUAGE plpgsql STABLE ROWS 1 AS $$
    DECLARE
      whose text COLLATE "C";
    BEGIN
      SELECT owner INTO whose FROM key_fingerprints WHERE fingerprint = wanted;
      IF FOUND THEN
        RETURN QUERY SELECT * FROM keys WHERE keys.owner = whose AND keys.fingerprint = wanted;
      END IF;
      IF NOT FOUND THEN
        ${REFUSE_IF_MOVED};
      END IF;
    END
    $$;
    CREATE FUNCTION key_place_by_uid(wanted uuid) RETURNS SETOF keys LANGUAGE plpgsql STABLE ROWS 1 AS $$
    BEGIN
      RETURN QUERY SELECT * FROM keys WHERE keys.uid = wanted;
      IF NOT FOUND THEN
        ${REFUSE_IF_MOVED};
      END IF;
    END
    $$`
