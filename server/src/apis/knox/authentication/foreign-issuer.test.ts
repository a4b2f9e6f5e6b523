import assert from 'node:assert/strict'
import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { createCertificate } from '../proxy/testing/self-signed.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { foreignIssuerOf } from './foreign-issuer.ts'

const NOW = 1_700_000_000_000
const ISSUER = createCertificate({ CN: 'issuer' })
const OTHER = createCertificate({ CN: 'other' })

function issuerOf(params: Readonly<Record<string, string>>) {
  return foreignIssuerOf(new Map(Object.entries({ 'jwt.expected.sigalg': 'ES256', ...params })), 't.xml', {
    now: () => NOW,
  })
}

const body = (cert: string): string => cert.replaceAll(/-----[^-]+-----/g, '').trim()

function signed(
  claims: JWTPayload,
  {
    key = ISSUER.privateKey,
    alg = 'ES256',
    kid,
  }: { key?: KeyObject | Uint8Array | webcrypto.CryptoKey; alg?: string; kid?: string } = {},
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, ...(kid !== undefined && { kid }) }).sign(key)
}

/** A server with a set of keys, which the test changes and counts. */
async function openKeySet(t: TestContext) {
  const served = { keys: [] as object[], status: 200, asked: 0 }
  const server = createServer((_request, response) => {
    served.asked += 1
    response.writeHead(served.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ keys: served.keys }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const bound = server.address()
  assert.ok(bound !== null && typeof bound === 'object')
  return { served, url: `http://127.0.0.1:${bound.port}/jwks.json` }
}

describe('JSON Web Tokens of another issuer', () => {
  test('are good when the key in the file checks them, with or without its first and last line', async () => {
    const jwt = await signed({ iss: 'idp', sub: 'ada', aud: 'a', 'knox.groups': ['g'] })
    const publicPem = String(createPublicKey(ISSUER.cert).export({ type: 'spki', format: 'pem' }))
    for (const pem of [ISSUER.cert, body(ISSUER.cert), publicPem]) {
      const found = await issuerOf({ 'knox.token.verification.pem': pem })?.verify(jwt)
      assert.equal(found?.isExpired, false)
      const { subject, issuer, groups, audiences, algorithm } = found.claims
      assert.deepEqual([subject, issuer, groups, audiences, algorithm], ['ada', 'idp', ['g'], ['a'], 'ES256'])
    }
  })

  test('are not when another key signed them, nobody did, or a public key was taken for a secret', async () => {
    const issuer = issuerOf({ 'knox.token.verification.pem': ISSUER.cert })
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"ada"}').toString('base64url')}.`
    const secret = new TextEncoder().encode(ISSUER.cert)
    const wrong = [
      await signed({ sub: 'ada' }, { key: OTHER.privateKey }),
      await signed({ sub: 'ada' }, { key: secret, alg: 'HS256' }),
      none,
      'x.y.z',
      '',
      `${await signed({ sub: 'ada' })}${'A'.repeat(20_000)}`,
      // Not good yet, and naming nobody.
      await signed({ sub: 'ada', nbf: NOW / 1_000 + 60 }),
      await signed({ iss: 'idp' }),
    ]
    for (const jwt of wrong) assert.equal(await issuer?.verify(jwt), undefined, jwt.slice(0, 60))
  })

  test('that are over are told from those of strangers', async () => {
    const issuer = issuerOf({ 'knox.token.verification.pem': ISSUER.cert })
    const over = { sub: 'ada', exp: NOW / 1_000 - 1 }
    assert.equal((await issuer?.verify(await signed(over)))?.isExpired, true)
    assert.equal(await issuer?.verify(await signed(over, { key: OTHER.privateKey })), undefined)
  })

  test('are those of the claim that is named', async () => {
    const issuer = issuerOf({
      'knox.token.verification.pem': ISSUER.cert,
      'knox.token.principal.claim': 'email',
    })
    const found = await issuer?.verify(await signed({ sub: '1234', email: 'ada@example.org' }))
    assert.equal(found?.claims.subject, 'ada@example.org')
    for (const claims of [{ sub: '1234' }, { sub: '1', email: 7 }, { email: 'x'.repeat(513) }]) {
      assert.equal(await issuer?.verify(await signed(claims)), undefined)
    }
  })

  test('are checked with the keys at any of the addresses, which are read once for many', async (t) => {
    const { served, url } = await openKeySet(t)
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    served.keys = [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }]
    const issuer = issuerOf({ 'knox.token.jwks.url': url, 'knox.token.verification.pem': OTHER.cert })
    const jwt = await signed({ sub: 'ada' }, { key: privateKey, kid: 'k1' })
    const all = await Promise.all(Array.from({ length: 20 }, () => issuer?.verify(jwt)))
    assert.deepEqual(new Set(all.map((found) => found?.claims.subject)), new Set(['ada']))
    assert.equal(served.asked, 1)
    const unknown = await signed({ sub: 'ada' }, { key: ISSUER.privateKey, kid: 'k2' })
    assert.equal(await issuer?.verify(unknown), undefined)
    assert.equal(
      (await issuer?.verify(await signed({ sub: 'bob' }, { key: OTHER.privateKey })))?.claims.subject,
      'bob',
    )
  })

  test('are checked with the other keys when those at one address cannot be had', async (t) => {
    const [gone, there] = [await openKeySet(t), await openKeySet(t)]
    gone.served.status = 500
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    there.served.keys = [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }]
    const issuer = issuerOf({ 'knox.token.jwks.urls': `${gone.url},${there.url}` })
    const found = await issuer?.verify(await signed({ sub: 'ada' }, { key: privateKey, kid: 'k1' }))
    assert.equal(found?.claims.subject, 'ada')
    const strange = await signed({ sub: 'ada' }, { kid: 'k1' })
    await assert.rejects(Promise.resolve(issuer?.verify(strange)), { status: 503 })
  })

  test('are refused for the time being when the keys cannot be had', async (t) => {
    const { served, url } = await openKeySet(t)
    served.status = 500
    const issuer = issuerOf({ 'knox.token.jwks.urls': `${url}` })
    const jwt = await signed({ sub: 'ada' }, { kid: 'k1' })
    await assert.rejects(Promise.resolve(issuer?.verify(jwt)), { status: 503 })
  })
})

describe('the parameters of another issuer', () => {
  test('are none without keys: tokens of this server are meant', () => {
    assert.equal(issuerOf({}), undefined)
    assert.equal(issuerOf({ 'knox.token.principal.claim': 'sub', 'knox.token.jwks.url': ' ' }), undefined)
  })

  test('say whether tokens of this server count as well', () => {
    const pem = { 'knox.token.verification.pem': ISSUER.cert }
    assert.equal(issuerOf(pem)?.besidesOwn, false)
    assert.equal(issuerOf({ ...pem, 'jwt.instance.key.fallback': 'TRUE' })?.besidesOwn, true)
  })

  test('are refused where others could sign, or nothing could be checked', () => {
    const pem = { 'knox.token.verification.pem': ISSUER.cert }
    const wrong: Readonly<Record<string, string>>[] = [
      { 'knox.token.verification.pem': 'MIIB' },
      { 'knox.token.verification.pem': ISSUER.key },
      { ...pem, 'jwt.expected.sigalg': 'HS256' },
      { ...pem, 'jwt.expected.sigalg': 'RS256, none' },
      { 'knox.token.jwks.url': 'http://idp.example.org/jwks' },
      { 'knox.token.jwks.url': 'http://localhost.example.org/jwks' },
      { 'knox.token.jwks.urls': 'https://idp.example.org/jwks,file:///etc/keys' },
      { 'knox.token.jwks.url': 'nowhere' },
      { 'knox.token.principal.claim': 'email' },
    ]
    for (const params of wrong) assert.throws(() => issuerOf(params), TopologyProblem, JSON.stringify(params))
  })
})
