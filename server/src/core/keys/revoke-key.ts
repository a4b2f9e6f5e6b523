import { canonicalUserId } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId, UserId } from '../ids.ts'

/**
 * Deletes a key at once: every verification that starts after this resolved answers `unknown`.
 *
 * @throws {DomainError} `key.not_found`; the same when the key is somebody else's, so that ids cannot be probed.
 */
export async function revokeKey(context: Context, caller: Caller, owner: UserId, id: KeyId): Promise<void> {
  const holder = canonicalUserId(owner)
  const change = {
    by: caller,
    action: 'key.delete',
    subject: `key:${id}`,
    details: { owner: holder },
  } as const
  const removed = await recordChange(context, change, async (event) => {
    const key = await context.storage.keys.remove(holder, id, event)
    if (key !== undefined) return key
    throw new DomainError('key.not_found', `Cannot delete key "${id}" of "${owner}": there is none`, {
      id,
      owner,
    })
  })
  context.ended.announce([removed.fingerprint])
}
