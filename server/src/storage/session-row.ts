import type { Session } from '../core/access/session.ts'
import type { UserId } from '../core/ids.ts'
import type { Fingerprint } from '../core/keys/fingerprint.ts'

/**
 * The session of a row of fingerprint, owner, ttl_ms, expires_at, single_use, refreshed and created_at. The caller brings the
 * fingerprint. Rows were written by `storage`, so their types are known.
 */
export function sessionFromRow(row: readonly unknown[], fingerprint: Fingerprint): Session {
  return {
    fingerprint,
    owner: row[1] as UserId,
    ...(row[2] !== null && { ttlMs: row[2] as number }),
    ...(row[3] !== null && { expiresAt: row[3] as number }),
    // Booleans of PostgreSQL, INTEGERs of SQLite.
    singleUse: Boolean(row[4]),
    refreshed: Boolean(row[5]),
    createdAt: row[6] as number,
  }
}
