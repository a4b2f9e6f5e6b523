import { constants, createPublicKey, hash, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../json.ts'
import { parseJson } from '../json-text.ts'
import type { Instant } from '../record.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { ShownDpop } from './verdict.ts'

/** What a proof must be for: this key of ours, shown by the holder of that key pair, now. */
export type ProofExpectation = {
  /** RFC 7638 thumbprint of the public key that must have signed. */
  readonly jkt: string
  /** Of the token that was shown beside it. */
  readonly fingerprint: Fingerprint
  readonly now: Instant
}

/** What is wrong with a proof, or the name by which it is known when it is shown again. */
export type ProofOutcome =
  | { readonly problem: string }
  | { readonly problem?: undefined; readonly proofId: string }

/** How far `iat` of a proof may be from now, in ms. */
export const PROOF_AGE_MS_MAX = 60_000
/** Longest proof, in characters. */
export const PROOF_LENGTH_MAX = 8_192
/** Longest `jti`, in characters. */
export const PROOF_NAME_LENGTH_MAX = 256
/** The algorithms that a proof may be signed with; all of them are asymmetric. */
export const PROOF_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const

/**
 * Checks a DPoP proof as RFC 9449 section 4.3 says, but for whether it was seen before. The signature comes last, and only
 * when the key in the proof is the expected one: so nobody else can have signatures checked.
 */
export function checkDpopProof(shown: ShownDpop, expected: ProofExpectation): ProofOutcome {
  const parts = shown.proof.length > PROOF_LENGTH_MAX ? null : JWS.exec(shown.proof)
  const [, head = '', body = '', signature = ''] = parts ?? []
  const header = objectIn(head)
  const claims = objectIn(body)
  if (header === undefined || claims === undefined) return { problem: 'it is no JWT' }
  const problem = headerProblem(header, expected.jkt) ?? claimsProblem(claims, shown, expected)
  if (problem !== undefined) return { problem }
  if (!isSignedBy(header, `${head}.${body}`, signature)) return { problem: 'its signature is wrong' }
  return { proofId: hash('sha256', String(claims['jti']), 'base64url') }
}

const JWS = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/

function objectIn(base64url: string): JsonObject | undefined {
  const parsed = parseJson(Buffer.from(base64url, 'base64url').toString('utf8'))
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : undefined
}

/** Members of a JWK that are secret. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

function headerProblem({ typ, alg, jwk, crit }: JsonObject, jkt: string): string | undefined {
  if (typ !== 'dpop+jwt') return 'its "typ" is not "dpop+jwt"'
  if (crit !== undefined) return 'it has a "crit" header'
  if (!isAlgorithm(alg)) return `its "alg" is none of ${PROOF_ALGORITHMS.join(', ')}`
  if (jwk === undefined || !isJsonObject(jwk)) return 'its header has no "jwk"'
  if (SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name))) return 'its "jwk" has private parts'
  const thumbprint = thumbprintOf(jwk, alg)
  if (thumbprint === undefined) return 'its "jwk" is no public key for its "alg"'
  return thumbprint === jkt ? undefined : 'its "jwk" is not the one that the key is bound to'
}

function claimsProblem(
  { htm, htu, iat, jti, ath }: JsonObject,
  { method, url }: ShownDpop,
  { fingerprint, now }: ProofExpectation,
): string | undefined {
  if (typeof jti !== 'string' || jti === '' || jti.length > PROOF_NAME_LENGTH_MAX) {
    return `its "jti" is not a text of 1 to ${PROOF_NAME_LENGTH_MAX} characters`
  }
  if (htm !== method) return 'its "htm" is not the method of the request'
  const place = placeOf(url)
  if (typeof htu !== 'string' || place === undefined || placeOf(htu) !== place) {
    return 'its "htu" is not the URL of the request'
  }
  if (typeof iat !== 'number' || !(Math.abs(now - iat * 1_000) <= PROOF_AGE_MS_MAX)) {
    return `its "iat" is more than ${PROOF_AGE_MS_MAX / 1_000} s from now`
  }
  const own = Buffer.from(fingerprint, 'hex').toString('base64url')
  return ath === own ? undefined : 'its "ath" is not the hash of the key that was shown'
}

type Algorithm = (typeof PROOF_ALGORITHMS)[number]

function isAlgorithm(alg: unknown): alg is Algorithm {
  return PROOF_ALGORITHMS.some((known) => known === alg)
}

/** RFC 7638 section 3: the needed members in the order of their names. Undefined: no key of that algorithm. */
function thumbprintOf(jwk: JsonObject, alg: Algorithm): string | undefined {
  const { names, fixed } = KEY_FORMS[alg]
  if (Object.entries(fixed).some(([name, value]) => jwk[name] !== value)) return undefined
  const needed = names.map((name): [string, unknown] => [name, jwk[name]])
  if (!needed.every(([, value]) => typeof value === 'string')) return undefined
  return hash('sha256', JSON.stringify(Object.fromEntries(needed)), 'base64url')
}

type KeyForm = { readonly names: readonly string[]; readonly fixed: Readonly<Record<string, string>> }

const RSA: KeyForm = { names: ['e', 'kty', 'n'], fixed: { kty: 'RSA' } }
const EC_NAMES = ['crv', 'kty', 'x', 'y']

const KEY_FORMS: Readonly<Record<Algorithm, KeyForm>> = {
  ES256: { names: EC_NAMES, fixed: { kty: 'EC', crv: 'P-256' } },
  ES384: { names: EC_NAMES, fixed: { kty: 'EC', crv: 'P-384' } },
  EdDSA: { names: ['crv', 'kty', 'x'], fixed: { kty: 'OKP', crv: 'Ed25519' } },
  RS256: RSA,
  PS256: RSA,
}

function isSignedBy({ alg, jwk }: JsonObject, signed: string, signature: string): boolean {
  if (!isAlgorithm(alg)) return false
  try {
    const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    return isOfUse(key) && SIGNATURES[alg](Buffer.from(signed), key, Buffer.from(signature, 'base64url'))
  } catch {
    // A point that is not on its curve, and the like.
    return false
  }
}

/** Shorter RSA keys are weak (RFC 7518 section 3.3), and longer ones or other exponents take long. */
const [RSA_BITS_MIN, RSA_BITS_MAX, RSA_EXPONENT_MAX] = [2_048, 4_096, 0xffffffffn]

function isOfUse({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType !== 'rsa') return true
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {}
  return modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX && publicExponent <= RSA_EXPONENT_MAX
}

const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants

type IsSignature = (signed: Buffer, key: KeyObject, signature: Buffer) => boolean

/** RFC 7518 section 3: the two numbers of an ECDSA signature one behind the other; a salt as long as the hash. */
const SIGNATURES: Readonly<Record<Algorithm, IsSignature>> = {
  ES256: (signed, key, signature) => verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature),
  ES384: (signed, key, signature) => verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature),
  EdDSA: (signed, key, signature) => verify(null, signed, key, signature),
  RS256: (signed, key, signature) => verify('sha256', signed, { key, padding: RSA_PKCS1_PADDING }, signature),
  PS256: (signed, key, signature) =>
    verify('sha256', signed, { key, padding: RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature),
}

/** A URL as all writings of it compare (RFC 3986 section 6.2.2, 6.2.3), without query and fragment. */
function placeOf(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined
  return `${url.origin}${url.pathname.replace(/%[\da-f]{2}/gi, plainEscape)}`
}

function plainEscape(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return /[\w.~-]/.test(character) ? character : escaped.toUpperCase()
}
