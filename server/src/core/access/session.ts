import type { UserId } from '../ids.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'
import type { Instant } from '../record.ts'

/** A login, or a token made by `createToken`: dies by itself, by logout, or with its user. */
export type Session = {
  readonly fingerprint: Fingerprint
  readonly owner: UserId
  /** Length of life that was asked for, in ms; absent: never expires. */
  readonly ttlMs?: number
  readonly expiresAt?: Instant
  /** Good for exactly one request. */
  readonly singleUse: boolean
  /** Already exchanged for a new one: good only until `expiresAt`, never exchanged again. */
  readonly refreshed: boolean
  readonly createdAt: Instant
}
