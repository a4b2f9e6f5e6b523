import { createHmac } from 'node:crypto'
import type { UserId } from '../ids.ts'
import type { Instant } from '../record.ts'
import { isKnoxToken } from './knox-token.ts'
import { isNativeToken } from './native-token.ts'

/** What a token that Kuzzle's clients read is: an API key, or a session. Each family has a prefix of its own. */
export type TokenFamily = 'key' | 'session'

/** What a token says of itself to a client that looks into it. */
export type TokenClaims = {
  readonly family: TokenFamily
  readonly owner: UserId
  readonly issuedAt: Instant
  /** Absent: never. */
  readonly expiresAt?: Instant
  /** Fresh random bytes, at least `TOKEN_RANDOM_BYTES`: they alone make the token hard to guess. */
  readonly random: Uint8Array
}

/** With what a token is signed. */
export type TokenSigning = { readonly algorithm: 'HS256' | 'HS384' | 'HS512'; readonly secret: string }

/** 160 bits: no two tokens are ever the same, and none can be found by trying. */
export const TOKEN_RANDOM_BYTES = 20

/**
 * Prints a token: prefix and a JSON Web Token (RFC 7519) of three parts, whose payload is `{_id, iat, exp?, jti}`.
 *
 * Only clients read the payload; a token is accepted because its fingerprint is stored. `exp` is rounded up to the
 * second, so that no client believes a token dead while it is still good.
 */
export function printKeyToken(claims: TokenClaims, signing: TokenSigning): string {
  const header = base64url(`{"alg":"${signing.algorithm}","typ":"JWT"}`)
  const payload = base64url(printPayload(claims))
  const signature = createHmac(HASHES[signing.algorithm], signing.secret)
    .update(`${header}.${payload}`)
    .digest('base64url')
  return `${PREFIXES[claims.family]}${header}.${payload}.${signature}`
}

/** Longest token that is looked at: room for an owner of the longest id, every byte of it escaped. */
export const TOKEN_LENGTH_MAX = 4_608

/**
 * Tells the family of a token by its looks, without any key; undefined when no token of ours looks like this. `native`
 * is an API key as well, of Latchkey's own form: see `native-token.ts`; and so is `knox`, see `knox-token.ts`.
 *
 * Cheap on purpose, because everybody may send anything here: whether the token is good is for the store to say.
 */
export function parseKeyToken(token: string): TokenFamily | 'native' | 'knox' | undefined {
  if (isNativeToken(token)) return 'native'
  if (isKnoxToken(token)) return 'knox'
  if (token.length > TOKEN_LENGTH_MAX) return undefined
  if (KEY.test(token)) return 'key'
  return SESSION.test(token) ? 'session' : undefined
}

const PREFIXES = { key: 'kapikey-', session: 'kauth-' } as const
const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const
/** Three parts, as every JSON Web Token has. */
const KEY = /^kapikey-[\w-]+\.[\w-]+\.[\w-]+$/
const SESSION = /^kauth-[\w-]+\.[\w-]+\.[\w-]+$/

function printPayload({ owner, issuedAt, expiresAt, random }: TokenClaims): string {
  const json = JSON.stringify({
    _id: owner,
    iat: Math.floor(issuedAt / 1000),
    ...(expiresAt !== undefined && { exp: Math.ceil(expiresAt / 1000) }),
    jti: Buffer.from(random).toString('hex'),
  })
  // kuzzle-sdk decodes the payload with the alphabet of plain base64 and drops `-` and `_`. In pure ASCII these two
  // digits come from nothing but `>`, `?`, `~` and DEL, so JSON escapes for them keep every user id readable.
  return json.replace(MISREAD_BY_CLIENTS, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const MISREAD_BY_CLIENTS = /[>?~\u007f-\uffff]/g

const base64url = (text: string): string => Buffer.from(text).toString('base64url')
