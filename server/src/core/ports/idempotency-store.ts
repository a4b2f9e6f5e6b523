import type { Instant } from '../record.ts'

/**
 * How long a reservation stands that nobody finished or released, in ms. After that, whoever made it is taken for dead,
 * so that its request can be made again.
 */
export const RUNNING_MAX_MS = 60_000

/** What was found for a request that its client calls the same as an earlier one. */
export type Reservation =
  /** It is the first: do it, then `finish` or `release`. */
  | { readonly kind: 'new' }
  /** The first one is being done right now. */
  | { readonly kind: 'running' }
  /** The first one was done, and this was noted of it. */
  | { readonly kind: 'done'; readonly resource: string }
  /** The first one was another request. */
  | { readonly kind: 'mismatch' }

/** Remembers which requests were done, so that clients may safely repeat them. Holds ids and answers, never a secret. */
export interface IdempotencyStore {
  /** Answers `new` to exactly one of any number of callers at once, over all processes. Durable when it resolves. */
  reserve(entry: {
    /** Who asks: keys of different callers have nothing to do with each other. */
    readonly caller: string
    readonly key: string
    readonly requestDigest: string
    readonly at: Instant
    /** First instant at which it is forgotten. */
    readonly keptUntil: Instant
  }): Promise<Reservation>
  /** The request was done: notes what a repetition needs, such as the id of what it created. Does nothing when there is no running reservation. */
  finish(caller: string, key: string, resource: string): Promise<void>
  /** The request failed and changed nothing: it may be made again. Does nothing when it was finished. */
  release(caller: string, key: string): Promise<void>
  /** Forgets at most `max` entries whose time is over; answers how many. */
  purgeExpired(now: Instant, max: number): Promise<number>
}
