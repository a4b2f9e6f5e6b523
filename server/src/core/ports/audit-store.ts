import type { ChainedEvent } from '../audit/audit-chain.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { Instant } from '../record.ts'

/** An event with its place in the order of all events of this store. */
export type StoredAuditEvent = AuditEvent & { readonly sequence: number }

/** One place on a chain, as it is stored. Nothing of it has been verified. */
export type ChainLink = {
  /** A UUID. */
  readonly chain: string
  /** Counts from 1 on each chain. */
  readonly position: number
  readonly sequence: number
  /** 64 lower-case hex digits. */
  readonly hash: string
  /** Absent: there is no event of that number any more. */
  readonly event?: ChainedEvent
  /** The event is older than the sealing of events; whatever was done to it until it was sealed does not show. */
  readonly isEarlier: boolean
}

/** A number that an event has. `waiting`: it will be put on a chain; `stray`: it is on none, and should be. */
export type NumberedEvent = {
  readonly sequence: number
  readonly state: 'chained' | 'waiting' | 'stray'
}

/** What a store knows of its trail as a whole. */
export type AuditTrail = {
  /** Since when events are put on a chain. */
  readonly beganAt: Instant
  /** The greatest number that was ever given to an event. */
  readonly lastSequence: number
  /** Events that have no number yet. */
  readonly unnumbered: number
}

/** Where audit events are kept. Events of changes are stored with the change itself. */
export interface AuditStore {
  /** Stores events that belong to no change, such as refusals. */
  append(events: readonly AuditEvent[]): Promise<void>
  /** Events after `sequence` in order, at most `limit` of them. */
  list(afterSequence: number, limit: number): Promise<readonly StoredAuditEvent[]>
  /**
   * Puts events on a chain of hashes that are on none yet, each exactly once, whoever else does so at the same time. Does
   * a bounded part of what there is to do; somebody must call it about once a second, and before the store is closed.
   */
  seal(): Promise<void>
  /** Links of all chains, one chain after the other, each by its positions; those behind `after`, at most `limit`. */
  listLinks(after: ChainLink | undefined, limit: number): Promise<readonly ChainLink[]>
  /** Numbers of events after `sequence` in order, at most `limit` of them. Gives no numbers to events that have none. */
  listNumbers(afterSequence: number, limit: number): Promise<readonly NumberedEvent[]>
  /** What the whole trail is by the store's account. */
  findTrail(): Promise<AuditTrail>
}
