import { networkOf } from '../access/network-of.ts'
import type { Session } from '../access/session.ts'
import type { Origin } from '../audit/audit-event.ts'
import type { Context } from '../context.ts'
import { ANONYMOUS_ID, type KeyId, type UserId } from '../ids.ts'
import { type ApiKey, isExpired } from './api-key.ts'
import { type Fingerprint, fingerprintOf } from './fingerprint.ts'
import { parseKeyToken } from './key-token.ts'
import type { RefusalReason, Verdict } from './verdict.ts'

/**
 * Answers whether a token is good: one SHA-256 and one indexed look-up by its fingerprint.
 *
 * The signature in the token is not checked: a forged one has a fingerprint that is not stored. Only a single-use
 * session costs a write, which makes exactly one of its uses good.
 */
export async function verifyKey(context: Context, token: string, origin: Origin): Promise<Verdict> {
  const family = parseKeyToken(token)
  if (family === undefined) return refuse(context, origin, { reason: 'malformed' })
  const fingerprint = fingerprintOf(token)
  if (family === 'key') {
    return judgeKey(context, origin, fingerprint, await context.storage.keys.findByFingerprint(fingerprint))
  }
  const session = await context.storage.sessions.findByFingerprint(fingerprint)
  return judgeSession(context, origin, fingerprint, session)
}

function judgeKey(
  context: Context,
  origin: Origin,
  fingerprint: Fingerprint,
  key: ApiKey | undefined,
): Verdict {
  if (key === undefined) return refuse(context, origin, { reason: 'unknown', fingerprint })
  if (isExpired(key, context.clock.now())) {
    return refuse(context, origin, { reason: 'expired', fingerprint, owner: key.owner, key: key.id })
  }
  return { valid: true, token: { kind: 'key', key } }
}

async function judgeSession(
  context: Context,
  origin: Origin,
  fingerprint: Fingerprint,
  session: Session | undefined,
): Promise<Verdict> {
  if (session === undefined) return refuse(context, origin, { reason: 'unknown', fingerprint })
  const { owner } = session
  if (isExpired(session, context.clock.now())) {
    return refuse(context, origin, { reason: 'expired', fingerprint, owner })
  }
  if (session.singleUse && !(await context.storage.sessions.consume(fingerprint))) {
    return refuse(context, origin, { reason: 'unknown', fingerprint, owner })
  }
  return { valid: true, token: { kind: 'session', session } }
}

type Refused = {
  readonly reason: RefusalReason
  readonly fingerprint?: Fingerprint
  readonly owner?: UserId
  readonly key?: KeyId
}

function refuse(context: Context, origin: Origin, refused: Refused): Verdict {
  const { reason, fingerprint, owner, key } = refused
  const subject = key === undefined ? `token:${fingerprint ?? 'malformed'}` : `key:${key}`
  // Tokens of somebody who guesses differ each time: only what is known of them may tell groups apart.
  const group = `${reason} ${key ?? owner ?? ''} ${origin.carrier} ${networkOf(origin.address ?? '')}`
  context.refusals.add(group, {
    at: context.clock.now(),
    action: 'token.refused',
    outcome: 'refused',
    actor: owner ?? ANONYMOUS_ID,
    ...(key !== undefined && { actorKey: key }),
    subject,
    reason,
    origin,
  })
  return { valid: false, reason }
}
