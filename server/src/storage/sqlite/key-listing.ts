import { DomainError } from '../../core/errors.ts'
import type { UserId } from '../../core/ids.ts'
import type { ApiKey, RevokedKey } from '../../core/keys/api-key.ts'
import type { KeyState } from '../../core/keys/verdict.ts'
import type { KeyFilter, KeyListPage, KeyStore } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { joinSql, printSql, type SqlText, sql } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { yieldIfLong } from '../../query/turns.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, KEY_LAST_USE, keyFromRow, REVOKED_LAST_USE } from './key-row.ts'
import { REVOKED_COLUMN_COUNT, REVOKED_COLUMNS, revokedKeyFromRow } from './revoked-keys.ts'

/** Keys that one statement looks at when no index tells which of them match. */
const SCANNED_AT_ONCE = 5_000

/** As long as no more keys than these are in the index of a filter, it is used; else keys are read in their order. */
const FEW_KEYS_MAX = 5_000

/** Where to look, and how to read what is there. */
type Listed = {
  readonly table: 'keys' | 'revoked_keys'
  readonly columns: string
  readonly columnCount: number
  readonly lastUsedAt: SqlText
  readonly fromRow: (row: Row) => ApiKey | RevokedKey
  /** What cursors of it begin with. */
  readonly mark: 'k' | 'r'
}

const LIVE: Listed = {
  table: 'keys',
  columns: KEY_COLUMNS,
  columnCount: KEY_COLUMN_COUNT,
  lastUsedAt: KEY_LAST_USE,
  fromRow: keyFromRow,
  mark: 'k',
}
const REVOKED: Listed = {
  table: 'revoked_keys',
  columns: REVOKED_COLUMNS,
  columnCount: REVOKED_COLUMN_COUNT,
  lastUsedAt: REVOKED_LAST_USE,
  fromRow: revokedKeyFromRow,
  mark: 'r',
}

/** Lists keys in SQLite, without holding up others for longer than a few ms at a time. */
export function createKeyListing(database: SqliteDatabase): Pick<KeyStore, 'list'> {
  return {
    async list(filter, { after, limit }) {
      const listed = filter.state === 'revoked' ? REVOKED : LIVE
      const from = after === undefined ? 0 : parseCursor(listed, after)
      const rows = await findRows(new KeyScan(database, listed), filter, { after: from, limit: limit + 1 })
      return pageOf(listed, rows, limit)
    },
  }
}

function pageOf(listed: Listed, rows: readonly Row[], limit: number): KeyListPage {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const keys = shown.map(listed.fromRow)
  if (last === undefined || rows.length <= limit) return { keys }
  return { keys, next: printCursor(listed, column<number>(last, listed.columnCount)) }
}

type Part = { readonly after: number; readonly limit: number }

async function findRows(scan: KeyScan, filter: KeyFilter, part: Part): Promise<readonly Row[]> {
  const conditions = conditionsOf(filter, scan.listed)
  const few = scan.few(filter)
  if (few !== undefined) return scan.among(few, filter, conditions, part)
  if (conditions.length === 0) return scan.next(filter, part)
  const rows: Row[] = []
  for (const range of scan.ranges(filter, part.after)) {
    rows.push(...scan.matches(filter, conditions, range, part.limit - rows.length))
    if (rows.length >= part.limit) break
    await yieldIfLong()
  }
  return rows
}

type Range = { readonly after: number; readonly upTo: number }

/** Reads some keys of a table. */
class KeyScan {
  readonly listed: Listed
  readonly #database: SqliteDatabase

  constructor(database: SqliteDatabase, listed: Listed) {
    this.#database = database
    this.listed = listed
  }

  /** `seq` of the only keys that can match, when an index tells so and they are few. */
  few(filter: KeyFilter): string | undefined {
    const index = this.listed === LIVE ? indexFor(filter) : undefined
    if (index === undefined) return undefined
    const rows = this.#all(sql`${index} LIMIT ${FEW_KEYS_MAX + 1}`)
    return rows.length > FEW_KEYS_MAX ? undefined : JSON.stringify(rows.map((row) => row[0]))
  }

  /** The keys among some that match. */
  among(seqs: string, filter: KeyFilter, conditions: readonly SqlText[], part: Part): readonly Row[] {
    const some = sql`seq IN (SELECT value FROM json_each(${seqs})) AND seq > ${part.after}`
    // `+` keeps SQLite from the index of owners.
    const owners = filter.owner === undefined ? [] : [sql`+owner = ${filter.owner}`]
    return this.#rows(joinSql('AND', [some, ...owners, ...conditions]), part.limit)
  }

  /** The next keys of an owner, or of all. */
  next(filter: KeyFilter, part: Part): readonly Row[] {
    return this.#rows(sql`${scopeOf(filter)} AND seq > ${part.after}`, part.limit)
  }

  /** Ranges of `SCANNED_AT_ONCE` keys, up to the last there is now. */
  *ranges(filter: KeyFilter, from: number): Generator<Range> {
    const scope = scopeOf(filter)
    const last = Number(this.#all(sql`SELECT max(seq) FROM ${this.#table} WHERE ${scope}`)[0]?.[0] ?? 0)
    let after = from
    while (after < last) {
      const end = sql`SELECT seq FROM ${this.#table} WHERE ${scope} AND seq > ${after} AND seq <= ${last}
        ORDER BY seq LIMIT 1 OFFSET ${SCANNED_AT_ONCE - 1}`
      const upTo = Number(this.#all(end)[0]?.[0] ?? last)
      yield { after, upTo }
      after = upTo
    }
  }

  /** The keys of a range that match. */
  matches(filter: KeyFilter, conditions: readonly SqlText[], range: Range, limit: number): readonly Row[] {
    const within = sql`${scopeOf(filter)} AND seq > ${range.after} AND seq <= ${range.upTo}`
    return this.#rows(joinSql('AND', [within, ...conditions]), limit)
  }

  #rows(where: SqlText, limit: number): readonly Row[] {
    const { columns, table } = this.listed
    const text = printSql(sql`${where} ORDER BY seq LIMIT ${limit}`, SQLITE.placeholder)
    return this.#read(`SELECT ${columns}, seq FROM ${table} WHERE ${text}`, [...where.values, limit])
  }

  #all(text: SqlText): readonly Row[] {
    return this.#read(printSql(text, SQLITE.placeholder), text.values)
  }

  #read(text: string, values: SqlText['values']): readonly Row[] {
    return this.#database.read(() => this.#database.statement(text).all(...values))
  }

  get #table(): SqlText {
    return this.listed === LIVE ? sql`keys` : sql`revoked_keys`
  }
}

function scopeOf({ owner }: KeyFilter): SqlText {
  return owner === undefined ? sql`TRUE` : sql`owner = ${owner}`
}

/** What finds all keys that can match, and maybe others, through an index; undefined when none does. */
function indexFor(filter: KeyFilter): SqlText | undefined {
  const { state, now, expiringBefore, createdForOthersBy, ownerOrCreator } = filter
  if (createdForOthersBy !== undefined) return forOthersBy(createdForOthersBy)
  if (ownerOrCreator !== undefined) {
    return sql`SELECT seq FROM keys WHERE owner = ${ownerOrCreator} UNION ALL ${forOthersBy(ownerOrCreator)}`
  }
  if (expiringBefore !== undefined) {
    return sql`SELECT seq FROM keys WHERE ${endsBetween(now, expiringBefore)}`
  }
  if (state === 'disabled') return sql`SELECT seq FROM keys WHERE disabled_at IS NOT NULL`
  if (state !== 'expired') return undefined
  return sql`SELECT seq FROM keys WHERE expires_at <= ${now}
    UNION ALL SELECT seq FROM keys WHERE idle_timeout_ms IS NOT NULL`
}

function conditionsOf(filter: KeyFilter, { lastUsedAt }: Listed): readonly SqlText[] {
  const { state, now, expiringBefore, unusedSince, metadata = {} } = filter
  const { createdForOthersBy, ownerOrCreator, anyMetadata } = filter
  return [
    ...(createdForOthersBy === undefined ? [] : [isForOthersBy(createdForOthersBy)]),
    ...(ownerOrCreator === undefined
      ? []
      : [sql`(+owner = ${ownerOrCreator} OR ${isForOthersBy(ownerOrCreator)})`]),
    ...(anyMetadata === undefined ? [] : [hasAnyMember(anyMetadata)]),
    ...(state === undefined ? [] : stateCondition(state, now, lastUsedAt)),
    ...(expiringBefore === undefined ? [] : [endsBetween(now, expiringBefore)]),
    ...(unusedSince === undefined ? [] : [sql`coalesce(${lastUsedAt}, created_at) < ${unusedSince}`]),
    ...Object.entries(metadata).map(([name, value]) => hasMember(name, value)),
  ]
}

function endsBetween(now: Instant, before: Instant): SqlText {
  return sql`expires_at >= ${now} AND expires_at < ${before}`
}

/** As `judge` sees keys: a disabled key that expired is a disabled one. */
function stateCondition(state: KeyState, now: Instant, lastUsedAt: SqlText): readonly SqlText[] {
  if (state === 'revoked') return []
  if (state === 'disabled') return [sql`disabled_at IS NOT NULL`]
  const over = sql`coalesce(expires_at <= ${now}, FALSE)`
  const idle = sql`(idle_timeout_ms IS NOT NULL
    AND coalesce(${lastUsedAt}, created_at) + idle_timeout_ms <= ${now})`
  const expired = sql`(${over} OR ${idle})`
  return [sql`disabled_at IS NULL`, state === 'expired' ? expired : sql`NOT ${expired}`]
}

/** `+` keeps SQLite from an index when the keys are read in their order. */
function isForOthersBy(creator: UserId): SqlText {
  return sql`(+family = 'knox' AND +created_by = ${creator} AND +owner <> ${creator})`
}

function forOthersBy(creator: UserId): SqlText {
  return sql`SELECT seq FROM keys WHERE family = 'knox' AND created_by = ${creator} AND created_by <> owner`
}

/** Names and values come in one JSON text, so that their number changes nothing of the statement. */
function hasAnyMember(wanted: NonNullable<KeyFilter['anyMetadata']>): SqlText {
  const pairs = Object.entries(wanted).flatMap(([name, values]) => values.map((value) => [name, value]))
  return sql`EXISTS (
    SELECT 1 FROM json_each(metadata) AS had, json_each(${JSON.stringify(pairs)}) AS wanted
    WHERE had.key = wanted.value ->> 0
      AND (wanted.value ->> 1 = '*' OR (had.type = 'text' AND had.value = wanted.value ->> 1))
  )`
}

function hasMember(name: string, value: string | number | boolean): SqlText {
  if (typeof value === 'boolean') return memberSql(name, sql`type = ${String(value)}`)
  if (typeof value === 'number') return memberSql(name, sql`type IN ('integer', 'real') AND value = ${value}`)
  return memberSql(name, sql`type = 'text' AND value = ${value}`)
}

function memberSql(name: string, condition: SqlText): SqlText {
  return sql`EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = ${name} AND ${condition})`
}

const CURSOR = /^([kr])([1-9]\d{0,15})$/

function printCursor({ mark }: Listed, seq: number): string {
  return Buffer.from(`${mark}${seq}`).toString('base64url')
}

/** @throws {DomainError} `id.invalid` with `facts.kind` `cursor` when it is none that such a listing gave. */
function parseCursor({ mark }: Listed, text: string): number {
  const [, found, seq] = CURSOR.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? []
  const cursor = Number(seq)
  if (found === mark && printCursorIs(text, mark, cursor)) return cursor
  throw new DomainError('id.invalid', 'Cannot go on after that cursor: no such listing gave it', {
    kind: 'cursor',
    id: text.slice(0, 64),
    problem: 'unknown',
  })
}

/** Decoding base64url skips what is none of it, so only what prints the same was printed by us. */
function printCursorIs(text: string, mark: Listed['mark'], seq: number): boolean {
  return Number.isSafeInteger(seq) && Buffer.from(`${mark}${seq}`).toString('base64url') === text
}
