import type { PreviousSecret } from '../../core/keys/api-key.ts'
import type { Instant } from '../../core/record.ts'
import { column, fingerprintBytes, fingerprintOfBytes } from './column.ts'
import type { SqliteDatabase } from './database.ts'

/** SQL about earlier secrets, for the test that asks SQLite how it answers it. */
export const PREVIOUS_LOOKUPS = {
  ofKey: 'SELECT fingerprint, good_until FROM previous_secrets WHERE key_seq = ? ORDER BY seq DESC',
  removeOne: 'DELETE FROM previous_secrets WHERE fingerprint = ?',
  ended:
    'SELECT seq, key_seq, fingerprint FROM previous_secrets WHERE good_until <= ? ORDER BY good_until LIMIT ?',
  remove: 'DELETE FROM previous_secrets WHERE seq = ?',
  removeOfKey: 'DELETE FROM previous_secrets WHERE key_seq = ?',
} as const

const KEEP = `INSERT INTO previous_secrets (fingerprint, key_seq, good_from, good_until) VALUES (?, ?, ?, ?)
  ON CONFLICT (fingerprint) DO UPDATE SET good_until = excluded.good_until`

/** The earlier secrets of keys; inside a change only. */
export type PreviousSecrets = {
  /** Newest first. */
  ofKey(keySeq: number): readonly PreviousSecret[]
  /** Has a key keep these, newest first, and forgets its others; `goodFrom` is that of one which was not among them. */
  keepOnly(keySeq: number, kept: readonly PreviousSecret[], goodFrom?: Instant): void
}

/** Prepares the writing of earlier secrets. */
export function preparePreviousSecrets(database: SqliteDatabase): PreviousSecrets {
  const keep = database.statement(KEEP)
  const ofKey = database.statement(PREVIOUS_LOOKUPS.ofKey)
  const removeOne = database.statement(PREVIOUS_LOOKUPS.removeOne)

  function read(keySeq: number): readonly PreviousSecret[] {
    return ofKey.all(keySeq).map((row) => ({
      fingerprint: fingerprintOfBytes(row[0]),
      goodUntil: column<Instant>(row, 1),
    }))
  }

  return {
    ofKey: read,
    keepOnly(keySeq, kept, goodFrom) {
      const stay = new Set(kept.map(({ fingerprint }) => fingerprint))
      for (const { fingerprint } of read(keySeq)) {
        if (!stay.has(fingerprint)) removeOne.run(fingerprintBytes(fingerprint))
      }
      // The newest one last: the order of their numbers is that in which they were replaced.
      for (const { fingerprint, goodUntil } of kept.toReversed()) {
        keep.run(fingerprintBytes(fingerprint), keySeq, goodFrom ?? null, goodUntil)
      }
    },
  }
}
