import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { UserId } from '../ids.ts'
import { ANONYMOUS_USER, isAnonymous } from './anonymous-user.ts'
import type { User } from './user.ts'

/** `-1` and `anonymous` answer the anonymous user. @throws {DomainError} `user.not_found` with `facts.id`. */
export async function getUser(context: Context, id: UserId): Promise<User> {
  if (isAnonymous(id)) return ANONYMOUS_USER
  const user = await context.storage.users.find(id)
  if (user === undefined)
    throw new DomainError('user.not_found', `Cannot get user "${id}": there is none`, { id })
  return user
}
