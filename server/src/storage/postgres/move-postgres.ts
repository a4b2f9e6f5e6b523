import { createHash } from 'node:crypto'
import type { JsonObject } from '../../core/json.ts'
import type { KeyPolicy } from '../../core/keys/policy.ts'
import { MOVE_STATE, type MoveState } from '../../core/ports/move-state.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import type { SqlValue } from '../../query/sql/sql-text.ts'
import { lastVersion } from '../migration.ts'
import { MOVE_BATCH, type MoveExtras, type MoveSource, type MoveTarget } from '../move-side.ts'
import { MOVE_TABLES, type MoveColumn, type MoveRow, type MoveTable } from '../move-tables.ts'
import { Connection, type Row } from './connection.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { membersOf } from './key-row.ts'
import { readMigrations } from './migrate.ts'
import { unavailable } from './postgres-error.ts'

/** How long to wait for the locks of others, in ms. */
const LOCK_MAX_MS = 30_000

/** How long one statement of a move may take, in ms. */
const ANSWER_MAX_MS = 24 * 3_600_000

/** Whoever moved events in, as their writer. */
const WRITER = '00000000-0000-8000-8c4b-4c4b45590000'

/** A number without a fraction in the schema. */
const WHOLE: readonly string[] = ['seq', 'revision', 'value', 'one', 'sequence', 'day']

const TYPES = { text: 'text', number: 'float8', bytes: 'text', truth: 'integer', uid: 'uuid' } as const

type Shape = { readonly from: string; readonly columns?: Readonly<Record<string, string>> }

/** What nodes that are gone held of a budget and did not spend is part of it. */
const BUDGETS = `(SELECT c.key_uid, c.refilled_at, c.remaining + coalesce((SELECT sum(l.granted - l.written)
  FROM credit_leases AS l WHERE l.key_uid = c.key_uid AND l.generation = c.generation
    AND l.refilled_at = c.refilled_at), 0) AS remaining FROM key_credits AS c) AS t`

function shapeOf({ name }: MoveTable): Shape {
  switch (name) {
    case 'revoked_keys':
      return { from: 'revoked_keys AS t', columns: { uid: 't.key_uid' } }
    case 'key_credits':
      return { from: BUDGETS }
    case 'config':
      return { from: `(SELECT * FROM config WHERE name <> '${MOVE_STATE}' AND value <> '') AS t` }
    case 'audit_events':
      return { from: '(SELECT * FROM audit_events WHERE sequence IS NOT NULL) AS t' }
    default:
      return { from: `${name} AS t` }
  }
}

/** A value as both stores have it. */
function neutral([name, type]: MoveColumn, unlike: Shape['columns'] = {}): string {
  const column = unlike[name] ?? `t.${name}`
  if (type === 'bytes') return `encode(${column}, 'hex')`
  if (type === 'truth') return `${column}::integer`
  return type === 'uid' ? `${column}::text` : column
}

/** What rows are ordered by, in the type that an index has. */
function ordering([name]: MoveColumn, unlike: Shape['columns'] = {}): string {
  return unlike[name] ?? `t.${name}`
}

class PostgresSide {
  readonly connection: Connection

  constructor(connection: Connection) {
    this.connection = connection
  }

  async rows(text: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return (await this.connection.ask({ text, values, answerMaxMs: ANSWER_MAX_MS })).rows
  }

  async *scan(table: MoveTable, order: 'by key' | 'as listed'): AsyncGenerator<readonly MoveRow[]> {
    const { columns, keyLength } = table
    const shape = shapeOf(table)
    const listing: readonly MoveColumn[] = [
      ['owner', 'text'],
      ['seq', 'number'],
    ]
    const paging = order === 'by key' ? columns.slice(0, keyLength) : listing
    const shown = [...columns, ...paging].map((column) => neutral(column, shape.columns)).join(', ')
    const by = paging.map((column) => ordering(column, shape.columns)).join(', ')
    const marks = paging.map(([name, type], at) => parameter(at + 1, name, type)).join(', ')
    let after: readonly SqlValue[] = []
    for (;;) {
      const behind = after.length === 0 ? '' : `WHERE (${by}) > (${marks})`
      const text = `SELECT ${shown} FROM ${shape.from} ${behind} ORDER BY ${by} LIMIT ${MOVE_BATCH}`
      const rows = await this.rows(text, after)
      if (rows.length > 0) yield rows.map((row) => row.slice(0, columns.length).map(neutralValue))
      if (rows.length < MOVE_BATCH) return
      after = rows.at(-1)?.slice(columns.length).map(neutralValue) ?? []
    }
  }

  async readState(): Promise<MoveState | undefined> {
    const [row] = await this.rows('SELECT value FROM config WHERE name = $1', [MOVE_STATE])
    return row === undefined ? undefined : JSON.parse(String(row[0]))
  }

  async count(table: MoveTable): Promise<number> {
    const [row] = await this.rows(`SELECT count(*) FROM ${shapeOf(table).from}`)
    return Number(row?.[0])
  }

  async close(): Promise<void> {
    await this.connection.end()
  }
}

function parameter(number: number, name: string, type: MoveColumn[1]): string {
  if (type === 'bytes') return `decode($${number}, 'hex')`
  return `$${number}::${sqlType(name, type)}`
}

function sqlType(name: string, type: MoveColumn[1]): string {
  return type === 'number' && WHOLE.includes(name) ? 'bigint' : TYPES[type]
}

function neutralValue(value: unknown): string | number | null {
  return typeof value === 'string' || typeof value === 'number' ? value : null
}

/** Connects to the first server that takes changes. @throws {DomainError} `storage.unavailable` */
async function connect(url: string): Promise<Connection> {
  let failure: unknown
  for (const server of parseConnectionUrl(url)) {
    try {
      const connection = await Connection.open(server, LOCK_MAX_MS)
      const text = 'SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0'
      await connection.ask({ text, values: [] })
      return connection
    } catch (error) {
      failure = error
    }
  }
  throw unavailable(failure instanceof Error ? failure.message : String(failure))
}

/**
 * Opens a schema to move it, as it is now. `isLast`: nobody can change what moves until it is closed.
 *
 * @throws {DomainError} `storage.unavailable`: it is not there, or not of this version.
 */
export async function openPostgresSource(url: string, isLast: boolean): Promise<MoveSource> {
  const connection = await connect(url)
  const side = new PostgresSide(connection)
  try {
    const [found] = await side.rows("SELECT to_regclass('latchkey_migrations') IS NOT NULL")
    const [first] =
      found?.[0] === true
        ? await side.rows(`SELECT max(version), (SELECT applied_at::text FROM latchkey_migrations WHERE version = 1)
            FROM latchkey_migrations`)
        : []
    if (first?.[0] !== lastVersion(readMigrations())) {
      throw unavailable('it is not of this version of Latchkey: start this one on it first')
    }
    if ((await side.readState())?.state === 'copying') {
      throw unavailable('another move into it is not finished')
    }
    await side.rows('BEGIN ISOLATION LEVEL REPEATABLE READ')
    // Before the first question, which decides what this transaction sees.
    const tables = [...MOVE_TABLES.map(({ name }) => name), 'credit_leases']
    if (isLast) await side.rows(`LOCK TABLE ${tables.join(', ')} IN SHARE MODE`)
    const [unnumbered] = await side.rows('SELECT 1 FROM audit_events WHERE sequence IS NULL LIMIT 1')
    // Without a number an event would stay behind: a further pass may miss none, the last one must not.
    if (isLast && unnumbered !== undefined)
      throw unavailable('a node still runs on it: stop it and try again')
    return new PostgresSource(connection, String(first[1]))
  } catch (error) {
    connection.hangUp()
    throw error
  }
}

class PostgresSource extends PostgresSide implements MoveSource {
  readonly identity: string

  constructor(connection: Connection, startedAt: string) {
    super(connection)
    this.identity = createHash('sha256').update(`postgres ${startedAt}`).digest('hex')
  }

  async extras(_table: MoveTable['name'], rows: readonly MoveRow[]): Promise<readonly MoveExtras[]> {
    return rows.map(() => ({}))
  }

  async *uidsInOrder(table: 'keys' | 'revoked_keys'): AsyncGenerator<readonly string[]> {
    const uid = table === 'keys' ? 'uid' : 'key_uid'
    let after: readonly SqlValue[] = []
    for (;;) {
      const behind = after.length === 0 ? '' : `WHERE (seq, ${uid}) > ($1::bigint, $2::uuid)`
      const rows = await this.rows(
        `SELECT seq, ${uid}::text FROM ${table} ${behind} ORDER BY seq, ${uid} LIMIT ${MOVE_BATCH}`,
        after,
      )
      if (rows.length > 0) yield rows.map((row) => String(row[1]))
      if (rows.length < MOVE_BATCH) return
      after = rows.at(-1)?.map(neutralValue) ?? []
    }
  }
}

/** Opens a schema to move into. It must have the schema of this version. */
export async function openPostgresTarget(url: string): Promise<MoveTarget> {
  return new PostgresTarget(await connect(url))
}

class PostgresTarget extends PostgresSide implements MoveTarget {
  async writeState(state: MoveState): Promise<void> {
    await this.rows(
      'INSERT INTO config (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      [MOVE_STATE, JSON.stringify(state)],
    )
  }

  async hasSchema(): Promise<boolean> {
    return (await this.rows("SELECT to_regclass('scrolls') IS NOT NULL"))[0]?.[0] === true
  }

  async learnOrder(): Promise<void> {
    // Each row says its place.
  }

  async insert(table: MoveTable, rows: readonly MoveRow[], extras: readonly MoveExtras[]): Promise<void> {
    const { names, record, values } = insertionOf(table)
    const overriding = names.includes('seq') && !table.isListed ? 'OVERRIDING SYSTEM VALUE' : ''
    const insert = `INSERT INTO ${table.name} (${names.join(', ')}) ${overriding}
      SELECT ${values.join(', ')} FROM given`
    const given = `WITH given AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (${record.join(', ')}))`
    const seals = `, sealed AS (INSERT INTO audit_seals (chain, position, sequence, hash)
      SELECT chain, position, sequence, decode(hash, 'hex') FROM given WHERE hash IS NOT NULL)`
    const records = rows.map((row, at) => recordOf(table, row, extras[at] ?? {}))
    await this.rows(`${given}${table.name === 'audit_events' ? seals : ''} ${insert}`, [storedJson(records)])
  }

  async remove(table: MoveTable, rows: readonly MoveRow[]): Promise<void> {
    const key = table.columns.slice(0, table.keyLength)
    const unlike = shapeOf(table).columns
    const record = key.map(([name, type]) => `${name} ${sqlType(name, type)}`)
    const isIt = key.map((column) => {
      const value = column[1] === 'bytes' ? `decode(r.${column[0]}, 'hex')` : `r.${column[0]}`
      return `${ordering(column, unlike)} = ${value}`
    })
    const using = `USING jsonb_to_recordset($1::jsonb) AS r (${record.join(', ')})`
    const records = rows.map((row) => Object.fromEntries(key.map(([name], at) => [name, row[at]])))
    const given = [storedJson(records)]
    // Which profiles have a role follows from those, and comes back with them.
    if (table.name === 'roles') {
      await this.rows(`DELETE FROM profile_role AS t ${using} WHERE t.role_id = r.id`, given)
    }
    await this.rows(`DELETE FROM ${table.name} AS t ${using} WHERE ${isIt.join(' AND ')}`, given)
  }

  async settle(): Promise<void> {
    await this.rows(SETTLE)
  }
}

const SETTLE = `BEGIN;
  DELETE FROM owner_stats;
  INSERT INTO owner_stats (owner, key_count, knox_count, last_seq)
    SELECT owner, count(*), count(*) FILTER (WHERE family = 'knox'), max(seq) FROM keys GROUP BY owner;
  UPDATE audit_position SET last_sequence = coalesce((SELECT max(sequence) FROM audit_events), 0);
  UPDATE audit_sealing SET sealed_to = coalesce(
    (SELECT min(sequence) - 1 FROM audit_events AS event
      WHERE NOT EXISTS (SELECT 1 FROM audit_seals AS seal WHERE seal.sequence = event.sequence)),
    (SELECT max(sequence) FROM audit_events), 0);
  ${['users', 'roles', 'profiles', 'credentials'].map(continueNumbers).join(';\n  ')};
  COMMIT`

function continueNumbers(table: string): string {
  return `SELECT setval(pg_get_serial_sequence('${table}', 'seq'), greatest(coalesce(max(seq), 0), 1), max(seq) IS NOT NULL)
    FROM ${table}`
}

function insertionOf({ name, columns, isListed }: MoveTable): {
  readonly names: readonly string[]
  readonly record: readonly string[]
  readonly values: readonly string[]
} {
  const names = columns.map(([column]) => (name === 'revoked_keys' && column === 'uid' ? 'key_uid' : column))
  const record = columns.map(([column, type]) => `${column} ${sqlType(column, type)}`)
  const values = columns.map(([column, type]) => {
    if (type === 'bytes') return `decode(${column}, 'hex')`
    return type === 'truth' ? `${column} = 1` : column
  })
  if (isListed) {
    return {
      names: [...names, 'seq', 'scopes', 'members'],
      record: [...record, 'place bigint', 'scopes jsonb', 'members jsonb'],
      values: [...values, 'place', 'scopes', 'members'],
    }
  }
  if (name !== 'audit_events') return { names, record, values }
  return {
    names: [...names, 'writer', 'number'],
    record: [...record, 'chain uuid', 'position bigint', 'hash text'],
    values: [...values, `'${WRITER}'::uuid`, 'sequence'],
  }
}

/** A row as a member of the JSON that it is inserted by; parts of JSON columns that are searched stand beside it. */
function recordOf({ columns, isListed }: MoveTable, row: MoveRow, { place, seal }: MoveExtras): object {
  const record = Object.fromEntries(columns.map(([name], at) => [name, row[at] ?? null]))
  if (!isListed) return { ...record, ...seal }
  const { policy: policyText, metadata: metadataText } = record
  const policy: KeyPolicy | null = typeof policyText === 'string' ? JSON.parse(policyText) : null
  const metadata: JsonObject | null = typeof metadataText === 'string' ? JSON.parse(metadataText) : null
  const scopes = policy?.scopes?.length ? policy.scopes : undefined
  return { ...record, place, scopes, members: metadata === null ? undefined : membersOf(metadata) }
}
