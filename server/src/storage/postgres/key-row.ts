import type { KeyId, UserId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ApiKey, KnoxFacts, PreviousSecret } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { KeyPolicy } from '../../core/keys/policy.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import {
  bytes,
  fingerprintOfBytes,
  json,
  jsonColumn,
  listSql,
  number,
  RECORD_COLUMNS,
  recordColumns,
  recordValues,
  text,
} from './column.ts'
import type { Row } from './connection.ts'

/** Columns of `keys` and `revoked_keys` that `keyFromRow` reads, in its order. */
export const KEY_COLUMNS = sql`fingerprint, id, owner, description, ttl_ms, expires_at, ${RECORD_COLUMNS},
  family, keyspace, hint, disabled_at, disabled_by, disabled_reason, policy, metadata, good_from, previous, last_used_at, knox`

/** Columns that `keyValues` gives values for: all that both tables have of a key but its uid and place. */
export const STORED_KEY_COLUMNS = sql`${KEY_COLUMNS}, idle_timeout_ms, scopes, members`

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

type NewKey = { -readonly [Name in keyof ApiKey]: ApiKey[Name] }

/** The key in a row of `SELECT ${KEY_COLUMNS} FROM keys`. */
export function keyFromRow(row: Row): ApiKey {
  const key: NewKey = {
    id: row[ID] as KeyId,
    owner: row[OWNER] as UserId,
    description: row[DESCRIPTION] as string,
    fingerprint: fingerprintOfBytes(row[FINGERPRINT]),
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
export function keyValues(key: ApiKey): SqlText {
  const { disabled, policy } = key
  return listSql([
    bytes(key.fingerprint),
    text(key.id),
    text(key.owner),
    text(key.description),
    number(key.ttlMs),
    number(key.expiresAt),
    recordValues(key.record),
    text(key.family),
    text(key.keyspace),
    text(key.hint),
    number(disabled?.at),
    text(disabled?.by),
    text(disabled?.reason),
    json(policy),
    json(key.metadata),
    number(key.goodFrom),
    json(key.previous),
    number(key.lastUsedAt),
    json(key.knox),
    number(policy?.idleTimeoutMs),
    jsonb(policy?.scopes?.length ? policy.scopes : undefined),
    jsonb(key.metadata && membersOf(key.metadata)),
  ])
}

function jsonb(value: unknown): SqlText {
  return sql`${value === undefined ? null : storedJson(value)}::jsonb`
}

/** What listings ask of the metadata: the texts, numbers and truths at the top level, and which other names there are. */
export function membersOf(metadata: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [name, typeof value === 'object' ? null : value]),
  )
}

/** All that lead to a key: its newest secret and the earlier ones. */
export function fingerprintsOf({ fingerprint, previous = [] }: ApiKey): readonly Fingerprint[] {
  return [fingerprint, ...previous.map((secret) => secret.fingerprint)]
}
