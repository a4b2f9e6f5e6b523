import type { Actor } from '../access/caller.ts'
import { networkOf } from '../access/network-of.ts'
import type { Origin } from '../audit/audit-event.ts'
import { describeRefusal } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import { ID_BYTES_MAX, type KeyId, type UserId } from '../ids.ts'
import type { ForbiddenAct, TokenFilter, TokenPage, TokenVerdict } from '../key-authority.ts'
import type { KeyFilter } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import { type ApiKey, isExpired } from './api-key.ts'
import { changeKey } from './change-key.ts'
import { checkHeldKey, checkKey } from './check-key.ts'
import { disable } from './disable-key.ts'
import { withLastUse } from './key-view.ts'
import { parseKnoxToken } from './knox-token.ts'
import { KEYS_LISTED_MAX } from './list-keys.ts'
import { endKey } from './revoke-key.ts'
import { announceLife } from './update-key.ts'
import { UNKNOWN } from './use-key.ts'
import type { KeyCheck, KeyVerdict } from './verdict.ts'

/** Who manages a token, and from where. */
export type Manager = { readonly by: UserId; readonly origin: Origin }

/** The check of a token, and what its id alone tells. */
export async function verifyToken(context: Context, token: string, check: KeyCheck): Promise<TokenVerdict> {
  const verdict = await checkKey(context, token, check)
  const { found } = verdict
  if (found !== undefined && found.revocation === undefined) {
    return { verdict, id: found.key.id, knownId: true }
  }
  const id = parseKnoxToken(token)?.id as KeyId | undefined
  if (id === undefined) return { verdict, knownId: false }
  return { verdict, id, knownId: (await context.storage.keys.findById(id)) !== undefined }
}

/** The check of a token of which somebody proved in another way to hold it. */
export async function verifyHolder(context: Context, id: KeyId, check: KeyCheck): Promise<KeyVerdict> {
  const key = await context.storage.keys.findById(id)
  return key === undefined ? UNKNOWN : checkHeldKey(context, key.fingerprint, check)
}

/** A token of any family, unless it ended. */
export async function getToken(context: Context, id: KeyId): Promise<ApiKey | undefined> {
  const key = await context.storage.keys.findById(id)
  return key && withLastUse(context, key)
}

/** Tokens of any family in the order in which they came, the ones that expired included. */
export async function listTokens(context: Context, filter: TokenFilter): Promise<TokenPage> {
  const { owner, createdBy, ownerOrCreator, metadata, after, limit = KEYS_LISTED_MAX } = filter
  const wanted: KeyFilter = {
    now: context.clock.now(),
    ...(owner !== undefined && { owner }),
    ...(createdBy !== undefined && { createdForOthersBy: createdBy }),
    ...(ownerOrCreator !== undefined && { ownerOrCreator }),
    ...(metadata !== undefined && { anyMetadata: metadata }),
  }
  const page = { limit: Math.min(limit, KEYS_LISTED_MAX), ...(after !== undefined && { after }) }
  const { keys, next } = await context.storage.keys.list(wanted, page)
  const tokens = keys.flatMap((key) => ('revocation' in key ? [] : [withLastUse(context, key)]))
  return { tokens, ...(next !== undefined && { next }) }
}

/** Disables or enables a token; one that is so already stays as it is. */
export async function setTokenEnabled(
  context: Context,
  id: KeyId,
  enabled: boolean,
  manager: Manager,
): Promise<ApiKey | undefined> {
  const key = await context.storage.keys.findById(id)
  if (key === undefined) return undefined
  return unlessGone(() => (enabled ? enable : disableIt)(context, key, manager))
}

/** Ends a token at once. */
export async function endToken(context: Context, id: KeyId, manager: Manager): Promise<ApiKey | undefined> {
  const key = await context.storage.keys.findById(id)
  if (key === undefined) return undefined
  const ended = await endKey(context, actorOf(manager), key, { reason: 'unspecified' })
  return ended?.key
}

/** Moves the end of a token. */
export async function renewToken(
  context: Context,
  id: KeyId,
  expiresAt: Instant,
  manager: Manager,
): Promise<ApiKey | undefined> {
  const key = await context.storage.keys.findById(id)
  if (key?.family !== 'knox') return undefined
  const renewed = await unlessGone(() =>
    changeKey(context, actorOf(manager), { action: 'key.update', key }, (current) => {
      checkRenewal(current, expiresAt, context.clock.now())
      const next = { ...current, expiresAt, ttlMs: expiresAt - current.record.createdAt }
      const details = {
        owner: current.owner,
        changed: ['expiresAt'],
        before: { expiresAt: current.expiresAt ?? null },
        after: { expiresAt },
      }
      return { next, details }
    }),
  )
  if (renewed !== undefined) announceLife(context, renewed)
  return renewed
}

/** Leaves a trace of what an API did not let somebody do; refusals of one kind from one network become one. */
export function noteForbidden(
  context: Context,
  { by, action, subject }: ForbiddenAct,
  origin: Manager['origin'],
): void {
  const actor = by.slice(0, ID_BYTES_MAX) as UserId
  const change = { by: actorOf({ by: actor, origin }), action, subject: subject.slice(0, SUBJECT_LENGTH_MAX) }
  context.refusals.add(
    `${action} forbidden ${actor} ${networkOf(origin.address ?? '')}`,
    describeRefusal(change, 'right.missing', context.clock.now()),
  )
}

/** Of a subject that was refused, perhaps for its length. */
const SUBJECT_LENGTH_MAX = 256

/** Somebody for whom another API vouches. */
export function actorOf({ by, origin }: Manager): Actor {
  return { user: { id: by }, origin }
}

function disableIt(context: Context, key: ApiKey, manager: Manager): Promise<ApiKey> {
  return disable(context, actorOf(manager), key, undefined)
}

function enable(context: Context, key: ApiKey, manager: Manager): Promise<ApiKey> {
  return changeKey(context, actorOf(manager), { action: 'key.enable', key }, (current) => {
    const { disabled, ...next } = current
    if (disabled === undefined) return undefined
    checkMayEnable(current, disabled.by, manager.by)
    return { next, details: { owner: next.owner } }
  })
}

/**
 * Who has a token may not take back what somebody else, such as an administrator, decided about it; who neither has nor
 * made it is here because of a right that the API looked at.
 *
 * @throws {DomainError} `right.missing`
 */
function checkMayEnable({ id, owner, record }: ApiKey, disabledBy: UserId, by: UserId): void {
  const parties = [owner, record.createdBy]
  if (!parties.includes(by) || parties.includes(disabledBy)) return
  throw new DomainError(
    'right.missing',
    `Cannot enable key "${id}" as "${by}": "${disabledBy}" disabled it, and the right "keys:update" is needed`,
    { right: 'keys:update', operation: 'enable', user: by },
  )
}

/** @throws {DomainError} `key.ttl_invalid` with `facts.problem`, `key.ttl_exceeded` with `facts.maxLifetimeAt`. */
function checkRenewal(key: ApiKey, expiresAt: Instant, now: Instant): void {
  const problem = renewalProblem(key, expiresAt, now)
  if (problem !== undefined) {
    throw new DomainError('key.ttl_invalid', `Cannot renew key "${key.id}" until ${expiresAt}: ${problem}`, {
      id: key.id,
      expiresAt,
      problem,
    })
  }
  const { maxLifetimeAt } = key.knox ?? {}
  if (maxLifetimeAt === undefined || expiresAt <= maxLifetimeAt) return
  throw new DomainError(
    'key.ttl_exceeded',
    `Cannot renew key "${key.id}" until ${expiresAt}: ${maxLifetimeAt} is the limit`,
    { id: key.id, expiresAt, maxLifetimeAt },
  )
}

function renewalProblem(key: ApiKey, expiresAt: Instant, now: Instant): string | undefined {
  if (key.expiresAt === undefined) return 'it never expires'
  if (isExpired(key, now)) return 'it expired'
  return Number.isSafeInteger(expiresAt) && expiresAt > now ? undefined : 'that is no time to come'
}

/** A key that ended in this moment is none. */
async function unlessGone(change: () => Promise<ApiKey>): Promise<ApiKey | undefined> {
  try {
    return await change()
  } catch (error) {
    if (error instanceof DomainError && error.code === 'key.not_found') return undefined
    throw error
  }
}
