import { canonicalUserId } from '../access/anonymous-user.ts'
import type { Caller } from '../access/caller.ts'
import { mayWithAnybodys, mayWithKey, rightMissing } from '../access/key-rights.ts'
import { networkOf } from '../access/network-of.ts'
import { describeRefusal, recordChange } from '../audit/record-change.ts'
import { checkId, shownId } from '../check-id.ts'
import type { Context } from '../context.ts'
import { DomainError, type ErrorCode } from '../errors.ts'
import { ID_BYTES_MAX, type KeyId, type UserId } from '../ids.ts'
import { asJson } from '../json.ts'
import type { Issued, KeyRequest } from '../key-authority.ts'
import type { Instant } from '../record.ts'
import type { ApiKey } from './api-key.ts'
import { checkMetadata, checkPolicy } from './check-policy.ts'
import { viewKey } from './key-view.ts'
import { checkMayIssue } from './keys-issuing-keys.ts'
import { DEFAULT_KEYSPACE } from './keyspaces.ts'
import { mintKey } from './mint-key.ts'
import type { KeyPolicy } from './policy.ts'
import type { KeyView } from './verdict.ts'

/**
 * Issues a key for the caller itself, within `security.apiKey.maxTTL`.
 *
 * @throws {DomainError} `key.ttl_exceeded` with `facts.ttlMsMax`, and as `issueKey`.
 */
export async function issueKeyForSelf(
  context: Context,
  caller: Caller,
  request: Omit<KeyRequest, 'owner'>,
): Promise<Issued<ApiKey>> {
  const { apiKeyMaxTtlMs: ttlMsMax } = context.settings
  const { ttlMs } = request
  if (ttlMsMax >= 0 && (ttlMs === undefined || ttlMs > ttlMsMax)) {
    const asked = ttlMs === undefined ? 'that never expires' : `for ${ttlMs} ms`
    throw new DomainError('key.ttl_exceeded', `Cannot issue a key ${asked}: ${ttlMsMax} ms is the limit`, {
      ttlMs: ttlMs ?? null,
      ttlMsMax,
    })
  }
  return issueKey(context, caller, { ...request, owner: caller.user.id })
}

/**
 * Issues a key for any user. Its token exists in the answer and nowhere else. A refusal is an audit event as well: it
 * may be somebody who tries out whose ids are taken, or what a stolen key is good for.
 *
 * Scopes that go beyond the rights of the owner are no mistake: what a key may do is decided when it is used, and rights
 * that the owner is given later count then.
 *
 * @throws {DomainError} `id.invalid`, `key.id_taken`, `key.ttl_invalid`, `key.owner_full`, `user.not_found`,
 *   `keyspace.unknown`, `policy.invalid`, `metadata.invalid`; `key.issuing_forbidden`, `key.outlives_issuer` when the
 *   caller shows a key that may not issue.
 */
export async function issueKey(
  context: Context,
  caller: Caller,
  request: KeyRequest,
): Promise<Issued<ApiKey>> {
  const owner = canonicalUserId(request.owner)
  try {
    return await storeNewKey(context, caller, { ...request, owner })
  } catch (error) {
    if (error instanceof DomainError)
      noteRefusal(context, caller, { owner, id: request.id, code: error.code })
    throw error
  }
}

/**
 * Issues a key for any user when the caller may do that, else for itself.
 *
 * @throws {DomainError} `right.missing`, and as `issueKey` and `issueKeyForSelf`.
 */
export async function createKey(
  context: Context,
  caller: Caller,
  request: KeyRequest,
): Promise<Issued<KeyView>> {
  const owner = canonicalUserId(request.owner)
  const { token, issued } = await issueAsAllowed(context, caller, { ...request, owner })
  return { token, issued: await viewKey(context, issued) }
}

async function issueAsAllowed(
  context: Context,
  caller: Caller,
  request: KeyRequest,
): Promise<Issued<ApiKey>> {
  const { owner } = request
  if (await mayWithAnybodys(context, caller, 'create')) return issueKey(context, caller, request)
  if (owner === caller.user.id && (await mayWithKey(context, caller, 'create', { owner }))) {
    return issueKeyForSelf(context, caller, request)
  }
  noteRefusal(context, caller, { owner, id: request.id, code: 'right.missing' })
  throw rightMissing(caller, 'create', owner)
}

async function storeNewKey(context: Context, caller: Caller, request: KeyRequest): Promise<Issued<ApiKey>> {
  const { owner } = request
  const now = context.clock.now()
  const life = keyLife(request.ttlMs, now)
  if (request.id !== undefined) checkId('key', request.id)
  const policy = policyOf(request, now)
  if (request.metadata !== undefined) checkMetadata(request.metadata)
  checkMayIssue(context.settings, caller, owner, life.expiresAt)

  const form = formOf(request)
  const id = request.id ?? (context.randomness.uuid() as KeyId)
  const { token, ...secret } = await mintKey(context, { id, owner, ...life, ...form }, now)
  const key: ApiKey = {
    id,
    owner,
    description: request.description,
    ...secret,
    ...form,
    ...life,
    record: { createdBy: caller.user.id, createdAt: now },
    ...(policy !== undefined && { policy }),
    ...(request.metadata !== undefined && { metadata: request.metadata }),
    ...(request.disabled === true && { disabled: { at: now, by: caller.user.id } }),
  }
  const details = {
    owner,
    fingerprint: key.fingerprint,
    expiresAt: key.expiresAt ?? null,
    ...(policy !== undefined && { policy: asJson(policy) }),
    ...(key.disabled !== undefined && { disabled: true }),
  }
  await recordChange(
    context,
    { by: caller, action: 'key.create', subject: `key:${key.id}`, details },
    (event) => context.storage.keys.insert(key, context.settings.apiKeyPerUserMax, event),
  )
  return { token, issued: key }
}

/** A policy that says nothing is none. */
function policyOf({ policy }: KeyRequest, now: Instant): KeyPolicy | undefined {
  if (policy === undefined || Object.keys(policy).length === 0) return undefined
  checkPolicy(policy, now)
  return policy
}

/** How the tokens of the key look. */
function formOf({ native }: KeyRequest): Pick<ApiKey, 'family' | 'keyspace'> {
  if (native === undefined) return {}
  const { keyspace = DEFAULT_KEYSPACE } = native
  return keyspace === DEFAULT_KEYSPACE ? { family: 'native' } : { family: 'native', keyspace }
}

function keyLife(ttlMs: number | undefined, now: Instant): Pick<ApiKey, 'ttlMs' | 'expiresAt'> {
  if (ttlMs === undefined) return {}
  // Clients ask for absurdly long lives where they mean "for ever": nothing here needs to print the end as a date.
  if (Number.isSafeInteger(ttlMs) && ttlMs >= 1) return { ttlMs, expiresAt: now + ttlMs }
  throw new DomainError(
    'key.ttl_invalid',
    `Cannot issue a key that lives ${ttlMs} ms: a whole number of at least 1 is needed`,
    { ttlMs },
  )
}

function noteRefusal(
  context: Context,
  caller: Caller,
  refused: { readonly owner: UserId; readonly id: KeyId | undefined; readonly code: ErrorCode },
): void {
  const { id, code } = refused
  const owner = refused.owner.slice(0, ID_BYTES_MAX)
  const details = { owner, ...(id !== undefined && { id: shownId(id) }) }
  const change = { by: caller, action: 'key.create', subject: `user:${owner}`, details } as const
  context.refusals.add(
    `key.create ${code} ${caller.user.id} ${networkOf(caller.origin.address ?? '')}`,
    describeRefusal(change, code, context.clock.now()),
  )
}
