import { DomainError } from '../../core/errors.ts'
import type { UserId } from '../../core/ids.ts'
import type { ApiKey, RevokedKey } from '../../core/keys/api-key.ts'
import type { KeyState } from '../../core/keys/verdict.ts'
import type { KeyFilter, KeyListPage, KeyStore } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import { joinSql, type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column, number, text } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { KeyParts } from './key-parts.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow } from './key-row.ts'
import { REVOKED_COLUMN_COUNT, REVOKED_COLUMNS, revokedKeyFromRow } from './revoked-keys.ts'

/** Keys that one statement looks at when no index tells which of them match. */
const SCANNED_AT_ONCE = 50_000

/** A place in a listing: behind the key with that `seq` and uid. */
type Place = { readonly seq: number; readonly uid: string }

const START: Place = { seq: 0, uid: '00000000-0000-0000-0000-000000000000' }

/** Where to look, and how to read what is there. */
type Listed = {
  readonly table: SqlText
  readonly uid: SqlText
  readonly columns: SqlText
  readonly columnCount: number
  readonly fromRow: (row: Row) => ApiKey | RevokedKey
  /** What cursors of it begin with. */
  readonly mark: 'k' | 'r'
}

const LIVE: Listed = {
  table: sql`keys`,
  uid: sql`uid`,
  columns: KEY_COLUMNS,
  columnCount: KEY_COLUMN_COUNT,
  fromRow: keyFromRow,
  mark: 'k',
}
const REVOKED: Listed = {
  table: sql`revoked_keys`,
  uid: sql`key_uid`,
  columns: REVOKED_COLUMNS,
  columnCount: REVOKED_COLUMN_COUNT,
  fromRow: revokedKeyFromRow,
  mark: 'r',
}

/** Lists keys in PostgreSQL. */
export function createKeyListing({ database }: KeyParts): Pick<KeyStore, 'list'> {
  return {
    async list(filter, { after, limit }) {
      const listed = filter.state === 'revoked' ? REVOKED : LIVE
      const from = after === undefined ? START : parseCursor(listed, after)
      const rows = await findRows(new KeyScan(database, listed, filter), from, limit + 1)
      return pageOf(listed, rows, limit)
    },
  }
}

function pageOf(listed: Listed, rows: readonly Row[], limit: number): KeyListPage {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const keys = shown.map(listed.fromRow)
  if (last === undefined || rows.length <= limit) return { keys }
  return { keys, next: printCursor(listed, placeOf(listed, last)) }
}

async function findRows(scan: KeyScan, from: Place, limit: number): Promise<readonly Row[]> {
  if (scan.isQuick) return scan.matches(from, undefined, limit)
  const rows: Row[] = []
  for (let after: Place | undefined = from; after !== undefined && rows.length < limit; ) {
    const end: Place | undefined = await scan.endOfPart(after)
    rows.push(...(await scan.matches(after, end, limit - rows.length)))
    after = end
  }
  return rows
}

/** Reads the keys that a filter describes, in their order. */
class KeyScan {
  /** An index tells of the keys that match, or nearly all do. */
  readonly isQuick: boolean
  readonly #database: PostgresDatabase
  readonly #listed: Listed
  readonly #scope: readonly SqlText[]
  readonly #conditions: readonly SqlText[]

  constructor(database: PostgresDatabase, listed: Listed, filter: KeyFilter) {
    this.#database = database
    this.#listed = listed
    this.#scope = filter.owner === undefined ? [] : [sql`owner = ${text(filter.owner)}`]
    this.#conditions = conditionsOf(filter)
    this.isQuick = this.#conditions.length === 0 || (listed === LIVE && hasIndex(filter))
  }

  /** Those behind `after`, up to `end`. */
  matches(after: Place, end: Place | undefined, limit: number): Promise<readonly Row[]> {
    const { columns, table, uid } = this.#listed
    const upTo = end === undefined ? [] : [sql`(seq, ${uid}) <= (${place(end)})`]
    const where = joinSql('AND', [this.#behind(after), ...upTo, ...this.#scope, ...this.#conditions])
    return this.#database.readMany(sql`SELECT ${columns}, seq, ${uid} FROM ${table} WHERE ${where}
      ORDER BY seq, ${uid} LIMIT ${limit}::bigint`)
  }

  /** Where to stop looking for now; undefined when few are left. */
  async endOfPart(after: Place): Promise<Place | undefined> {
    const { table, uid } = this.#listed
    const where = joinSql('AND', [this.#behind(after), ...this.#scope])
    const [row] = await this.#database.readMany(sql`SELECT seq, ${uid} FROM ${table} WHERE ${where}
      ORDER BY seq, ${uid} LIMIT 1 OFFSET ${SCANNED_AT_ONCE - 1}::bigint`)
    return row && { seq: column<number>(row, 0), uid: column<string>(row, 1) }
  }

  #behind(after: Place): SqlText {
    return sql`(seq, ${this.#listed.uid}) > (${place(after)})`
  }
}

function place({ seq, uid }: Place): SqlText {
  return sql`${seq}::bigint, ${uid}::uuid`
}

function placeOf({ columnCount }: Listed, row: Row): Place {
  return { seq: column<number>(row, columnCount), uid: column<string>(row, columnCount + 1) }
}

function hasIndex({ state, expiringBefore, createdForOthersBy, ownerOrCreator }: KeyFilter): boolean {
  if (state === 'disabled' || state === 'expired') return true
  return [expiringBefore, createdForOthersBy, ownerOrCreator].some((one) => one !== undefined)
}

function conditionsOf(filter: KeyFilter): readonly SqlText[] {
  const { state, now, expiringBefore, unusedSince, metadata = {} } = filter
  const { createdForOthersBy, ownerOrCreator, anyMetadata } = filter
  const conditions = [
    createdForOthersBy === undefined ? undefined : isForOthersBy(createdForOthersBy),
    ownerOrCreator === undefined
      ? undefined
      : sql`(owner = ${text(ownerOrCreator)} OR ${isForOthersBy(ownerOrCreator)})`,
    anyMetadata && hasAnyMember(anyMetadata),
    state && stateCondition(state, now),
    expiringBefore === undefined
      ? undefined
      : sql`(expires_at >= ${number(now)} AND expires_at < ${number(expiringBefore)})`,
    unusedSince === undefined ? undefined : sql`coalesce(last_used_at, created_at) < ${number(unusedSince)}`,
    ...Object.entries(metadata).map(([name, value]) => hasMember(name, value)),
  ]
  return conditions.filter((condition) => condition !== undefined)
}

/** As `judge` sees keys: a disabled key that expired is a disabled one. */
function stateCondition(state: KeyState, now: Instant): SqlText | undefined {
  if (state === 'revoked') return undefined
  if (state === 'disabled') return sql`disabled_at IS NOT NULL`
  const over = sql`coalesce(expires_at <= ${number(now)}, FALSE)`
  const idle = sql`(idle_timeout_ms IS NOT NULL
    AND coalesce(last_used_at, created_at) + idle_timeout_ms <= ${number(now)})`
  const isExpired = sql`(${over} OR ${idle})`
  return state === 'expired'
    ? sql`(disabled_at IS NULL AND (expires_at <= ${number(now)} OR ${idle}))`
    : sql`(disabled_at IS NULL AND NOT ${isExpired})`
}

function isForOthersBy(creator: UserId): SqlText {
  return sql`(family = 'knox' AND created_by = ${text(creator)} AND created_by <> owner)`
}

function hasMember(name: string, value: string | number | boolean): SqlText {
  return sql`coalesce(members @> ${storedJson({ [name]: value })}::jsonb, FALSE)`
}

/** Names and values come in one JSON text, so that their number changes nothing of the statement. */
function hasAnyMember(wanted: NonNullable<KeyFilter['anyMetadata']>): SqlText {
  const anything = Object.entries(wanted).flatMap(([name, values]) => (values.includes('*') ? [name] : []))
  const pairs = Object.entries(wanted).flatMap(([name, values]) => values.map((value) => ({ [name]: value })))
  return sql`(coalesce(members ?| ARRAY(SELECT jsonb_array_elements_text(${storedJson(anything)}::jsonb)), FALSE)
    OR EXISTS (SELECT 1 FROM jsonb_array_elements(${storedJson(pairs)}::jsonb) AS wanted
      WHERE members @> wanted.value))`
}

const CURSOR = /^([kr])([1-9]\d{0,15})\.([0-9a-f-]{36})$/

function printCursor({ mark }: Listed, { seq, uid }: Place): string {
  return Buffer.from(`${mark}${seq}.${uid}`).toString('base64url')
}

/** @throws {DomainError} `id.invalid` with `facts.kind` `cursor` when it is none that such a listing gave. */
function parseCursor(listed: Listed, given: string): Place {
  const [, mark, seq, uid = ''] = CURSOR.exec(Buffer.from(given, 'base64url').toString('latin1')) ?? []
  const found = { seq: Number(seq), uid }
  // Decoding base64url skips what is none of it, so only what prints the same was printed by us.
  if (
    mark === listed.mark &&
    Number.isSafeInteger(found.seq) &&
    isUuid(uid) &&
    printCursor(listed, found) === given
  ) {
    return found
  }
  throw new DomainError('id.invalid', 'Cannot go on after that cursor: no such listing gave it', {
    kind: 'cursor',
    id: given.slice(0, 64),
    problem: 'unknown',
  })
}

function isUuid(uid: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uid)
}
