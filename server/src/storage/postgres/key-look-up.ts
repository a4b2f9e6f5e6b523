import { isDeepStrictEqual } from 'node:util'
import type { FoundKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import { withNotes } from '../../core/keys/key-notes.ts'
import type { RateLimit } from '../../core/keys/policy.ts'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { printSql, type SqlValue, sql } from '../../query/sql/sql-text.ts'
import type { ChangeFeed } from './change-feed.ts'
import { column, fingerprintBytes } from './column.ts'
import type { Row, WireStatement } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { KeyMemory } from './key-memory.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow } from './key-row.ts'
import type { ReadThrough } from './read-through.ts'
import { REVOCATION_COLUMNS, revocationFromRow } from './revoked-keys.ts'

/** Behind the columns of a key and of a revocation. */
const GOOD_FROM = KEY_COLUMN_COUNT + 4
const GOOD_UNTIL = GOOD_FROM + 1
const LIMITS = GOOD_UNTIL + 1

const LIMITS_OF_OWNER = sql`(SELECT limits FROM owner_limits WHERE owner_limits.owner = found.owner)`
const NOT_REVOKED = sql`NULL::float8 AS revoked_at, NULL::text AS revoked_by, NULL::text AS reason, NULL::text AS comment`
const OF_KEY = sql`${KEY_COLUMNS}, ${NOT_REVOKED}, good_from AS secret_from, NULL::float8 AS secret_until`
const OF_REVOKED = sql`${KEY_COLUMNS}, ${REVOCATION_COLUMNS}, good_from, NULL`

/**
 * Everything that a fingerprint may lead to, in one round trip and one snapshot: first a key by its newest secret, then by
 * an earlier one, then a key that was revoked. Each is found by an index.
 */
export const BY_FINGERPRINT = sql`SELECT ${KEY_COLUMNS}, ${REVOCATION_COLUMNS}, secret_from, secret_until,
    CASE WHEN revoked_at IS NULL THEN ${LIMITS_OF_OWNER} END
  FROM (
    SELECT 1 AS rank, 0::bigint AS newest, ${OF_KEY} FROM key_place_by_fingerprint($1)
    UNION ALL
    SELECT 2, 0, ${KEY_COLUMNS}, ${NOT_REVOKED}, secret_from, secret_until
    FROM (SELECT key_uid, good_from AS secret_from, good_until AS secret_until FROM previous_secrets
      WHERE fingerprint = $1) AS earlier, key_place_by_uid(earlier.key_uid)
    UNION ALL
    SELECT 3, 0, ${KEY_COLUMNS}, ${REVOCATION_COLUMNS}, secret_from, secret_until
    FROM (SELECT key_uid AS uid, good_from AS secret_from, good_until AS secret_until FROM previous_secrets
      WHERE fingerprint = $1) AS earlier JOIN revoked_keys ON revoked_keys.key_uid = earlier.uid
    UNION ALL
    SELECT 4, -seq, ${OF_REVOKED} FROM revoked_keys WHERE fingerprint = $1
  ) AS found
  ORDER BY rank, newest LIMIT 1`

/** What looks up fingerprints. */
export type KeyLookUpParts = {
  readonly database: PostgresDatabase
  readonly memory: KeyMemory
  readonly feed: Pick<ChangeFeed, 'isFresh'>
  readonly readThrough: ReadThrough
}

/**
 * Looks fingerprints up, in memory first while that can be trusted; what it answers is frozen, and identical until it
 * changes.
 */
export class KeyLookUp {
  readonly #parts: KeyLookUpParts
  readonly #byFingerprint: (values: readonly SqlValue[]) => WireStatement

  constructor(parts: KeyLookUpParts) {
    this.#parts = parts
    this.#byFingerprint = parts.database.prepare(printSql(BY_FINGERPRINT, POSTGRES.placeholder))
  }

  /** @throws {DomainError} `storage.unavailable`, by the promise. */
  find(fingerprint: Fingerprint): FoundKey | undefined | Promise<FoundKey | undefined> {
    const { feed, memory, readThrough } = this.#parts
    if (feed.isFresh()) {
      const recalled = memory.recall(fingerprint)
      if (recalled !== undefined) return recalled.found
    }
    return readThrough.read(
      () => this.#load(fingerprint),
      () => memory.recall(fingerprint),
    )
  }

  async #load(fingerprint: Fingerprint): Promise<FoundKey | undefined> {
    const { database, memory } = this.#parts
    const loading = memory.startLoading(fingerprint)
    try {
      const statement = this.#byFingerprint([fingerprintBytes(fingerprint)])
      const [row] = (await database.readPrepared(statement)).rows
      const found = row && foundIn(row)
      // What is remembered and was read again stays the identical object.
      const known = memory.recall(fingerprint)?.found
      const same = known !== undefined && found !== undefined && saysTheSame(known, found) ? known : found
      memory.remember(loading, same)
      return same
    } finally {
      memory.giveUp(loading)
    }
  }
}

/** The last use is part of what a key says only where it is judged by it. */
function saysTheSame(one: FoundKey, other: FoundKey): boolean {
  const isJudged = other.key.policy?.idleTimeoutMs !== undefined
  const lastUsedAt = isJudged ? other.key.lastUsedAt : one.key.lastUsedAt
  return isDeepStrictEqual(one, {
    ...other,
    key: lastUsedAt === undefined ? other.key : { ...other.key, lastUsedAt },
  })
}

function foundIn(row: Row): FoundKey {
  const goodFrom = column<number | null>(row, GOOD_FROM)
  const goodUntil = column<number | null>(row, GOOD_UNTIL)
  const limits = column<string | null>(row, LIMITS)
  return withNotes({
    key: keyFromRow(row),
    ...(goodFrom !== null && { goodFrom }),
    ...(goodUntil !== null && { goodUntil }),
    ...(row[KEY_COLUMN_COUNT] !== null && { revocation: revocationFromRow(row) }),
    ...(limits !== null && { ownerLimits: JSON.parse(limits) as readonly RateLimit[] }),
  })
}
