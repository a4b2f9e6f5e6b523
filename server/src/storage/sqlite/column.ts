import type { SQLOutputValue } from 'node:sqlite'
import type { UserId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { RecordInfo } from '../../core/record.ts'
import type { Row, SqlValue } from './database.ts'

/*
 * Between columns and values. Tables are STRICT and every row was written by `storage`, so the types below are known
 * and not checked again: this runs for every verification.
 */

/** A NOT NULL column of any type, as the type that the schema gives it. */
export function column<T>(row: Row, index: number): T {
  return row[index] as T
}

/** Parses a TEXT column that holds JSON written by us. */
export function jsonColumn<T>(row: Row, index: number): T {
  return JSON.parse(row[index] as string) as T
}

/** The 32 bytes that a fingerprint is stored as. */
export function fingerprintBytes(fingerprint: Fingerprint): Uint8Array {
  return Buffer.from(fingerprint, 'hex')
}

/** The fingerprint of a stored BLOB. */
export function fingerprintOfBytes(bytes: SQLOutputValue | undefined): Fingerprint {
  return Buffer.from(bytes as Uint8Array).toString('hex') as Fingerprint
}

/** The columns that `recordColumns` and `recordValues` speak of, in their order. */
export const RECORD_COLUMNS = 'created_by, created_at, updated_by, updated_at'

/** Record information from four columns that start at `first`. */
export function recordColumns(row: Row, first: number): RecordInfo {
  const createdBy = row[first] as UserId
  const createdAt = row[first + 1] as number
  const updatedBy = row[first + 2] as UserId | null
  const updatedAt = row[first + 3] as number | null
  if (updatedBy === null && updatedAt === null) return { createdBy, createdAt }
  return {
    createdBy,
    createdAt,
    ...(updatedBy !== null && { updatedBy }),
    ...(updatedAt !== null && { updatedAt }),
  }
}

/** Values for the four columns of record information. */
export function recordValues(record: RecordInfo): readonly SqlValue[] {
  return [record.createdBy, record.createdAt, record.updatedBy ?? null, record.updatedAt ?? null]
}

/** A JSON object column of our own making. */
export function jsonObjectColumn(row: Row, index: number): JsonObject {
  return jsonColumn<JsonObject>(row, index)
}

/** JSON text for an optional column. */
export function optionalJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
