import { sql } from '../../query/sql/sql-text.ts'

/** What an event consists of but for its number. */
export const AUDIT_COLUMNS = sql`at, action, outcome, actor, actor_key, subject, reason, address, carrier, request_id, local, details`

/** The same of a table or a part of a statement that is called `event`. */
export const EVENT_COLUMNS = sql`event.at, event.action, event.outcome, event.actor, event.actor_key, event.subject, event.reason,
  event.address, event.carrier, event.request_id, event.local, event.details`
