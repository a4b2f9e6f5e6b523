import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { DomainError } from '../../core/errors.ts'
import { MOVE_STATE, type MoveState } from '../../core/ports/move-state.ts'
import { lastVersion } from '../migration.ts'
import { MOVE_BATCH, type MoveExtras, type MoveSource, type MoveTarget } from '../move-side.ts'
import type { MoveColumn, MoveRow, MoveTable } from '../move-tables.ts'
import { readMigrations } from './migrate.ts'

/** How long to wait for other processes, in ms. */
const BUSY_MAX_MS = 30_000

/** The last 80 bits of what names a key of a file in other stores: a version 8 UUID of our own (RFC 9562 section 5.8). */
const UID_END = '8000-8c4b-4c4b45590000'

/** The name of a key of a file, in the order of the keys' own numbers. */
function uidOf(seq: number): string {
  const digits = seq.toString(16).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}-${UID_END}`
}

function seqOf(uid: string): number {
  return Number.parseInt(uid.slice(0, 8) + uid.slice(9, 13), 16)
}

/** Where rows are, and which expressions are unlike the names of their columns. */
type Shape = { readonly from: string; readonly columns?: Readonly<Record<string, string>> }

const LAST_USED_AT = 'max(coalesce(t.last_used_at, u.at), coalesce(u.at, t.last_used_at))'

/** `seq`: the number of the key that a row is of or belongs to. */
function keyShape(table: string, seq: string, isTarget: boolean): Shape {
  const uid = table.endsWith('keys') ? 'uid' : 'key_uid'
  const known = isTarget ? ` JOIN moved_keys AS m ON m.key_seq = t.${seq}` : ''
  const used = uid === 'uid' ? ` LEFT JOIN key_last_uses AS u ON u.key_seq = t.${seq}` : ''
  return {
    from: `${table} AS t${known}${used}`,
    columns: { [uid]: isTarget ? 'm.uid' : `t.${seq}`, ...(used && { last_used_at: LAST_USED_AT }) },
  }
}

function shapeOf({ name }: MoveTable, isTarget: boolean): Shape {
  switch (name) {
    case 'keys':
      return keyShape('keys', 'seq', isTarget)
    case 'revoked_keys':
    case 'previous_secrets':
    case 'key_credits':
    case 'key_usage':
    case 'legacy_macs':
      return keyShape(name, 'key_seq', isTarget)
    case 'profile_role':
      return {
        from: 'profile_role AS t JOIN profiles AS p ON p.seq = t.profile_seq',
        columns: { profile_id: 'p.id' },
      }
    case 'user_profile':
      return { from: 'user_profile AS t JOIN users AS o ON o.seq = t.user_seq', columns: { user_id: 'o.id' } }
    case 'config':
      return { from: `(SELECT * FROM config WHERE name <> '${MOVE_STATE}') AS t` }
    default:
      return { from: `${name} AS t` }
  }
}

class SqliteSide {
  readonly database: DatabaseSync
  readonly #isTarget: boolean

  constructor(database: DatabaseSync, isTarget: boolean) {
    this.database = database
    this.#isTarget = isTarget
  }

  async *scan(table: MoveTable, order: 'by key' | 'as listed'): AsyncGenerator<readonly MoveRow[]> {
    const { columns, keyLength } = table
    const { from, columns: unlike = {} } = shapeOf(table, this.#isTarget)
    const expressions = columns.map(([name]) => unlike[name] ?? `t.${name}`)
    const paging = order === 'by key' ? expressions.slice(0, keyLength) : ['t.owner', 't.seq']
    const select = `SELECT ${[...expressions, ...paging].join(', ')} FROM ${from}`
    const behind = `WHERE (${paging.join(', ')}) > (${paging.map(() => '?').join(', ')})`
    const rest = `ORDER BY ${paging.join(', ')} LIMIT ${MOVE_BATCH}`
    let statement = this.database.prepare(`${select} ${rest}`)
    let after: readonly SQLInputValue[] = []
    for (;;) {
      statement.setReturnArrays(true)
      const rows = statement.all(...after) as unknown as readonly (readonly SQLInputValue[])[]
      if (rows.length > 0)
        yield rows.map((row) => columns.map((column, at) => this.#neutral(column, row[at])))
      if (rows.length < MOVE_BATCH) return
      after = rows.at(-1)?.slice(columns.length) ?? []
      statement = this.database.prepare(`${select} ${behind} ${rest}`)
    }
  }

  async count(table: MoveTable): Promise<number> {
    const { from } = shapeOf(table, this.#isTarget)
    return Number(this.database.prepare(`SELECT count(*) AS count FROM ${from}`).get()?.['count'])
  }

  async close(): Promise<void> {
    if (this.database.isTransaction) this.database.exec('ROLLBACK')
    this.database.close()
  }

  #neutral([, type]: MoveColumn, value: SQLInputValue | undefined): string | number | null {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
    if (type === 'uid' && typeof value === 'number') return uidOf(value)
    return typeof value === 'string' || typeof value === 'number' ? value : null
  }
}

function cannot(what: string, cause?: unknown): DomainError {
  const error = new DomainError('storage.unavailable', what)
  if (cause !== undefined) error.cause = cause
  return error
}

/**
 * Opens a file to move it, as it is now. `isLast`: nobody can change it until it is closed.
 *
 * @throws {DomainError} `storage.unavailable`: there is none, or it is not of this version.
 */
export async function openSqliteSource(path: string, isLast: boolean): Promise<MoveSource> {
  if (!existsSync(path)) throw cannot('Cannot move from a file that does not exist')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { readOnly: !isLast, timeout: BUSY_MAX_MS })
    database.exec(isLast ? 'BEGIN IMMEDIATE' : 'BEGIN')
    const schema = database.prepare('SELECT max(version) AS version FROM schema_migrations').get()
    if (schema?.['version'] !== lastVersion(readMigrations())) {
      throw cannot('Cannot move from a file of another version of Latchkey: start this one on it first')
    }
    if (readState(database)?.state === 'copying') {
      throw cannot('Cannot move from a file that another move has not finished')
    }
    return new SqliteSource(database)
  } catch (error) {
    database?.close()
    if (error instanceof DomainError) throw error
    throw cannot(
      `Cannot move from the file: ${error instanceof Error ? error.message : String(error)}`,
      error,
    )
  }
}

function readState(database: DatabaseSync): MoveState | undefined {
  const row = database.prepare('SELECT value FROM config WHERE name = ?').get(MOVE_STATE)
  return row === undefined ? undefined : JSON.parse(String(row['value']))
}

class SqliteSource extends SqliteSide implements MoveSource {
  readonly identity: string
  readonly #chains: readonly (readonly SQLInputValue[])[]

  constructor(database: DatabaseSync) {
    super(database, false)
    const first = database.prepare('SELECT applied_at FROM schema_migrations WHERE version = 1').get()
    const text = `sqlite ${String(first?.['applied_at'])}`
    this.identity = createHash('sha256').update(text).digest('hex')
    const chains = database.prepare('SELECT first_sequence, chain FROM audit_chains ORDER BY 1 DESC')
    chains.setReturnArrays(true)
    this.#chains = chains.all() as unknown as readonly (readonly SQLInputValue[])[]
  }

  async extras(table: MoveTable['name'], rows: readonly MoveRow[]): Promise<readonly MoveExtras[]> {
    if (table === 'keys') return rows.map(([uid]) => ({ place: seqOf(String(uid)) }))
    if (table === 'revoked_keys') {
      const place = this.database.prepare('SELECT seq FROM revoked_keys WHERE key_seq = ?')
      return rows.map(([uid]) => ({ place: Number(place.get(seqOf(String(uid)))?.['seq']) }))
    }
    if (table !== 'audit_events') return rows.map(() => ({}))
    const hash = this.database.prepare('SELECT hash FROM audit_events WHERE sequence = ?')
    return rows.map(([sequence]) => this.#sealOf(Number(sequence), hash.get(Number(sequence))?.['hash']))
  }

  async *uidsInOrder(): AsyncGenerator<readonly string[]> {
    // The names of keys are in their order already.
  }

  #sealOf(sequence: number, hash: unknown): MoveExtras {
    const [first, chain] = this.#chains.find(([from]) => Number(from) <= sequence) ?? []
    if (!(hash instanceof Uint8Array) || chain === undefined) return {}
    const position = sequence - Number(first) + 1
    return { seal: { chain: String(chain), position, hash: Buffer.from(hash).toString('hex') } }
  }
}

/** Opens a file to move into. It must have the schema of this version. */
export function openSqliteTarget(path: string): MoveTarget {
  // What a pass adds may refer to what a later part of it adds.
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false, timeout: BUSY_MAX_MS })
  const isKnown = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'moved_keys'").get()
  // Nothing is left behind in a file that turns out to be something else.
  if (isKnown === undefined) database.exec(`CREATE TEMP ${MOVED_KEYS}`)
  return new SqliteTarget(database)
}

/** The number of each key of another store in this one, and of its revocation. */
const MOVED_KEYS = `TABLE IF NOT EXISTS moved_keys (
  key_seq INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, revoked_seq INTEGER UNIQUE) STRICT`

class SqliteTarget extends SqliteSide implements MoveTarget {
  /** Of the last key, and the last revoked one, whose order was learned. */
  #lastSeq = 0
  #lastRevokedSeq = 0

  constructor(database: DatabaseSync) {
    super(database, true)
  }

  async readState(): Promise<MoveState | undefined> {
    return readState(this.database)
  }

  override async count({ name }: MoveTable): Promise<number> {
    const isOther = name === 'config' ? ` WHERE name <> '${MOVE_STATE}'` : ''
    return Number(this.database.prepare(`SELECT count(*) AS count FROM ${name}${isOther}`).get()?.['count'])
  }

  async hasSchema(): Promise<boolean> {
    return this.database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'scrolls'").get() !== undefined
  }

  async writeState(state: MoveState): Promise<void> {
    if (state.state === 'copying') {
      this.database.exec(`DROP TABLE IF EXISTS temp.moved_keys; CREATE ${MOVED_KEYS}`)
    }
    const write = this.database.prepare('INSERT OR REPLACE INTO config (name, value) VALUES (?, ?)')
    this.#atOnce(() => {
      write.run(MOVE_STATE, JSON.stringify(state))
      // Not earlier: a pass that goes on where one was interrupted has to know which key is which.
      if (state.state === 'finished') this.database.exec('DROP TABLE moved_keys')
    })
  }

  async learnOrder(table: 'keys' | 'revoked_keys', uids: readonly string[]): Promise<void> {
    const add = this.database.prepare('INSERT INTO moved_keys (uid) VALUES (?) ON CONFLICT (uid) DO NOTHING')
    const number = this.database.prepare(`UPDATE moved_keys
      SET revoked_seq = (SELECT coalesce(max(revoked_seq), 0) + 1 FROM moved_keys) WHERE uid = ? AND revoked_seq IS NULL`)
    const places = this.database.prepare('SELECT key_seq, revoked_seq FROM moved_keys WHERE uid = ?')
    this.#atOnce(() => {
      for (const uid of uids) {
        add.run(uid)
        if (table === 'revoked_keys') number.run(uid)
        const place = places.get(uid)
        if (table === 'keys') this.#putBehind(uid, Number(place?.['key_seq']))
        else this.#putRevokedBehind(uid, Number(place?.['revoked_seq']))
      }
    })
  }

  /** A key that was restored since an earlier pass stands behind others than it did: it gets a new number. */
  #putBehind(uid: string, seq: number): void {
    if (seq > this.#lastSeq) {
      this.#lastSeq = seq
      return
    }
    for (const forget of FORGET_KEY) this.database.prepare(forget).run(seq)
    const renumber = this.database.prepare(`UPDATE moved_keys
      SET key_seq = (SELECT max(key_seq) + 1 FROM moved_keys) WHERE uid = ? RETURNING key_seq`)
    this.#lastSeq = Number(renumber.get(uid)?.['key_seq'])
  }

  /** The same of a key that was restored and revoked anew. */
  #putRevokedBehind(uid: string, seq: number): void {
    if (seq > this.#lastRevokedSeq) {
      this.#lastRevokedSeq = seq
      return
    }
    this.database.prepare('DELETE FROM revoked_keys WHERE seq = ?').run(seq)
    const renumber = this.database.prepare(`UPDATE moved_keys
      SET revoked_seq = (SELECT max(revoked_seq) + 1 FROM moved_keys) WHERE uid = ? RETURNING revoked_seq`)
    this.#lastRevokedSeq = Number(renumber.get(uid)?.['revoked_seq'])
  }

  async insert(table: MoveTable, rows: readonly MoveRow[]): Promise<void> {
    const { names, values } = insertionOf(table)
    const insert = this.database.prepare(
      `INSERT INTO ${table.name} (${names.join(', ')}) VALUES (${values.join(', ')})`,
    )
    this.#atOnce(() => {
      for (const row of rows)
        insert.run(...table.columns.map((column, at) => stored(column, row[at] ?? null)))
    })
  }

  async remove(table: MoveTable, rows: readonly MoveRow[]): Promise<void> {
    const { names, values } = insertionOf(table)
    const isIt = names
      .map((name, at) => `${name} = ${values[at]}`)
      .slice(0, table.keyLength)
      .join(' AND ')
    const remove = this.database.prepare(`DELETE FROM ${table.name} WHERE ${isIt}`)
    const key = table.columns.slice(0, table.keyLength)
    this.#atOnce(() => {
      for (const row of rows) {
        if (table.name === 'users') this.database.prepare(LINKS_OF_USER).run(String(row[0]))
        if (table.name === 'profiles') this.database.prepare(LINKS_OF_PROFILE).run(String(row[0]))
        remove.run(...key.map((column, at) => stored(column, row[at] ?? null)))
      }
    })
  }

  async settle(): Promise<void> {
    const { last } = this.database
      .prepare('SELECT coalesce(max(sequence), 0) AS last FROM audit_events')
      .get() ?? { last: 0 }
    const chain = this.database.prepare(
      'INSERT INTO audit_chains (first_sequence, last_sequence, sealed_to, chain, began_at) VALUES (?, ?, ?, ?, ?)',
    )
    this.#atOnce(() => {
      this.database.exec(COUNT_KEYS)
      this.database.exec(CONTINUE_NUMBERS)
      // The trail of other stores is sealed in another way: here it is sealed anew, as one of before there were seals.
      this.database.exec('DELETE FROM audit_chains')
      if (Number(last) > 0) chain.run(1, Number(last), 0, randomUUID(), Date.now())
      chain.run(Number(last) + 1, null, null, randomUUID(), Date.now())
    })
  }

  #atOnce(work: () => void): void {
    this.database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.database.exec('COMMIT')
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK')
      throw error
    }
  }
}

/** Everything that an earlier pass copied of one key; this one copies it again. */
const FORGET_KEY = [
  'DELETE FROM keys WHERE seq = ?',
  ...['revoked_keys', 'previous_secrets', 'key_credits', 'key_usage', 'legacy_macs'].map(
    (table) => `DELETE FROM ${table} WHERE key_seq = ?`,
  ),
]

const LINKS_OF_USER = 'DELETE FROM user_profile WHERE user_seq = (SELECT seq FROM users WHERE id = ?)'
const LINKS_OF_PROFILE =
  'DELETE FROM profile_role WHERE profile_seq = (SELECT seq FROM profiles WHERE id = ?)'

const COUNT_KEYS = `DELETE FROM owner_stats;
  INSERT INTO owner_stats (owner, key_count, knox_count)
    SELECT owner, count(*), sum(coalesce(family, '') = 'knox') FROM keys GROUP BY owner`

/** Keys that come later are numbered behind those that were revoked before, too: secrets and uses belong to numbers. */
const CONTINUE_NUMBERS = `DELETE FROM main.sqlite_sequence WHERE name = 'keys';
  INSERT INTO main.sqlite_sequence (name, seq) SELECT 'keys', coalesce(max(key_seq), 0) FROM moved_keys`

const KEY_SEQ = '(SELECT key_seq FROM moved_keys WHERE uid = ?)'

/** Names and values of the columns that a row of a table gives, in its order. */
function insertionOf({ name, columns }: MoveTable): {
  readonly names: readonly string[]
  readonly values: readonly string[]
} {
  const names = columns.map(([column]) => {
    if (column === 'uid') return name === 'keys' ? 'seq' : 'key_seq'
    if (column === 'key_uid') return 'key_seq'
    if (name === 'profile_role' && column === 'profile_id') return 'profile_seq'
    return name === 'user_profile' && column === 'user_id' ? 'user_seq' : column
  })
  const values = columns.map(([column, type]) => {
    if (type === 'uid') return KEY_SEQ
    if (name === 'profile_role' && column === 'profile_id') return '(SELECT seq FROM profiles WHERE id = ?)'
    if (name === 'user_profile' && column === 'user_id') return '(SELECT seq FROM users WHERE id = ?)'
    return '?'
  })
  if (name !== 'revoked_keys') return { names, values }
  const place = '(SELECT revoked_seq FROM moved_keys WHERE uid = ?1)'
  // The first value is the uid, which is needed twice.
  return {
    names: [...names, 'seq'],
    values: [...values.map((value, at) => value.replace('?', `?${at + 1}`)), place],
  }
}

function stored([, type]: MoveColumn, value: string | number | null): SQLInputValue {
  return type === 'bytes' && value !== null ? Buffer.from(String(value), 'hex') : value
}
