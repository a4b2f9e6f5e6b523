import type { RoleId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { RecordInfo } from '../record.ts'

/** Actions of one controller; `*` stands for all that are not named. */
export type ActionRights = { readonly actions: Readonly<Record<string, boolean>> }

/** Rights by controller; `*` stands for all controllers that are not named. */
export type ControllerRights = Readonly<Record<string, ActionRights>>

/** A named set of rights. */
export type Role = {
  readonly id: RoleId
  readonly controllers: ControllerRights
  readonly tags?: readonly string[]
  /** Members that are ours to keep and not to understand. */
  readonly content: JsonObject
  readonly record: RecordInfo
}

/** Roles that always exist and cannot be deleted. */
export const PROTECTED_ROLES = ['anonymous', 'default', 'admin'] as const
