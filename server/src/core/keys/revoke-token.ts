import type { Actor, Caller } from '../access/caller.ts'
import { identifyCaller } from '../access/identify-caller.ts'
import type { Origin } from '../audit/audit-event.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { type FoundKey, isExpired, type RevocationReason } from './api-key.ts'
import { fingerprintOfAny } from './check-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { parseKeyToken } from './key-token.ts'
import { lookUpToken } from './look-up-token.ts'
import { endKey } from './revoke-key.ts'

/**
 * Ends the key or session whose token this is: whoever has a token may always get rid of it, wherever it is and whatever
 * the key may do. False when it was not good any more.
 */
export async function revokeToken(
  context: Context,
  token: string,
  origin: Origin,
  reason: RevocationReason,
): Promise<boolean> {
  const family = parseKeyToken(token)
  const fingerprint = fingerprintOfAny(token)
  if (family === 'session') return endSession(context, fingerprint, origin)
  const found = await lookUpToken(context, token, fingerprint)
  if (family === undefined || found === undefined || !isAlive(found, context.clock.now())) return false
  const { key } = found
  const holder: Actor = { user: { id: key.owner }, token: { kind: 'key', key }, origin }
  return (await endKey(context, holder, key, { reason })) !== undefined
}

/** A disabled key could be enabled again, and one that is not good yet will be: both have something left to end. */
function isAlive({ key, revocation, goodUntil }: FoundKey, now: number): boolean {
  return revocation === undefined && !isExpired(key, now) && (goodUntil === undefined || now < goodUntil)
}

async function endSession(context: Context, fingerprint: Fingerprint, origin: Origin): Promise<boolean> {
  const { sessions } = context.storage
  const session = await sessions.findByFingerprint(fingerprint)
  if (session === undefined || isExpired(session, context.clock.now())) return false
  const by: Caller = await identifyCaller(context, { kind: 'session', session }, origin)
  const change = { by, action: 'session.logout', subject: `session:${fingerprint}` } as const
  const wasThere = await recordChange(context, change, (event) => sessions.remove(fingerprint, event))
  if (wasThere) context.ended.announce([fingerprint])
  return wasThere
}
