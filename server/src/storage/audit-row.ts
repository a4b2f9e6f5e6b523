import type { ChainedEvent } from '../core/audit/audit-chain.ts'
import type { AuditAction, AuditEvent, Origin } from '../core/audit/audit-event.ts'
import type { KeyId, UserId } from '../core/ids.ts'
import type { JsonObject } from '../core/json.ts'
import type { StoredAuditEvent } from '../core/ports/audit-store.ts'

/*
 * Events of the audit from rows of their number and the columns at, action, outcome, actor, actor_key, subject, reason,
 * address, carrier, request_id, local, details. Rows were written by `storage`, so their types are known.
 */

type Row = readonly unknown[]

/** The event of a row. */
export function auditEventFromRow(row: Row): StoredAuditEvent {
  return {
    ...factsFromRow(row),
    ...(row[12] !== null && { details: JSON.parse(row[12] as string) as JsonObject }),
  }
}

/** The same, with the details as they are stored. */
export function chainedEventFromRow(row: Row): ChainedEvent {
  return {
    ...factsFromRow(row),
    ...(row[12] !== null && { detailsText: row[12] as string }),
  }
}

function factsFromRow(row: Row): Omit<StoredAuditEvent, 'details'> {
  return {
    sequence: row[0] as number,
    at: row[1] as number,
    action: row[2] as AuditAction,
    outcome: row[3] as AuditEvent['outcome'],
    actor: row[4] as UserId,
    ...(row[5] !== null && { actorKey: row[5] as KeyId }),
    subject: row[6] as string,
    ...(row[7] !== null && { reason: row[7] as string }),
    origin: originFromRow(row),
  }
}

function originFromRow(row: Row): Origin {
  return {
    ...(row[8] !== null && { address: row[8] as string }),
    carrier: row[9] as string,
    requestId: row[10] as string,
    // A boolean of PostgreSQL, an INTEGER of SQLite.
    local: Boolean(row[11]),
  }
}
