import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { RateLimit } from '../../core/keys/policy.ts'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { printSql, type SqlValue, sql } from '../../query/sql/sql-text.ts'
import type { AccessRevision } from './access-memory.ts'
import { column, fingerprintBytes } from './column.ts'
import type { Row, WireStatement } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { KeyMemory } from './key-memory.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow, LAST_USED_AT } from './key-row.ts'
import { REVOCATION_COLUMNS, revocationFromRow } from './revoked-keys.ts'

/** Behind the columns of a key and of a revocation. */
const GOOD_FROM = KEY_COLUMN_COUNT + 4
const GOOD_UNTIL = GOOD_FROM + 1
const LIMITS = GOOD_UNTIL + 1
const IDLE_TIMEOUT_MS = LIMITS + 1
const REVISION = IDLE_TIMEOUT_MS + 1

const LIMITS_OF_OWNER = sql`(SELECT limits FROM owner_limits WHERE owner_limits.owner = found.owner)`
const NOT_REVOKED = sql`NULL::float8 AS revoked_at, NULL::text AS revoked_by, NULL::text AS reason, NULL::text AS comment`
const OF_KEY = sql`${KEY_COLUMNS}, ${NOT_REVOKED}, good_from AS secret_from, NULL::float8 AS secret_until, idle_timeout_ms`
const OF_REVOKED = sql`${KEY_COLUMNS}, ${REVOCATION_COLUMNS}, good_from, NULL, idle_timeout_ms`

/**
 * Everything that a fingerprint may lead to, in one round trip and one snapshot: first a key by its newest secret, then by
 * an earlier one, then a key that was revoked. Each is found by an index.
 */
export const BY_FINGERPRINT = sql`SELECT ${KEY_COLUMNS}, ${REVOCATION_COLUMNS}, secret_from, secret_until,
    CASE WHEN revoked_at IS NULL THEN ${LIMITS_OF_OWNER} END, idle_timeout_ms,
    (SELECT value FROM access_revision)
  FROM (
    SELECT 1 AS rank, 0::bigint AS newest, ${OF_KEY} FROM keys WHERE fingerprint = $1
    UNION ALL
    SELECT 2, 0, ${KEY_COLUMNS}, ${NOT_REVOKED}, secret_from, secret_until, idle_timeout_ms
    FROM (SELECT key_uid, good_from AS secret_from, good_until AS secret_until FROM previous_secrets
      WHERE fingerprint = $1) AS earlier JOIN keys ON keys.uid = earlier.key_uid
    UNION ALL
    SELECT 3, 0, ${KEY_COLUMNS}, ${REVOCATION_COLUMNS}, secret_from, secret_until, idle_timeout_ms
    FROM (SELECT key_uid AS uid, good_from AS secret_from, good_until AS secret_until FROM previous_secrets
      WHERE fingerprint = $1) AS earlier JOIN revoked_keys ON revoked_keys.key_uid = earlier.uid
    UNION ALL
    SELECT 4, -seq, ${OF_REVOKED} FROM revoked_keys WHERE fingerprint = $1
  ) AS found
  ORDER BY rank, newest LIMIT 1`

/** Looks fingerprints up; what it answers is frozen, and identical until it changes. */
export class KeyLookUp {
  readonly #database: PostgresDatabase
  readonly #memory: KeyMemory
  readonly #revision: AccessRevision
  readonly #byFingerprint: (values: readonly SqlValue[]) => WireStatement

  constructor(database: PostgresDatabase, memory: KeyMemory, revision: AccessRevision) {
    this.#database = database
    this.#memory = memory
    this.#revision = revision
    this.#byFingerprint = database.prepare(printSql(BY_FINGERPRINT, POSTGRES.placeholder))
  }

  /** @throws {DomainError} `storage.unavailable` */
  async find(fingerprint: Fingerprint): Promise<FoundKey | undefined> {
    const statement = this.#byFingerprint([fingerprintBytes(fingerprint)])
    const [row] = (await this.#database.readPrepared(statement)).rows
    if (row === undefined) {
      this.#memory.forget(fingerprint)
      return undefined
    }
    this.#revision.told(column<number>(row, REVISION))
    const known = this.#memory.recall(fingerprint, row, saysTheSame)
    if (known !== undefined) return known
    const found = foundIn(row)
    this.#memory.remember(fingerprint, row, found)
    return found
  }
}

/** The last use is part of what a row says only where a key is judged by it. */
function saysTheSame(one: Row, other: Row): boolean {
  return one.every((value, index) => {
    if (index === REVISION) return true
    if (index === LAST_USED_AT && one[IDLE_TIMEOUT_MS] === null) return true
    const next = other[index]
    return value === next || (Buffer.isBuffer(value) && Buffer.isBuffer(next) && value.equals(next))
  })
}

function foundIn(row: Row): FoundKey {
  const goodFrom = column<number | null>(row, GOOD_FROM)
  const goodUntil = column<number | null>(row, GOOD_UNTIL)
  const limits = column<string | null>(row, LIMITS)
  return Object.freeze({
    key: Object.freeze(keyFromRow(row)),
    ...(goodFrom !== null && { goodFrom }),
    ...(goodUntil !== null && { goodUntil }),
    ...(row[KEY_COLUMN_COUNT] !== null && { revocation: revocationFromRow(row) }),
    ...(limits !== null && { ownerLimits: JSON.parse(limits) as readonly RateLimit[] }),
  })
}
