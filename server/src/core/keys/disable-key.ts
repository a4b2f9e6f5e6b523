import type { Actor, Caller } from '../access/caller.ts'
import { mayWithKey, requireKeyRight, rightMissing } from '../access/key-rights.ts'
import type { Context } from '../context.ts'
import type { KeyId } from '../ids.ts'
import type { ApiKey } from './api-key.ts'
import { changeKey } from './change-key.ts'
import { fingerprintsOf } from './ended-tokens.ts'
import { findKnownKey, requireKey, unlessRevoked } from './get-key.ts'
import { viewKey } from './key-view.ts'
import { checkMayLoosen } from './keys-issuing-keys.ts'
import type { KeyView } from './verdict.ts'

/**
 * Makes a key useless for the time being: every verification that starts after this resolved answers `disabled`. A key
 * that is disabled already stays as it is, unless its owner disabled it: what somebody else disables as well, the owner
 * cannot enable again.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`, `key.revoked`.
 */
export async function disableKey(
  context: Context,
  caller: Caller,
  id: KeyId,
  reason: string | undefined,
): Promise<KeyView> {
  const key = await requireKey(context, caller, 'disable', id)
  return viewKey(context, await disable(context, caller, key, reason))
}

/** The same for a key that the caller may disable. @throws {DomainError} `key.not_found` when it ended meanwhile. */
export async function disable(
  context: Context,
  caller: Actor,
  key: ApiKey,
  reason: string | undefined,
): Promise<ApiKey> {
  const why = reason === undefined ? {} : { reason }
  const disabled = { at: context.clock.now(), by: caller.user.id, ...why }
  const changed = await changeKey(context, caller, { action: 'key.disable', key }, (current) =>
    isDisabledFor(current, caller)
      ? undefined
      : { next: { ...current, disabled }, details: { owner: current.owner, ...why } },
  )
  context.ended.announce(fingerprintsOf(changed))
  return changed
}

/** Whether there is nothing left to do for who wants the key disabled: owners can take back only what they did. */
export function isDisabledFor({ disabled, owner }: ApiKey, { user }: Actor): boolean {
  return disabled !== undefined && (disabled.by !== owner || user.id === owner)
}

/**
 * Ends the disabling of a key; one that is not disabled stays as it is. Whoever disabled a key itself needs no other
 * right to take that back.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`, `key.revoked`, `key.policy_forbidden`.
 */
export async function enableKey(context: Context, caller: Caller, id: KeyId): Promise<KeyView> {
  const known = await findKnownKey(context, id)
  const { key } = known
  const mayAlways = await mayWithKey(context, caller, 'enable', key)
  if (!mayAlways) await requireKeyRight(context, caller, 'disable', key)
  unlessRevoked(known)
  checkMayLoosen(caller)
  const enabled = await changeKey(context, caller, { action: 'key.enable', key }, (current) => {
    const { disabled, ...next } = current
    if (disabled === undefined) return undefined
    if (!mayAlways && disabled.by !== caller.user.id) throw rightMissing(caller, 'enable')
    return { next, details: { owner: next.owner } }
  })
  return viewKey(context, enabled)
}
