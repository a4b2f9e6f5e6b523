import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import { DomainError } from '../../core/errors.ts'
import type { AuditStore } from '../../core/ports/audit-store.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { auditEventFromRow } from '../audit-row.ts'
import { createAuditChains } from './audit-chains.ts'
import { AUDIT_COLUMNS, EVENT_COLUMNS } from './audit-columns.ts'
import { AuditSealer } from './audit-seals.ts'
import type { PostgresDatabase } from './database.ts'

/** Events without a change that may wait for their commit; more are refused with `server.overloaded`. */
const WAITING_MAX = 10_000

/** Events of one batch. */
const BATCH_MAX = 1_000

/** Events that are numbered at once, unless more are asked for. */
const NUMBERED_AT_ONCE = 1_000

/** Times that so many are numbered before events are sealed. */
const NUMBERINGS_PER_SEALING = 20

const RECORD = sql`(number bigint, at float8, action text, outcome text, actor text, actor_key text, subject text,
  reason text, address text, carrier text, request_id text, local boolean, details text)`

/** Makes statements that store events with the changes they tell of, for all stores of one database. */
export class AuditWriter {
  /** The UUID that its events are written as; the chain that its store seals events on has the same. */
  readonly id = randomUUID()
  #number = 0

  /** Stores one event; as a statement, or the part of one behind `WITH ... AS`. */
  insert(event: AuditEvent): SqlText {
    return this.insertAll([event])
  }

  /** Stores some events, in their order. */
  insertAll(events: readonly AuditEvent[]): SqlText {
    return sql`INSERT INTO audit_events (writer, number, ${AUDIT_COLUMNS})
      SELECT ${this.id}::uuid, number, ${AUDIT_COLUMNS} FROM ${this.#records(events)}`
  }

  /** Stores one event for each row of what an earlier part of the statement gave: one or none. */
  insertFor(event: AuditEvent, rows: SqlText): SqlText {
    return sql`INSERT INTO audit_events (writer, number, ${AUDIT_COLUMNS})
      SELECT ${this.id}::uuid, event.number, ${EVENT_COLUMNS} FROM ${rows}, ${this.#records([event])}`
  }

  /** All of them in one parameter, so that the statement is the same whatever their number. */
  #records(events: readonly AuditEvent[]): SqlText {
    const records = events.map(
      ({ at, action, outcome, actor, actorKey, subject, reason, origin, details }) => {
        this.#number += 1
        return {
          ...{ number: this.#number, at, action, outcome, actor, actor_key: actorKey, subject, reason },
          ...{
            address: origin.address,
            carrier: origin.carrier,
            request_id: origin.requestId,
            local: origin.local,
          },
          details: details && JSON.stringify(details),
        }
      },
    )
    return sql`jsonb_to_recordset(${storedJson(records)}::jsonb) AS event ${RECORD}`
  }
}

type Batch = { readonly events: AuditEvent[]; readonly stored: Promise<void> }

/**
 * Audit events in PostgreSQL. Those without a change are gathered while a batch of earlier ones is written.
 *
 * `leftAfterMs`: how old an event of another store is when this one seals it, unless that one did.
 */
export function createAuditStore(
  database: PostgresDatabase,
  writer: AuditWriter,
  leftAfterMs?: number,
): AuditStore {
  const sealer = new AuditSealer(database, writer.id, leftAfterMs)
  let sealing: Promise<void> = Promise.resolve()
  let waiting = 0
  let open: Batch | undefined
  let last: Promise<unknown> = Promise.resolve()

  function startBatch(): Batch {
    const events: AuditEvent[] = []
    const close = () => {
      if (open?.events === events) open = undefined
    }
    const stored = last
      .then(() => {
        close()
        return database.changeBy(writer.insertAll(events))
      })
      .then(() => undefined)
      .finally(() => {
        close()
        waiting -= events.length
      })
    last = stored.catch(() => undefined)
    return { events, stored }
  }

  return {
    async append(events) {
      if (events.length === 0) return
      if (waiting >= WAITING_MAX) throw tooManyEvents()
      if (open === undefined || open.events.length >= BATCH_MAX) open = startBatch()
      waiting += events.length
      open.events.push(...events)
      await open.stored
    },
    async list(afterSequence, limit) {
      await numberEvents(database, afterSequence, limit)
      const rows = await database.readMany(sql`SELECT sequence, ${AUDIT_COLUMNS} FROM audit_events
        WHERE sequence > ${afterSequence}::bigint ORDER BY sequence LIMIT ${limit}::bigint`)
      return rows.map(auditEventFromRow)
    },
    seal() {
      const next = sealing.then(async () => {
        await numberSome(database)
        await sealer.seal()
      })
      sealing = next.catch(() => undefined)
      return next
    },
    ...createAuditChains(database),
  }
}

/** Numbers events until there are enough of them behind `afterSequence`, or none without a number. */
async function numberEvents(database: PostgresDatabase, afterSequence: number, limit: number): Promise<void> {
  const until = { lastMin: afterSequence + limit, atOnce: Math.max(limit, NUMBERED_AT_ONCE) }
  while (!(await numberBatch(database, until))) {
    // Each batch is a transaction of its own, so that others get their turn between.
  }
}

/** Numbers a bounded part of the events without a number. */
async function numberSome(database: PostgresDatabase): Promise<void> {
  const until = { lastMin: Number.MAX_SAFE_INTEGER, atOnce: NUMBERED_AT_ONCE }
  for (let batches = 0; batches < NUMBERINGS_PER_SEALING; batches += 1) {
    if (await numberBatch(database, until)) return
  }
}

/**
 * Numbers events, in the order in which they were stored; true when the last number is as great as it has to be, or no
 * event is without one.
 *
 * Only what is committed gets a number, and it is greater than all that were given before. Numbers from a sequence would
 * not do: who waits for its commit longer than others would show up behind where readers already were.
 */
function numberBatch(
  database: PostgresDatabase,
  { lastMin, atOnce }: { readonly lastMin: number; readonly atOnce: number },
): Promise<boolean> {
  return database.change(async (transaction) => {
    const [next] = await transaction.all(UNNUMBERED)
    if (next === undefined) return true
    const [position] = await transaction.all(sql`SELECT last_sequence FROM audit_position FOR UPDATE`)
    const last = Number(position?.[0])
    if (last >= lastMin) return true
    const count = await transaction.run(numberNext(last, atOnce))
    transaction.later(sql`UPDATE audit_position SET last_sequence = ${last + count}::bigint`)
    return count < atOnce || last + count >= lastMin
  })
}

const UNNUMBERED = sql`SELECT 1 FROM audit_events WHERE sequence IS NULL LIMIT 1`

function numberNext(last: number, most: number): SqlText {
  return sql`UPDATE audit_events SET sequence = ${last}::bigint + next.nth
    FROM (
      SELECT writer, number, row_number() OVER (ORDER BY added_at, writer, number) AS nth
      FROM (
        SELECT added_at, writer, number FROM audit_events WHERE sequence IS NULL
        ORDER BY added_at, writer, number LIMIT ${most}::bigint
      ) AS oldest
    ) AS next
    WHERE audit_events.writer = next.writer AND audit_events.number = next.number`
}

function tooManyEvents(): DomainError {
  return new DomainError(
    'server.overloaded',
    `Cannot store audit events: ${WAITING_MAX} wait for their commit, and that is the limit`,
    { waitingMax: WAITING_MAX },
  )
}
