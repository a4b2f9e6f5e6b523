import { boundsOfRange } from '../../core/keys/fingerprint-range.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import { fingerprintBytes, fingerprintOfBytes } from './column.ts'
import type { SqliteDatabase } from './database.ts'

/** SQL of the range, for the test that asks SQLite how it answers it. */
export const FINGERPRINTS_FROM = `SELECT fingerprint FROM keys WHERE fingerprint BETWEEN ?1 AND ?2
  UNION ALL SELECT fingerprint FROM previous_secrets WHERE fingerprint BETWEEN ?1 AND ?2 LIMIT ?3`

/** Fingerprints by how they begin, in SQLite. */
export function createFingerprintRange(database: SqliteDatabase): Pick<KeyStore, 'fingerprintsFrom'> {
  const find = database.statement(FINGERPRINTS_FROM)
  return {
    async fingerprintsFrom(digits, max) {
      const { first, last } = boundsOfRange(digits)
      const rows = database.read(() => find.all(fingerprintBytes(first), fingerprintBytes(last), max))
      return rows.map(([bytes]) => fingerprintOfBytes(bytes))
    },
  }
}
