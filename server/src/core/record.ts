import type { UserId } from './ids.ts'

/** A point in time: milliseconds since the epoch. */
export type Instant = number

/** Last point in time that a `Date` can hold. */
export const INSTANT_MAX: Instant = 8_640_000_000_000_000

/** Who made a stored thing and when, and who last changed it. */
export type RecordInfo = {
  readonly createdBy: UserId
  readonly createdAt: Instant
  readonly updatedBy?: UserId
  readonly updatedAt?: Instant
}
