import type { AuditEvent } from '../audit/audit-event.ts'

/** An event with its place in the order of all events of this store. */
export type StoredAuditEvent = AuditEvent & { readonly sequence: number }

/** Where audit events are kept. Events of changes are stored with the change itself. */
export interface AuditStore {
  /** Stores events that belong to no change, such as refusals. */
  append(events: readonly AuditEvent[]): Promise<void>
  /** Events after `sequence` in order, at most `limit` of them. */
  list(afterSequence: number, limit: number): Promise<readonly StoredAuditEvent[]>
}
