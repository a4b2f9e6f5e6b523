import { boundsOfRange } from '../../core/keys/fingerprint-range.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { bytes, fingerprintOfBytes } from './column.ts'
import type { PostgresDatabase } from './database.ts'

/** Fingerprints by how they begin, in PostgreSQL. */
export function createFingerprintRange(database: PostgresDatabase): Pick<KeyStore, 'fingerprintsFrom'> {
  return {
    async fingerprintsFrom(digits, max) {
      const { first, last } = boundsOfRange(digits)
      const rows = await database.read(sql`SELECT fingerprint FROM key_fingerprints
          WHERE fingerprint BETWEEN ${bytes(first)} AND ${bytes(last)}
        UNION ALL SELECT fingerprint FROM previous_secrets
          WHERE fingerprint BETWEEN ${bytes(first)} AND ${bytes(last)}
        LIMIT ${max}`)
      return rows.map(([found]) => fingerprintOfBytes(found))
    },
  }
}
