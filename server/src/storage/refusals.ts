import { DomainError } from '../core/errors.ts'
import type { KeyId, ProfileId, RoleId, UserId } from '../core/ids.ts'

/** `key.id_taken`, with `facts.id`. */
export function keyIdTaken(id: KeyId): DomainError {
  return new DomainError('key.id_taken', `Cannot store key "${id}": a key has that id already`, { id })
}

/** `key.owner_full`, with `facts.owner`, `facts.count` and `facts.max`. */
export function keyOwnerFull(owner: UserId, count: number, max: number): DomainError {
  const message = `Cannot store a key for owner "${owner}": it already holds ${count} keys, and ${max} is the limit`
  return new DomainError('key.owner_full', message, { owner, count, max })
}

/** `user.not_found`, with `facts.id`. */
export function userNotFound(id: UserId): DomainError {
  return new DomainError('user.not_found', `Cannot find user "${id}": there is none of that id`, { id })
}

/** `user.already_exists`, with `facts.id`. */
export function userAlreadyExists(id: UserId): DomainError {
  return new DomainError('user.already_exists', `Cannot create user "${id}": there is one already`, { id })
}

/** `admin.exists`, with `facts.profileId`. */
export function adminExists(profileId: ProfileId): DomainError {
  const message = `Cannot create the first user with profile "${profileId}": some user holds it already`
  return new DomainError('admin.exists', message, { profileId })
}

/** `credentials.username_taken`, with `facts.username`. */
export function usernameTaken(username: string): DomainError {
  const message = `Cannot store credentials for username "${username}": another user has that name`
  return new DomainError('credentials.username_taken', message, { username })
}

/** `credentials.already_exist`, with `facts.owner`. */
export function credentialsAlreadyExist(owner: UserId): DomainError {
  const message = `Cannot create credentials of user "${owner}": it has some already`
  return new DomainError('credentials.already_exist', message, { owner })
}

/** `credentials.orphaned`, with `facts.owner`. */
export function credentialsOrphaned(owner: UserId): DomainError {
  const message = `Cannot create user "${owner}" with credentials: credentials of that user exist already`
  return new DomainError('credentials.orphaned', message, { owner })
}

/** `credentials.not_found`, with `facts.owner`. */
export function credentialsNotFound(owner: UserId): DomainError {
  const message = `Cannot find credentials of user "${owner}": it has none`
  return new DomainError('credentials.not_found', message, { owner })
}

/** `role.not_found`, with `facts.id`. */
export function roleNotFound(id: RoleId): DomainError {
  return new DomainError('role.not_found', `Cannot find role "${id}": there is none of that id`, { id })
}

/** `role.already_exists`, with `facts.id`. */
export function roleAlreadyExists(id: RoleId): DomainError {
  return new DomainError('role.already_exists', `Cannot create role "${id}": there is one already`, { id })
}

/** `role.in_use`, with `facts.id` and `facts.profileId`, one that holds it. */
export function roleInUse(id: RoleId, profileId: ProfileId): DomainError {
  const message = `Cannot remove role "${id}": profile "${profileId}" holds it`
  return new DomainError('role.in_use', message, { id, profileId })
}

/** `profile.not_found`, with `facts.id`. */
export function profileNotFound(id: ProfileId): DomainError {
  return new DomainError('profile.not_found', `Cannot find profile "${id}": there is none of that id`, { id })
}

/** `profile.already_exists`, with `facts.id`. */
export function profileAlreadyExists(id: ProfileId): DomainError {
  return new DomainError('profile.already_exists', `Cannot create profile "${id}": there is one already`, {
    id,
  })
}

/** `profile.in_use`, with `facts.id`. */
export function profileInUse(id: ProfileId): DomainError {
  return new DomainError('profile.in_use', `Cannot remove profile "${id}": users hold it`, { id })
}
