import type { Caller } from '../access/caller.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Context } from '../context.ts'
import { DomainError } from '../errors.ts'
import type { KeyId } from '../ids.ts'
import type { JsonObject } from '../json.ts'
import type { Issued } from '../key-authority.ts'
import type { NewSecret } from '../ports/key-store.ts'
import type { Instant } from '../record.ts'
import type { ApiKey } from './api-key.ts'
import { fingerprintsOf } from './ended-tokens.ts'
import { requireKey } from './get-key.ts'
import { viewKey } from './key-view.ts'
import { checkMayIssue } from './keys-issuing-keys.ts'
import { mintKey } from './mint-key.ts'
import type { KeyView } from './verdict.ts'

/** How a secret is replaced. */
export type Rotation = {
  /** How long all earlier secrets stay good at the most once the new one is, in ms; at most `GRACE_MS_MAX`. */
  readonly graceMs: number
  /** From when on the new secret is good; absent: at once. At most `CUT_OVER_MS_MAX` ahead. */
  readonly cutOverAt?: Instant
}

/** Longest overlap of two secrets: 90 days. */
export const GRACE_MS_MAX = 90 * 86_400_000

/** How far ahead a rotation can be planned: one year. */
export const CUT_OVER_MS_MAX = 365 * 86_400_000

/**
 * Gives a key a new secret, which exists in the answer and nowhere else. Id, history, policy and what is left of the
 * budget stay. Secrets of earlier rotations end when those said, or with the one that is replaced if that is earlier. A
 * planned secret that is not good yet never will be: the one that is good now is replaced.
 *
 * @throws {DomainError} `key.not_found`, `right.missing`, `key.revoked`, `keyspace.unknown`, `key.rotation_invalid` (`facts.member`,
 *   `facts.problem`); `key.rotating` when too many earlier secrets would still be good, or when somebody else rotates it
 *   at this moment; `key.issuing_forbidden`, `key.outlives_issuer` when the caller shows a key that may not issue this one.
 */
export async function rotateKey(
  context: Context,
  caller: Caller,
  id: KeyId,
  rotation: Rotation,
): Promise<Issued<KeyView>> {
  const key = await requireKey(context, caller, 'rotate', id)
  checkMayIssue(context.settings, caller, key.owner, key.expiresAt)
  const now = context.clock.now()
  checkRotation(key, rotation, now)

  const { token, ...secret } = await mintKey(context, key, now)
  const plan = planOf(key, rotation, now)
  const change = {
    by: caller,
    action: 'key.rotate',
    subject: `key:${id}`,
    details: { owner: key.owner, ...replacedBy(key, plan), after: secret.fingerprint, ...plan },
  } as const
  const rotated = await recordChange(context, change, (event) =>
    store(context, key, { ...secret, ...plan, replaces: key.fingerprint }, event),
  )
  announce(context, key, rotated)
  return { token, issued: await viewKey(context, rotated) }
}

/** Tells of the secrets that ended, and when the others will. */
function announce({ ended }: Context, before: ApiKey, { previous = [], expiresAt }: ApiKey): void {
  const stillGood = previous.map(({ fingerprint }) => fingerprint)
  ended.announce(fingerprintsOf(before).filter((fingerprint) => !stillGood.includes(fingerprint)))
  for (const { fingerprint, goodUntil } of previous) {
    ended.announceLife(fingerprint, earliest(goodUntil, expiresAt))
  }
}

async function store(
  { storage }: Context,
  { id }: ApiKey,
  to: NewSecret,
  event: Parameters<typeof storage.keys.rotate>[2],
): Promise<ApiKey> {
  const rotated = await storage.keys.rotate(id, to, event)
  if (rotated !== undefined) return rotated
  throw new DomainError(
    'key.rotating',
    `Cannot rotate key "${id}": somebody else rotated or ended it at this moment; look at it, then ask again`,
    { id },
  )
}

type Plan = Pick<NewSecret, 'goodFrom' | 'previousGoodUntil' | 'cancelsPlan'>

function planOf(key: ApiKey, { graceMs, cutOverAt }: Rotation, now: Instant): Plan {
  const isPlanned = cutOverAt !== undefined && cutOverAt > now
  const from = isPlanned ? cutOverAt : now
  return {
    ...(isPlanned && { goodFrom: cutOverAt }),
    ...(from + graceMs > now && { previousGoodUntil: from + graceMs }),
    ...(key.goodFrom !== undefined && key.goodFrom > now && { cancelsPlan: true }),
  }
}

/** For the audit trail: the secret that was good, and the planned one that never will be. */
function replacedBy({ fingerprint, goodFrom, previous = [] }: ApiKey, { cancelsPlan }: Plan): JsonObject {
  if (!cancelsPlan) return { before: fingerprint }
  const [good] = previous
  return { ...(good && { before: good.fingerprint }), planned: fingerprint, plannedFrom: goodFrom ?? null }
}

/** @throws {DomainError} `key.rotation_invalid` */
function checkRotation(key: ApiKey, { graceMs, cutOverAt }: Rotation, now: Instant): void {
  if (!Number.isInteger(graceMs) || graceMs < 0 || graceMs > GRACE_MS_MAX) {
    throw invalid(key, 'graceMs', `a whole number of ms from 0 to ${GRACE_MS_MAX} is needed`)
  }
  if (cutOverAt !== undefined) checkCutOver(key, cutOverAt, now)
}

function checkCutOver(key: ApiKey, cutOverAt: Instant, now: Instant): void {
  if (!Number.isInteger(cutOverAt) || cutOverAt < now || cutOverAt > now + CUT_OVER_MS_MAX) {
    throw invalid(key, 'cutOverAt', `an instant within the next ${CUT_OVER_MS_MAX} ms is needed`)
  }
  if (key.expiresAt !== undefined && cutOverAt >= key.expiresAt) {
    throw invalid(key, 'cutOverAt', `the key expires at ${key.expiresAt}, before that`)
  }
}

function invalid({ id }: ApiKey, member: keyof Rotation, problem: string): DomainError {
  return new DomainError('key.rotation_invalid', `Cannot rotate key "${id}" (${member}): ${problem}`, {
    id,
    member,
    problem,
  })
}

function earliest(one: Instant, other: Instant | undefined): Instant {
  return other === undefined ? one : Math.min(one, other)
}
