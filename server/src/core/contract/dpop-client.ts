import { createHash, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import type { ShownDpop } from '../keys/verdict.ts'
import type { Instant } from '../record.ts'

/** A client with a key pair of its own, which proves with each request that it has it (RFC 9449). */
export type DpopClient = {
  readonly privateKey: KeyObject
  readonly jwk: JsonWebKey
  /** RFC 7638 thumbprint of its public key. */
  readonly jkt: string
  /** A proof for `GET https://api.example.com/invoices`, and what is said of the request. */
  prove(token: string, at: Instant, changed?: ProofChange): ShownDpop
}

/** What is not as it should be. */
export type ProofChange = {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  /** Signs instead of the key pair. */
  readonly signature?: (text: string) => Buffer
}

/** Where the proofs of the tests are for. */
export const PROVEN = { method: 'GET', url: 'https://api.example.com/invoices' } as const

let proofs = 0

/** A new client that signs with ES256. */
export function createDpopClient(): DpopClient {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  const { crv, kty, x, y } = jwk
  const jkt = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  const own = (text: string) =>
    sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return {
    privateKey,
    jwk,
    jkt,
    prove: (token, at, { header = {}, claims = {}, signature = own } = {}) => {
      proofs += 1
      const text = [
        encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header }),
        encoded({
          jti: `proof-${proofs}`,
          htm: PROVEN.method,
          htu: PROVEN.url,
          iat: Math.floor(at / 1_000),
          ath: createHash('sha256').update(token).digest('base64url'),
          ...claims,
        }),
      ].join('.')
      return { ...PROVEN, proof: `${text}.${signature(text).toString('base64url')}` }
    },
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
