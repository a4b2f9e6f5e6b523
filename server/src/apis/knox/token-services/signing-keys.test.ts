import assert from 'node:assert/strict'
import { generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import type { JsonObject } from '../../../core/json.ts'
import { createSigningKeys, JWT_LENGTH_MAX, type SigningKeyStore } from './signing-keys.ts'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from './token-settings.ts'

const DAY = 86_400_000
const CLAIMS = {
  iss: 'KNOXSSO',
  sub: 'guest',
  'knox.id': 'id-1',
  'managed.token': 'true',
  'knox.groups': ['a'],
}

/** A store in memory: what the real one promises is tested there. */
function createStore(): SigningKeyStore & { readonly values: Map<string, JsonObject> } {
  const values = new Map<string, JsonObject>()
  return {
    values,
    read: (name) => Promise.resolve(values.get(name)),
    update: (name, change) => {
      values.set(name, change(values.get(name)))
      return Promise.resolve()
    },
  }
}

function open(store = createStore()) {
  const time = { now: 1_700_000_000_000 }
  const openNode = () =>
    createSigningKeys({ store, now: () => time.now, rotateAfterMs: 30 * DAY, knownForMs: 10 * DAY })
  const keys = openNode()
  const sign = (claims: JsonObject = CLAIMS, algorithm: SigningAlgorithm = 'ES256') =>
    keys.sign({ claims, algorithm, type: 'JWT', keySetUrl: 'https://h/jwks.json' })
  return { keys, sign, store, time, openNode }
}

describe('signing keys', () => {
  it('sign tokens that everybody can check with the key set', async () => {
    const { keys, sign } = open()
    for (const algorithm of SIGNING_ALGORITHMS) {
      const jwt = await sign(CLAIMS, algorithm)
      const set = createLocalJWKSet({ keys: [...(await keys.keySet()).keys] })
      const { protectedHeader, payload } = await jwtVerify(jwt, set)
      assert.deepEqual([protectedHeader.alg, protectedHeader.typ, payload.sub], [algorithm, 'JWT', 'guest'])
      assert.equal(protectedHeader['jku'], 'https://h/jwks.json')
      assert.deepEqual([payload['kid'], payload['jku']], [protectedHeader.kid, 'https://h/jwks.json'])
      assert.deepEqual(await keys.verify(jwt), {
        ok: true,
        claims: {
          issuer: 'KNOXSSO',
          algorithm,
          type: 'JWT',
          subject: 'guest',
          audiences: [],
          tokenId: 'id-1',
          managed: true,
          groups: ['a'],
        },
      })
    }
  })

  it('show nothing private', async () => {
    const { keys, sign } = open()
    await sign(CLAIMS, 'RS256')
    await sign()
    for (const key of (await keys.keySet()).keys) {
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) assert.equal(secret in key, false)
      assert.equal(key.use, 'sig')
    }
  })

  it('are never an empty set', async () => {
    const { keys } = open()
    assert.equal((await keys.keySet()).keys.length, 1)
  })

  it('refuse what they did not sign, whatever it says of itself', async () => {
    const { keys, sign, time } = open()
    const jwt = await sign()
    const { kid = '' } = decodeProtectedHeader(jwt)
    const [header = '', payload = '', signature = ''] = jwt.split('.')
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const reasonOf = async (text: string) => {
      const verdict = await keys.verify(text)
      return verdict.ok ? 'ok' : verdict.reason
    }
    assert.equal(await reasonOf(`${header}.${encode({ ...CLAIMS, sub: 'admin' })}.${signature}`), 'untrusted')
    assert.equal(
      await reasonOf(`${encode({ alg: 'ES256', kid: 'other' })}.${payload}.${signature}`),
      'untrusted',
    )
    assert.notEqual(await reasonOf(`${encode({ alg: 'none', kid })}.${payload}.`), 'ok')
    assert.notEqual(await reasonOf(`${encode({ alg: 'HS256', kid })}.${payload}.${signature}`), 'ok')
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const forged = signBytes('sha256', Buffer.from(`${header}.${payload}`), {
      key: stranger.privateKey,
      dsaEncoding: 'ieee-p1363',
    }).toString('base64url')
    assert.equal(await reasonOf(`${header}.${payload}.${forged}`), 'untrusted')
    for (const text of [
      '',
      'a.b.c',
      `${encode({ alg: 'ES256' })}.${payload}.${signature}`,
      'x'.repeat(JWT_LENGTH_MAX + 1),
    ]) {
      assert.equal(await reasonOf(text), 'malformed')
    }
    const seconds = Math.trunc(time.now / 1_000)
    assert.equal(await reasonOf(await sign({ ...CLAIMS, exp: seconds - 1 })), 'expired')
    assert.equal(await reasonOf(await sign({ ...CLAIMS, exp: seconds + 1 })), 'ok')
    assert.equal(await reasonOf(await sign({ ...CLAIMS, nbf: seconds + 60 })), 'not_yet')
    assert.equal(await reasonOf(await sign({ iss: 'x' })), 'malformed')
  })

  it('change after their time, and the old ones are known for a while', async () => {
    const { keys, sign, time, openNode } = open()
    const first = await sign()
    time.now += 30 * DAY
    const second = await sign()
    assert.notEqual(decodeProtectedHeader(first).kid, decodeProtectedHeader(second).kid)
    assert.equal((await keys.verify(first)).ok, true)
    time.now += 10 * DAY
    for (const node of [keys, openNode()]) {
      assert.deepEqual(await node.verify(first), { ok: false, reason: 'untrusted' })
    }
    assert.equal((await openNode().verify(second)).ok, true)
  })

  it('are shared by all nodes of a store, also when they are made at the same time', async () => {
    const { store, time, openNode } = open()
    const nodes = [openNode(), openNode(), openNode()]
    const jwts = await Promise.all(
      nodes.map((node) => node.sign({ claims: CLAIMS, algorithm: 'ES256', type: 'JWT', keySetUrl: 'u' })),
    )
    assert.equal(new Set(jwts.map((jwt) => decodeProtectedHeader(jwt).kid)).size, 1)
    assert.equal(store.values.size, 1)
    time.now += 5_000
    for (const node of nodes) for (const jwt of jwts) assert.equal((await node.verify(jwt)).ok, true)
    assert.equal(decodeJwt(jwts[0] ?? '').sub, 'guest')
  })
})

describe('a secret of the operator', () => {
  const SECRET = new TextEncoder().encode('s'.repeat(64))
  const openWith = (hmacSecret?: Uint8Array) =>
    createSigningKeys({
      store: createStore(),
      now: () => 1_700_000_000_000,
      rotateAfterMs: DAY,
      knownForMs: DAY,
      ...(hmacSecret !== undefined && { hmacSecret }),
    })
  const signBy = (keys: ReturnType<typeof openWith>, algorithm: 'HS256' | 'HS384' | 'HS512') =>
    keys.sign({ claims: CLAIMS, algorithm, type: 'JWT', keySetUrl: 'https://h/jwks.json' })

  it('signs tokens that who knows it can check, and is in no key set', async () => {
    const keys = openWith(SECRET)
    for (const algorithm of ['HS256', 'HS384', 'HS512'] as const) {
      const jwt = await signBy(keys, algorithm)
      const { protectedHeader, payload } = await jwtVerify(jwt, SECRET)
      assert.deepEqual(
        [protectedHeader.alg, protectedHeader.kid, payload.sub],
        [algorithm, undefined, 'guest'],
      )
      const verdict = await keys.verify(jwt)
      assert.deepEqual(verdict.ok && verdict.claims.algorithm, algorithm)
    }
    assert.deepEqual(
      (await keys.keySet()).keys.map(({ kty }) => kty),
      ['RSA'],
    )
  })

  it('checks nothing that another one signed, and nothing at all when there is none', async () => {
    const jwt = await signBy(openWith(SECRET), 'HS256')
    const other = openWith(new TextEncoder().encode('o'.repeat(64)))
    assert.deepEqual(await other.verify(jwt), { ok: false, reason: 'untrusted' })
    assert.deepEqual(await openWith().verify(jwt), { ok: false, reason: 'malformed' })
    await assert.rejects(signBy(openWith(), 'HS256'), /there is no secret/)
  })

  it('is no key for tokens that name a key of ours, whatever algorithm they say (RFC 8725 section 2.1)', async () => {
    const keys = openWith(SECRET)
    const [publicJwk] = (await keys.keySet()).keys
    const confused = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'HS256', kid: publicJwk?.kid ?? '' })
      .sign(SECRET)
    assert.deepEqual(await keys.verify(confused), { ok: false, reason: 'untrusted' })
    const byPublicKey = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(JSON.stringify(publicJwk)))
    assert.deepEqual(await keys.verify(byPublicKey), { ok: false, reason: 'untrusted' })
  })
})
