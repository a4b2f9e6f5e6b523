import {
  type IdempotencyStore,
  type Reservation,
  RUNNING_MAX_MS,
} from '../../core/ports/idempotency-store.ts'
import type { Instant } from '../../core/record.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'

/** SQL of this store's look-ups, for the test that asks SQLite how it answers them. */
export const IDEMPOTENCY_LOOKUPS = {
  find: `SELECT request_digest, resource, reserved_at, kept_until FROM idempotency
    WHERE caller = ? AND key = ?`,
  finish: `UPDATE idempotency SET resource = ? WHERE caller = ? AND key = ? AND resource IS NULL`,
  release: 'DELETE FROM idempotency WHERE caller = ? AND key = ? AND resource IS NULL',
  ended: 'SELECT 1 FROM idempotency WHERE kept_until <= ? LIMIT 1',
  purge: `DELETE FROM idempotency WHERE (caller, key) IN
    (SELECT caller, key FROM idempotency WHERE kept_until <= ? ORDER BY kept_until LIMIT ?)`,
} as const

const RESERVE = `INSERT OR REPLACE INTO idempotency
  (caller, key, request_digest, reserved_at, kept_until) VALUES (?, ?, ?, ?, ?)`

/** What was done already, in SQLite. */
export function createIdempotencyStore(database: SqliteDatabase): IdempotencyStore {
  const find = database.statement(IDEMPOTENCY_LOOKUPS.find)
  const insert = database.statement(RESERVE)
  const finish = database.statement(IDEMPOTENCY_LOOKUPS.finish)
  const release = database.statement(IDEMPOTENCY_LOOKUPS.release)
  const ended = database.statement(IDEMPOTENCY_LOOKUPS.ended)
  const purge = database.statement(IDEMPOTENCY_LOOKUPS.purge)

  return {
    reserve({ caller, key, requestDigest, at, keptUntil }) {
      return database.change(() => {
        const row = find.get(caller, key)
        const known = row && reservationFrom(row, requestDigest, at)
        if (known !== undefined) return known
        insert.run(caller, key, requestDigest, at, keptUntil)
        return { kind: 'new' }
      })
    },
    finish(caller, key, resource) {
      return database.change(() => {
        finish.run(resource, caller, key)
      })
    },
    release(caller, key) {
      return database.change(() => {
        release.run(caller, key)
      })
    },
    async purgeExpired(now, max) {
      if (database.read(() => ended.get(now)) === undefined) return 0
      return database.change(() => purge.run(now, max))
    },
  }
}

/** What a stored entry says at `at`; undefined when it does not count any more. */
function reservationFrom(row: Row, requestDigest: string, at: Instant): Reservation | undefined {
  const resource = column<string | null>(row, 1)
  const isAbandoned = resource === null && column<Instant>(row, 2) + RUNNING_MAX_MS <= at
  if (isAbandoned || column<Instant>(row, 3) <= at) return undefined
  if (row[0] !== requestDigest) return { kind: 'mismatch' }
  return resource === null ? { kind: 'running' } : { kind: 'done', resource }
}
