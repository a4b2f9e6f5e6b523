import type { Origin } from '../../../core/audit/audit-event.ts'
import type { UserId } from '../../../core/ids.ts'
import type { ApiKey } from '../../../core/keys/api-key.ts'
import type { KnoxRequest } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import type { TokenSettings } from './token-settings.ts'

/** Who gets the blame and the right to revoke: the authenticated name. */
export function createdByOf({ name }: Principal): UserId {
  return name as UserId
}

/** Where a request came from, for the audit. */
export function originOf({ http, address }: KnoxRequest): Origin {
  return { ...(address !== undefined && { address }), carrier: 'knox', requestId: http.id, local: http.local }
}

/** Whether the token is the principal's own: held or made by it. */
export function isOwn({ owner, record }: ApiKey, { effective }: Principal): boolean {
  return owner === effective || record.createdBy === effective
}

/** Whether the principal may renew every token, and end those of others. */
export function isRenewer({ effective, groups }: Principal, settings: TokenSettings): boolean {
  return (
    settings.renewers.includes(effective) || groups.some((group) => settings.renewerGroups.includes(group))
  )
}
