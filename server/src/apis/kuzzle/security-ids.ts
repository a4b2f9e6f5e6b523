import type { KeyId, ProfileId, RoleId, UserId } from '../../core/ids.ts'

/** The user of that name. Whether a new user may be called so is for the core to decide, here and below. */
export function parseUserId(text: string): UserId {
  return text as UserId
}

/** The role of that name. */
export function parseRoleId(text: string): RoleId {
  return text as RoleId
}

/** The profile of that name. */
export function parseProfileId(text: string): ProfileId {
  return text as ProfileId
}

/** The API key of that name. */
export function parseKeyId(text: string): KeyId {
  return text as KeyId
}
