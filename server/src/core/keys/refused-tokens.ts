import { networkOf } from '../access/network-of.ts'
import type { AuditEvent, Origin } from '../audit/audit-event.ts'
import type { Context } from '../context.ts'
import { ANONYMOUS_ID, type KeyId, type UserId } from '../ids.ts'
import type { Instant } from '../record.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { AskingRequest, KeyCheck, RefusalReason } from './verdict.ts'

/** What is known of a token that was refused. */
export type RefusedToken = {
  readonly reason: RefusalReason
  /** Absent: it was malformed, and nobody cares to know how. */
  readonly fingerprint?: Fingerprint
  readonly owner?: UserId
  readonly key?: KeyId
}

/** Leaves a trace of a token that somebody showed here and that was refused. */
export function noteRefusedToken(context: Context, origin: Origin, refused: RefusedToken): void {
  const at = context.clock.now()
  const group = groupOf(refused, origin.carrier, origin.address)
  if (context.refusals.again(group, at)) return
  context.refusals.add(group, describe(refused, at, origin))
}

/** What somebody else's service asked about a key, and in which request. */
export type AskedCheck = { readonly check: KeyCheck; readonly request: AskingRequest | undefined }

/** The same for a key that was shown to somebody else's service, which asks about it. */
export function noteRefusedCheck(
  context: Context,
  { check, request }: AskedCheck,
  refused: RefusedToken,
): void {
  const at = context.clock.now()
  const group = groupOf(refused, 'verification', check.address)
  if (context.refusals.again(group, at)) return
  context.refusals.add(
    group,
    describe(refused, at, {
      carrier: 'verification',
      requestId: request?.id ?? '',
      local: false,
      ...(check.address !== undefined && { address: check.address }),
    }),
  )
}

/** Tokens of somebody who guesses differ each time: only what is known of them may tell groups apart. */
function groupOf({ reason, key, owner }: RefusedToken, carrier: string, address: string | undefined): string {
  return `${reason} ${key ?? owner ?? ''} ${carrier} ${networkOf(address ?? '')}`
}

function describe(
  { reason, fingerprint, owner, key }: RefusedToken,
  at: Instant,
  origin: Origin,
): AuditEvent {
  return {
    at,
    action: 'token.refused',
    outcome: 'refused',
    actor: owner ?? ANONYMOUS_ID,
    ...(key !== undefined && { actorKey: key }),
    subject: key === undefined ? `token:${fingerprint ?? 'malformed'}` : `key:${key}`,
    reason,
    origin,
  }
}
