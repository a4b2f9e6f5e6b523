import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { Manager, TokenFilter, TokenPage, TokenVerdict } from '../key-authority.ts'
import type { KeyFilter } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import { type ApiKey, isExpired } from './api-key.ts'
import { changeKey } from './change-key.ts'
import { checkHeldKey, checkKey } from './check-key.ts'
import { disable } from './disable-key.ts'
import { withLastUse } from './key-view.ts'
import { checkMayIssue, checkMayLoosen } from './keys-issuing-keys.ts'
import { parseKnoxToken } from './knox-token.ts'
import { KEYS_LISTED_MAX } from './list-keys.ts'
import { endKey } from './revoke-key.ts'
import { actorOf, checkScopes, requireOfShownKey } from './shown-key.ts'
import { announceLife } from './update-key.ts'
import { UNKNOWN } from './use-key.ts'
import type { KeyCheck, KeyVerdict } from './verdict.ts'

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

/**
 * Tokens of any family in the order in which they came, the ones that expired included.
 *
 * @throws {DomainError} `right.missing` when the scopes of the key that is shown do not keep it.
 */
export async function listTokens(
  context: Context,
  filter: TokenFilter,
  manager: Manager,
): Promise<TokenPage> {
  const { owner, createdBy, ownerOrCreator, metadata, after, limit = KEYS_LISTED_MAX } = filter
  const act = { action: 'key.list', subject: `user:${owner ?? createdBy ?? ownerOrCreator ?? '*'}` } as const
  requireOfShownKey(context, manager, act, (actor) =>
    checkScopes(actor, 'read', owner === undefined ? {} : { owner }),
  )
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

/**
 * Disables or enables a token; one that is so already stays as it is.
 *
 * @throws {DomainError} `right.missing`; `key.policy_forbidden` when a key that is bound by a policy would enable.
 */
export async function setTokenEnabled(
  context: Context,
  id: KeyId,
  enabled: boolean,
  manager: Manager,
): Promise<ApiKey | undefined> {
  const key = await context.storage.keys.findById(id)
  if (key === undefined) return undefined
  const act = { action: enabled ? 'key.enable' : 'key.disable', subject: `key:${id}` } as const
  requireOfShownKey(context, manager, act, (actor) =>
    enabled ? checkMayLoosen(actor) : checkScopes(actor, 'disable', key),
  )
  return unlessGone(() => (enabled ? enable : disableIt)(context, key, manager))
}

/** Ends a token at once. @throws {DomainError} `right.missing` when the scopes of the key that is shown do not keep it. */
export async function endToken(context: Context, id: KeyId, manager: Manager): Promise<ApiKey | undefined> {
  const key = await context.storage.keys.findById(id)
  if (key === undefined) return undefined
  const act = { action: 'key.delete', subject: `key:${id}` } as const
  requireOfShownKey(context, manager, act, (actor) => checkScopes(actor, 'revoke', key))
  const ended = await endKey(context, actorOf(manager), key, { reason: 'unspecified' })
  return ended?.key
}

/**
 * Moves the end of a token, which for a key that is shown is as good as a new one.
 *
 * @throws {DomainError} `key.policy_forbidden`, `key.issuing_forbidden`, `key.outlives_issuer`; `key.ttl_invalid`,
 *   `key.ttl_exceeded`.
 */
export async function renewToken(
  context: Context,
  id: KeyId,
  expiresAt: Instant,
  manager: Manager,
): Promise<ApiKey | undefined> {
  const key = await context.storage.keys.findById(id)
  if (key?.family !== 'knox') return undefined
  requireOfShownKey(context, manager, { action: 'key.update', subject: `key:${id}` }, (actor) => {
    checkMayLoosen(actor)
    checkMayIssue(context.settings, actor, key.owner, expiresAt)
  })
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
