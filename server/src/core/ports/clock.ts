import type { Instant } from '../record.ts'

/** Where the time comes from. */
export interface Clock {
  now(): Instant
}
