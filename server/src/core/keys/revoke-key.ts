import { canonicalUserId } from '../access/anonymous-user.ts'
import type { Actor, Caller } from '../access/caller.ts'
import { keyNotFound, mayWithKey, requireKeyRight } from '../access/key-rights.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { ApiKey, Revocation, RevocationReason, RevokedKey } from './api-key.ts'
import { fingerprintsOf } from './ended-tokens.ts'
import { viewRevoked } from './key-view.ts'
import type { KeyView } from './verdict.ts'
import { writeUses } from './write-uses.ts'

/** Why somebody ends a key. */
export type RevocationCause = { readonly reason: RevocationReason; readonly comment?: string }

/**
 * Ends a key of that owner at once: every verification that starts after this resolved answers `revoked`.
 *
 * @throws {DomainError} `key.not_found`; the same when the key is somebody else's, so that ids cannot be probed.
 */
export async function revokeKeyOf(context: Context, caller: Caller, owner: UserId, id: KeyId): Promise<void> {
  const subject = { id, owner: canonicalUserId(owner) }
  const revoked = await endKey(context, caller, subject, { reason: 'unspecified' })
  if (revoked !== undefined) return
  throw new DomainError('key.not_found', `Cannot delete key "${id}" of "${owner}": there is none`, {
    id,
    owner,
  })
}

/**
 * Ends a key that the caller may end. A key that was revoked before is answered as it was then, so that retries are safe.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`.
 */
export async function revokeKey(
  context: Context,
  caller: Caller,
  id: KeyId,
  cause: RevocationCause,
): Promise<KeyView> {
  const key = await context.storage.keys.findById(id)
  if (key === undefined) return viewEarlierRevocation(context, caller, id)
  await requireKeyRight(context, caller, 'revoke', key)
  const revoked = await endKey(context, caller, key, cause)
  return revoked === undefined ? viewEarlierRevocation(context, caller, id) : viewRevoked(revoked)
}

/** Ends a key, unless it ended meanwhile or belongs to somebody else: undefined then. Asks nobody for a right. */
export async function endKey(
  context: Context,
  caller: Actor,
  { id, owner }: Pick<ApiKey, 'id' | 'owner'>,
  cause: RevocationCause,
): Promise<RevokedKey | undefined> {
  await writeUses(context, [id])
  const revocation: Revocation = { at: context.clock.now(), by: caller.user.id, ...cause }
  const change = {
    by: caller,
    action: 'key.delete',
    subject: `key:${id}`,
    details: { owner, ...cause },
  } as const
  const key = await recordChange(
    context,
    change,
    async (event) => (await context.storage.keys.revoke(id, { owner, revocation }, event)) ?? false,
  )
  if (key === false) return undefined
  context.ended.announce(fingerprintsOf(key))
  return { key, revocation }
}

async function viewEarlierRevocation(context: Context, caller: Caller, id: KeyId): Promise<KeyView> {
  const revoked = await context.storage.keys.findRevoked(id)
  if (revoked === undefined || !(await mayWithKey(context, caller, 'revoke', revoked.key))) {
    throw keyNotFound(id)
  }
  return viewRevoked(revoked)
}
