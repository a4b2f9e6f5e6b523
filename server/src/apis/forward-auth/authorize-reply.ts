import { type FoundKey, limitsOf } from '../../core/keys/api-key.ts'
import { PROOF_ALGORITHMS } from '../../core/keys/dpop-proof.ts'
import { notesFor } from '../../core/keys/key-notes.ts'
import type { KeyVerdict, LimitState, RefusalReason } from '../../core/keys/verdict.ts'
import type { Instant } from '../../core/record.ts'
import { rateLimitFields, retryAfterSeconds } from '../../transports/http/rate-limit-fields.ts'
import { asciiJson, type LaneReply } from '../../transports/lane/lane-message.ts'

/** The answers to requests that were judged. */
export type AuthorizeReplies = {
  /** To a request that shows no key: RFC 6750 section 3.1 wants no error code then. */
  readonly noKey: LaneReply
  /**
   * To a verdict: 200 with who it is, or a refusal that says nothing of the key. `scope`: the permissions that were
   * needed, for the challenge.
   */
  toVerdict(verdict: KeyVerdict, scope: string, now: Instant): LaneReply
}

/**
 * Prepares the answers. `metadataUrl`: where RFC 9728's metadata is, for the challenges; absent: they do not tell, as the
 * name that a request calls is the application's, where there is no such thing.
 */
export function createAuthorizeReplies(metadataUrl: string | undefined): AuthorizeReplies {
  const realm =
    metadataUrl === undefined
      ? 'Bearer realm="latchkey"'
      : `Bearer realm="latchkey", resource_metadata="${metadataUrl}"`
  /** One and the same for malformed, unknown, revoked, disabled and expired keys. */
  const notGood = refused(401, 'token.invalid', 'The key is not good', `${realm}, error="invalid_token"`)
  const unproven = refused(
    401,
    'token.unproven',
    'The request does not prove that the client holds what the key is bound to',
    `DPoP algs="${PROOF_ALGORITHMS.join(' ')}", error="invalid_dpop_proof", ${realm}`,
  )
  return {
    noKey: refused(401, 'token.missing', 'The request shows no key', realm),
    toVerdict: (verdict, scope, now) => {
      const { refusal, found, lacksProof } = verdict
      if (refusal === undefined) return found === undefined ? notGood : admitted(verdict, found, now)
      if (lacksProof === true) return unproven
      const kind = REFUSALS[refusal]
      if (kind === 'not good') return notGood
      if (kind === 'insufficient') return insufficient(realm, scope)
      return kind === 'too often' ? tooOften(verdict, now) : kind
    },
  }
}

const FORBIDDEN: LaneReply = refused(
  403,
  'token.forbidden',
  'The key may not be used from here, now, or without a proof',
)

/** The answer when what the proxy says that is needed cannot be read: nobody passes. */
export const UNREADABLE_REQUIREMENT: LaneReply = refused(
  403,
  'permissions.unreadable',
  'The required permissions cannot be read',
)

/** The answer while there is no room for another request. */
export const OVERLOADED: LaneReply = soon(
  refused(503, 'server.overloaded', 'Too many requests are being answered'),
)

/** The answer while the store cannot be used: nobody passes. */
export const UNAVAILABLE: LaneReply = soon(
  refused(503, 'storage.unavailable', 'Keys cannot be checked for now'),
)

const REFUSALS: Readonly<Record<RefusalReason, LaneReply | 'not good' | 'insufficient' | 'too often'>> = {
  malformed: 'not good',
  unknown: 'not good',
  revoked: 'not good',
  disabled: 'not good',
  expired: 'not good',
  forbidden: FORBIDDEN,
  insufficient: 'insufficient',
  rate_limited: 'too often',
  usage_exceeded: 'too often',
}

function admitted({ limits, credits, permissions }: KeyVerdict, found: FoundKey, now: Instant): LaneReply {
  if (limits.length === 0 && credits === undefined) {
    // A `FoundKey` never changes: a key that was changed is found as another object.
    const notes = notesFor(found, permissions)
    notes.authorizeText ??= identityFields(found, permissions, 'unlimited')
    return { status: 200, fields: notes.authorizeText, body: '' }
  }
  const identity = identityFields(found, permissions, credits === undefined ? 'unlimited' : String(credits))
  return { status: 200, fields: `${identity}${standingFields(found, limits, now)}`, body: '' }
}

/**
 * Who it is. All of them are always there and none is empty, so that a proxy which copies them to the upstream always
 * overwrites what the client may have sent under these names.
 */
function identityFields({ key }: FoundKey, permissions: KeyVerdict['permissions'], credits: string): string {
  return [
    'Cache-Control: no-store',
    `X-Latchkey-Owner: ${headerText(key.owner)}`,
    `X-Latchkey-Key-Id: ${headerText(key.id)}`,
    `X-Latchkey-Scopes: ${scopesText(permissions)}`,
    `X-Latchkey-Credits: ${credits}`,
    '',
  ].join('\r\n')
}

/** Proxies refuse answers whose headers are longer than a few KB; a list that ends early only ever tells of less. */
const SCOPES_TEXT_MAX = 2_000

/** Neither word is a permission, so that nobody takes them for one. */
const [AS_OWNER, NOTHING] = ['owner', 'none']

function scopesText(permissions: KeyVerdict['permissions']): string {
  if (permissions === undefined) return AS_OWNER
  let text = ''
  for (const permission of permissions) {
    const longer = text === '' ? headerText(permission) : `${text} ${headerText(permission)}`
    if (longer.length > SCOPES_TEXT_MAX) break
    text = longer
  }
  return text === '' ? NOTHING : text
}

/**
 * A text as it can stand in a header: whatever is not visible ASCII is percent-encoded as UTF-8, and so is `%`, so that
 * decoding gives back the very text.
 */
export function headerText(text: string): string {
  return text.toWellFormed().replace(NOT_PLAIN, (character) => encodeURIComponent(character))
}

const NOT_PLAIN = /[^\x21-\x24\x26-\x7e]/gu

function standingFields(found: FoundKey, states: readonly LimitState[], now: Instant): string {
  const fields = Object.entries(rateLimitFields({ limits: limitsOf(found), states }, now))
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
}

function insufficient(realm: string, scope: string): LaneReply {
  return refused(
    403,
    'right.missing',
    'The key may not do this',
    `${realm}, error="insufficient_scope", scope="${scope}"`,
  )
}

function tooOften({ refusal, found, limits, retryAt }: KeyVerdict, now: Instant): LaneReply {
  const reply =
    refusal === 'rate_limited'
      ? refused(429, 'token.rate_limited', 'The key is used too often')
      : refused(429, 'token.usage_exceeded', 'The key has no credits left')
  const retry = retryAt === undefined ? '' : `Retry-After: ${retryAfterSeconds(retryAt - now)}\r\n`
  const standing = found === undefined ? '' : standingFields(found, limits, now)
  return { ...reply, fields: `${reply.fields}${retry}${standing}` }
}

/** As everywhere else, whoever is told to come again is told when. */
function soon(reply: LaneReply): LaneReply {
  return { ...reply, fields: `${reply.fields}Retry-After: 1\r\n` }
}

function refused(status: number, code: string, title: string, challenge?: string): LaneReply {
  const challengeField = challenge === undefined ? '' : `WWW-Authenticate: ${challenge}\r\n`
  return {
    status,
    fields: `Content-Type: application/problem+json\r\nCache-Control: no-store\r\n${challengeField}`,
    body: asciiJson({ type: `urn:latchkey:problem:${code}`, title, status, code }),
  }
}
