import type { KeyId, UserId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import {
  fingerprintBytes,
  fingerprintOfBytes,
  RECORD_COLUMNS,
  recordColumns,
  recordValues,
} from './column.ts'
import type { Row, SqlValue } from './database.ts'

/** Columns of `keys` that `keyFromRow` reads, in its order. */
export const KEY_COLUMNS = `fingerprint, id, owner, description, ttl_ms, expires_at, ${RECORD_COLUMNS}`

const FINGERPRINT = 0
const ID = 1
const OWNER = 2
const DESCRIPTION = 3
const TTL_MS = 4
const EXPIRES_AT = 5
const RECORD = 6

/** The key in a row of `SELECT ${KEY_COLUMNS} FROM keys`. */
export function keyFromRow(row: Row): ApiKey {
  return keyWithFingerprint(row, fingerprintOfBytes(row[FINGERPRINT]))
}

/** As `keyFromRow` when the fingerprint is known already; the BLOB need not be selected (`NULL AS fingerprint`). */
export function keyWithFingerprint(row: Row, fingerprint: Fingerprint): ApiKey {
  const key: { -readonly [Name in keyof ApiKey]: ApiKey[Name] } = {
    id: row[ID] as KeyId,
    owner: row[OWNER] as UserId,
    description: row[DESCRIPTION] as string,
    fingerprint,
    record: recordColumns(row, RECORD),
  }
  if (row[TTL_MS] !== null) key.ttlMs = row[TTL_MS] as number
  if (row[EXPIRES_AT] !== null) key.expiresAt = row[EXPIRES_AT] as number
  return key
}

/** Values for `INSERT INTO keys (${KEY_COLUMNS})`. */
export function keyValues(key: ApiKey): readonly SqlValue[] {
  return [
    fingerprintBytes(key.fingerprint),
    key.id,
    key.owner,
    key.description,
    key.ttlMs ?? null,
    key.expiresAt ?? null,
    ...recordValues(key.record),
  ]
}
