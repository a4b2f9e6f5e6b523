import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import type { UserId } from '../ids.ts'
import { writeUsesOfOwner } from '../keys/write-uses.ts'
import { refuseAnonymous } from './anonymous-user.ts'
import type { Caller } from './caller.ts'

/**
 * Removes a user with all its credentials, API keys and sessions; from then on no token of it is good, whatever
 * their number.
 *
 * @throws {DomainError} `user.not_found`, `user.anonymous_immutable`.
 */
export async function removeUser(context: Context, caller: Caller, id: UserId): Promise<void> {
  refuseAnonymous(id)
  await writeUsesOfOwner(context, id)
  const change = { by: caller, action: 'user.delete', subject: `user:${id}` } as const
  const removed = await recordChange(context, change, (event) => context.storage.users.remove(id, event))
  context.ended.announce(removed.endedTokens)
}
