import type { Caller } from '../access/caller.ts'
import { mayWithKey, requireKeyRight } from '../access/key-rights.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId } from '../ids.ts'
import { asJson, isSameData, type JsonObject } from '../json.ts'
import type { KeyChange } from '../key-authority.ts'
import type { Instant } from '../record.ts'
import { type ApiKey, isExpired } from './api-key.ts'
import { changeKey, type PlannedChange } from './change-key.ts'
import { checkMetadata, checkPolicy } from './check-policy.ts'
import { fingerprintsOf } from './ended-tokens.ts'
import { findKnownKey, unlessRevoked } from './get-key.ts'
import { viewKey } from './key-view.ts'
import { checkMayIssue, checkMayLoosen } from './keys-issuing-keys.ts'
import type { KeyPolicy } from './policy.ts'
import type { KeyView } from './verdict.ts'

/**
 * Changes a key: what is absent stays, null clears. Description and metadata bind nobody, so the owner may change them.
 * Of what binds the key, its owner may only add what is not there yet and bring the expiry forward; everything else
 * needs the right to update everybody's keys.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`, `key.revoked`, `policy.invalid`, `metadata.invalid`, `key.ttl_invalid`;
 *   `key.policy_forbidden` when an owner would loosen what binds its key, `facts.members`; `key.outlives_issuer`,
 *   `key.issuing_forbidden` when the caller shows a key that may not issue one of so long a life.
 */
export async function updateKey(
  context: Context,
  caller: Caller,
  id: KeyId,
  change: KeyChange,
): Promise<KeyView> {
  const known = await findKnownKey(context, id)
  const { key } = known
  const binding = BINDING.filter((member) => change[member] !== undefined)
  const mayLoosen = binding.length > 0 && (await mayWithKey(context, caller, 'change', key))
  if (!mayLoosen) await requireKeyRight(context, caller, 'describe', key)
  unlessRevoked(known)
  if (binding.length > 0) checkMayLoosen(caller)
  if (change.metadata !== undefined && change.metadata !== null) checkMetadata(change.metadata)

  const now = context.clock.now()
  const changed = await changeKey(context, caller, { action: 'key.update', key }, (current) => {
    if (!mayLoosen) checkOnlyTightens(current, change, binding)
    const next = changedKey(current, change, now)
    if (isLater(next.expiresAt, current.expiresAt)) {
      checkMayIssue(context.settings, caller, current.owner, next.expiresAt)
    }
    return isSameData(next, current) ? undefined : planned(current, next)
  })
  if (changed.expiresAt !== key.expiresAt) announceLife(context, changed)
  return viewKey(context, changed)
}

/** Members of a change that bind the key. */
const BINDING = [
  'expiresAt',
  'scopes',
  'addresses',
  'window',
  'confirmation',
  'idleTimeoutMs',
  'limits',
  'credits',
] as const satisfies readonly (keyof KeyChange)[]

function changedKey(key: ApiKey, change: KeyChange, now: Instant): ApiKey {
  const { policy: _, metadata: __, ttlMs: ___, expiresAt: ____, ...kept } = key
  const policy = changedPolicy(key.policy ?? {}, change)
  if (!isSameData(policy, key.policy ?? {})) checkPolicy(policy, now)
  const metadata = merged(change.metadata, key.metadata)
  return {
    ...kept,
    ...(change.description !== undefined && { description: change.description }),
    ...(change.expiresAt === undefined ? lifeOf(key) : changedLife(key, change.expiresAt)),
    ...(Object.keys(policy).length > 0 && { policy }),
    ...(metadata !== undefined && { metadata }),
  }
}

function changedPolicy(old: KeyPolicy, change: KeyChange): KeyPolicy {
  const scopes = merged(change.scopes, old.scopes)
  const addresses = merged(change.addresses, old.addresses)
  const window = merged(change.window, old.window)
  const confirmation = merged(change.confirmation, old.confirmation)
  const idleTimeoutMs = merged(change.idleTimeoutMs, old.idleTimeoutMs)
  const limits = merged(change.limits, old.limits)
  const credits = merged(change.credits, old.credits)
  return {
    ...(scopes !== undefined && { scopes }),
    ...(addresses !== undefined && { addresses }),
    ...(window !== undefined && { window }),
    ...(confirmation !== undefined && { confirmation }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...(limits !== undefined && { limits }),
    ...(credits !== undefined && { credits }),
  }
}

/** Absent: what was there; null: nothing. */
function merged<T>(given: T | null | undefined, old: T | undefined): T | undefined {
  return given === undefined ? old : (given ?? undefined)
}

function lifeOf({ ttlMs, expiresAt }: ApiKey): Pick<ApiKey, 'ttlMs' | 'expiresAt'> {
  return { ...(ttlMs !== undefined && { ttlMs }), ...(expiresAt !== undefined && { expiresAt }) }
}

/** An expiry that is over ends the key at once; one before its creation is a mistake. */
function changedLife(key: ApiKey, expiresAt: Instant | null): Pick<ApiKey, 'ttlMs' | 'expiresAt'> {
  if (expiresAt === null) return {}
  const ttlMs = expiresAt - key.record.createdAt
  if (Number.isSafeInteger(expiresAt) && ttlMs >= 1) return { ttlMs, expiresAt }
  throw new DomainError(
    'key.ttl_invalid',
    `Cannot let key "${key.id}" expire at ${expiresAt}: it was created at ${key.record.createdAt}`,
    { ttlMs, expiresAt },
  )
}

/** @throws {DomainError} `key.policy_forbidden` */
function checkOnlyTightens(
  key: ApiKey,
  change: KeyChange,
  binding: readonly (typeof BINDING)[number][],
): void {
  const members = binding.filter((member) => !isTighter(key, change, member))
  if (members.length === 0) return
  throw new DomainError(
    'key.policy_forbidden',
    `Cannot change ${members.map(wordOf).join(', ')} of key "${key.id}": an owner may add a bound that the key does not have yet and bring its expiry forward; what is there can only be changed with the right "keys:update"`,
    { id: key.id, members, right: 'keys:update' },
  )
}

/** A member as clients call it, who choose the unit themselves. */
function wordOf(member: (typeof BINDING)[number]): string {
  if (member === 'confirmation') return 'cnf'
  return member === 'idleTimeoutMs' ? 'idleTimeout' : member
}

/** What was not bound before is tighter whatever it is. */
function isTighter(key: ApiKey, change: KeyChange, member: (typeof BINDING)[number]): boolean {
  if (member === 'expiresAt') return !isLater(change.expiresAt ?? undefined, key.expiresAt)
  const old = key.policy?.[member]
  return old === undefined || isSameData(old, change[member])
}

/** Absent is later than everything. */
function isLater(expiresAt: Instant | undefined, than: Instant | undefined): boolean {
  return than !== undefined && (expiresAt === undefined || expiresAt > than)
}

/** The audit trail keeps what binds, before and after; of clients' own content only that it changed. */
function planned(before: ApiKey, next: ApiKey): PlannedChange {
  const names = ['description', 'metadata', 'expiresAt', 'policy'] as const
  const changed = names.filter((name) => !isSameData(before[name], next[name]))
  const isBinding = changed.some((name) => name === 'expiresAt' || name === 'policy')
  return {
    next,
    details: {
      owner: before.owner,
      changed,
      ...(isBinding && { before: boundsOf(before), after: boundsOf(next) }),
    },
  }
}

function boundsOf({ expiresAt, policy = {} }: ApiKey): JsonObject {
  return { ...asJson(policy), expiresAt: expiresAt ?? null }
}

/** Connections that showed the key learn when it ends now. */
export function announceLife({ ended, clock }: Context, key: ApiKey): void {
  if (isExpired(key, clock.now())) {
    ended.announce(fingerprintsOf(key))
    return
  }
  ended.announceLife(key.fingerprint, key.expiresAt)
  for (const { fingerprint, goodUntil } of key.previous ?? []) {
    ended.announceLife(fingerprint, Math.min(goodUntil, key.expiresAt ?? goodUntil))
  }
}
