import { canonicalUserId } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import { mayWithAnybodys, mayWithKey, rightMissing } from '../access/key-rights.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import type { UserId } from '../ids.ts'
import { asJson } from '../json.ts'
import { checkLimits } from './check-policy.ts'
import { checkMayLoosen } from './keys-issuing-keys.ts'
import type { RateLimit } from './policy.ts'

/**
 * Sets the limits that all keys of an owner share; an empty list ends them.
 *
 * @throws {DomainError} `right.missing`, `key.policy_forbidden`, `policy.invalid`, `user.not_found`.
 */
export async function setOwnerLimits(
  context: Context,
  caller: Caller,
  owner: UserId,
  limits: readonly RateLimit[],
): Promise<void> {
  const holder = canonicalUserId(owner)
  if (!(await mayWithAnybodys(context, caller, 'change'))) throw rightMissing(caller, 'change')
  checkMayLoosen(caller)
  checkLimits(limits)
  const { keys } = context.storage
  const before = (await keys.ownerLimits(holder)).map(asJson)
  const details = { before, after: limits.map(asJson) }
  const change = { by: caller, action: 'owner.limits', subject: `user:${holder}`, details } as const
  await recordChange(context, change, (event) => keys.setOwnerLimits(holder, limits, event))
}

/** The limits that all keys of an owner share. @throws {DomainError} `right.missing` */
export async function getOwnerLimits(
  context: Context,
  caller: Caller,
  owner: UserId,
): Promise<readonly RateLimit[]> {
  const holder = canonicalUserId(owner)
  if (await mayWithKey(context, caller, 'read', { owner: holder }))
    return context.storage.keys.ownerLimits(holder)
  throw rightMissing(caller, 'read', holder)
}
