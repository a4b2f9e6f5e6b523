import type { ProfileId, UserId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { RecordInfo } from '../record.ts'

/** A stored user, or the anonymous one. */
export type User = {
  readonly id: UserId
  /** Never empty for a stored user. */
  readonly profileIds: readonly ProfileId[]
  /** The user's own members, without `profileIds` and without record information. */
  readonly content: JsonObject
  readonly record: RecordInfo
}
