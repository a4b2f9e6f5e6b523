import type { Session } from '../../core/access/session.ts'
import type { SessionStore } from '../../core/ports/session-store.ts'
import { sessionFromRow } from '../session-row.ts'
import type { WriteAudit } from './audit-store.ts'
import { fingerprintBytes, fingerprintOfBytes } from './column.ts'
import type { SqliteDatabase, SqlValue } from './database.ts'
import type { KeyNews } from './key-news.ts'
import type { RequireOwner } from './owners.ts'

const COLUMNS = 'fingerprint, owner, ttl_ms, expires_at, single_use, refreshed, created_at'

/** SQL of this store's look-ups, for the test that asks SQLite how it answers them. */
export const SESSION_LOOKUPS = {
  byFingerprint: `SELECT NULL, owner, ttl_ms, expires_at, single_use, refreshed, created_at
    FROM sessions WHERE fingerprint = ?`,
  consume: 'DELETE FROM sessions WHERE fingerprint = ? AND single_use = 1',
  markRefreshed: `UPDATE sessions SET refreshed = 1, expires_at = min(?2, coalesce(expires_at, ?2))
    WHERE fingerprint = ?1 AND refreshed = 0`,
  remove: 'DELETE FROM sessions WHERE fingerprint = ?',
  removeByOwner: 'DELETE FROM sessions WHERE owner = ? RETURNING fingerprint',
  purge: `DELETE FROM sessions WHERE fingerprint IN
    (SELECT fingerprint FROM sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`,
} as const

type SessionStoreNeeds = {
  readonly writeAudit: WriteAudit
  readonly requireOwner: RequireOwner
  readonly news: KeyNews
}

/** Sessions in SQLite. */
export function createSessionStore(
  database: SqliteDatabase,
  { writeAudit, requireOwner, news }: SessionStoreNeeds,
): SessionStore {
  const find = database.statement(SESSION_LOOKUPS.byFingerprint)
  const consume = database.statement(SESSION_LOOKUPS.consume)
  const markRefreshed = database.statement(SESSION_LOOKUPS.markRefreshed)
  const remove = database.statement(SESSION_LOOKUPS.remove)
  const removeByOwner = database.statement(SESSION_LOOKUPS.removeByOwner)
  const purge = database.statement(SESSION_LOOKUPS.purge)
  const insert = database.statement(`INSERT INTO sessions (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`)

  function insertNow(session: Session): void {
    requireOwner(session.owner)
    insert.run(...sessionValues(session))
  }

  return {
    insert(session, event) {
      return database.change(() => {
        insertNow(session)
        writeAudit(event)
      })
    },
    async findByFingerprint(fingerprint) {
      const row = database.read(() => find.get(fingerprintBytes(fingerprint)))
      return row && sessionFromRow(row, fingerprint)
    },
    consume(fingerprint) {
      return database.change(() => consume.run(fingerprintBytes(fingerprint)) > 0)
    },
    refresh(old, oldExpiresAt, next, event) {
      return database.change(() => {
        if (markRefreshed.run(fingerprintBytes(old), oldExpiresAt) === 0) return false
        insertNow(next)
        writeAudit(event)
        return true
      })
    },
    remove(fingerprint, event) {
      return database.change(() => {
        if (remove.run(fingerprintBytes(fingerprint)) === 0) return false
        news.sessionsEnded([fingerprint])
        writeAudit(event)
        return true
      })
    },
    removeByOwner(owner, event) {
      return database.change(() => {
        const ended = removeByOwner.all(owner).map((row) => fingerprintOfBytes(row[0]))
        news.sessionsEnded(ended)
        writeAudit(event)
        return ended
      })
    },
    purgeExpired(now, max) {
      return database.change(() => purge.run(now, max))
    },
  }
}

function sessionValues(session: Session): readonly SqlValue[] {
  return [
    fingerprintBytes(session.fingerprint),
    session.owner,
    session.ttlMs ?? null,
    session.expiresAt ?? null,
    session.singleUse ? 1 : 0,
    session.refreshed ? 1 : 0,
    session.createdAt,
  ]
}
