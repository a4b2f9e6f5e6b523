import type { Session } from '../../core/access/session.ts'
import type { Fingerprint } from '../../core/keys/fingerprint.ts'
import type { SessionStore } from '../../core/ports/session-store.ts'
import type { StoreChange } from '../../core/ports/store-changes.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import type { AuditWriter } from './audit-store.ts'
import { insertChange, newTellingRow, noteChanges, type TellingRow } from './change.ts'
import { bytes, fingerprintOfBytes, number, text, truth } from './column.ts'
import type { Answer } from './connection.ts'
import { requireOwner } from './owners.ts'
import { SESSION_COLUMNS, SessionLookUp, type SessionLookUpParts } from './session-look-up.ts'
import type { Transaction } from './transaction.ts'

/** Sessions in PostgreSQL. */
export function createSessionStore(audit: AuditWriter, parts: SessionLookUpParts): SessionStore {
  const { database } = parts
  const lookUp = new SessionLookUp(parts)
  async function insert(transaction: Transaction, session: Session): Promise<void> {
    await requireOwner(transaction, session.owner)
    transaction.later(sql`INSERT INTO sessions (${SESSION_COLUMNS}) VALUES (${sessionValues(session)})`)
  }

  return {
    insert(session, event) {
      return database.change(async (transaction) => {
        await insert(transaction, session)
        transaction.later(audit.insert(event))
      })
    },
    findByFingerprint: (fingerprint) => lookUp.find(fingerprint),
    async consume(fingerprint) {
      const { count } = await database.changeBy(
        sql`DELETE FROM sessions WHERE fingerprint = ${bytes(fingerprint)} AND single_use`,
      )
      return count > 0
    },
    refresh(old, oldExpiresAt, next, event) {
      return database.change(async (transaction) => {
        if ((await transaction.run(markRefreshed(old, oldExpiresAt))) === 0) return false
        noteChanges(transaction, [{ kind: 'sessions', fingerprints: [old] }])
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
      if (count > 0) lookUp.forgetExpired(now)
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

function sessionValues(session: Session): SqlText {
  return sql`${bytes(session.fingerprint)}, ${text(session.owner)}, ${number(session.ttlMs)},
    ${number(session.expiresAt)}, ${truth(session.singleUse)}, ${truth(session.refreshed)},
    ${number(session.createdAt)}`
}
