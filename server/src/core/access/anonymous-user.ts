import { DomainError } from '../errors.ts'
import { ANONYMOUS_ID, type ProfileId, type UserId } from '../ids.ts'
import type { User } from './user.ts'

/** Who everybody is without a token. It is not stored. */
export const ANONYMOUS_USER: User = {
  id: ANONYMOUS_ID,
  profileIds: ['anonymous' as ProfileId],
  content: { name: 'Anonymous' },
  record: { createdBy: ANONYMOUS_ID, createdAt: 0 },
}

/** The id as stored: `anonymous` is another name of `-1`. */
export function canonicalUserId(id: UserId): UserId {
  return id === 'anonymous' ? ANONYMOUS_ID : id
}

/** True for both names of the anonymous user. */
export function isAnonymous(id: UserId): boolean {
  return canonicalUserId(id) === ANONYMOUS_ID
}

/** @throws {DomainError} `user.anonymous_immutable` for both names of the anonymous user. */
export function refuseAnonymous(id: UserId): void {
  if (!isAnonymous(id)) return
  throw new DomainError(
    'user.anonymous_immutable',
    `Cannot change user "${id}": the anonymous user is fixed`,
    {
      id,
    },
  )
}
