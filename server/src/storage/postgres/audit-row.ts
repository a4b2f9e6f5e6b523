import type { ChainedEvent } from '../../core/audit/audit-chain.ts'
import type { AuditAction, AuditEvent, Origin } from '../../core/audit/audit-event.ts'
import type { KeyId, UserId } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { StoredAuditEvent } from '../../core/ports/audit-store.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { column, jsonColumn } from './column.ts'
import type { Row } from './connection.ts'

/** What an event consists of but for its number. */
export const AUDIT_COLUMNS = sql`at, action, outcome, actor, actor_key, subject, reason, address, carrier, request_id, local, details`

/** The same of a table or a part of a statement that is called `event`. */
export const EVENT_COLUMNS = sql`event.at, event.action, event.outcome, event.actor, event.actor_key, event.subject, event.reason,
  event.address, event.carrier, event.request_id, event.local, event.details`

/** An event from its number and `AUDIT_COLUMNS`. */
export function auditEventFromRow(row: Row): StoredAuditEvent {
  return {
    ...factsFromRow(row),
    ...(row[12] !== null && { details: jsonColumn<JsonObject>(row, 12) }),
  }
}

/** The same, with the details as they are stored. */
export function chainedEventFromRow(row: Row): ChainedEvent {
  return {
    ...factsFromRow(row),
    ...(row[12] !== null && { detailsText: column<string>(row, 12) }),
  }
}

function factsFromRow(row: Row): Omit<StoredAuditEvent, 'details'> {
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
  }
}

function originFromRow(row: Row): Origin {
  return {
    ...(row[8] !== null && { address: column<string>(row, 8) }),
    carrier: column<string>(row, 9),
    requestId: column<string>(row, 10),
    local: column<boolean>(row, 11),
  }
}
