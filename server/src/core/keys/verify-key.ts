import type { GoodToken } from '../access/caller.ts'
import type { Session } from '../access/session.ts'
import type { Origin } from '../audit/audit-event.ts'
import type { Context } from '../context.ts'
import { type FoundKey, isExpired, limitsOf } from './api-key.ts'
import { fingerprintOfAny } from './check-key.ts'
import type { Fingerprint } from './fingerprint.ts'
import { judge } from './judge.ts'
import { parseKeyToken } from './key-token.ts'
import { lookUpToken } from './look-up-token.ts'
import { isNamesake, nameTrustOf } from './namesakes.ts'
import { noteRefusedToken, type RefusedToken } from './refused-tokens.ts'
import { factsOf, type ShownToken, useKey } from './use-key.ts'
import type { KeyCheck, Verdict } from './verdict.ts'

/**
 * Answers whether a token is good for its owner's rights here, and counts that use: one SHA-256 and one indexed
 * look-up by its fingerprint.
 *
 * The signature in a token is not checked: a forged one has a fingerprint that is not stored. Only a single-use session
 * costs a write, which makes exactly one of its uses good, and so does a key with a budget.
 */
export async function verifyKey(context: Context, token: string, origin: Origin): Promise<Verdict> {
  const family = parseKeyToken(token)
  const fingerprint = fingerprintOfAny(token)
  if (family === undefined) return refuseMalformed(context, origin, fingerprint)
  if (family === 'knox') return verifyKnoxKey(context, { token, fingerprint }, origin)
  if (family !== 'session') return verifyApiKey(context, { token, fingerprint }, origin)
  const verdict = await inspectSession(context, fingerprint, origin)
  if (!verdict.valid || verdict.token.kind === 'key' || !verdict.token.session.singleUse) return verdict
  if (await context.storage.sessions.consume(fingerprint)) return verdict
  const { owner } = verdict.token.session
  return refuse(context, origin, { reason: 'unknown', fingerprint, owner })
}

/** As `verifyKey`, but counts, spends and consumes nothing; so limits and an empty budget are no reasons to refuse. */
export async function inspectKey(context: Context, token: string, origin: Origin): Promise<Verdict> {
  const family = parseKeyToken(token)
  const fingerprint = fingerprintOfAny(token)
  if (family === undefined) return refuseMalformed(context, origin, fingerprint)
  if (family === 'session') return inspectSession(context, fingerprint, origin)
  const found = await lookUpToken(context, token, fingerprint)
  if (found === undefined) return refuse(context, origin, { reason: 'unknown', fingerprint })
  if (!(await mayAct(context, found))) return refuseStranger(context, found, origin)
  const judgement = judge(found, { ...checkOf(origin), cost: 0 }, factsOf(context, found, NO_GRANTS))
  if (judgement.refusal === undefined) return { valid: true, token: goodKey(found, fingerprint) }
  const { owner, id } = found.key
  return refuse(context, origin, { reason: judgement.refusal, fingerprint, owner, key: id })
}

async function verifyKnoxKey(context: Context, shown: ShownToken, origin: Origin): Promise<Verdict> {
  const known = await lookUpToken(context, shown.token, shown.fingerprint)
  const isStranger = known !== undefined && !(await mayAct(context, known))
  return isStranger ? refuseStranger(context, known, origin) : verifyApiKey(context, shown, origin)
}

async function verifyApiKey(context: Context, shown: ShownToken, origin: Origin): Promise<Verdict> {
  const { fingerprint } = shown
  const { refusal, found, retryAt, limits } = await useKey(context, shown, checkOf(origin))
  if (found === undefined) return refuse(context, origin, { reason: refusal ?? 'unknown', fingerprint })
  if (refusal === undefined) return { valid: true, token: goodKey(found, fingerprint) }
  const { owner, id } = found.key
  if (found.revocation === undefined) context.uses.refused(id, context.clock.now())
  const verdict = refuse(context, origin, { reason: refusal, fingerprint, owner, key: id })
  return {
    ...verdict,
    ...(retryAt !== undefined && { retryAt }),
    ...(refusal === 'rate_limited' && { standing: { limits: limitsOf(found), states: limits } }),
  }
}

/**
 * Owners of Knox's keys need not be users here, or only happen to be called like one. Then there are no rights that such a
 * key could stand for: it is good where services ask about it, and unknown where it would have to act.
 */
async function mayAct(context: Context, { key }: FoundKey): Promise<boolean> {
  if (key.family !== 'knox') return true
  if ((await context.storage.users.find(key.owner)) === undefined) return false
  return isNamesake(context, key.owner, nameTrustOf(key))
}

function refuseStranger(context: Context, { key }: FoundKey, origin: Origin): Verdict {
  const { fingerprint, owner, id } = key
  return refuse(context, origin, { reason: 'unknown', fingerprint, owner, key: id })
}

/** What the key must be good for: its rights are asked for one by one later, when it is known what it shall do. */
function checkOf({ address }: Origin): KeyCheck {
  return address === undefined ? {} : { address }
}

const NO_GRANTS = (): boolean => false

function goodKey({ key, goodUntil }: FoundKey, fingerprint: Fingerprint): GoodToken {
  return goodUntil === undefined
    ? { kind: 'key', key }
    : { kind: 'key', key, shown: { fingerprint, goodUntil } }
}

async function inspectSession(context: Context, fingerprint: Fingerprint, origin: Origin): Promise<Verdict> {
  const session: Session | undefined = await context.storage.sessions.findByFingerprint(fingerprint)
  if (session === undefined) return refuse(context, origin, { reason: 'unknown', fingerprint })
  if (!isExpired(session, context.clock.now())) return { valid: true, token: { kind: 'session', session } }
  return refuse(context, origin, { reason: 'expired', fingerprint, owner: session.owner })
}

/** Looks up what cannot be there, so that the time it takes does not tell which texts look like tokens. */
async function refuseMalformed(context: Context, origin: Origin, fingerprint: Fingerprint): Promise<Verdict> {
  await context.storage.keys.lookUp(fingerprint)
  return refuse(context, origin, { reason: 'malformed' })
}

function refuse(
  context: Context,
  origin: Origin,
  refused: RefusedToken,
): Extract<Verdict, { readonly valid: false }> {
  noteRefusedToken(context, origin, refused)
  return { valid: false, reason: refused.reason }
}
