import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { User } from './user.ts'

/**
 * Counts one request of the user against the most permissive rate limit of its profiles; a limit of 0 is none.
 * All anonymous requests share one count.
 *
 * @throws {DomainError} `request.too_many` with `facts.perSecondMax`.
 */
export async function countRequest(context: Context, user: User): Promise<void> {
  let perSecondMax = 0
  for (const id of user.profileIds) {
    const profile = await context.storage.access.findProfile(id)
    if (profile === undefined) continue
    if (profile.rateLimit === 0) return
    perSecondMax = Math.max(perSecondMax, profile.rateLimit)
  }
  if (perSecondMax === 0 || context.requests.count(user.id, perSecondMax)) return
  throw new DomainError(
    'request.too_many',
    `Cannot serve user "${user.id}": it sent more than ${perSecondMax} requests in this second`,
    { id: user.id, perSecondMax },
  )
}
