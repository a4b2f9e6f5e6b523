import type { KeyId, UserId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ApiKey, KnoxFacts, PreviousSecret } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { KeyPolicy } from '../../core/keys/policy.ts'
import { printSql, type SqlText, sql } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import {
  fingerprintBytes,
  fingerprintOfBytes,
  jsonColumn,
  optionalJson,
  RECORD_COLUMNS,
  recordColumns,
  recordValues,
} from './column.ts'
import type { Row, SqlValue } from './database.ts'

const COMMON_COLUMNS = `fingerprint, id, owner, description, ttl_ms, expires_at, ${RECORD_COLUMNS},
  family, keyspace, hint, disabled_at, disabled_by, disabled_reason, policy, metadata, good_from, previous`

/** When a key of `keys` was used last; see `key_last_uses`. */
export const KEY_LAST_USE = sql`coalesce(
  (SELECT max(at, coalesce(keys.last_used_at, at)) FROM key_last_uses WHERE key_seq = keys.seq), keys.last_used_at)`

/** The same of a key of `revoked_keys`. */
export const REVOKED_LAST_USE = sql`coalesce(
  (SELECT max(at, coalesce(revoked_keys.last_used_at, at)) FROM key_last_uses
    WHERE key_seq = revoked_keys.key_seq), revoked_keys.last_used_at)`

/** Columns of `keys` that `keyFromRow` reads, in its order. */
export const KEY_COLUMNS = `${COMMON_COLUMNS}, ${textOf(KEY_LAST_USE)}, knox`

/** The same of `revoked_keys`. */
export const ENDED_KEY_COLUMNS = `${COMMON_COLUMNS}, ${textOf(REVOKED_LAST_USE)}, knox`

/** Columns that `keyValues` gives values for: all but `seq`. */
export const STORED_KEY_COLUMNS = `${COMMON_COLUMNS}, last_used_at, knox, idle_timeout_ms`

function textOf(constant: SqlText): string {
  return printSql(constant, SQLITE.placeholder)
}

const FINGERPRINT = 0
const ID = 1
const OWNER = 2
const DESCRIPTION = 3
const TTL_MS = 4
const EXPIRES_AT = 5
const RECORD = 6
const FAMILY = 10
const KEYSPACE = 11
const HINT = 12
const DISABLED_AT = 13
const DISABLED_BY = 14
const DISABLED_REASON = 15
const POLICY = 16
const METADATA = 17
const GOOD_FROM = 18
const PREVIOUS = 19
const LAST_USED_AT = 20
const KNOX = 21

/** How many columns `keyFromRow` reads: the place of the first one that a statement adds. */
export const KEY_COLUMN_COUNT = 22

/** As many placeholders as `STORED_KEY_COLUMNS`. */
export const KEY_PLACEHOLDERS = '?, '.repeat(KEY_COLUMN_COUNT).concat('?')

/** The key in a row of `SELECT ${KEY_COLUMNS} FROM keys`. */
export function keyFromRow(row: Row): ApiKey {
  return keyWithFingerprint(row, fingerprintOfBytes(row[FINGERPRINT]))
}

type NewKey = { -readonly [Name in keyof ApiKey]: ApiKey[Name] }

/** As `keyFromRow` when the fingerprint is known already; the BLOB need not be selected (`NULL AS fingerprint`). */
export function keyWithFingerprint(row: Row, fingerprint: Fingerprint): ApiKey {
  const key: NewKey = {
    id: row[ID] as KeyId,
    owner: row[OWNER] as UserId,
    description: row[DESCRIPTION] as string,
    fingerprint,
    record: recordColumns(row, RECORD),
  }
  if (row[TTL_MS] !== null) key.ttlMs = row[TTL_MS] as number
  if (row[EXPIRES_AT] !== null) key.expiresAt = row[EXPIRES_AT] as number
  if (row[FAMILY] !== null) key.family = row[FAMILY] as 'native' | 'knox'
  if (row[KEYSPACE] !== null) key.keyspace = row[KEYSPACE] as string
  if (row[HINT] !== null) key.hint = row[HINT] as string
  if (row[DISABLED_AT] !== null) readDisabled(key, row)
  if (row[POLICY] !== null) key.policy = jsonColumn<KeyPolicy>(row, POLICY)
  if (row[METADATA] !== null) key.metadata = jsonColumn<JsonObject>(row, METADATA)
  if (row[GOOD_FROM] !== null) key.goodFrom = row[GOOD_FROM] as number
  if (row[PREVIOUS] !== null) key.previous = jsonColumn<readonly PreviousSecret[]>(row, PREVIOUS)
  if (row[LAST_USED_AT] !== null) key.lastUsedAt = row[LAST_USED_AT] as number
  if (row[KNOX] !== null) key.knox = jsonColumn<KnoxFacts>(row, KNOX)
  return key
}

function readDisabled(key: NewKey, row: Row): void {
  key.disabled = {
    at: row[DISABLED_AT] as number,
    by: row[DISABLED_BY] as UserId,
    ...(row[DISABLED_REASON] !== null && { reason: row[DISABLED_REASON] as string }),
  }
}

/** Values for `INSERT INTO keys (${STORED_KEY_COLUMNS})`. */
export function keyValues(key: ApiKey): readonly SqlValue[] {
  const { disabled, policy } = key
  return [
    fingerprintBytes(key.fingerprint),
    key.id,
    key.owner,
    key.description,
    key.ttlMs ?? null,
    key.expiresAt ?? null,
    ...recordValues(key.record),
    key.family ?? null,
    key.keyspace ?? null,
    key.hint ?? null,
    disabled?.at ?? null,
    disabled?.by ?? null,
    disabled?.reason ?? null,
    optionalJson(policy),
    optionalJson(key.metadata),
    key.goodFrom ?? null,
    optionalJson(key.previous),
    key.lastUsedAt ?? null,
    optionalJson(key.knox),
    policy?.idleTimeoutMs ?? null,
  ]
}
