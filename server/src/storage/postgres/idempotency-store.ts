import {
  type IdempotencyStore,
  type Reservation,
  RUNNING_MAX_MS,
} from '../../core/ports/idempotency-store.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column, number, text } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'

/** Times that a reservation is tried that others make and release at the same moment. */
const ATTEMPTS_MAX = 20

/** What was done already, in PostgreSQL. */
export function createIdempotencyStore(database: PostgresDatabase): IdempotencyStore {
  return {
    async reserve(entry) {
      const { caller, key, requestDigest } = entry
      for (let attempt = 1; ; attempt += 1) {
        if ((await database.changeBy(reserve(entry))).count > 0) return { kind: 'new' }
        const row = await database.first(sql`SELECT request_digest, resource FROM idempotency
          WHERE ${isEntry(caller, key)}`)
        if (row !== undefined) return reservationFrom(row, requestDigest)
        if (attempt === ATTEMPTS_MAX) throw new Error(`Cannot reserve: it was released ${attempt} times`)
      }
    },
    async finish(caller, key, resource) {
      await database.changeBy(sql`UPDATE idempotency SET resource = ${text(resource)}
        WHERE ${isEntry(caller, key)} AND resource IS NULL`)
    },
    async release(caller, key) {
      await database.changeBy(sql`DELETE FROM idempotency WHERE ${isEntry(caller, key)} AND resource IS NULL`)
    },
    async purgeExpired(now, max) {
      const { count } = await database.changeBy(sql`DELETE FROM idempotency WHERE (caller, key) IN (
        SELECT caller, key FROM idempotency WHERE kept_until <= ${number(now)}
        ORDER BY kept_until LIMIT ${max}::bigint FOR UPDATE SKIP LOCKED)`)
      return count
    },
  }
}

function isEntry(caller: string, key: string): SqlText {
  return sql`caller = ${text(caller)} AND key = ${text(key)}`
}

/** Takes the place of nothing, or of an entry that does not count any more. */
function reserve(entry: Parameters<IdempotencyStore['reserve']>[0]): SqlText {
  const { caller, key, requestDigest, at, keptUntil } = entry
  return sql`INSERT INTO idempotency AS old (caller, key, request_digest, reserved_at, kept_until)
    VALUES (${text(caller)}, ${text(key)}, ${text(requestDigest)}, ${number(at)}, ${number(keptUntil)})
    ON CONFLICT (caller, key) DO UPDATE SET request_digest = excluded.request_digest, resource = NULL,
      reserved_at = excluded.reserved_at, kept_until = excluded.kept_until
    WHERE old.kept_until <= excluded.reserved_at
      OR (old.resource IS NULL AND old.reserved_at + ${number(RUNNING_MAX_MS)} <= excluded.reserved_at)`
}

function reservationFrom(row: Row, requestDigest: string): Reservation {
  if (row[0] !== requestDigest) return { kind: 'mismatch' }
  const resource = column<string | null>(row, 1)
  return resource === null ? { kind: 'running' } : { kind: 'done', resource }
}
