import type { PreviousSecret } from '../../core/keys/api-key.ts'
import type { Instant } from '../../core/record.ts'
import { column, fingerprintBytes, fingerprintOfBytes } from './column.ts'
import type { SqliteDatabase } from './database.ts'

/** SQL about earlier secrets, for the test that asks SQLite how it answers it. */
export const PREVIOUS_LOOKUPS = {
  ofKey: 'SELECT fingerprint, good_until FROM previous_secrets WHERE key_seq = ? ORDER BY seq DESC',
  removeEndedOfKey: 'DELETE FROM previous_secrets WHERE key_seq = ? AND good_until <= ?',
  ended:
    'SELECT seq, key_seq, fingerprint FROM previous_secrets WHERE good_until <= ? ORDER BY good_until LIMIT ?',
  remove: 'DELETE FROM previous_secrets WHERE seq = ?',
  removeOfKey: 'DELETE FROM previous_secrets WHERE key_seq = ?',
} as const

const INSERT = `INSERT INTO previous_secrets (fingerprint, key_seq, good_from, good_until) VALUES (?, ?, ?, ?)`

/** A secret that becomes an earlier one. */
type ReplacedSecret = PreviousSecret & { readonly goodFrom?: Instant | undefined }

/** The earlier secrets of keys; inside a change only. */
export type PreviousSecrets = {
  add(keySeq: number, secret: ReplacedSecret): void
  /** Newest first. */
  ofKey(keySeq: number): readonly PreviousSecret[]
  removeEnded(keySeq: number, now: Instant): void
}

/** Prepares the writing of earlier secrets. */
export function preparePreviousSecrets(database: SqliteDatabase): PreviousSecrets {
  const insert = database.statement(INSERT)
  const ofKey = database.statement(PREVIOUS_LOOKUPS.ofKey)
  const removeEnded = database.statement(PREVIOUS_LOOKUPS.removeEndedOfKey)
  return {
    add(keySeq, { fingerprint, goodFrom, goodUntil }) {
      insert.run(fingerprintBytes(fingerprint), keySeq, goodFrom ?? null, goodUntil)
    },
    ofKey(keySeq) {
      return ofKey.all(keySeq).map((row) => ({
        fingerprint: fingerprintOfBytes(row[0]),
        goodUntil: column<Instant>(row, 1),
      }))
    },
    removeEnded(keySeq, now) {
      removeEnded.run(keySeq, now)
    },
  }
}
