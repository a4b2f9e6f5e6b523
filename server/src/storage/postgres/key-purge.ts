import type { PreviousSecret } from '../../core/keys/api-key.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { Instant } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column, json, jsonColumn, number, uuids } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { KeyParts } from './key-parts.ts'
import { COUNT_GONE } from './revoked-keys.ts'

/** Rows of each kind that one purge removes at most, so that nobody waits long for its locks. */
const PURGED_AT_ONCE = 500

const DAY_MS = 86_400_000

/** Forgets what nobody needs any more, in PostgreSQL: each kind in a change of its own, what others are at left out. */
export function createKeyPurge({ database }: KeyParts): Pick<KeyStore, 'purge'> {
  return {
    async purge({ now, revokedBefore, usedBefore, knoxExpiredBefore }) {
      await removeEndedSecrets(database, now)
      await database.changeBy(removeRevoked(revokedBefore))
      if (knoxExpiredBefore !== undefined) await database.changeBy(removeExpiredKnox(knoxExpiredBefore))
      await database.changeBy(removeUse(Math.floor(usedBefore / DAY_MS)))
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
    transaction.later(
      sql`DELETE FROM previous_secrets WHERE key_uid = ${uuids(uids)} AND good_until <= ${number(now)}`,
    )
  })
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
  macs AS (DELETE FROM legacy_macs WHERE key_uid IN (SELECT uid FROM gone)),
  uses AS (DELETE FROM key_usage WHERE key_uid IN (SELECT uid FROM gone))`

function removeRevoked(before: Instant): SqlText {
  return sql`WITH gone AS (
      DELETE FROM revoked_keys WHERE key_uid IN (
        SELECT key_uid FROM revoked_keys WHERE revoked_at < ${number(before)}
        ORDER BY revoked_at LIMIT ${PURGED_AT_ONCE}::bigint FOR UPDATE SKIP LOCKED
      ) RETURNING key_uid AS uid
    ), ${REMOVE_BELONGINGS}
    SELECT count(*) FROM gone`
}

function removeExpiredKnox(before: Instant): SqlText {
  return sql`WITH gone AS (
      DELETE FROM keys WHERE uid IN (
        SELECT uid FROM keys WHERE family = 'knox' AND expires_at < ${number(before)}
        ORDER BY expires_at LIMIT ${PURGED_AT_ONCE}::bigint FOR UPDATE SKIP LOCKED
      ) RETURNING uid, owner, family
    ), counted AS (${COUNT_GONE}), ${REMOVE_BELONGINGS}
    SELECT count(*) FROM gone`
}

function removeUse(firstDayKept: number): SqlText {
  return sql`DELETE FROM key_usage WHERE (key_uid, day) IN (
    SELECT key_uid, day FROM key_usage WHERE day < ${firstDayKept}::integer
    ORDER BY day LIMIT ${PURGED_AT_ONCE}::bigint FOR UPDATE SKIP LOCKED)`
}
