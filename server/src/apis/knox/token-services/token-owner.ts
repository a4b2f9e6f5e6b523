import type { Origin } from '../../../core/audit/audit-event.ts'
import { DomainError } from '../../../core/errors.ts'
import type { UserId } from '../../../core/ids.ts'
import type { Manager } from '../../../core/key-authority.ts'
import type { ApiKey, NameTrust } from '../../../core/keys/api-key.ts'
import { nameTrustOf } from '../../../core/keys/namesakes.ts'
import type { KnoxRequest } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import type { TokenServiceParts } from './token-service-parts.ts'
import type { TokenSettings } from './token-settings.ts'

/** Who gets the blame and the right to revoke: the authenticated name. */
export function createdByOf({ name }: Principal): UserId {
  return name as UserId
}

/** Where a request came from, for the audit. */
export function originOf({ http, address }: KnoxRequest): Origin {
  return { ...(address !== undefined && { address }), carrier: 'knox', requestId: http.id, local: http.local }
}

/** Who manages tokens for a request: the name for which it is done, and the key that was shown. */
export function managerOf(request: KnoxRequest, { effective, key }: Principal): Manager {
  return { by: effective as UserId, shown: key, origin: originOf(request) }
}

/** Whether it was the key that the caller shows which does not let it: the same in every language. */
export function isForbiddenByKey(error: unknown): error is DomainError & KeyFacts {
  return error instanceof DomainError && error.facts['issuer'] !== undefined
}

type KeyFacts = { readonly facts: { readonly issuer: string } }

/** How far the name of a principal is believed to be that of a user here. */
export function trustOf({ trust }: Principal): NameTrust {
  return trust ?? 'ordinary'
}

/** Whether the user of the principal's name is meant, should there be one here. */
export function isUserMeant(
  principal: Principal,
  { tokens }: Pick<TokenServiceParts, 'tokens'>,
): Promise<boolean> {
  return tokens.isNamesake(principal.effective as UserId, trustOf(principal))
}

/** Whether the token was issued to, or made by, somebody of the principal's name. */
export function isOwn({ owner, record }: ApiKey, { effective }: Principal): boolean {
  return owner === effective || record.createdBy === effective
}

/**
 * Which tokens of a principal's name are those of the principal: all of them when the user of that name is meant, else
 * those that were issued to a mere name. So nobody who is only called like a user sees or ends what that user has.
 */
export async function ownsOf(
  principal: Principal,
  parts: Pick<TokenServiceParts, 'tokens'>,
): Promise<(token: ApiKey) => boolean> {
  const isUser = await isUserMeant(principal, parts)
  return (token) => isUser || nameTrustOf(token) !== 'all'
}

/** Whether the principal may renew every token, and end those of others. */
export function isRenewer({ effective, groups }: Principal, settings: TokenSettings): boolean {
  return (
    settings.renewers.includes(effective) || groups.some((group) => settings.renewerGroups.includes(group))
  )
}
