import { networkOf } from '../access/network-of.ts'
import type { AuditEvent, Origin } from '../audit/audit-event.ts'
import { type Change, describeChange, describeRefusal, recordChange } from '../audit/record-change.ts'
import { checkId } from '../check-id.ts'
import type { Context } from '../context.ts'
import { DomainError, type ErrorCode } from '../errors.ts'
import { ID_BYTES_MAX, type KeyId } from '../ids.ts'
import { asJson } from '../json.ts'
import type { Issued, TokenRequest } from '../key-authority.ts'
import type { OwnerRoom } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import type { ApiKey, Revocation } from './api-key.ts'
import { checkMetadata, checkPolicy } from './check-policy.ts'
import { fingerprintsOf } from './ended-tokens.ts'
import { checkMayCreateToken, checkMayIssue } from './keys-issuing-keys.ts'
import { mintKey } from './mint-key.ts'
import { actorOf } from './shown-key.ts'

/**
 * Issues a token of Knox's form. Its text exists in the answer and nowhere else. A refusal is an audit event as well.
 *
 * @throws {DomainError} `id.invalid`, `key.ttl_invalid`, `key.owner_full`, `metadata.invalid`, `policy.invalid`;
 *   `key.issuing_forbidden`, `key.outlives_issuer` when the key that is shown may not issue it.
 */
export async function issueToken(
  context: Context,
  request: TokenRequest,
  origin: Origin,
): Promise<Issued<ApiKey>> {
  try {
    return await storeNewToken(context, request, origin)
  } catch (error) {
    if (error instanceof DomainError) noteRefusal(context, request, origin, error.code)
    throw error
  }
}

/**
 * Passes when what is shown may be exchanged for a token that an API signs and that is kept nowhere. As a session, it is
 * bound by nothing. A refusal is an audit event as well.
 *
 * @throws {DomainError} `key.issuing_forbidden`, `key.outlives_issuer`.
 */
export function checkTokenIssue(context: Context, request: TokenRequest, origin: Origin): void {
  try {
    const { createdBy: by, shown, expiresAt } = request
    checkMayCreateToken(context.settings, actorOf({ by, shown, origin }), expiresAt)
  } catch (error) {
    if (error instanceof DomainError) noteRefusal(context, request, origin, error.code)
    throw error
  }
}

/** Who acts as the client that a token was issued to, and not for its owner, issues for nobody else by that. */
function checkShownKey(
  { settings }: Context,
  { owner, createdBy, shown, expiresAt }: TokenRequest,
  origin: Origin,
): void {
  const isClientItself = shown?.knox?.type === 'CLIENT_ID' && owner === (shown.id as string)
  const holder = isClientItself ? shown.owner : owner
  checkMayIssue(settings, actorOf({ by: createdBy, shown, origin }), holder, expiresAt)
}

async function storeNewToken(
  context: Context,
  request: TokenRequest,
  origin: Origin,
): Promise<Issued<ApiKey>> {
  const now = context.clock.now()
  checkShownKey(context, request, origin)
  checkRequest(request, now)
  const { owner, createdBy, shown, policy, metadata } = request
  const id = context.randomness.uuid() as KeyId
  const { token, ...secret } = await mintKey(context, { id, owner, family: 'knox' }, now)
  const key: ApiKey = {
    id,
    owner,
    description: request.comment,
    ...secret,
    family: 'knox',
    knox: factsOf(request),
    ...(request.expiresAt !== undefined && { expiresAt: request.expiresAt, ttlMs: request.expiresAt - now }),
    record: { createdBy, createdAt: now },
    ...(policy !== undefined && Object.keys(policy).length > 0 && { policy }),
    ...(metadata !== undefined && { metadata }),
  }
  const details = {
    owner,
    fingerprint: key.fingerprint,
    type: request.type,
    expiresAt: key.expiresAt ?? null,
    ...(key.policy !== undefined && { policy: asJson(key.policy) }),
  }
  const by = actorOf({ by: createdBy, shown, origin })
  await store(context, { key, by, limit: request.limit, details })
  return { token, issued: key }
}

type NewToken = Pick<Change, 'by' | 'details'> & {
  readonly key: ApiKey
  readonly limit: TokenRequest['limit']
}

/** Stores the token, and with it the end of the one that has to make room, if any. */
async function store(context: Context, { key, by, limit, details = {} }: NewToken): Promise<void> {
  let removal: AuditEvent | undefined
  const { createdAt: at } = key.record
  const revocation: Revocation = { at, by: by.user.id, reason: 'superseded' }
  const replaceOldest = {
    revocation,
    eventOf: ({ id, owner }: ApiKey): AuditEvent => {
      const why = { owner, reason: revocation.reason, replacedBy: key.id }
      removal = describeChange({ by, action: 'key.delete', subject: `key:${id}`, details: why }, at)
      return removal
    },
  }
  const room: OwnerRoom | undefined = limit && {
    max: limit.max,
    ...(limit.exceeded === 'remove_oldest' && { replaceOldest }),
  }
  const change = { by, action: 'key.create', subject: `key:${key.id}`, details } as const
  const removed = await recordChange(context, change, (event) =>
    context.storage.keys.insertKnox(key, room, event),
  )
  if (removed === undefined) return
  context.ended.announce(fingerprintsOf(removed))
  if (removal !== undefined) context.onAudit?.(removal)
}

function factsOf(request: TokenRequest): NonNullable<ApiKey['knox']> {
  const { type, maxLifetimeAt, thirdPartyApp, ownerTrust } = request
  return {
    type,
    ...(ownerTrust !== undefined && ownerTrust !== 'ordinary' && { ownerTrust }),
    ...(maxLifetimeAt !== undefined && { maxLifetimeAt }),
    ...(thirdPartyApp !== undefined && { thirdPartyApp }),
  }
}

function checkRequest(request: TokenRequest, now: Instant): void {
  const { owner, createdBy, expiresAt, policy, metadata } = request
  checkId('user', owner)
  checkId('user', createdBy)
  if (policy !== undefined) checkPolicy(policy, now)
  if (metadata !== undefined) checkMetadata(metadata)
  if (expiresAt === undefined || (Number.isSafeInteger(expiresAt) && expiresAt > now)) return
  throw new DomainError(
    'key.ttl_invalid',
    `Cannot issue a token that expires at ${expiresAt}: that is no time to come`,
    { expiresAt, ttlMs: expiresAt - now },
  )
}

function noteRefusal(context: Context, request: TokenRequest, origin: Origin, code: ErrorCode): void {
  const [owner, by] = [request.owner, request.createdBy].map((id) => id.slice(0, ID_BYTES_MAX))
  const change = {
    by: actorOf({ by: by as typeof request.createdBy, shown: request.shown, origin }),
    action: 'key.create',
    subject: `user:${owner}`,
    details: { owner: owner ?? '', type: request.type },
  } as const
  context.refusals.add(
    `key.create ${code} ${by} ${networkOf(origin.address ?? '')}`,
    describeRefusal(change, code, context.clock.now()),
  )
}
