import assert from 'node:assert/strict'
import {
  createHash,
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'
import { describe, test } from 'node:test'
import { createDpopClient, PROVEN, type ProofChange } from '../contract/dpop-client.ts'
import { checkDpopProof, PROOF_LENGTH_MAX, PROOF_NAME_LENGTH_MAX } from './dpop-proof.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { ShownDpop } from './verdict.ts'

const NOW = 1_700_000_000_000
const TOKEN = 'lk_live_of_the_tests'
const client = createDpopClient()
const { d } = client.privateKey.export({ format: 'jwk' })

function check(shown: ShownDpop, jkt = client.jkt) {
  return checkDpopProof(shown, { jkt, fingerprint: fingerprintOf(TOKEN), now: NOW })
}

function problemOf(change: ProofChange, shown: Partial<ShownDpop> = {}): string | undefined {
  return check({ ...client.prove(TOKEN, NOW, change), ...shown }).problem
}

describe('a DPoP proof', () => {
  test('is good for the method, the URL and the key that it was made for', () => {
    const outcome = check(client.prove(TOKEN, NOW, { claims: { jti: 'a' } }))
    assert.deepEqual(outcome, { proofId: createHash('sha256').update('a').digest('base64url') })
  })

  test('is good however its URL is written, and without what stands behind the path', () => {
    const alike: readonly (readonly [string, string])[] = [
      ['https://api.example.com/invoices', 'https://API.example.com:443/invoices?page=2#top'],
      ['HTTPS://api.example.com/a/../invoices', 'https://api.example.com/invoices'],
      ['https://api.example.com/%7Ebob%2f', 'https://api.example.com/~bob%2F'],
      ['https://api.example.com', 'https://api.example.com/'],
    ]
    for (const [htu, url] of alike) assert.equal(problemOf({ claims: { htu } }, { url }), undefined, htu)
  })

  test('is refused for another URL', () => {
    const others = [
      'https://api.example.com/invoices/',
      'https://api.example.com/Invoices',
      'https://api.example.com:444/invoices',
      'http://api.example.com/invoices',
      'https://bob@api.example.com/invoices',
      'https://api.example.org/invoices',
      '/invoices',
      'urn:x',
      '',
    ]
    for (const url of others) {
      assert.match(String(problemOf({}, { url })), /"htu"/, url)
      assert.match(String(problemOf({ claims: { htu: url } })), /"htu"/, url)
      assert.match(String(problemOf({ claims: { htu: 'urn:x' } }, { url: 'urn:x' })), /"htu"/)
    }
    for (const htu of [undefined, null, 1, [PROVEN.url]]) {
      assert.match(String(problemOf({ claims: { htu } })), /"htu"/)
    }
  })

  test('is refused for another method, another key, and without a name', () => {
    assert.match(String(problemOf({}, { method: 'POST' })), /"htm"/)
    assert.match(String(problemOf({}, { method: 'get' })), /"htm"/)
    assert.match(String(problemOf({ claims: { htm: undefined } })), /"htm"/)
    const ath = createHash('sha256').update('another').digest('base64url')
    for (const wrong of [undefined, ath, fingerprintOf(TOKEN)]) {
      assert.match(String(problemOf({ claims: { ath: wrong } })), /"ath"/)
    }
    for (const jti of [undefined, '', 1, 'x'.repeat(PROOF_NAME_LENGTH_MAX + 1)]) {
      assert.match(String(problemOf({ claims: { jti } })), /"jti"/)
    }
    assert.equal(problemOf({ claims: { jti: 'x'.repeat(PROOF_NAME_LENGTH_MAX) } }), undefined)
  })

  test('is refused when it is older than a minute, or from later than in a minute', () => {
    const now = NOW / 1_000
    for (const iat of [now - 60, now + 60, now + 0.5]) assert.equal(problemOf({ claims: { iat } }), undefined)
    for (const iat of [now - 61, now + 61, NOW, `${now}`, undefined, null]) {
      assert.match(String(problemOf({ claims: { iat } })), /"iat"/, String(iat))
    }
  })

  test('is refused when it is not signed, signed with a shared secret, or by somebody else', () => {
    const none = { header: { alg: 'none' }, signature: () => Buffer.from('x') }
    assert.match(String(problemOf(none)), /"alg"/)
    const hmac = (text: string) => createHmac('sha256', JSON.stringify(client.jwk)).update(text).digest()
    assert.match(String(problemOf({ header: { alg: 'HS256' }, signature: hmac })), /"alg"/)
    for (const alg of ['ES512', 'es256', '', undefined, ['ES256'], '__proto__', 'toString']) {
      assert.match(String(problemOf({ header: { alg } })), /"alg"/)
    }
    const other = createDpopClient()
    const stranger = other.prove(TOKEN, NOW)
    assert.match(String(check(stranger).problem), /not the one that the key is bound to/)
    const forged = check({ ...PROVEN, proof: withSignatureOf(client.prove(TOKEN, NOW), stranger) })
    assert.equal(forged.problem, 'its signature is wrong')
    const [head, body, signature = ''] = client.prove(TOKEN, NOW).proof.split('.')
    const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    assert.equal(check({ ...PROVEN, proof: `${head}.${body}.${flipped}` }).problem, 'its signature is wrong')
  })

  test('is refused when its header is not that of a proof', () => {
    assert.match(String(problemOf({ header: { typ: 'JWT' } })), /"typ"/)
    assert.match(String(problemOf({ header: { typ: undefined } })), /"typ"/)
    assert.match(String(problemOf({ header: { crit: ['b64'], b64: false } })), /"crit"/)
    assert.match(String(problemOf({ header: { jwk: undefined } })), /no "jwk"/)
    assert.match(String(problemOf({ header: { jwk: 'x' } })), /no "jwk"/)
    assert.match(String(problemOf({ header: { jwk: { ...client.jwk, d } } })), /private parts/)
    assert.match(String(problemOf({ header: { jwk: { kty: 'oct', k: 'eA' } } })), /private parts/)
    assert.match(String(problemOf({ header: { jwk: { ...client.jwk, crv: 'P-384' } } })), /no public key/)
    assert.match(String(problemOf({ header: { jwk: { ...client.jwk, y: 1 } } })), /no public key/)
    assert.match(String(problemOf({ header: { alg: 'RS256' } })), /no public key/)
  })

  test('is refused when it is no JWT at all, whatever it is', () => {
    const { proof } = client.prove(TOKEN, NOW)
    const [head, body, signature] = proof.split('.')
    const texts = ['', '.', '..', 'a.b.c', `${head}.${body}`, `${head}.${body}.`, `${proof}.${signature}`]
    const others = [`${proof}, ${proof}`, ` ${proof}`, `${proof}=`, `W10.${body}.${signature}`]
    const long = client.prove(TOKEN, NOW, { claims: { more: 'x'.repeat(PROOF_LENGTH_MAX) } }).proof
    for (const text of [...texts, ...others, long]) {
      assert.equal(check({ ...PROVEN, proof: text }).problem, 'it is no JWT', text.slice(0, 20))
    }
  })

  test('is good with every algorithm that is named', () => {
    const ec384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const ed = generateKeyPairSync('ed25519')
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    const p1363 = (key: KeyObject) => ({ key, dsaEncoding: 'ieee-p1363' }) as const
    const pss = { key: rsa.privateKey, padding: 6, saltLength: 32 }
    const signers = [
      ['ES384', ec384.publicKey, (text: Buffer) => sign('sha384', text, p1363(ec384.privateKey))],
      ['EdDSA', ed.publicKey, (text: Buffer) => sign(null, text, ed.privateKey)],
      ['RS256', rsa.publicKey, (text: Buffer) => sign('sha256', text, rsa.privateKey)],
      ['PS256', rsa.publicKey, (text: Buffer) => sign('sha256', text, pss)],
    ] as const
    for (const [alg, publicKey, signed] of signers) {
      const jwk = publicKey.export({ format: 'jwk' })
      const change = { header: { alg, jwk }, signature: (text: string) => signed(Buffer.from(text)) }
      assert.equal(check(client.prove(TOKEN, NOW, change), thumbprintOf(jwk)).problem, undefined, alg)
      const wrong = { header: { alg, jwk } }
      assert.match(
        String(check(client.prove(TOKEN, NOW, wrong), thumbprintOf(jwk)).problem),
        /signature/,
        alg,
      )
    }
  })

  test('is refused when its RSA key is short', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 })
    const jwk = publicKey.export({ format: 'jwk' })
    const signature = (text: string) => sign('sha256', Buffer.from(text), privateKey)
    const shown = client.prove(TOKEN, NOW, { header: { alg: 'RS256', jwk }, signature })
    assert.equal(check(shown, thumbprintOf(jwk)).problem, 'its signature is wrong')
  })

  test('is refused, not an error, when its key is on no curve', () => {
    const jwk = { ...client.jwk, x: 'AAAA' }
    assert.equal(
      check(client.prove(TOKEN, NOW, { header: { jwk } }), thumbprintOf(jwk)).problem,
      'its signature is wrong',
    )
  })
})

function withSignatureOf({ proof }: ShownDpop, other: ShownDpop): string {
  return [...proof.split('.').slice(0, 2), other.proof.split('.')[2]].join('.')
}

/** RFC 7638 section 3, written another way. */
function thumbprintOf(jwk: JsonWebKey): string {
  const names = (['crv', 'e', 'kty', 'n', 'x', 'y'] as const).filter((name) => jwk[name] !== undefined)
  const text = names.map((name) => `"${name}":"${jwk[name]}"`).join(',')
  return createHash('sha256').update(`{${text}}`).digest('base64url')
}
