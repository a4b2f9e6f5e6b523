import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { KeyId, UserId } from '../../core/ids.ts'
import type { Revocation, RevokedKey } from '../../core/keys/api-key.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { Instant } from '../../core/record.ts'
import { column, fingerprintOfBytes } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'
import type { KeyNews } from './key-news.ts'
import { ENDED_KEY_COLUMNS, KEY_COLUMN_COUNT, keyFromRow, STORED_KEY_COLUMNS } from './key-row.ts'

/** Columns of `revoked_keys` that `revokedKeyFromRow` reads. */
export const REVOKED_COLUMNS = `${ENDED_KEY_COLUMNS}, revoked_at, revoked_by, reason, comment`

/** How many columns `revokedKeyFromRow` reads. */
export const REVOKED_COLUMN_COUNT = KEY_COLUMN_COUNT + 4

const REMEMBER = `INSERT INTO revoked_keys
  (key_seq, ${STORED_KEY_COLUMNS}, revoked_at, revoked_by, reason, comment)
  SELECT seq, ${STORED_KEY_COLUMNS}, ?, ?, ?, ? FROM keys`

/** SQL of what becomes of keys that end, for the test that asks SQLite how it answers it. */
export const REVOKED_LOOKUPS = {
  rememberOne: `${REMEMBER} WHERE seq = ?`,
  rememberOwners: `${REMEMBER} WHERE owner = ? ORDER BY seq`,
  removeOne: 'DELETE FROM keys WHERE seq = ?',
  takeOwners: 'DELETE FROM keys WHERE owner = ? RETURNING fingerprint',
  previousOfOwner: `SELECT fingerprint FROM previous_secrets
    WHERE key_seq IN (SELECT seq FROM keys WHERE owner = ?)`,
  lastById: `SELECT ${REVOKED_COLUMNS}, seq, key_seq FROM revoked_keys WHERE id = ? ORDER BY seq DESC LIMIT 1`,
} as const

const ALL_FINGERPRINTS = `SELECT fingerprint FROM keys UNION ALL
  SELECT fingerprint FROM previous_secrets WHERE key_seq IN (SELECT seq FROM keys)`

/** A revoked key, and where it is. */
export type StoredRevokedKey = RevokedKey & { readonly seq: number; readonly keySeq: number }

/** Moves keys to those that were revoked; all of it inside a change. Counts and indexes are the caller's. */
export type RevokedKeys = {
  /** Ends one key. */
  add(keySeq: number, revocation: Revocation): void
  /** Ends all keys of an owner that is removed; answers their fingerprints, those of earlier secrets included. */
  addOwners(owner: UserId, event: AuditEvent): readonly Fingerprint[]
  /** Ends all keys there are. */
  addAll(event: AuditEvent): readonly Fingerprint[]
  /** The key of that id that was revoked last. */
  findLast(id: KeyId): StoredRevokedKey | undefined
}

/** Prepares the end of keys, for all stores of one database. */
export function prepareRevokedKeys(database: SqliteDatabase, news: KeyNews): RevokedKeys {
  const rememberOne = database.statement(REVOKED_LOOKUPS.rememberOne)
  const rememberOwners = database.statement(REVOKED_LOOKUPS.rememberOwners)
  const rememberAll = database.statement(`${REMEMBER} ORDER BY seq`)
  const removeOne = database.statement(REVOKED_LOOKUPS.removeOne)
  const takeOwners = database.statement(REVOKED_LOOKUPS.takeOwners)
  const removeAll = database.statement('DELETE FROM keys')
  const previousOfOwner = database.statement(REVOKED_LOOKUPS.previousOfOwner)
  const allFingerprints = database.statement(ALL_FINGERPRINTS)
  const lastById = database.statement(REVOKED_LOOKUPS.lastById)

  return {
    add(keySeq, revocation) {
      rememberOne.run(...revocationValues(revocation), keySeq)
      removeOne.run(keySeq)
    },
    addOwners(owner, event) {
      const previous = previousOfOwner.all(owner)
      rememberOwners.run(...revocationValues(cessation(event)), owner)
      const fingerprints = [...takeOwners.all(owner), ...previous].map(onlyFingerprint)
      news.ownerChanged(owner)
      return fingerprints
    },
    addAll(event) {
      const fingerprints = allFingerprints.all().map(onlyFingerprint)
      rememberAll.run(...revocationValues(cessation(event)))
      removeAll.run()
      news.everythingChanged()
      return fingerprints
    },
    findLast(id) {
      const row = lastById.get(id)
      if (row === undefined) return undefined
      const seq = column<number>(row, REVOKED_COLUMN_COUNT)
      return { ...revokedKeyFromRow(row), seq, keySeq: column<number>(row, REVOKED_COLUMN_COUNT + 1) }
    },
  }
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

function revocationValues(revocation: Revocation) {
  const { at, by, reason, comment } = revocation
  return [at, by, reason, comment ?? null] as const
}

/** What happens to the keys of owners that are no more. */
function cessation(event: AuditEvent): Revocation {
  return { at: event.at, by: event.actor, reason: 'cessationOfOperation' }
}

function onlyFingerprint(row: Row): Fingerprint {
  return fingerprintOfBytes(row[0])
}
