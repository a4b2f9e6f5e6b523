import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { KeyId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { keyIdTaken, keyOwnerFull, userNotFound } from '../refusals.ts'
import type { AuditWriter } from './audit-store.ts'
import { bytes, column, listSql, NOW_SEQ, number, text, truth } from './column.ts'
import type { Answer, Row } from './connection.ts'
import { hasId, isIdTaken } from './key-place.ts'
import { KEY_COLUMN_COUNT, KEY_COLUMNS, keyFromRow, keyValues, STORED_KEY_COLUMNS } from './key-row.ts'
import { needsNoUser, stayingUser } from './owners.ts'
import type { Transaction } from './transaction.ts'

/** A key, and what belongs to it by its uid. */
export type StoredKey = { readonly key: ApiKey; readonly uid: string }

/** A key that is to be stored. */
export type KeyInsertion = {
  readonly key: ApiKey
  /** Of a key that is restored; absent: a new one. */
  readonly uid?: string
  readonly perOwnerMax?: number | undefined
  readonly event?: AuditEvent
}

/** SQL for a key of that id. */
export function keyById(id: KeyId): SqlText {
  return sql`SELECT ${KEY_COLUMNS}, uid FROM keys WHERE ${hasId(id)}`
}

/** The key in a row of `keyById`. */
export function storedKeyFromRow(row: Row): StoredKey {
  return { key: keyFromRow(row), uid: column<string>(row, KEY_COLUMN_COUNT) }
}

/** A key that stays as it is until the end of the transaction, unless that changes it. */
export async function lockKey(transaction: Transaction, id: KeyId): Promise<StoredKey | undefined> {
  const row = await transaction.first(sql`${keyById(id)} FOR NO KEY UPDATE`)
  return row && storedKeyFromRow(row)
}

/**
 * Stores a key behind all others of its owner, with its budget, its earlier secrets and the event: one statement, one round
 * trip, which may be a transaction of its own.
 *
 * Keys of one owner are stored one after another, because each counts in the owner's row: so the count is exact, and the
 * order in which they show up is that of `seq`.
 */
export function insertKey(audit: AuditWriter, insertion: KeyInsertion): SqlText {
  const { key, uid = randomUUID(), perOwnerMax, event } = insertion
  const limit = key.family === 'knox' ? undefined : perOwnerMax
  const knox = key.family === 'knox' ? 1 : 0
  const hasRoom = limit === undefined ? sql`TRUE` : sql`stats.key_count - stats.knox_count < ${number(limit)}`
  return sql`WITH owned AS (${ownerCheck(key)}),
    taken AS (SELECT 1 FROM key_ids WHERE id = ${text(key.id)}),
    counted AS (
      INSERT INTO owner_stats AS stats (owner, key_count, knox_count, last_seq)
      SELECT ${text(key.owner)}, 1, ${knox}::bigint, ${NOW_SEQ}
      WHERE EXISTS (SELECT 1 FROM owned) AND NOT EXISTS (SELECT 1 FROM taken) AND ${truth((limit ?? 1) > 0)}
      ON CONFLICT (owner) DO UPDATE SET key_count = stats.key_count + 1,
        knox_count = stats.knox_count + excluded.knox_count,
        last_seq = greatest(stats.last_seq + 1, ${NOW_SEQ})
      WHERE ${hasRoom}
      RETURNING last_seq
    ),
    stored AS (
      INSERT INTO keys (uid, seq, ${STORED_KEY_COLUMNS}) SELECT ${uid}::uuid, last_seq, ${keyValues(key)} FROM counted
      RETURNING uid
    )${listBelongings(audit, key, uid, event)}
    SELECT EXISTS (SELECT 1 FROM stored), EXISTS (SELECT 1 FROM owned), EXISTS (SELECT 1 FROM taken),
      (SELECT key_count - knox_count FROM owner_stats WHERE owner = ${text(key.owner)})`
}

/** @throws {DomainError} `user.not_found`, `key.id_taken`, `key.owner_full`: why `insertKey` stored nothing. */
export function requireStored({ rows }: Pick<Answer, 'rows'>, { key, perOwnerMax }: KeyInsertion): void {
  const [isStored, isOwned, isTaken, count] = rows[0] ?? []
  if (isStored === true) return
  if (isOwned !== true) throw userNotFound(key.owner)
  if (isTaken === true) throw keyIdTaken(key.id)
  const max = perOwnerMax ?? 0
  // Another one may have been stored since the statement looked.
  throw keyOwnerFull(key.owner, Math.max(Number(count ?? 0), max), max)
}

/** What `work` throws, but for two that stored one id, or one secret, at the same moment. */
export async function refusingTakenIds<T>(id: KeyId, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw isIdTaken(error) ? keyIdTaken(id) : error
  }
}

/** Stores another state of a key, where it is. */
export function replaceKey({ uid }: StoredKey, key: ApiKey): SqlText {
  return sql`UPDATE keys SET (${STORED_KEY_COLUMNS}) = ROW (${keyValues(key)})
    WHERE uid = ${uid}::uuid AND owner = ${text(key.owner)}`
}

/** A row where the owner exists, or need not. */
function ownerCheck({ owner, family }: ApiKey): SqlText {
  return family === 'knox' || needsNoUser(owner) ? sql`SELECT 1` : stayingUser(owner)
}

/** More parts of the statement, for what a new key brings along. A restored one has it already. */
function listBelongings(
  audit: AuditWriter,
  key: ApiKey,
  uid: string,
  event: AuditEvent | undefined,
): SqlText {
  const { policy, previous, record } = key
  const parts: SqlText[] = []
  if (event !== undefined) parts.push(sql`audited AS (${audit.insertFor(event, sql`stored`)})`)
  if (event !== undefined && policy?.credits !== undefined) {
    parts.push(sql`budgeted AS (INSERT INTO key_credits (key_uid, remaining, refilled_at)
      SELECT uid, ${number(policy.credits.initial)}, ${number(record.createdAt)} FROM stored)`)
  }
  if (event !== undefined && previous !== undefined && previous.length > 0) {
    const rows = previous.map(
      ({ fingerprint, goodUntil }) => sql`(${bytes(fingerprint)}, ${uid}::uuid, ${number(goodUntil)})`,
    )
    parts.push(sql`remembered AS (INSERT INTO previous_secrets (fingerprint, key_uid, good_until)
      SELECT secret.* FROM stored, (VALUES ${listSql(rows)}) AS secret)`)
  }
  return parts.length === 0 ? sql`` : sql`, ${listSql(parts)}`
}
