import type { Caller } from '../access/caller.ts'
import { keyNotFound, requireKeyRight } from '../access/key-rights.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId } from '../ids.ts'
import { stateOf, viewKey } from './key-view.ts'
import { checkMayIssue, checkMayLoosen } from './keys-issuing-keys.ts'
import type { KeyView } from './verdict.ts'

/**
 * Makes a revoked key what it was, with its secrets, history and budget, within `keys.restoreWindow`.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`, `key.not_revoked`, `key.restore_too_late` with `facts.revokedAt`, `key.id_taken`,
 *   `key.owner_full`; `key.policy_forbidden`, `key.issuing_forbidden`, `key.outlives_issuer` when the caller shows a key.
 */
export async function restoreKey(context: Context, caller: Caller, id: KeyId): Promise<KeyView> {
  const { storage, settings, clock } = context
  const revoked = await storage.keys.findRevoked(id)
  if (revoked === undefined) throw await whyNotRevoked(context, caller, id)
  const { key, revocation } = revoked
  await requireKeyRight(context, caller, 'restore', key)
  checkMayLoosen(caller)
  checkMayIssue(settings, caller, key.owner, key.expiresAt)

  const revokedSince = clock.now() - settings.restoreWindowMs
  if (revocation.at < revokedSince) throw tooLate(id, revocation.at, settings.restoreWindowMs)
  const perOwnerMax = settings.apiKeyPerUserMax
  const bounds = { revokedSince, ...(perOwnerMax !== undefined && { perOwnerMax }) }
  const change = {
    by: caller,
    action: 'key.restore',
    subject: `key:${id}`,
    details: { owner: key.owner, revokedAt: revocation.at, reason: revocation.reason },
  } as const
  const restored = await recordChange(context, change, async (event) => {
    const stored = await storage.keys.restore(id, bounds, event)
    if (stored !== undefined) return stored
    // Somebody else restored it at this moment.
    throw await whyNotRevoked(context, caller, id)
  })
  return viewKey(context, restored)
}

/** What to refuse with: `key.not_revoked`, or `key.not_found`. @throws {DomainError} As `requireKeyRight`. */
async function whyNotRevoked(context: Context, caller: Caller, id: KeyId): Promise<DomainError> {
  const key = await context.storage.keys.findById(id)
  if (key === undefined) return keyNotFound(id)
  await requireKeyRight(context, caller, 'restore', key)
  const state = stateOf(key, context.clock.now())
  return new DomainError('key.not_revoked', `Cannot restore key "${id}": it is ${state}, not revoked`, {
    id,
    state,
  })
}

function tooLate(id: KeyId, revokedAt: number, windowMs: number): DomainError {
  return new DomainError(
    'key.restore_too_late',
    `Cannot restore key "${id}": it was revoked at ${revokedAt}, more than ${windowMs} ms ago`,
    { id, revokedAt, windowMs },
  )
}
