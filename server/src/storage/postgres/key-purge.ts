import type { PreviousSecret } from '../../core/keys/api-key.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import type { Instant } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { catchUpWithMost } from './catch-up.ts'
import { newTellingRow, noteChanges, type TellingRow } from './change.ts'
import { column, fingerprintOfBytes, json, jsonColumn, number, uuids } from './column.ts'
import type { Answer, Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { KeyParts } from './key-parts.ts'
import { purgeRates } from './rate-statements.ts'
import { COUNT_GONE, tellGone } from './revoked-keys.ts'

/** Rows of each kind that one purge removes at most, so that nobody waits long for its locks. */
const PURGED_AT_ONCE = 500

const DAY_MS = 86_400_000

/** Counters of rate limits, of which there may be several for each key, and which are small. */
const RATES_PURGED_AT_ONCE = 10_000

/** Of so many purges one looks for indexes of descriptions that lag behind, which reads what all owners have. */
const LOOKS_FOR_INDEXES_EVERY = 6

/**
 * Forgets what nobody needs any more, in PostgreSQL: each kind in a change of its own, what others are at left out. Starts
 * the work on indexes that lag behind, too.
 */
export function createKeyPurge({ database }: KeyParts): Pick<KeyStore, 'purge'> {
  let purges = 0
  return {
    async purge({ now, revokedBefore, usedBefore, knoxExpiredBefore }) {
      await removeEndedSecrets(database, now)
      await removeGone(database, (told) => removeRevoked(revokedBefore, told))
      if (knoxExpiredBefore !== undefined) {
        await removeGone(database, (told) => removeExpiredKnox(knoxExpiredBefore, told))
      }
      await database.changeBy(removeUse(Math.floor(usedBefore / DAY_MS)))
      await database.changeBy(purgeRates(RATES_PURGED_AT_ONCE))
      purges += 1
      if (purges % LOOKS_FOR_INDEXES_EVERY === 0) await catchUpWithMost(database)
    },
  }
}

/** Earlier secrets are told of by the row of their key as well, which is locked first, as rotations do. */
async function removeEndedSecrets(database: PostgresDatabase, now: Instant): Promise<void> {
  const ended = await database.readMany(sql`SELECT DISTINCT key_uid FROM (
      SELECT key_uid FROM previous_secrets WHERE good_until <= ${number(now)}
      ORDER BY good_until LIMIT ${PURGED_AT_ONCE}::bigint
    ) AS ended`)
  if (ended.length === 0) return
  const uids = ended.map((row) => column<string>(row, 0))
  await database.change(async (transaction) => {
    for (const table of ['keys', 'revoked_keys'] as const) {
      const rows = await transaction.all(lockWithPrevious(table, uids))
      for (const row of rows) transaction.later(withoutEnded(table, row, now))
    }
    const known = await transaction.all(fingerprintsOfAll(uids))
    noteChanges(transaction, [{ kind: 'keys', fingerprints: known.map((row) => fingerprintOfBytes(row[0])) }])
    transaction.later(
      sql`DELETE FROM previous_secrets WHERE key_uid = ${uuids(uids)} AND good_until <= ${number(now)}`,
    )
  })
}

/** Whatever leads to these keys: the keys themselves are told apart by the secrets that they had. */
function fingerprintsOfAll(uids: readonly string[]): SqlText {
  return sql`SELECT fingerprint FROM keys WHERE uid = ${uuids(uids)}
    UNION ALL SELECT fingerprint FROM revoked_keys WHERE key_uid = ${uuids(uids)}
    UNION ALL SELECT fingerprint FROM previous_secrets WHERE key_uid = ${uuids(uids)}`
}

type Table = 'keys' | 'revoked_keys'

function lockWithPrevious(table: Table, uids: readonly string[]): SqlText {
  return table === 'keys'
    ? sql`SELECT uid, previous FROM keys WHERE uid = ${uuids(uids)} AND previous IS NOT NULL
        ORDER BY id FOR NO KEY UPDATE`
    : sql`SELECT key_uid, previous FROM revoked_keys WHERE key_uid = ${uuids(uids)} AND previous IS NOT NULL
        ORDER BY key_uid FOR NO KEY UPDATE`
}

function withoutEnded(table: Table, row: Row, now: Instant): SqlText {
  const left = jsonColumn<readonly PreviousSecret[]>(row, 1).filter((secret) => secret.goodUntil > now)
  const previous = json(left.length === 0 ? undefined : left)
  const uid = column<string>(row, 0)
  return table === 'keys'
    ? sql`UPDATE keys SET previous = ${previous} WHERE uid = ${uid}::uuid`
    : sql`UPDATE revoked_keys SET previous = ${previous} WHERE key_uid = ${uid}::uuid`
}

/** What belongs to the keys that an earlier part of the statement, `gone`, removed for good. */
const REMOVE_BELONGINGS = sql`secrets AS (DELETE FROM previous_secrets WHERE key_uid IN (SELECT uid FROM gone)),
  budgets AS (DELETE FROM key_credits WHERE key_uid IN (SELECT uid FROM gone)),
  leases AS (DELETE FROM credit_leases WHERE key_uid IN (SELECT uid FROM gone)),
  macs AS (DELETE FROM legacy_macs WHERE key_uid IN (SELECT uid FROM gone)),
  uses AS (DELETE FROM key_usage WHERE key_uid IN (SELECT uid FROM gone))`

/** Fingerprints that `gone` led to; the statements below answer them. */
const GONE = sql`SELECT fingerprint FROM gone
  UNION ALL SELECT fingerprint FROM previous_secrets WHERE key_uid IN (SELECT uid FROM gone)`

function goneIn({ rows }: Answer): readonly StoreChange[] {
  if (rows.length === 0) return []
  return [{ kind: 'keys', fingerprints: rows.map((row) => fingerprintOfBytes(row[0])) }]
}

async function removeGone(database: PostgresDatabase, removal: (told: SqlText) => SqlText): Promise<void> {
  const row: TellingRow = newTellingRow(database)
  await database.changeBy(removal(tellGone(row)), { uid: row.uid, changesOf: goneIn })
}

function removeRevoked(before: Instant, told: SqlText): SqlText {
  return sql`WITH gone AS (
      DELETE FROM revoked_keys WHERE key_uid IN (
        SELECT key_uid FROM revoked_keys WHERE revoked_at < ${number(before)}
        ORDER BY revoked_at LIMIT ${PURGED_AT_ONCE}::bigint FOR UPDATE SKIP LOCKED
      ) RETURNING key_uid AS uid, fingerprint
    ), ${REMOVE_BELONGINGS}, told AS (${told})
    ${GONE}`
}

function removeExpiredKnox(before: Instant, told: SqlText): SqlText {
  return sql`WITH gone AS (
      DELETE FROM keys WHERE uid IN (
        SELECT uid FROM keys WHERE family = 'knox' AND expires_at < ${number(before)}
        ORDER BY expires_at LIMIT ${PURGED_AT_ONCE}::bigint FOR UPDATE SKIP LOCKED
      ) RETURNING uid, owner, family, fingerprint
    ), counted AS (${COUNT_GONE}), ${REMOVE_BELONGINGS}, told AS (${told})
    ${GONE}`
}

function removeUse(firstDayKept: number): SqlText {
  return sql`DELETE FROM key_usage WHERE (key_uid, day) IN (
    SELECT key_uid, day FROM key_usage WHERE day < ${firstDayKept}::integer
    ORDER BY day LIMIT ${PURGED_AT_ONCE}::bigint FOR UPDATE SKIP LOCKED)`
}
