import type { AuditEvent } from '../../core/audit/audit-event.ts'
import { DomainError } from '../../core/errors.ts'
import type { AuditStore } from '../../core/ports/audit-store.ts'
import { auditEventFromRow } from '../audit-row.ts'
import { createAuditChains, prepareChain } from './audit-chains.ts'
import { AUDIT_COLUMNS } from './audit-columns.ts'
import { optionalJson } from './column.ts'
import type { SqliteDatabase } from './database.ts'

/** Events without a change that may wait for their commit; more are refused with `server.overloaded`. */
export const AUDIT_WAITING_MAX = 10_000

/** Events after which a batch is full and the next one begins. */
const AUDIT_BATCH_MAX = 1_000

const INSERT = `INSERT INTO audit_events (sequence, ${AUDIT_COLUMNS}, hash)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
/** SQL of this store's look-up, for the test that asks SQLite how it answers it. */
export const AUDIT_LIST = `SELECT sequence, ${AUDIT_COLUMNS} FROM audit_events WHERE sequence > ? ORDER BY sequence LIMIT ?`

/** Writes events and chains them, inside the transaction of the change they tell of. */
export type WriteAudit = (event: AuditEvent) => void

/** Prepares the writing of events, for all stores of one database. */
export function prepareAudit(database: SqliteDatabase): WriteAudit {
  const insert = database.statement(INSERT)
  const chain = prepareChain(database)
  return (event) => {
    const detailsText = optionalJson(event.details)
    const { sequence, hash } = chain(event, detailsText)
    const { at, action, outcome, actor, actorKey, subject, reason, origin } = event
    insert.run(
      sequence,
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
      detailsText,
      hash,
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
      return database.read(() => list.all(afterSequence, limit).map(auditEventFromRow))
    },
    ...createAuditChains(database),
  }
}

function tooManyEvents(): DomainError {
  return new DomainError(
    'server.overloaded',
    `Cannot store audit events: ${AUDIT_WAITING_MAX} wait for their commit, and that is the limit`,
    { waitingMax: AUDIT_WAITING_MAX },
  )
}
