import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { ID_BYTES_MAX } from '../../../core/ids.ts'
import { fetchBounded } from '../../../transports/http/fetch-bounded.ts'
import type { KnoxClaims } from '../knox-claims.ts'
import { KnoxRefusal } from '../knox-request.ts'
import { claimsOf, JWT_LENGTH_MAX } from '../token-services/signing-keys.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params } from '../topology.ts'

/** Checks JSON Web Tokens that another server signed. */
export type ForeignIssuer = {
  /** Tokens of this server are accepted, too. */
  readonly besidesOwn: boolean
  /**
   * Checks signature, algorithm, type and times. Undefined: no key of the issuer signed it, or it cannot be read.
   *
   * @throws {KnoxRefusal} 503 when some keys of the issuer cannot be had, and none of the others signed it.
   */
  verify(jwt: string): Promise<ForeignVerdict | undefined>
}

/** What a token says whose signature is right. */
export type ForeignVerdict = { readonly claims: KnoxClaims; readonly isExpired: boolean }

/** What public keys can check (RFC 7518 section 3.1). With the others whoever can check can sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

/** How long the issuer may take to show its keys, and how long they are believed, in ms. */
const KEY_SET_MAX_MS = 5_000
const KEY_SET_AGE_MS = 600_000
/** Unknown keys make the set be read again, but not more often than this, in ms. */
const KEY_SET_COOLDOWN_MS = 30_000
/** Longest set of keys, in bytes. */
const KEY_SET_BYTES_MAX = 1_048_576

/**
 * The issuer that the parameters of a `JWTProvider` name by its key (`knox.token.verification.pem`) or where its keys are
 * (`knox.token.jwks.url`, `knox.token.jwks.urls`); undefined: tokens that are issued here are meant. Whoever trusts
 * another issuer did not mean to trust this server, unless `jwt.instance.key.fallback` says so.
 *
 * @throws {TopologyProblem} a parameter cannot be understood, or would let others sign.
 */
export function foreignIssuerOf(
  params: Params,
  where: string,
  { now }: { readonly now: () => number },
): ForeignIssuer | undefined {
  const get = (name: string) => params.get(name)?.trim() ?? ''
  const pem = get('knox.token.verification.pem')
  const urls = [get('knox.token.jwks.url'), ...get('knox.token.jwks.urls').split(',')]
    .map((text) => text.trim())
    .filter((text) => text !== '')
  const claim = get('knox.token.principal.claim') || 'sub'
  if (pem === '' && urls.length === 0) {
    if (claim === 'sub') return undefined
    throw new TopologyProblem(
      `${where}: parameter "knox.token.principal.claim" is "${claim}", and needs the keys of an issuer who says it: "knox.token.verification.pem" or "knox.token.jwks.url"`,
    )
  }
  const keys: readonly JWTVerifyGetKey[] = [
    ...(pem === '' ? [] : [keyOf(pem, where)]).map((key) => () => Promise.resolve(key)),
    ...urls.map((text) => keySetAt(text, where)),
  ]
  const algorithms = algorithmsOf(get('jwt.expected.sigalg'), where)
  return {
    besidesOwn: get('jwt.instance.key.fallback').toLowerCase() === 'true',
    async verify(jwt) {
      if (jwt.length > JWT_LENGTH_MAX) return undefined
      let refusal: KnoxRefusal | undefined
      for (const key of keys) {
        try {
          const found = await verifyWith(key, jwt, { algorithms, now: now(), claim })
          if (found !== undefined) return found
        } catch (error) {
          if (!(error instanceof KnoxRefusal)) throw error
          refusal ??= error
        }
      }
      if (refusal !== undefined) throw refusal
      return undefined
    },
  }
}

async function verifyWith(
  key: JWTVerifyGetKey,
  jwt: string,
  {
    algorithms,
    now,
    claim,
  }: { readonly algorithms: readonly string[]; readonly now: number; readonly claim: string },
): Promise<ForeignVerdict | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(jwt, key, {
      algorithms: [...algorithms],
      currentDate: new Date(now),
    })
    const claims = claimsOf(withPrincipal(payload, claim), protectedHeader)
    return claims && { claims, isExpired: false }
  } catch (error) {
    if (error instanceof errors.JWTExpired) {
      const claims = claimsOf(withPrincipal(error.payload, claim), { alg: algorithms[0] ?? '' })
      return claims && { claims, isExpired: true }
    }
    if (error instanceof KnoxRefusal) throw error
    // It is none of this issuer's, or its kind of key is not that of its algorithm.
    return undefined
  }
}

function withPrincipal(payload: JWTPayload, claim: string): JWTPayload {
  if (claim === 'sub') return payload
  const { sub: _, ...others } = payload
  const name = payload[claim]
  return typeof name === 'string' && Buffer.byteLength(name) <= ID_BYTES_MAX
    ? { ...others, sub: name }
    : others
}

/** As Knox: RS256 unless others are named. */
function algorithmsOf(text: string, where: string): readonly string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const wrong = names.find((name) => !ALGORITHMS.some((known) => known === name))
  if (wrong === undefined) return names.length === 0 ? ['RS256'] : names
  throw new TopologyProblem(
    `${where}: parameter "jwt.expected.sigalg" is "${wrong}", and of another issuer only these can be checked: ${ALGORITHMS.join(', ')}`,
  )
}

/** A certificate or public key, with its first and last line or, as Knox has it, without. */
function keyOf(text: string, where: string): KeyObject {
  const isWhole = text.includes('-----BEGIN ')
  const base64 = text.replaceAll(/\s+/g, '')
  const pem = isWhole ? text : `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
  try {
    if (pem.includes('PRIVATE KEY')) throw new Error('it is a private key')
    return pem.includes('-----BEGIN CERTIFICATE-----')
      ? new X509Certificate(pem).publicKey
      : createPublicKey(pem)
  } catch (error) {
    throw new TopologyProblem(
      `${where}: parameter "knox.token.verification.pem" is no certificate or public key: ${error instanceof Error ? error.message : 'unknown'}`,
    )
  }
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

function keySetAt(text: string, where: string): JWTVerifyGetKey {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname.toLowerCase()))
  if (url === undefined || !isSafe) {
    throw new TopologyProblem(
      `${where}: the key set "${text}" must be at an address that begins with https://: whoever can change what comes from there can sign`,
    )
  }
  const keySet = createRemoteJWKSet(url, {
    timeoutDuration: KEY_SET_MAX_MS,
    cacheMaxAge: KEY_SET_AGE_MS,
    cooldownDuration: KEY_SET_COOLDOWN_MS,
    [customFetch]: fetchBounded(KEY_SET_BYTES_MAX),
  })
  return async (header, token) => {
    try {
      return await keySet(header, token)
    } catch (error) {
      const isNone =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys
      if (isNone || error instanceof errors.JOSENotSupported) throw error
      throw new KnoxRefusal(503, 'The keys of the issuer of the token cannot be had', { 'Retry-After': '5' })
    }
  }
}
