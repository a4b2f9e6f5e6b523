import type { FoundKey } from '../../core/keys/api-key.ts'
import { notesFor } from '../../core/keys/key-notes.ts'
import type { CheckStep, KeyVerdict, LimitState, RefusalReason } from '../../core/keys/verdict.ts'
import { asciiJson } from '../../transports/lane/lane-message.ts'

/** How a verification went, as `code` of its answer. Stable. */
export type VerifyCode =
  | 'VALID'
  | 'NOT_FOUND'
  | 'MALFORMED'
  | 'EXPIRED'
  | 'REVOKED'
  | 'DISABLED'
  | 'FORBIDDEN'
  | 'INSUFFICIENT_PERMISSIONS'
  | 'RATE_LIMITED'
  | 'USAGE_EXCEEDED'

/** The code of every refusal. */
export const VERIFY_CODES: Readonly<Record<RefusalReason, VerifyCode>> = {
  malformed: 'MALFORMED',
  unknown: 'NOT_FOUND',
  revoked: 'REVOKED',
  disabled: 'DISABLED',
  expired: 'EXPIRED',
  forbidden: 'FORBIDDEN',
  insufficient: 'INSUFFICIENT_PERMISSIONS',
  rate_limited: 'RATE_LIMITED',
  usage_exceeded: 'USAGE_EXCEEDED',
}

/**
 * A verdict as the JSON text of its answer, in ASCII, without the members of which there is nothing to tell. What hangs
 * on the key alone is printed once for each state of the key.
 */
export function printVerdict(verdict: KeyVerdict, steps?: readonly CheckStep[], resource?: string): string {
  const { found, refusal, limits, credits, retryAt } = verdict
  const isPlain = limits.length === 0 && credits === undefined && retryAt === undefined && steps === undefined
  if (isPlain && refusal === undefined && found !== undefined) return validAnswer(found, verdict.permissions)
  const code = refusal === undefined ? 'VALID' : VERIFY_CODES[refusal]
  // A secret that is not good any more, or not yet, is answered as one that never was.
  const facts = found === undefined || refusal === 'unknown' ? '' : factsOf(found, verdict.permissions)
  const left = credits === undefined ? '' : `,"credits":${credits}`
  const retry = retryAt === undefined ? '' : `,"retryAt":${retryAt}`
  const explanation = steps === undefined ? '' : printExplanation(steps, resource)
  return `{"valid":${refusal === undefined},"code":"${code}",${facts}"limits":${printLimits(limits)}${left}${retry}${explanation}}`
}

type Permissions = KeyVerdict['permissions']

/** A `FoundKey` never changes: a key that was changed is found as another object. */
function validAnswer(found: FoundKey, permissions: Permissions): string {
  const notes = notesFor(found, permissions)
  notes.verifyText ??= flat(`{"valid":true,"code":"VALID",${printFacts(found, permissions)}"limits":[]}`)
  return notes.verifyText
}

type Facts = { readonly text: string; readonly permissions: Permissions }

const preparedFacts = new WeakMap<FoundKey, Facts>()

function factsOf(found: FoundKey, permissions: Permissions): string {
  const known = preparedFacts.get(found)
  if (known !== undefined && known.permissions === permissions) return known.text
  const text = flat(printFacts(found, permissions))
  preparedFacts.set(found, { text, permissions })
  return text
}

/** The members that are known of a key, each followed by a comma. */
function printFacts({ key, goodUntil }: FoundKey, permissions: Permissions): string {
  const { expiresAt = Number.POSITIVE_INFINITY } = key
  // A secret that was replaced ends before its key.
  const endsAt = Math.min(expiresAt, goodUntil ?? Number.POSITIVE_INFINITY)
  const facts = {
    keyId: key.id,
    owner: key.owner,
    name: key.description,
    ...(permissions !== undefined && { permissions }),
    ...(key.metadata !== undefined && { metadata: key.metadata }),
    expiresAt: Number.isFinite(endsAt) ? endsAt : null,
  }
  return `${asciiJson(facts).slice(1, -1)},`
}

function printLimits(limits: readonly LimitState[]): string {
  if (limits.length === 0) return '[]'
  const printed = limits.map(
    ({ name, limit, remaining, resetAt }) =>
      `{"name":${asciiJson(name)},"limit":${limit},"remaining":${remaining},"resetAt":${resetAt}}`,
  )
  return `[${printed.join(',')}]`
}

function printExplanation(steps: readonly CheckStep[], resource: string | undefined): string {
  return `,"explanation":${asciiJson({ ...(resource !== undefined && { resource }), steps })}`
}

/** The same text in one piece, as what it was put together from would otherwise be walked through at each use. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
