import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { KeyId, UserId } from '../../core/ids.ts'
import type { Revocation, RevokedKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import type { Instant } from '../../core/record.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { insertChange, type TellingRow } from './change.ts'
import { column, fingerprintOfBytes, NOW_SEQ, number, text } from './column.ts'
import type { Answer, Row } from './connection.ts'
import { FORGET_INDEXES, forgetIndex } from './index-owner.ts'
import { fingerprintsOf, KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow, STORED_KEY_COLUMNS } from './key-row.ts'
import type { Transaction } from './transaction.ts'

/** Columns of a revocation behind those of the key. */
export const REVOCATION_COLUMNS = sql`revoked_at, revoked_by, reason, comment`

/** Columns of `revoked_keys` that `revokedKeyFromRow` reads. */
export const REVOKED_COLUMNS = sql`${KEY_COLUMNS}, ${REVOCATION_COLUMNS}`

/** How many columns `revokedKeyFromRow` reads. */
export const REVOKED_COLUMN_COUNT = KEY_COLUMN_COUNT + 4

/** A revoked key, and what belongs to it by its uid. */
export type StoredRevokedKey = RevokedKey & { readonly uid: string }

/** Remembers the keys that an earlier part of the statement, `gone`, removed; as another part of it. */
export function rememberGone({ at, by, reason, comment }: Revocation): SqlText {
  return sql`INSERT INTO revoked_keys (key_uid, seq, ${STORED_KEY_COLUMNS}, ${REVOCATION_COLUMNS})
    SELECT uid, ${NOW_SEQ} + row_number() OVER (ORDER BY seq), ${STORED_KEY_COLUMNS},
      ${number(at)}, ${text(by)}, ${text(reason)}, ${text(comment)} FROM gone`
}

/** Counts the keys that `gone` removed no longer; as another part of the statement. */
export const COUNT_GONE = sql`UPDATE owner_stats SET key_count = key_count - gone_of.keys,
    knox_count = knox_count - gone_of.knox
  FROM (
    SELECT owner, count(*) AS keys, count(*) FILTER (WHERE family = 'knox') AS knox FROM gone GROUP BY owner
  ) AS gone_of
  WHERE owner_stats.owner = gone_of.owner`

/**
 * Tells other nodes of the keys that `gone` removed and that have an uid and a fingerprint there; as another part of the
 * statement, which sees the earlier secrets even if it removes them as well.
 */
export function tellGone(row: TellingRow): SqlText {
  return insertChange(
    row,
    'keys',
    sql`SELECT fingerprint FROM gone
      UNION ALL SELECT fingerprint FROM previous_secrets WHERE key_uid IN (SELECT uid FROM gone)`,
  )
}

/** What this node has to know of a statement with `tellGone` that answers whole keys. */
export function keysGoneIn({ rows }: Answer): readonly StoreChange[] {
  const fingerprints = rows.flatMap((row) => fingerprintsOf(keyFromRow(row)))
  return fingerprints.length === 0 ? [] : [{ kind: 'keys', fingerprints }]
}

/**
 * Ends all keys of an owner that is removed; answers their fingerprints, those of earlier secrets included. Whoever gives a
 * key to that owner waits until the end of the transaction.
 */
export async function endOwnersKeys(
  transaction: Transaction,
  owner: UserId,
  event: AuditEvent,
): Promise<readonly Fingerprint[]> {
  await transaction.run(sql`SELECT 1 FROM owner_stats WHERE owner = ${text(owner)} FOR UPDATE`)
  transaction.later(forgetIndex(owner))
  return end(transaction, sql`DELETE FROM keys WHERE owner = ${text(owner)} RETURNING *`, event)
}

/** Ends all keys there are; answers their fingerprints, those of earlier secrets included. */
export function endAllKeys(transaction: Transaction, event: AuditEvent): Promise<readonly Fingerprint[]> {
  transaction.later(FORGET_INDEXES)
  return end(transaction, sql`DELETE FROM keys RETURNING *`, event)
}

async function end(
  transaction: Transaction,
  remove: SqlText,
  event: AuditEvent,
): Promise<readonly Fingerprint[]> {
  const revocation: Revocation = { at: event.at, by: event.actor, reason: 'cessationOfOperation' }
  const rows = await transaction.all(sql`WITH gone AS (${remove}), remembered AS (${rememberGone(revocation)})
    SELECT fingerprint FROM gone
    UNION ALL SELECT fingerprint FROM previous_secrets WHERE key_uid IN (SELECT uid FROM gone)`)
  return rows.map((row) => fingerprintOfBytes(row[0]))
}

/** The key of that id that was revoked last. */
export function lastRevoked(id: KeyId): SqlText {
  return sql`SELECT ${REVOKED_COLUMNS}, key_uid FROM revoked_keys WHERE id = ${text(id)} ORDER BY seq DESC LIMIT 1`
}

/** The key in a row of `lastRevoked`. */
export function storedRevokedKeyFromRow(row: Row): StoredRevokedKey {
  return { ...revokedKeyFromRow(row), uid: column<string>(row, REVOKED_COLUMN_COUNT) }
}

/** The key in a row of `SELECT ${REVOKED_COLUMNS} FROM revoked_keys`. */
export function revokedKeyFromRow(row: Row): RevokedKey {
  return { key: keyFromRow(row), revocation: revocationFromRow(row) }
}

/** The revocation in such a row. */
export function revocationFromRow(row: Row): Revocation {
  const comment = column<string | null>(row, KEY_COLUMN_COUNT + 3)
  return {
    at: column<Instant>(row, KEY_COLUMN_COUNT),
    by: column<UserId>(row, KEY_COLUMN_COUNT + 1),
    reason: column<Revocation['reason']>(row, KEY_COLUMN_COUNT + 2),
    ...(comment !== null && { comment }),
  }
}
