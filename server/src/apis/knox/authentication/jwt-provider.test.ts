import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import type { KeyId, UserId } from '../../../core/ids.ts'
import type { ApiKey } from '../../../core/keys/api-key.ts'
import type { Fingerprint } from '../../../core/keys/fingerprint.ts'
import { parseKnoxToken, printKnoxToken } from '../../../core/keys/knox-token.ts'
import type { RefusalReason } from '../../../core/keys/verdict.ts'
import type { JwtVerdict, KnoxClaims } from '../knox-claims.ts'
import { KnoxRefusal } from '../knox-request.ts'
import { createCertificate, createSelfSigned } from '../proxy/testing/self-signed.ts'
import { requestFor } from '../testing/request-for.ts'
import { createJwtProvider } from './jwt-provider.ts'

const ID = '4e0c548b-6568-4061-a3dc-62908087650a'
const KEY = printKnoxToken({ id: ID, passcode: '0138aaed-ca2a-47f1-8ed8-e0c397596f95' })
const SHOWN_ID = '4e0c548b...62908087650a'
const JWT = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.e30.c2ln`

const STORED: ApiKey = {
  id: ID as KeyId,
  owner: 'guest' as UserId,
  description: '',
  fingerprint: 'f'.repeat(64) as Fingerprint,
  record: { createdBy: 'guest' as UserId, createdAt: 0 },
  family: 'knox',
  knox: { type: 'API_KEY' },
}

const CLAIMS: KnoxClaims = {
  issuer: 'KNOXSSO',
  algorithm: 'RS256',
  type: 'JWT',
  subject: 'jwt-user',
  audiences: ['a1'],
  managed: true,
  tokenId: ID,
  groups: ['g'],
}

type World = {
  readonly params?: Readonly<Record<string, string>>
  readonly refusal?: RefusalReason
  readonly knownId?: boolean
  readonly key?: ApiKey
  readonly jwt?: JwtVerdict
  /** Why the key of a JWT is refused. */
  readonly state?: RefusalReason
  readonly uniform?: boolean
}

type Asked = {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A provider in a world where each key is `world.key`, or is refused as that says. */
function open(world: World = {}) {
  const checked: string[] = []
  const found = { key: world.key ?? STORED }
  const authenticate = createJwtProvider(
    { role: 'federation', name: 'JWTProvider', params: new Map(Object.entries(world.params ?? {})) },
    {
      checkKey: (token) => {
        checked.push(token)
        const id = parseKnoxToken(token)?.id
        const verdict =
          world.refusal === undefined
            ? { found, limits: [] }
            : { refusal: world.refusal, limits: [], retryAt: 61_001 }
        return Promise.resolve({ verdict, ...(id !== undefined && { id }), knownId: world.knownId ?? true })
      },
      checkJwt: () => Promise.resolve(world.jwt ?? { ok: true, claims: CLAIMS }),
      now: () => 1_000,
      checkHolder: () =>
        Promise.resolve({
          limits: [],
          ...(typeof world.state === 'string' ? { refusal: world.state } : { found: { key: STORED } }),
        }),
      uniformRefusals: world.uniform ?? false,
    },
    't.xml',
  )
  const ask = ({ method = 'GET', target = '/x', headers = {}, body = '' }: Asked) =>
    authenticate(requestFor(method, target, { headers, body }))
  return { ask, checked }
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const basic = (text: string) => ({
  headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
})
/** A certificate of another issuer, as Knox has it. */
const FOREIGN = createSelfSigned().cert.replaceAll(/-----[^-]+-----/g, '')

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const form = (members: Readonly<Record<string, string>>, headers = {}): Asked => ({
  method: 'POST',
  headers: { ...FORM, ...headers },
  body: String(new URLSearchParams(members)),
})

async function refusalOf(work: Promise<unknown>): Promise<readonly [number, string | undefined]> {
  const error: unknown = await work.then(
    (value) => assert.fail(`let in: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof KnoxRefusal, String(error))
  if (error.status === 401) assert.match(error.headers['WWW-Authenticate'] ?? '', /^Bearer realm="latchkey"/)
  return [error.status, error.shown]
}

describe('JWTProvider', () => {
  it('accepts a key wherever Knox does, and as other services of its kind take them', async () => {
    const places: Asked[] = [
      bearer(KEY),
      { headers: { authorization: `bearer ${KEY}` } },
      { headers: { 'x-api-key': KEY } },
      basic(`Passcode:${KEY}`),
      basic(`passcode:${KEY}`),
      { ...form({ grant_type: 'client_credentials' }, basic(`${ID}:${KEY}`).headers) },
      form({ grant_type: 'client_credentials', client_id: ID, client_secret: KEY }),
      form({ grant_type: 'refresh_token', refresh_token: KEY }),
      form({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: KEY }),
    ]
    for (const place of places) {
      const { ask, checked } = open()
      assert.deepEqual(await ask(place), { name: 'guest', groups: [], key: STORED, trust: 'ordinary' })
      assert.deepEqual(checked, [KEY])
    }
  })

  it('accepts keys that were issued through another language', async () => {
    const { ask, checked } = open()
    await ask(bearer('kapikey-eyJhbGciOiJIUzI1NiJ9.e30.c2ln'))
    await ask(bearer('lk_live_abc'))
    assert.deepEqual(checked, ['kapikey-eyJhbGciOiJIUzI1NiJ9.e30.c2ln', 'lk_live_abc'])
  })

  it('takes a key nowhere else', async () => {
    const nowhere: Asked[] = [
      {},
      { target: `/x?jwt=${KEY}&api_key=${KEY}` },
      { headers: { cookie: `hadoop-jwt=${KEY}` } },
      { headers: { 'x-knox-key': KEY } },
      form({ api_key: KEY }),
    ]
    for (const place of nowhere) {
      const { ask, checked } = open()
      assert.deepEqual(await refusalOf(ask(place)), [401, undefined])
      assert.deepEqual(checked, [])
    }
  })

  it('never takes a key where a JWT is wanted, nor the other way round', async () => {
    const { ask, checked } = open()
    const wrong: Asked[] = [
      basic(`Token:${KEY}`),
      basic('Token:'),
      basic(`guest:${KEY}`),
      basic('guest:password'),
    ]
    for (const place of wrong) assert.deepEqual(await refusalOf(ask(place)), [401, undefined])
    assert.deepEqual(await refusalOf(ask(basic(`Passcode:${JWT}`))), [
      401,
      'Bad request: missing token passcode.',
    ])
    assert.deepEqual(checked, [])
    const byQuery = open({ params: { 'knox.token.query.param.name': 'knoxtoken' } })
    assert.deepEqual(await refusalOf(byQuery.ask({ target: `/x?knoxtoken=${KEY}` })), [401, undefined])
    assert.equal((await byQuery.ask({ target: `/x?knoxtoken=${JWT}` }))?.name, 'jwt-user')
  })

  it('refuses in the words of Knox', async () => {
    const cases: [World, number, string | undefined][] = [
      [{ refusal: 'malformed' }, 401, 'Bad request: missing token passcode.'],
      [{ refusal: 'unknown', knownId: false }, 401, `Unknown token: ${SHOWN_ID}`],
      [{ refusal: 'unknown', knownId: true }, 401, 'Invalid passcode'],
      [{ refusal: 'revoked' }, 401, `Unknown token: ${SHOWN_ID}`],
      [{ refusal: 'expired' }, 401, 'Token has expired'],
      [{ refusal: 'disabled' }, 401, `Token ${SHOWN_ID} is disabled`],
      [{ refusal: 'forbidden' }, 403, undefined],
      [{ refusal: 'rate_limited' }, 429, undefined],
      [{ refusal: 'usage_exceeded' }, 429, undefined],
    ]
    for (const [world, ...expected] of cases) {
      assert.deepEqual(await refusalOf(open(world).ask(bearer(KEY))), expected)
    }
  })

  it('says when a key that was used too often may be used again', async () => {
    const error: unknown = await open({ refusal: 'rate_limited' })
      .ask(bearer(KEY))
      .catch((reason: unknown) => reason)
    assert.ok(error instanceof KnoxRefusal)
    assert.equal(error.headers['Retry-After'], '61')
  })

  it('says the same to all who are refused, when told to', async () => {
    for (const refusal of ['malformed', 'unknown', 'expired', 'disabled'] as const) {
      assert.deepEqual(await refusalOf(open({ refusal, uniform: true }).ask(bearer(KEY))), [401, undefined])
    }
  })

  it('refuses keys where tokens are not managed', async () => {
    const { ask } = open({ params: { 'knox.token.exp.server-managed': 'false' } })
    const message =
      'Error in token provider config: passcode use with knox.token.exp.server-managed set to false.'
    for (const place of [bearer(KEY), basic(`Passcode:${KEY}`)]) {
      assert.deepEqual(await refusalOf(ask(place)), [401, message])
    }
    assert.equal((await ask(bearer(JWT)))?.name, 'jwt-user')
  })

  it('wants the id of the client and that of its secret to be the same', async () => {
    const { ask } = open()
    const mismatch = 'Client credentials flow with mismatching client_id and client_secret'
    const cases: [Asked, string][] = [
      [form({ grant_type: 'client_credentials', client_secret: KEY }), mismatch],
      [form({ grant_type: 'client_credentials', client_id: 'other', client_secret: KEY }), mismatch],
      [form({ grant_type: 'client_credentials' }, basic(`other:${KEY}`).headers), mismatch],
      [
        form({ grant_type: 'client_credentials', client_id: ID, client_secret: 'x' }),
        'Error while parsing the received client secret',
      ],
      [{ target: `/x?client_secret=${KEY}` }, 'client_secret must not be sent as a query parameter'],
    ]
    for (const [place, message] of cases) assert.deepEqual(await refusalOf(ask(place)), [401, message])
    const assertion = form({
      grant_type: 'client_credentials',
      client_assertion: JWT,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    assert.equal((await ask(assertion))?.name, 'jwt-user')
  })

  it('wants both tokens of an exchange', async () => {
    const { ask } = open()
    const target = '/x?grant_type=urn:ietf:params:oauth:grant-type:token-exchange'
    assert.deepEqual(await refusalOf(ask({ target })), [
      400,
      'RFC 8693 token exchange requires subject_token parameter',
    ])
    assert.deepEqual(await refusalOf(ask({ target: `${target}&subject_token=${JWT}` })), [
      400,
      'RFC 8693 token exchange requires actor_token parameter',
    ])
    assert.equal(
      (await ask({ target: `${target}&subject_token=${JWT}&actor_token=${JWT}` }))?.name,
      'jwt-user',
    )
    assert.deepEqual(await refusalOf(ask({ target: `${target}&subject_token=${JWT}&actor_token=nobody` })), [
      401,
      undefined,
    ])
    const bad = open({ jwt: { ok: false, reason: 'untrusted' } })
    assert.deepEqual(
      await refusalOf(bad.ask({ target: `${target}&subject_token=${JWT}&actor_token=${JWT}` })),
      [401, undefined],
    )
  })

  it('acts for the application of others under the id of its token, else for the owner', async () => {
    const client = (thirdPartyApp: boolean | undefined): ApiKey => ({
      ...STORED,
      knox: { type: 'CLIENT_ID', ...(thirdPartyApp !== undefined && { thirdPartyApp }) },
    })
    for (const [app, name] of [
      [undefined, ID],
      [true, ID],
      [false, 'guest'],
    ] as const) {
      assert.equal((await open({ key: client(app) }).ask(bearer(KEY)))?.name, name)
    }
  })

  it('accepts a JWT by signature and state, with its groups', async () => {
    const places: Asked[] = [bearer(JWT), basic(`Token:${JWT}`)]
    for (const place of places) {
      const caller = await open().ask(place)
      assert.deepEqual([caller?.name, caller?.groups], ['jwt-user', ['g']])
    }
    const cookie = { headers: { cookie: `other=1; hadoop-jwt=${JWT}` } }
    assert.deepEqual(await refusalOf(open().ask(cookie)), [401, undefined])
    const withCookie = open({ params: { 'knox.token.use.cookie': 'true' } })
    assert.equal((await withCookie.ask(cookie))?.name, 'jwt-user')
    const named = open({ params: { 'knox.token.use.cookie': 'true', 'knox.token.cookie.name': 'other' } })
    assert.equal((await named.ask({ headers: { cookie: `other=${JWT}` } }))?.name, 'jwt-user')
  })

  it('goes by the cookie first, where cookies count: a bad one is not made good by the header (InvalidCookie)', async () => {
    const { ask, checked } = open({ params: { 'knox.token.use.cookie': 'true' } })
    for (const value of ['nonsense', KEY, '']) {
      const headers = { ...bearer(KEY).headers, cookie: `hadoop-jwt=${value}` }
      assert.deepEqual(await refusalOf(ask({ headers })), [401, undefined], value)
    }
    assert.deepEqual(checked, [])
    const elsewhere = { ...bearer(KEY).headers, cookie: 'other=nonsense' }
    assert.equal((await ask({ headers: elsewhere }))?.name, 'guest')
  })

  it('takes tokens as managed unless it says false, which nothing and blanks do not (testServerManagedTokenState)', async () => {
    const accepts = (value: string) =>
      open({ params: { 'knox.token.exp.server-managed': value } }).ask(bearer(KEY))
    for (const value of ['', ' ', 'true', 'TRUE']) assert.equal((await accepts(value))?.name, 'guest', value)
    for (const value of ['false', ' False ']) assert.equal((await refusalOf(accepts(value)))[0], 401, value)
    assert.equal((await open().ask(bearer(KEY)))?.name, 'guest')
  })

  it('refuses a JWT whose state is gone, over or disabled, or that is for others', async () => {
    const cases: [World, string | undefined][] = [
      [{ state: 'unknown' }, `Unknown token: ${SHOWN_ID}`],
      [{ state: 'expired' }, 'Token has expired'],
      [{ state: 'disabled' }, `Token ${SHOWN_ID} is disabled`],
      [{ jwt: { ok: false, reason: 'expired', claims: { ...CLAIMS, managed: false } } }, 'Token has expired'],
      [{ jwt: { ok: false, reason: 'not_yet' } }, undefined],
      [{ jwt: { ok: false, reason: 'untrusted' } }, undefined],
      [{ params: { 'knox.token.audiences': 'other' } }, undefined],
      [{ params: { 'jwt.expected.issuer': 'other' } }, undefined],
      [{ params: { 'jwt.expected.sigalg': 'ES256' } }, undefined],
      [{ params: { 'knox.token.allowed.jws.types': 'at+jwt' } }, undefined],
      // The keys of another issuer are named: it is not this server that is trusted.
      [{ params: { 'knox.token.verification.pem': FOREIGN } }, undefined],
    ]
    for (const [world, message] of cases) {
      assert.deepEqual(await refusalOf(open(world).ask(bearer(JWT))), [401, message])
    }
    const asExpected = {
      'jwt.expected.sigalg': 'RS256',
      'knox.token.allowed.jws.types': 'JWT, at+jwt',
      'knox.token.verification.pem': FOREIGN,
      'jwt.expected.issuer': CLAIMS.issuer,
      'jwt.instance.key.fallback': 'true',
      'knox.token.principal.claim': 'sub',
    }
    assert.equal((await open({ params: asExpected }).ask(bearer(JWT)))?.name, 'jwt-user')
    const unmanaged: World = { state: 'unknown', jwt: { ok: true, claims: { ...CLAIMS, managed: false } } }
    assert.equal((await open(unmanaged).ask(bearer(JWT)))?.name, 'jwt-user')
    assert.equal(
      (await open({ params: { 'knox.token.audiences': 'a0, a1' } }).ask(bearer(JWT)))?.name,
      'jwt-user',
    )
  })

  it('accepts tokens of another issuer by its key instead, with what is expected of them', async () => {
    const issuer = createCertificate({ CN: 'issuer' })
    const tokenOf = (claims: JWTPayload, typ?: string) =>
      new SignJWT({
        iss: 'https://idp.example.org',
        sub: 'ada',
        aud: 'knox',
        'knox.groups': ['g'],
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', ...(typ !== undefined && { typ }) })
        .sign(issuer.privateKey)
    const params = {
      'knox.token.verification.pem': issuer.cert,
      'jwt.expected.sigalg': 'ES256',
      'jwt.expected.issuer': 'https://idp.example.org',
      'knox.token.audiences': 'knox',
    }
    const shown = async (claims: JWTPayload, { typ, more = {} }: { typ?: string; more?: object } = {}) =>
      open({ params: { ...params, ...more }, jwt: { ok: false, reason: 'untrusted' } }).ask(
        bearer(await tokenOf(claims, typ)),
      )
    // Nobody's user here is meant unless the provider says so, and no key of ours.
    assert.deepEqual(await shown({ 'knox.id': ID, 'managed.token': 'true' }), { name: 'ada', groups: ['g'] })
    assert.equal((await shown({}, { typ: 'JWT' }))?.name, 'ada')
    const wrong: [() => Promise<unknown>, string | undefined][] = [
      [() => shown({ iss: 'https://evil.example.org' }), undefined],
      [() => shown({ aud: 'other' }), undefined],
      [() => shown({ exp: 0 }), 'Token has expired'],
      [() => shown({}, { typ: 'at+jwt' }), undefined],
      // The issuer of Knox's own tokens is expected when nothing is said.
      [() => shown({}, { more: { 'jwt.expected.issuer': 'KNOXSSO' } }), undefined],
    ]
    for (const [asked, message] of wrong) assert.deepEqual(await refusalOf(asked()), [401, message])
  })

  it('accepts tokens of this server while the keys of another issuer cannot be had, and says so of all others', async (t) => {
    const server = createServer((_request, response) => response.writeHead(500).end()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const bound = server.address()
    assert.ok(bound !== null && typeof bound === 'object')
    const params = {
      'knox.token.jwks.url': `http://127.0.0.1:${bound.port}/jwks.json`,
      'jwt.instance.key.fallback': 'true',
    }
    assert.equal((await open({ params }).ask(bearer(JWT)))?.name, 'jwt-user')
    const strange = open({ params, jwt: { ok: false, reason: 'untrusted' } })
    assert.equal((await refusalOf(strange.ask(bearer(JWT))))[0], 503)
  })

  it('accepts a JWT that was renewed after what it says itself', async () => {
    const jwt: JwtVerdict = { ok: false, reason: 'expired', claims: CLAIMS }
    const renewed = open({ jwt })
    assert.equal((await renewed.ask(bearer(JWT)))?.name, 'jwt-user')
    const over = open({ jwt, state: 'expired' })
    assert.deepEqual(await refusalOf(over.ask(bearer(JWT))), [401, 'Token has expired'])
  })

  it('needs nobody for the key set, and for paths that are listed', async () => {
    const { ask } = open({ params: { 'jwt.unauthenticated.path.list': '/a;/b, /c' } })
    for (const target of ['/knoxtoken/api/v1/jwks.json', '/a', '/b', '/c']) {
      assert.deepEqual(await ask({ target }), { name: 'anonymous', groups: [], trust: 'none' })
    }
    assert.deepEqual(await refusalOf(ask({ target: '/a/b' })), [401, undefined])
  })

  it('reads no body that is passed on', async () => {
    const { checked } = open()
    const provider = createJwtProvider(
      { role: 'federation', name: 'JWTProvider', params: new Map() },
      {
        checkKey: () => assert.fail('there is no key'),
        checkJwt: () => assert.fail('there is no JWT'),
        checkHolder: () => assert.fail('there is no token'),
        now: () => 0,
        uniformRefusals: false,
      },
      't.xml',
    )
    const request = requestFor('POST', '/x', {
      headers: { ...FORM, ...basic(`${ID}:${KEY}`).headers },
      body: 'grant_type=client_credentials',
    })
    const streamed = { ...request, streamed: true, body: () => assert.fail('the body was read') }
    assert.deepEqual(await refusalOf(Promise.resolve(provider(streamed))), [401, undefined])
    assert.deepEqual(checked, [])
  })
})
