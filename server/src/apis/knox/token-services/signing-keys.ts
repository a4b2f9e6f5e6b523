import {
  calculateJwkThumbprint,
  decodeProtectedHeader,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'
import type { JsonObject, JsonValue } from '../../../core/json.ts'
import { isJsonObject } from '../../../core/json.ts'
import type { Instant } from '../../../core/record.ts'
import type { JwtVerdict, KnoxClaims } from '../knox-claims.ts'
import {
  HMAC_ALGORITHMS,
  type HmacAlgorithm,
  isHmac,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
} from './token-settings.ts'

/** Where signing keys are kept: written atomically, and by all nodes that share a store. */
export type SigningKeyStore = {
  read(name: string): Promise<JsonObject | undefined>
  update(name: string, change: (value: JsonObject | undefined) => JsonObject): Promise<void>
}

/** What a new JSON Web Token shall say. */
export type TokenToSign = {
  readonly claims: JsonObject
  readonly algorithm: SigningAlgorithm | HmacAlgorithm
  /** Header `typ`. */
  readonly type: string
  /** Header and claim `jku`: where the key set is. */
  readonly keySetUrl: string
}

/** Signs JSON Web Tokens with keys that are changed from time to time, and checks them. */
export interface SigningKeys {
  sign(token: TokenToSign): Promise<string>
  /** Checks signature, algorithm and times. */
  verify(jwt: string): Promise<JwtVerdict>
  /** The public keys with which tokens of the present can be checked (RFC 7517). */
  keySet(): Promise<{ readonly keys: readonly JWK[] }>
}

export type SigningKeysParts = {
  readonly store: SigningKeyStore
  readonly now: () => Instant
  /** A key signs for so long, in ms. */
  readonly rotateAfterMs: number
  /** Signs and checks what is signed by HS256, HS384 or HS512; absent: nothing is. Kept for itself. */
  readonly hmacSecret?: Uint8Array
  /** And is known for so much longer, for the tokens that it signed. */
  readonly knownForMs: number
}

/** Longest JSON Web Token that is looked at. */
export const JWT_LENGTH_MAX = 16_384

/** Stored keys are read again when a token names an unknown one, but not more often than this, in ms. */
const REREAD_AFTER_MS = 1_000

/** Opens the signing keys of a store; the first key of an algorithm is made when it is needed. */
export function createSigningKeys(parts: SigningKeysParts): SigningKeys {
  return new StoredSigningKeys(parts)
}

/** A key pair as it is stored. */
type StoredKey = { readonly kid: string; readonly createdAt: Instant; readonly jwk: JWK }

type LoadedKey = StoredKey & {
  readonly algorithm: SigningAlgorithm
  readonly privateKey: Awaited<ReturnType<typeof importJWK>>
  readonly publicKey: Awaited<ReturnType<typeof importJWK>>
  readonly publicJwk: JWK
}

const STORED_NAME = 'knox.signing-keys'

const MALFORMED: JwtVerdict = { ok: false, reason: 'malformed' }

class StoredSigningKeys implements SigningKeys {
  readonly #parts: SigningKeysParts
  #keys: ReadonlyMap<string, LoadedKey> | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #making = new Map<SigningAlgorithm, Promise<void>>()

  constructor(parts: SigningKeysParts) {
    this.#parts = parts
  }

  async sign({ claims, algorithm, type, keySetUrl }: TokenToSign): Promise<string> {
    if (isHmac(algorithm)) return this.#signByHmac({ claims, algorithm, type, keySetUrl })
    const key = await this.#keyFor(algorithm)
    const header = { alg: algorithm, typ: type, kid: key.kid, jku: keySetUrl }
    return new SignJWT({ ...claims, kid: key.kid, jku: keySetUrl })
      .setProtectedHeader(header)
      .sign(key.privateKey)
  }

  async verify(jwt: string): Promise<JwtVerdict> {
    if (jwt.length > JWT_LENGTH_MAX) return MALFORMED
    const header = headerOf(jwt)
    if (header === undefined) return MALFORMED
    const { hmacSecret } = this.#parts
    const { kid } = header
    if (kid === undefined) {
      // Nothing else than what this secret signed can be checked with it, so the header may choose the length of the hash.
      const algorithm = HMAC_ALGORITHMS.find((name) => name === header.alg)
      if (algorithm === undefined || hmacSecret === undefined) return MALFORMED
      return this.#verifyWith(jwt, hmacSecret, algorithm)
    }
    const key = await this.#find(kid)
    if (key === undefined) return { ok: false, reason: 'untrusted' }
    return this.#verifyWith(jwt, key.publicKey, key.algorithm)
  }

  async #verifyWith(jwt: string, key: LoadedKey['publicKey'], algorithm: string): Promise<JwtVerdict> {
    try {
      // One algorithm for each key: what the token says of itself decides nothing (RFC 8725 section 3.1).
      const { payload, protectedHeader } = await jwtVerify(jwt, key, {
        algorithms: [algorithm],
        currentDate: new Date(this.#parts.now()),
      })
      const claims = claimsOf(payload, protectedHeader)
      return claims === undefined ? MALFORMED : { ok: true, claims }
    } catch (error) {
      if (!(error instanceof errors.JWTExpired)) return { ok: false, reason: reasonOf(error) }
      const claims = claimsOf(error.payload, { ...decodeProtectedHeader(jwt), alg: algorithm })
      return claims === undefined ? MALFORMED : { ok: false, reason: 'expired', claims }
    }
  }

  /** Without the name of a key, as in Knox: the secret is in no key set. */
  #signByHmac({ claims, algorithm, type, keySetUrl }: TokenToSign): Promise<string> {
    const { hmacSecret } = this.#parts
    if (hmacSecret === undefined) throw new Error(`Cannot sign with ${algorithm}: there is no secret`)
    return new SignJWT({ ...claims, jku: keySetUrl })
      .setProtectedHeader({ alg: algorithm, typ: type, jku: keySetUrl })
      .sign(hmacSecret)
  }

  async keySet(): Promise<{ readonly keys: readonly JWK[] }> {
    const keys = await this.#load()
    // Somebody who asks wants to check tokens: an empty set would be remembered.
    if (keys.size === 0) await this.#keyFor('RS256')
    const alive = [...(await this.#load()).values()].filter((key) => this.#isKnown(key))
    return { keys: alive.map(({ publicJwk }) => publicJwk) }
  }

  async #find(kid: string): Promise<LoadedKey | undefined> {
    const known = (await this.#load()).get(kid)
    if (known !== undefined) return this.#isKnown(known) ? known : undefined
    if (this.#parts.now() - this.#readAt < REREAD_AFTER_MS) return undefined
    // Another node may have made it.
    this.#keys = undefined
    return (await this.#load()).get(kid)
  }

  #isKnown({ createdAt }: StoredKey): boolean {
    const { now, rotateAfterMs, knownForMs } = this.#parts
    return now() - createdAt < rotateAfterMs + knownForMs
  }

  /** The key that signs now, made when there is none or it has signed for long enough. */
  async #keyFor(algorithm: SigningAlgorithm): Promise<LoadedKey> {
    const fresh = (keys: ReadonlyMap<string, LoadedKey>) => {
      const newest = [...keys.values()].find((key) => key.algorithm === algorithm)
      return newest && this.#parts.now() - newest.createdAt < this.#parts.rotateAfterMs ? newest : undefined
    }
    const known = fresh(await this.#load())
    if (known !== undefined) return known
    const making = this.#making.get(algorithm) ?? this.#make(algorithm)
    this.#making.set(algorithm, making)
    try {
      await making
    } finally {
      this.#making.delete(algorithm)
    }
    const made = fresh(await this.#load())
    if (made === undefined)
      throw new Error(`Cannot sign with ${algorithm}: the key that was made is not stored`)
    return made
  }

  async #make(algorithm: SigningAlgorithm): Promise<void> {
    const { store, now, rotateAfterMs } = this.#parts
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
    const jwk = await exportJWK(privateKey)
    const made: StoredKey = {
      kid: await calculateJwkThumbprint(jwk),
      createdAt: now(),
      jwk: { ...jwk, alg: algorithm },
    }
    await store.update(STORED_NAME, (value) => {
      const kept = storedKeys(value).filter((key) => this.#isKnown(key))
      const newest = kept.find((key) => key.jwk.alg === algorithm)
      // Another node was faster.
      const isDone = newest !== undefined && now() - newest.createdAt < rotateAfterMs
      return { keys: (isDone ? kept : [made, ...kept]).map(asJson) }
    })
    this.#keys = undefined
  }

  async #load(): Promise<ReadonlyMap<string, LoadedKey>> {
    if (this.#keys !== undefined) return this.#keys
    this.#readAt = this.#parts.now()
    const stored = storedKeys(await this.#parts.store.read(STORED_NAME))
    const alive = stored.filter((key) => this.#isKnown(key))
    const loaded = await Promise.all(alive.map(load))
    this.#keys = new Map(loaded.map((key) => [key.kid, key]))
    return this.#keys
  }
}

async function load(key: StoredKey): Promise<LoadedKey> {
  const algorithm = SIGNING_ALGORITHMS.find((name) => name === key.jwk.alg)
  if (algorithm === undefined) throw new Error(`The stored signing key "${key.kid}" has no algorithm of ours`)
  const publicJwk = publicPart(key.jwk, key.kid)
  return {
    ...key,
    algorithm,
    privateKey: await importJWK(key.jwk, algorithm),
    publicKey: await importJWK(publicJwk, algorithm),
    publicJwk,
  }
}

/** Members that RFC 7518 calls public, so that no private one can slip through. */
function publicPart({ kty, n, e, crv, x, y, alg }: JWK, kid: string): JWK {
  const members = { kty, use: 'sig', kid, alg, n, e, crv, x, y }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function storedKeys(value: JsonObject | undefined): readonly StoredKey[] {
  const keys = value?.['keys']
  if (!Array.isArray(keys)) return []
  return keys.filter(isJsonObject).map((key) => ({
    kid: String(key['kid']),
    createdAt: Number(key['createdAt']),
    jwk: isJsonObject(key['jwk'])
      ? Object.fromEntries(Object.entries(key['jwk']).map(([k, v]) => [k, String(v)]))
      : {},
  }))
}

function asJson({ kid, createdAt, jwk }: StoredKey): JsonObject {
  const members: [string, JsonValue][] = Object.entries(jwk).map(([name, value]) => [name, String(value)])
  return { kid, createdAt, jwk: Object.fromEntries(members) }
}

function headerOf(jwt: string): ReturnType<typeof decodeProtectedHeader> | undefined {
  try {
    return decodeProtectedHeader(jwt)
  } catch {
    return undefined
  }
}

/** What a token says; undefined: it names nobody. */
export function claimsOf(payload: JWTPayload, { alg, typ }: JWTHeaderParameters): KnoxClaims | undefined {
  const { sub, iss, aud, exp } = payload
  if (typeof sub !== 'string' || sub === '') return undefined
  const groups = payload['knox.groups']
  const tokenId = payload['knox.id']
  return {
    issuer: iss ?? '',
    algorithm: alg ?? '',
    type: typ ?? '',
    subject: sub,
    audiences: aud === undefined ? [] : [aud].flat(),
    ...(exp !== undefined && { expiresAt: exp }),
    ...(typeof tokenId === 'string' && { tokenId }),
    managed: payload['managed.token'] === 'true',
    groups: Array.isArray(groups) ? groups.map(String) : [],
  }
}

function reasonOf(error: unknown): 'malformed' | 'untrusted' | 'not_yet' {
  if (error instanceof errors.JWTClaimValidationFailed) return error.claim === 'nbf' ? 'not_yet' : 'untrusted'
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JOSEAlgNotAllowed) {
    return 'untrusted'
  }
  return 'malformed'
}
