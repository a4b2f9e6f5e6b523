import type { KeyId, UserId } from '../ids.ts'
import type { Instant, RecordInfo } from '../record.ts'
import type { Fingerprint } from './fingerprint.ts'

/** An API key as it is stored: everything but its secret, which exists only in the reply that issued it. */
export type ApiKey = {
  readonly id: KeyId
  readonly owner: UserId
  readonly description: string
  readonly fingerprint: Fingerprint
  /** Length of life that was asked for, in ms; absent: never expires. */
  readonly ttlMs?: number
  /** First instant at which the key is no longer good; absent: never expires. */
  readonly expiresAt?: Instant
  readonly record: RecordInfo
}

/** Whether the key's life is over at `now`. */
export function isExpired(key: { readonly expiresAt?: Instant }, now: Instant): boolean {
  return key.expiresAt !== undefined && key.expiresAt <= now
}
