import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { aManager, issueKnoxToken } from '../../../core/contract/knox-tokens.ts'
import type { KeyId, UserId } from '../../../core/ids.ts'
import { parseKnoxToken } from '../../../core/keys/knox-token.ts'
import { openTokenService, principal } from '../testing/open-token-service.ts'

const KEY = '/apikey/api/v1/auth/key'
const TOKEN = '/knoxtoken/api/v2/token'

type Opening = Parameters<typeof openTokenService>[2]

const openKeys = (t: TestContext, how: Opening = {}) => openTokenService(t, 'APIKEY', how)

describe('a key', () => {
  test('is answered in the bytes of Knox, without expires_in when it never expires', async (t) => {
    const { ask } = await openKeys(t)
    const reply = await ask('POST', KEY)
    assert.deepEqual([reply.status, reply.headers['Content-Type']], [200, 'application/json'])
    assert.equal(reply.headers['Cache-Control'], 'no-store')
    const match = /^\{"key_id":"([0-9a-f-]{36})","api_key":"([A-Za-z0-9+/]{131}=)"\}$/.exec(
      String(reply.body),
    )
    assert.equal(parseKnoxToken(match?.[2] ?? '')?.id, match?.[1])
  })

  test('says how many whole seconds it lives when it expires, capped by the time to live', async (t) => {
    const { json } = await openKeys(t, { params: { 'apikey.knox.token.ttl': '74000' } })
    const lives: readonly [string, number][] = [
      ['', 74],
      ['?lifespan=', 74],
      ['?lifespan=PT1M', 60],
      ['?lifespan=P1D', 74],
      ['?lifespan=PT0.5S', 0],
    ]
    for (const [query, seconds] of lives) {
      const answer = await json('POST', KEY + query)
      assert.deepEqual(Object.keys(answer), ['key_id', 'api_key', 'expires_in'])
      assert.equal(answer['expires_in'], seconds, query)
    }
    const eternal = await openKeys(t)
    assert.equal((await eternal.json('POST', `${KEY}?lifespan=P2D`))['expires_in'], 172_800)
  })

  test('is not issued for a lifespan that is none, or would make a dead key', async (t) => {
    for (const params of [{}, { 'apikey.knox.token.ttl': '74000' }]) {
      const { ask, authority } = await openKeys(t, { params })
      for (const lifespan of ['P1Y', '1h', 'PT0S', 'PT-1.5S', '-PT5S', 'P106751991168D', '%20PT1H']) {
        const reply = await ask('POST', `${KEY}?lifespan=${lifespan}`)
        assert.equal(reply.status, 400, lifespan)
        assert.match(JSON.parse(String(reply.body)).error, /^Invalid lifespan /)
      }
      assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
    }
  })

  test('takes no lifespan where that is not to be chosen', async (t) => {
    const params = { 'apikey.knox.token.lifespan.input.enabled': 'false' }
    const { json } = await openKeys(t, { params })
    assert.equal((await json('POST', `${KEY}?lifespan=PT1S`))['expires_in'], undefined)
  })

  test('takes parameters from a query, a form or JSON, the query coming first', async (t) => {
    const { ask, authority } = await openKeys(t, { params: { 'apikey.knox.token.limit.per.user': '-1' } })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const given: readonly [target: string, body: string, headers: Record<string, string>][] = [
      [`${KEY}?comment=c&md_team=red&md_team=blue`, 'comment=other', form],
      [KEY, 'comment=c&md_team=red', form],
      [KEY, '{"comment":"c","md_team":"red","more":{}}', { 'content-type': 'application/json' }],
      // As curl sends it unless told otherwise.
      [KEY, '{"comment":"c","md_team":"red"}', form],
    ]
    for (const [target, body, headers] of given) await ask('POST', target, { body, headers })
    const { tokens } = await authority.managedTokens.list({}, aManager())
    assert.deepEqual(
      tokens.map(({ description, metadata }) => [description, metadata]),
      given.map(() => ['c', { team: 'red' }]),
    )
    // Knox never looks at bodies: those that mean something else are no mistake.
    for (const body of ['[]', '', 'null', 'free text'])
      assert.equal((await ask('POST', KEY, { body })).status, 200)
  })

  test('is not issued when its parameters are JSON that cannot be read, rather than without them', async (t) => {
    const { ask, authority } = await openKeys(t)
    const json = { 'content-type': 'application/json; charset=utf-8' }
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const [body, headers] of [
      ['{"lifespan":"PT1H"', json],
      ['{bad', json],
      ['[]', json],
      ['"PT1H"', json],
      ['free text', json],
      ['{"lifespan":"PT1H"', form],
      ['{', {}],
    ] as const) {
      const reply = await ask('POST', KEY, { body, headers })
      const error = 'Invalid body: a JSON object or a form is needed, or none'
      assert.deepEqual([reply.status, reply.body], [400, `{\n  "error": "${error}"\n}\n`], body)
    }
    assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
    for (const body of ['', ' \n'])
      assert.equal((await ask('POST', KEY, { body, headers: json })).status, 200)
  })

  test('has no blank comment, and none that is too long', async (t) => {
    const { ask, authority } = await openKeys(t)
    assert.equal((await ask('POST', `${KEY}?comment=%20%20&md_blank=%20`)).status, 200)
    const [token] = (await authority.managedTokens.list({}, aManager())).tokens
    assert.deepEqual([token?.description, token?.metadata], ['', undefined])
    assert.equal((await ask('POST', `${KEY}?comment=${'x'.repeat(256)}`)).status, 200)
    assert.equal((await ask('POST', `${KEY}?comment=${'x'.repeat(257)}`)).status, 400)
    assert.equal((await authority.managedTokens.list({}, aManager())).tokens.length, 2)
  })

  test('lets nobody set by md_ what the server says itself, nor names and values that are too long', async (t) => {
    const { ask, authority } = await openKeys(t)
    const refused = [
      ...[
        'userName',
        'createdBy',
        'enabled',
        'passcode',
        'type',
        'lastUsedAt',
        'comment',
        'thirdPartyApp',
      ].map((name) => `md_${name}=x`),
      'md_=x',
      `md_${'n'.repeat(33)}=x`,
      `md_a=${'v'.repeat(257)}`,
    ]
    for (const query of refused) {
      const reply = await ask('POST', `${KEY}?${query}`)
      assert.equal(reply.status, 400, query)
      assert.match(JSON.parse(String(reply.body)).error, /^Invalid metadata/)
    }
    assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
    assert.equal((await ask('POST', `${KEY}?md_${'n'.repeat(32)}=${'v'.repeat(256)}`)).status, 200)
  })

  test('records who asked for it and for whom', async (t) => {
    const { ask, authority } = await openKeys(t)
    await ask('POST', KEY, { as: principal('guest', { effective: 'sam', impersonated: true }) })
    const [token] = (await authority.managedTokens.list({}, aManager())).tokens
    assert.deepEqual([token?.owner, token?.record.createdBy], ['sam', 'guest'])
  })

  test('is refused as JSON when its owner has a name that no id can be', async (t) => {
    const { ask } = await openKeys(t)
    const reply = await ask('POST', KEY, { as: principal('x'.repeat(1_000)) })
    assert.equal(reply.status, 400)
    assert.match(JSON.parse(String(reply.body)).error, /longer than 512 bytes/)
  })
})

describe('what keeps tokens from being issued', () => {
  test('the limit of a user, in the words that clients look for, unless there is none', async (t) => {
    const { ask } = await openKeys(t, { params: { 'apikey.knox.token.limit.per.user': '2' } })
    for (const expected of [200, 200, 403, 403]) {
      const reply = await ask('POST', KEY)
      assert.equal(reply.status, expected)
      if (expected === 200) continue
      assert.equal(reply.body, '{\n  "error": "Unable to get token - token limit exceeded."\n}\n')
    }
    assert.equal((await ask('POST', KEY, { as: principal('sam') })).status, 200)
    const unlimited = await openKeys(t, { params: { 'apikey.knox.token.limit.per.user': '-1' } })
    for (let count = 0; count < 12; count++) assert.equal((await unlimited.ask('POST', KEY)).status, 200)
  })

  test('the limit of a user, which tokens of every type fill, also those that are off, until one ends', async (t) => {
    const { ask, authority } = await openKeys(t, { params: { 'apikey.knox.token.limit.per.user': '2' } })
    const { managedTokens, nobody } = authority
    const guest = 'guest' as UserId
    for (const type of ['CLIENT_ID', 'JWT'] as const) {
      await managedTokens.issue(
        { owner: guest, createdBy: guest, shown: undefined, type, comment: '' },
        nobody.origin,
      )
    }
    assert.equal((await ask('POST', KEY)).status, 403)
    const [first] = (await managedTokens.list({}, aManager())).tokens
    assert.ok(first !== undefined)
    await managedTokens.setEnabled(first.id, false, aManager())
    assert.equal((await ask('POST', KEY)).status, 403)
    await managedTokens.revoke(first.id, aManager())
    assert.equal((await ask('POST', KEY)).status, 200)
    assert.equal((await ask('POST', KEY)).status, 403)
  })

  test('unless the oldest makes room', async (t) => {
    const { json, authority } = await openKeys(t, {
      params: {
        'apikey.knox.token.limit.per.user': '2',
        'apikey.knox.token.user.limit.exceeded.action': 'REMOVE_OLDEST',
      },
    })
    const ids: unknown[] = []
    for (let count = 0; count < 4; count++) {
      authority.clock.passMs(1)
      ids.push((await json('POST', KEY))['key_id'])
    }
    const { tokens } = await authority.managedTokens.list({}, aManager())
    assert.deepEqual(
      tokens.map(({ id }) => id),
      ids.slice(2),
    )
  })

  test('certificates that nobody sees, first of all', async (t) => {
    const { ask, authority } = await openKeys(t, {
      params: { 'apikey.knox.token.client.cert.required': 'true' },
    })
    const reply = await ask('POST', `${KEY}?lifespan=bad`)
    assert.deepEqual(
      [reply.status, reply.body],
      [403, '{\n  "error": "Unable to get token - client cert required."\n}\n'],
    )
    assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
  })

  test('in the order of Knox: certificate, groups, limit', async (t) => {
    const full = {
      'apikey.knox.token.limit.per.user': '1',
      'apikey.knox.token.include.groups.allowed': 'false',
    }
    const withGroups = `${KEY}?knox.token.include.groups=true`
    const { ask } = await openKeys(t, { params: full })
    assert.equal((await ask('POST', KEY)).status, 200)
    assert.match(String((await ask('POST', withGroups)).body), /Including group information/)
    assert.match(String((await ask('POST', KEY)).body), /token limit exceeded/)
    const guarded = await openKeys(t, {
      params: { ...full, 'apikey.knox.token.client.cert.required': 'true' },
    })
    assert.match(String((await guarded.ask('POST', withGroups)).body), /client cert required/)
  })

  test('groups where they are switched off', async (t) => {
    const { ask } = await openKeys(t, { params: { 'apikey.knox.token.include.groups.allowed': 'false' } })
    const reply = await ask('POST', `${KEY}?knox.token.include.groups=true`)
    assert.deepEqual(
      [reply.status, reply.body],
      [400, '{\n  "error": "Including group information in tokens is disabled"\n}\n'],
    )
    assert.equal((await ask('POST', `${KEY}?knox.token.include.groups=false`)).status, 200)
  })
})

describe('the parameters of a neighbour', () => {
  test('count for keys too, but for its time to live and that it does not manage its tokens', async (t) => {
    const neighbours = {
      KNOXTOKEN: {
        'knox.token.ttl': '1000',
        'knox.token.exp.server-managed': 'false',
        'knox.token.limit.per.user': '1',
      },
    }
    const { json, ask } = await openKeys(t, { neighbours })
    assert.equal((await json('POST', KEY))['expires_in'], undefined)
    assert.equal((await ask('POST', KEY)).status, 403)
  })

  test('count for what happens at the limit, who renews, how long and to whom, unless the prefix says otherwise', async (t) => {
    const leaking = {
      'knox.token.limit.per.user': '1',
      'knox.token.user.limit.exceeded.action': 'REMOVE_OLDEST',
      'knox.token.renewer.whitelist': 'moe',
      'knox.token.renewer.group.whitelist': 'ops',
      'knox.token.exp.max-lifetime': '-1',
    }
    const neighbours = { KNOXTOKEN: leaking }
    const end = async (
      { ask, json }: Awaited<ReturnType<typeof openKeys>>,
      as: ReturnType<typeof principal>,
    ) => {
      const body = String((await json('POST', KEY))['key_id'])
      return (await ask('DELETE', `${KEY}/revoke`, { as, body })).status
    }
    const moe = principal('moe')
    const operator = principal('x', { groups: ['ops'] })
    const leaked = await openKeys(t, { neighbours })
    for (let count = 0; count < 3; count++) assert.equal((await leaked.ask('POST', KEY)).status, 200)
    const [kept, ...more] = (await leaked.authority.managedTokens.list({}, aManager())).tokens
    assert.deepEqual([more.length, kept?.knox?.maxLifetimeAt], [0, undefined])
    assert.deepEqual([await end(leaked, moe), await end(leaked, operator)], [200, 200])
    const own = await openKeys(t, {
      neighbours,
      params: {
        'apikey.knox.token.limit.per.user': '2',
        'apikey.knox.token.user.limit.exceeded.action': 'RETURN_ERROR',
        'apikey.knox.token.renewer.whitelist': 'larry',
        'apikey.knox.token.renewer.group.whitelist': 'others',
        'apikey.knox.token.exp.max-lifetime': '1000',
      },
    })
    assert.deepEqual([await end(own, moe), await end(own, operator)], [403, 403])
    assert.equal((await own.ask('POST', KEY)).status, 403)
    for (const { knox, record } of (await own.authority.managedTokens.list({}, aManager())).tokens) {
      assert.equal(knox?.maxLifetimeAt, record.createdAt + 1_000)
    }
    const certificates = { KNOXTOKEN: { 'knox.token.client.cert.required': 'true' } }
    const guarded = await openKeys(t, { neighbours: certificates })
    assert.match(String((await guarded.ask('POST', KEY)).body), /client cert required/)
    const open = await openKeys(t, {
      neighbours: certificates,
      params: { 'apikey.knox.token.client.cert.required': 'false' },
    })
    assert.equal((await open.ask('POST', KEY)).status, 200)
  })
})

describe('credentials of a client', () => {
  test('are answered in the order of Knox, and say whether they are its own', async (t) => {
    const thirdParty: readonly [params: Record<string, string>, isApp: boolean][] = [
      [{}, true],
      [{ 'clientid.thirdPartyApp': 'true' }, true],
      [{ 'clientid.thirdPartyApp': 'false', 'clientid.knox.token.ttl': '30000' }, false],
    ]
    for (const [params, isApp] of thirdParty) {
      const { json, authority } = await openTokenService(t, 'CLIENTID', { params })
      const answer = await json('POST', '/clientid/api/v1/oauth/credentials')
      const life = 'clientid.knox.token.ttl' in params ? ['expires_in'] : []
      assert.deepEqual(Object.keys(answer), ['client_secret', ...life, 'client_id'])
      if (life.length > 0) assert.equal(answer['expires_in'], 30)
      assert.equal(parseKnoxToken(String(answer['client_secret']))?.id, answer['client_id'])
      const token = await authority.managedTokens.get(String(answer['client_id']) as KeyId)
      assert.deepEqual(token?.knox?.type, 'CLIENT_ID')
      assert.equal(token?.knox?.thirdPartyApp, isApp)
    }
  })
})

describe('a JSON Web Token', () => {
  test('comes with the members of Knox, its expiry in ms since the epoch, and the key that is as good', async (t) => {
    const { json, authority, signingKeys } = await openTokenService(t, 'KNOXTOKEN', {
      params: {
        'knox.token.target.url': 'https://t',
        'knox.token.client.data': 'a=b=c',
        'knox.token.target.endpoint.cert.pem': 'MIIB',
      },
    })
    const answer = await json('POST', TOKEN)
    assert.deepEqual(Object.keys(answer), [
      'access_token',
      'token_id',
      'managed',
      'target_url',
      'a',
      'endpoint_public_cert',
      'token_type',
      'expires_in',
      'passcode',
    ])
    assert.equal(answer['expires_in'], authority.clock.now() + 30_000)
    assert.deepEqual([answer['managed'], answer['token_type'], answer['a']], ['true', 'Bearer', 'b=c'])
    assert.equal(parseKnoxToken(String(answer['passcode']))?.id, answer['token_id'])
    const jwt = String(answer['access_token'])
    const { kid, jku, ...claims } = decodeJwt(jwt)
    assert.deepEqual(claims, {
      iss: 'KNOXSSO',
      sub: 'guest',
      iat: authority.clock.now() / 1_000,
      exp: authority.clock.now() / 1_000 + 30,
      'knox.id': answer['token_id'],
      'managed.token': 'true',
    })
    // Where Knox points to, and where it has nothing.
    assert.equal(jku, 'https://gateway.example.org/gateway/sandbox/knoxtoken/api/v2/jwks.json')
    assert.deepEqual(decodeProtectedHeader(jwt), { alg: 'RS256', typ: 'JWT', kid, jku })
    assert.equal((await signingKeys.verify(jwt)).ok, true)
  })

  test('lives as long as was asked for below its time to live, and not by a lifespan that is none', async (t) => {
    const minutes = 60_000
    const days = 86_400_000
    const cases: readonly [ttlMs: number, lifespan: string, lifeMs: number][] = [
      [2 * days, 'P1DT0H0M', days],
      [minutes, 'P1D', minutes],
      [minutes, '', minutes],
    ]
    for (const [ttlMs, lifespan, lifeMs] of cases) {
      const { json, authority } = await openTokenService(t, 'KNOXTOKEN', {
        params: { 'knox.token.ttl': String(ttlMs) },
      })
      const end = authority.clock.now() + lifeMs
      const answer = await json('GET', `${TOKEN}?lifespan=${lifespan}`)
      assert.equal(answer['expires_in'], end, lifespan)
      assert.equal(decodeJwt(String(answer['access_token'])).exp, Math.floor(end / 1_000))
      assert.equal((await authority.managedTokens.get(String(answer['token_id']) as KeyId))?.expiresAt, end)
    }
    const { ask, authority } = await openTokenService(t, 'KNOXTOKEN')
    for (const lifespan of ['nonsense', 'PT0S', '-PT1S']) {
      assert.equal((await ask('GET', `${TOKEN}?lifespan=${lifespan}`)).status, 400, lifespan)
    }
    assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
  })

  test('is good for ever when its time to live has no end (testValidJWTNoExpiration)', async (t) => {
    const { json, authority, signingKeys } = await openTokenService(t, 'KNOXTOKEN', {
      params: { 'knox.token.ttl': '-1' },
    })
    const answer = await json('GET', TOKEN)
    assert.equal(answer['expires_in'], -1)
    // As long as the key that signed it is known.
    authority.clock.passMs(86_400_000)
    assert.equal((await signingKeys.verify(String(answer['access_token']))).ok, true)
    const { verdict } = await authority.managedTokens.verify(String(answer['passcode']), {})
    assert.equal(verdict.refusal, undefined)
  })

  test('says of its holder what was asked for and is allowed', async (t) => {
    const claimsOf = async (params: Record<string, string>, as = principal('guest'), query = '') => {
      const { json } = await openTokenService(t, 'KNOXTOKEN', { params })
      return decodeJwt(String((await json('GET', `${TOKEN}${query}`, { as }))['access_token']))
    }
    const groups = principal('guest', { groups: ['a', 'b'] })
    assert.equal((await claimsOf({}, groups))['knox.groups'], undefined)
    const asked = await claimsOf({}, groups, '?knox.token.include.groups=true')
    assert.deepEqual(asked['knox.groups'], ['a', 'b'])
    assert.deepEqual((await claimsOf({ 'knox.token.audiences': ' a, b ' })).aud, ['a', 'b'])
    assert.equal((await claimsOf({ 'knox.token.issuer': 'me' })).iss, 'me')
    assert.equal((await claimsOf({ 'knox.token.ttl': '-1' })).exp, undefined)
    const acting = principal('guest', { effective: 'sam', impersonated: true })
    assert.equal((await claimsOf({}, acting))['act'], undefined)
    const delegated = await claimsOf({ 'knox.token.enable.delegated.auth': 'true' }, acting)
    assert.deepEqual([delegated.sub, delegated['act']], ['sam', { sub: 'guest' }])
    assert.equal((await claimsOf({ 'knox.token.enable.delegated.auth': 'true' }))['act'], undefined)
  })

  test('is signed as the topology says, with its type', async (t) => {
    for (const alg of ['RS512', 'ES256', 'EdDSA']) {
      const { json } = await openTokenService(t, 'KNOXTOKEN', {
        params: { 'knox.token.sigalg': alg, 'knox.token.type': 'at+jwt' },
      })
      const header = decodeProtectedHeader(String((await json('POST', TOKEN))['access_token']))
      assert.deepEqual([header.alg, header.typ], [alg, 'at+jwt'])
    }
  })

  test('comes without a key, and is not counted, where tokens are not managed', async (t) => {
    const { json, authority } = await openTokenService(t, 'KNOXTOKEN', {
      params: { 'knox.token.exp.server-managed': 'false', 'knox.token.limit.per.user': '1' },
    })
    for (let count = 0; count < 3; count++) {
      const answer = await json('POST', TOKEN)
      assert.deepEqual([answer['managed'], answer['passcode']], ['false', undefined])
      assert.equal(decodeJwt(String(answer['access_token']))['managed.token'], 'false')
    }
    assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
  })

  test('comes in the form of OAuth from its resource, with a refresh token that can be redeemed', async (t) => {
    const { json, authority } = await openTokenService(t, 'KNOXTOKEN')
    const answer = await json('POST', '/oauth/v1/token')
    assert.deepEqual(Object.keys(answer), [
      'access_token',
      'refresh_token',
      'issued_token_type',
      'token_type',
      'expires_in',
    ])
    assert.equal(answer['issued_token_type'], 'urn:ietf:params:oauth:token-type:access_token')
    assert.deepEqual([answer['token_type'], answer['expires_in']], ['Bearer', 30])
    const { verdict } = await authority.managedTokens.verify(String(answer['refresh_token']), {})
    assert.equal(verdict.refusal, undefined)
    const { jku } = decodeJwt(String(answer['access_token']))
    assert.equal(jku, 'https://gateway.example.org/gateway/sandbox/knoxtoken/api/v1/jwks.json')
    const eternal = await openTokenService(t, 'KNOXTOKEN', { params: { 'knox.token.ttl': '-1' } })
    assert.equal((await eternal.json('POST', '/any/v1/oauth/tokens'))['expires_in'], -1)
  })

  test('is nothing that a key with a policy is exchanged for, whether or not tokens are kept', async (t) => {
    for (const kept of ['true', 'false']) {
      const params = { 'knox.token.exp.server-managed': kept }
      const { ask, authority } = await openTokenService(t, 'KNOXTOKEN', { params })
      const { issued } = await issueKnoxToken(authority, { policy: { scopes: ['a:b'] } })
      for (const target of ['/oauth/v1/token', '/knoxtoken/api/v1/token']) {
        const { status, body } = await ask('POST', target, { as: principal('guest', { key: issued }) })
        assert.deepEqual([status, JSON.parse(String(body)).code], [403, 20], `${kept} ${target}`)
      }
    }
  })

  test('names the application that got it with credentials of its owner', async (t) => {
    const { json, authority } = await openTokenService(t, 'KNOXTOKEN')
    const { issued } = await authority.managedTokens.issue(
      {
        owner: 'guest' as never,
        createdBy: 'guest' as never,
        shown: undefined,
        type: 'CLIENT_ID',
        thirdPartyApp: false,
        comment: '',
      },
      authority.nobody.origin,
    )
    const answer = await json('POST', '/oauth/v1/token', { as: principal('guest', { key: issued }) })
    assert.equal(decodeJwt(String(answer['access_token']))['client_id'], issued.id)
  })
})
