import type { ProfileId, RoleId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { RecordInfo } from '../record.ts'

/** Limits a policy to some data: matters only for requests that name an index. */
export type Restriction = { readonly index: string; readonly collections?: readonly string[] }

/** One role of a profile, everywhere or on some data only. */
export type Policy = { readonly roleId: RoleId; readonly restrictedTo?: readonly Restriction[] }

/** What a group of users may do: the union of its roles. */
export type Profile = {
  readonly id: ProfileId
  readonly policies: readonly Policy[]
  /** Requests per second and user; 0: unlimited. */
  readonly rateLimit: number
  readonly tags?: readonly string[]
  /** Members that are ours to keep and not to understand. */
  readonly content: JsonObject
  readonly record: RecordInfo
}

/** Profiles that always exist and cannot be deleted. */
export const PROTECTED_PROFILES = ['anonymous', 'default', 'admin'] as const
