import type { UserId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { RecordInfo } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import type { Row } from './connection.ts'

/*
 * Between columns and values. Every row was written by `storage`, so the types below are known and not checked again: this
 * runs for every verification.
 */

/** A NOT NULL column of any type, as the type that the schema gives it. */
export function column<T>(row: Row, index: number): T {
  return row[index] as T
}

/** Parses a column that holds JSON written by us. */
export function jsonColumn<T>(row: Row, index: number): T {
  return JSON.parse(row[index] as string) as T
}

/** A JSON object column of our own making. */
export function jsonObjectColumn(row: Row, index: number): JsonObject {
  return jsonColumn<JsonObject>(row, index)
}

/** The 32 bytes that a fingerprint is stored as. */
export function fingerprintBytes(fingerprint: Fingerprint): Uint8Array {
  return Buffer.from(fingerprint, 'hex')
}

/** The fingerprint of stored bytes. */
export function fingerprintOfBytes(bytes: unknown): Fingerprint {
  return Buffer.from(bytes as Uint8Array).toString('hex') as Fingerprint
}

/** The columns that `recordColumns` and `recordValues` speak of, in their order. */
export const RECORD_COLUMNS = sql`created_by, created_at, updated_by, updated_at`

/** Record information from four columns that start at `first`. */
export function recordColumns(row: Row, first: number): RecordInfo {
  const createdBy = row[first] as UserId
  const createdAt = row[first + 1] as number
  const updatedBy = row[first + 2] as UserId | null
  const updatedAt = row[first + 3] as number | null
  return {
    createdBy,
    createdAt,
    ...(updatedBy !== null && { updatedBy }),
    ...(updatedAt !== null && { updatedAt }),
  }
}

/** Values for the four columns of record information. */
export function recordValues({ createdBy, createdAt, updatedBy, updatedAt }: RecordInfo): SqlText {
  return sql`${text(createdBy)}, ${number(createdAt)}, ${text(updatedBy)}, ${number(updatedAt)}`
}

/** A text or NULL as a parameter, where PostgreSQL cannot tell its type from what is around it. */
export function text(value: string | undefined): SqlText {
  return sql`${value ?? null}::text`
}

/** A number or NULL as a parameter. */
export function number(value: number | undefined): SqlText {
  return sql`${value ?? null}::float8`
}

/** JSON text or NULL as a parameter. */
export function json(value: unknown): SqlText {
  return text(value === undefined ? undefined : JSON.stringify(value))
}

/** A fingerprint as a parameter. */
export function bytes(fingerprint: Fingerprint): SqlText {
  return sql`${fingerprintBytes(fingerprint)}::bytea`
}

/** True or false, as part of a statement's text. */
export function truth(value: boolean): SqlText {
  return sql`${value ? 1 : 0}::integer = 1`
}

/** Expressions with commas between. At least one. */
export function listSql(parts: readonly SqlText[]): SqlText {
  const [first] = parts
  if (first === undefined) throw new Error('Cannot list SQL expressions: there is none')
  if (parts.length === 1) return first
  // By halves: what was joined before is copied again only a few times.
  const middle = parts.length >> 1
  return sql`${listSql(parts.slice(0, middle))}, ${listSql(parts.slice(middle))}`
}

/** What an uid is to be equal to one of. */
export function uuids(values: readonly string[]): SqlText {
  return sql`ANY (${`{${values.join(',')}}`}::uuid[])`
}

/** Now by the server's clock, in microseconds since the epoch: the order in which things were created. */
export const NOW_SEQ = sql`(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
