import type { Session } from '../../core/access/session.ts'
import type { UserId } from '../../core/ids.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { SessionStore } from '../../core/ports/session-store.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import type { AuditWriter } from './audit-store.ts'
import { insertChange, newTellingRow, type TellingRow } from './change.ts'
import { bytes, column, fingerprintOfBytes, number, text, truth } from './column.ts'
import type { Answer, Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import { requireOwner } from './owners.ts'
import type { Transaction } from './transaction.ts'

const COLUMNS = sql`fingerprint, owner, ttl_ms, expires_at, single_use, refreshed, created_at`

/** Sessions in PostgreSQL. */
export function createSessionStore(database: PostgresDatabase, audit: AuditWriter): SessionStore {
  async function insert(transaction: Transaction, session: Session): Promise<void> {
    await requireOwner(transaction, session.owner)
    transaction.later(sql`INSERT INTO sessions (${COLUMNS}) VALUES (${sessionValues(session)})`)
  }

  return {
    insert(session, event) {
      return database.change(async (transaction) => {
        await insert(transaction, session)
        transaction.later(audit.insert(event))
      })
    },
    async findByFingerprint(fingerprint) {
      const row = await database.first(
        sql`SELECT ${COLUMNS} FROM sessions WHERE fingerprint = ${bytes(fingerprint)}`,
      )
      return row && sessionFromRow(row, fingerprint)
    },
    async consume(fingerprint) {
      const { count } = await database.changeBy(
        sql`DELETE FROM sessions WHERE fingerprint = ${bytes(fingerprint)} AND single_use`,
      )
      return count > 0
    },
    refresh(old, oldExpiresAt, next, event) {
      return database.change(async (transaction) => {
        if ((await transaction.run(markRefreshed(old, oldExpiresAt))) === 0) return false
        await insert(transaction, next)
        transaction.later(audit.insert(event))
        return true
      })
    },
    async remove(fingerprint, event) {
      const row = newTellingRow(database)
      const { rows } = await database.changeBy(
        sql`WITH gone AS (
          DELETE FROM sessions WHERE fingerprint = ${bytes(fingerprint)} RETURNING fingerprint
        ), audited AS (${audit.insertFor(event, sql`gone`)}), told AS (${tellGone(row)})
        SELECT fingerprint FROM gone`,
        { uid: row.uid, changesOf: goneIn },
      )
      return rows.length > 0
    },
    async removeByOwner(owner, event) {
      const row = newTellingRow(database)
      const answer = await database.changeBy(
        sql`WITH gone AS (
          DELETE FROM sessions WHERE owner = ${text(owner)} RETURNING fingerprint
        ), audited AS (${audit.insert(event)}), told AS (${tellGone(row)})
        SELECT fingerprint FROM gone`,
        { uid: row.uid, changesOf: goneIn },
      )
      return fingerprintsIn(answer)
    },
    async purgeExpired(now, max) {
      const { count } = await database.changeBy(sql`DELETE FROM sessions WHERE fingerprint IN (
        SELECT fingerprint FROM sessions WHERE expires_at < ${number(now)}
        ORDER BY expires_at LIMIT ${max}::bigint FOR UPDATE SKIP LOCKED)`)
      return count
    },
  }
}

function tellGone(row: TellingRow): SqlText {
  return insertChange(row, 'sessions', sql`SELECT fingerprint FROM gone`)
}

function fingerprintsIn({ rows }: Answer): readonly Fingerprint[] {
  return rows.map((row) => fingerprintOfBytes(row[0]))
}

function goneIn(answer: Answer): readonly StoreChange[] {
  return answer.rows.length === 0 ? [] : [{ kind: 'sessions', fingerprints: fingerprintsIn(answer) }]
}

function markRefreshed(fingerprint: Fingerprint, expiresAt: number): SqlText {
  return sql`UPDATE sessions SET refreshed = TRUE, expires_at = least(${number(expiresAt)}, expires_at)
    WHERE fingerprint = ${bytes(fingerprint)} AND NOT refreshed`
}

function sessionFromRow(row: Row, fingerprint: Fingerprint): Session {
  return {
    fingerprint,
    owner: column<UserId>(row, 1),
    ...(row[2] !== null && { ttlMs: column<number>(row, 2) }),
    ...(row[3] !== null && { expiresAt: column<number>(row, 3) }),
    singleUse: column<boolean>(row, 4),
    refreshed: column<boolean>(row, 5),
    createdAt: column<number>(row, 6),
  }
}

function sessionValues(session: Session): SqlText {
  return sql`${bytes(session.fingerprint)}, ${text(session.owner)}, ${number(session.ttlMs)},
    ${number(session.expiresAt)}, ${truth(session.singleUse)}, ${truth(session.refreshed)},
    ${number(session.createdAt)}`
}
