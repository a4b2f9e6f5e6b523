import type { AuditAction, AuditEvent, Origin } from '../../core/audit/audit-event.ts'
import { DomainError } from '../../core/errors.ts'
import type { KeyId, UserId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { AuditStore, StoredAuditEvent } from '../../core/ports/audit-store.ts'
import { column, jsonColumn, optionalJson } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'

/** Events without a change that may wait for their commit; more are refused with `server.overloaded`. */
export const AUDIT_WAITING_MAX = 10_000

/** Events after which a batch is full and the next one begins. */
const AUDIT_BATCH_MAX = 1_000

const COLUMNS =
  'at, action, outcome, actor, actor_key, subject, reason, address, carrier, request_id, local, details'
const INSERT = `INSERT INTO audit_events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
/** SQL of this store's look-up, for the test that asks SQLite how it answers it. */
export const AUDIT_LIST = `SELECT sequence, ${COLUMNS} FROM audit_events WHERE sequence > ? ORDER BY sequence LIMIT ?`

/** Writes events, inside the transaction of the change they tell of. */
export type WriteAudit = (event: AuditEvent) => void

/** Prepares the writing of events, for all stores of one database. */
export function prepareAudit(database: SqliteDatabase): WriteAudit {
  const insert = database.statement(INSERT)
  return (event) => {
    const { at, action, outcome, actor, actorKey, subject, reason, origin, details } = event
    insert.run(
      at,
      action,
      outcome,
      actor,
      actorKey ?? null,
      subject,
      reason ?? null,
      origin.address ?? null,
      origin.carrier,
      origin.requestId,
      origin.local ? 1 : 0,
      optionalJson(details),
    )
  }
}

/** One commit's worth of events that belong to no change. */
type Batch = { readonly events: AuditEvent[]; readonly committed: Promise<void> }

/**
 * Audit events in SQLite.
 *
 * Events without a change are gathered and take one place in the commit queue for up to a thousand of them, so that
 * a flood of refused tokens cannot crowd out changes.
 */
export function createAuditStore(database: SqliteDatabase, write: WriteAudit): AuditStore {
  const list = database.statement(AUDIT_LIST)
  let waiting = 0
  let open: Batch | undefined

  function startBatch(): Batch {
    const events: AuditEvent[] = []
    const close = () => {
      if (open?.events === events) open = undefined
    }
    const committed = database
      .change(() => {
        close()
        for (const event of events) write(event)
      })
      .finally(() => {
        close()
        waiting -= events.length
      })
    return { events, committed }
  }

  return {
    async append(events) {
      if (events.length === 0) return
      if (waiting >= AUDIT_WAITING_MAX) throw tooManyEvents()
      if (open === undefined || open.events.length >= AUDIT_BATCH_MAX) open = startBatch()
      waiting += events.length
      for (const event of events) open.events.push(event)
      await open.committed
    },
    async list(afterSequence, limit) {
      return database.read(() => list.all(afterSequence, limit).map(eventFromRow))
    },
  }
}

function tooManyEvents(): DomainError {
  return new DomainError(
    'server.overloaded',
    `Cannot store audit events: ${AUDIT_WAITING_MAX} wait for their commit, and that is the limit`,
    { waitingMax: AUDIT_WAITING_MAX },
  )
}

function eventFromRow(row: Row): StoredAuditEvent {
  return {
    sequence: column<number>(row, 0),
    at: column<number>(row, 1),
    action: column<AuditAction>(row, 2),
    outcome: column<AuditEvent['outcome']>(row, 3),
    actor: column<UserId>(row, 4),
    ...(row[5] !== null && { actorKey: column<KeyId>(row, 5) }),
    subject: column<string>(row, 6),
    ...(row[7] !== null && { reason: column<string>(row, 7) }),
    origin: originFromRow(row),
    ...(row[12] !== null && { details: jsonColumn<JsonObject>(row, 12) }),
  }
}

function originFromRow(row: Row): Origin {
  return {
    ...(row[8] !== null && { address: column<string>(row, 8) }),
    carrier: column<string>(row, 9),
    requestId: column<string>(row, 10),
    local: row[11] === 1,
  }
}
