import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { UserId } from '../../../core/ids.ts'
import { openTestApi, type TestApi } from '../testing/test-api.ts'

describe('the auth controller', () => {
  let test: TestApi
  let admin: string
  const cleanUp: (() => unknown)[] = []

  before(async () => {
    test = await openTestApi({ after: (release) => cleanUp.unshift(release as () => unknown) })
    admin = await test.login('root')
  })
  after(async () => {
    for (const release of cleanUp) await release()
  })

  const result = async (method: string, path: string, how?: Parameters<TestApi['ask']>[2]) => {
    const { body } = await test.ask(method, path, how)
    assert.equal(body.error, null, JSON.stringify(body.error))
    return body.result
  }
  const refusal = async (method: string, path: string, how?: Parameters<TestApi['ask']>[2]) => {
    const { body, status } = await test.ask(method, path, how)
    assert.equal(body.result, null)
    assert.equal(body.status, status)
    return body.error
  }
  const credentials = (username: string) => ({ username, password: 'password' })

  describe('login', () => {
    it('answers a session that works, for an hour unless asked otherwise', async () => {
      const { jwt, ...shown } = await result('POST', '/_login/local', { body: credentials('root') })
      assert.deepEqual(shown, {
        _id: 'root',
        ttl: 3_600_000,
        expiresAt: test.authority.clock.now() + 3_600_000,
      })
      assert.match(jwt, /^kauth-/)
      assert.equal((await result('GET', '/_me', { token: jwt }))._id, 'root')
      const short = await result('POST', '/_login/local?expiresIn=90s', { body: credentials('root') })
      assert.equal(short.ttl, 90_000)
      const endless = await result('POST', '/_login/local?expiresIn=-1', { body: credentials('root') })
      assert.deepEqual([endless.ttl, endless.expiresAt], [-1, -1])
    })

    it('takes username and password from the query string too', async () => {
      for (const method of ['GET', 'POST']) {
        assert.equal((await result(method, '/_login/local?username=root&password=password'))._id, 'root')
      }
    })

    it('does not tell who exists', async () => {
      const [known, unknown] = await Promise.all(
        ['root', 'nobody'].map((username) =>
          refusal('POST', '/_login/local', { body: { username, password: 'wrong' } }),
        ),
      )
      assert.deepEqual(known, unknown)
      assert.equal(known.id, 'plugin.strategy.missing_user')
      assert.equal(known.status, 401)
      assert.equal(known.message, 'wrong username or password')
    })

    it('without credentials, or with such as are no text, misses them', async () => {
      for (const body of [
        undefined,
        {},
        { username: 'root' },
        { username: ['root'], password: 'password' },
        [1],
      ]) {
        const error = await refusal('POST', '/_login/local', { body })
        assert.equal(error.id, 'plugin.strategy.missing_user')
        assert.equal(error.message, 'Missing credentials')
      }
    })

    it('needs a strategy that exists', async () => {
      const socket = await test.socket()
      const frame = { controller: 'auth', action: 'login', body: credentials('root') }
      assert.equal((await socket.ask(frame)).error.message, 'Missing argument "strategy".')
      const error = await refusal('POST', '/_login/oauth', { body: credentials('root') })
      assert.equal(error.id, 'security.credentials.unknown_strategy')
    })

    it('that comes too often is refused, also on a new connection', async (t) => {
      const slow = await openTestApi(t, {}, { loginsPerSecond: 1, loginBurst: 2 })
      await slow.login('root')
      const attempt = () => slow.ask('POST', '/_login/local', { body: { username: 'root', password: 'x' } })
      const answers = [await attempt(), await attempt(), await attempt()]
      const last = answers.at(-1)
      assert.equal(last?.status, 429)
      assert.equal(last?.body.error.id, 'api.process.too_many_logins_requests')
    })
  })

  describe('cookies', () => {
    const login = () => test.ask('POST', '/_login/local?cookieAuth', { body: credentials('root') })
    const cookieOf = async () => (await login()).headers.get('set-cookie') ?? ''

    it('hold the token in place of the result', async () => {
      const { body, headers } = await login()
      assert.equal('jwt' in body.result, false)
      assert.match(
        headers.get('set-cookie') ?? '',
        /^authToken=kauth-[\w.-]+; Path=\/; Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT; HttpOnly; SameSite=Strict$/,
      )
    })

    it('of sessions that never expire live on (Kuzzle makes them expire in 1969)', async () => {
      const endless = await test.ask('POST', '/_login/local?cookieAuth&expiresIn=-1', {
        body: credentials('root'),
      })
      assert.match(endless.headers.get('set-cookie') ?? '', /Expires=Fri, 31 Dec 9999/)
    })

    it('identify every request, also as a whole Set-Cookie line', async () => {
      const cookie = await cookieOf()
      assert.equal((await result('GET', '/_me', { headers: { cookie } }))._id, 'root')
    })

    it('that are bad refuse every request but those that deal with them', async () => {
      const headers = { cookie: 'a=b; authToken=broken' }
      assert.equal((await refusal('GET', '/_me', { headers })).id, 'security.token.invalid')
      assert.equal((await result('POST', '/_checkToken?cookieAuth', { headers })).valid, false)
      assert.equal(
        (await result('POST', '/_login/local?cookieAuth', { headers, body: credentials('root') }))._id,
        'root',
      )
      const unreadable = { cookie: 'authToken=%ff' }
      const error = await refusal('GET', '/_me', { headers: unreadable })
      assert.equal(error.id, 'security.cookie.invalid')
    })

    it('beside a token leave open who asks', async () => {
      const error = await refusal('GET', '/_me', { token: admin, headers: { cookie: await cookieOf() } })
      assert.equal(error.id, 'security.token.verification_error')
      assert.ok(
        error.message.endsWith('Both token and cookie are present, could not decide which one to use'),
      )
    })

    it('are checked by `checkToken`', async () => {
      const cookie = await cookieOf()
      const checked = await result('POST', '/_checkToken?cookieAuth', { headers: { cookie } })
      assert.deepEqual([checked.valid, checked.kuid], [true, 'root'])
    })

    it('are emptied by `logout` whoever asks, as scripts cannot empty one that is good for nothing', async () => {
      for (const headers of [{ cookie: 'authToken=bad' }, {}]) {
        const answer = await test.ask('POST', '/_logout?cookieAuth', { headers })
        assert.equal(answer.status, 200)
        assert.match(
          answer.headers.get('set-cookie') ?? '',
          /^authToken=null; Path=\/; HttpOnly; SameSite=Strict$/,
        )
      }
      assert.equal((await test.ask('POST', '/_logout')).status, 401)
    })

    it('are emptied by `logout`, and their session is over', async () => {
      const cookie = await cookieOf()
      const answer = await test.ask('POST', '/_logout?cookieAuth', { headers: { cookie } })
      assert.deepEqual(answer.body.result, { acknowledged: true })
      assert.equal(answer.headers.get('set-cookie'), 'authToken=null; Path=/; HttpOnly; SameSite=Strict')
      assert.equal((await refusal('GET', '/_me', { headers: { cookie } })).id, 'security.token.invalid')
      assert.equal((await result('GET', '/_me', { headers: { cookie: 'authToken=null' } }))._id, '-1')
    })

    it('are not for websites of other hosts, unless they are listed', async (t) => {
      const listing = await openTestApi(t, { accessControlAllowOrigin: ['*', 'https://app.test'] })
      const session = await listing.login('ann')
      const cookie = `authToken=${session}`
      const ask = (origin: string, headers: Readonly<Record<string, string>> = { cookie }) =>
        listing.ask('GET', '/_me', { headers: { ...headers, origin } })
      for (const origin of ['https://sibling.test', 'null', 'http://127.0.0.1.sibling.test']) {
        assert.equal((await ask(origin)).body.error.id, 'api.process.unauthorized_origin', origin)
        const wanted = await listing.ask('POST', '/_login/local?cookieAuth', {
          body: credentials('ann'),
          headers: { origin },
        })
        assert.equal(wanted.body.error.id, 'api.process.unauthorized_origin', origin)
        assert.equal((await ask(origin, { authorization: `Bearer ${session}` })).body.result._id, 'ann')
      }
      for (const origin of ['https://app.test', 'http://127.0.0.1:3000', listing.url]) {
        assert.equal((await ask(origin)).body.result._id, 'ann', origin)
      }
      const own = { cookie, 'sec-fetch-site': 'same-origin' }
      assert.equal((await ask('https://behind-a-proxy.test', own)).body.result._id, 'ann')
    })

    it('can be switched off', async (t) => {
      const off = await openTestApi(t, { cookieAuthentication: false })
      for (const [path, headers] of [
        ['/_login/local?cookieAuth', {}],
        ['/_checkToken', { cookie: 'authToken=x' }],
      ] as const) {
        const { body } = await off.ask('POST', path, { headers, body: {} })
        assert.equal(body.error.id, 'security.cookie.unsupported')
      }
      assert.equal((await off.ask('GET', '/_me', { headers: { cookie: 'other=1' } })).status, 200)
    })
  })

  describe('checkToken', () => {
    const check = (token: unknown) => result('POST', '/_checkToken', { body: { token } })

    it('without a token speaks of the anonymous user', async () => {
      for (const body of [undefined, {}, { token: '' }, { token: null }, [1]]) {
        assert.deepEqual(await result('POST', '/_checkToken', { body }), {
          expiresAt: null,
          kuid: '-1',
          valid: true,
        })
      }
    })

    it('says whether a token is good, and until when', async () => {
      const good = await check(admin)
      assert.deepEqual([good.valid, good.kuid], [true, 'root'])
      assert.ok(good.expiresAt > test.authority.clock.now())
      assert.deepEqual(await check('x'), { state: 'Invalid token.', valid: false })
    })

    it('takes text only', async () => {
      for (const token of [7, {}, [], true]) {
        assert.equal(
          (await refusal('POST', '/_checkToken', { body: { token } })).id,
          'api.assert.invalid_type',
        )
      }
    })
  })

  describe('createToken', () => {
    it('answers a token for an hour', async () => {
      const { token, ...shown } = await result('POST', '/_createToken', { token: admin })
      assert.deepEqual(shown, {
        expiresAt: test.authority.clock.now() + 3_600_000,
        singleUse: false,
        ttl: 3_600_000,
      })
      assert.equal((await result('GET', '/_me', { token }))._id, 'root')
    })

    it('answers one that is good once', async () => {
      const { token } = await result('POST', '/_createToken?singleUse', { token: admin })
      const answers = await Promise.all([1, 2, 3].map(() => test.ask('GET', '/_me', { token })))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 401, 401])
    })

    it('answers none that never expires', async () => {
      for (const life of ['-1']) {
        const error = await refusal('POST', `/_createToken?expiresIn=${life}`, { token: admin })
        assert.equal(error.id, 'security.token.invalid_expiration')
        assert.ok(error.message.endsWith('expiresIn cannot be infinite'))
      }
      assert.equal((await refusal('POST', '/_createToken?expiresIn=-1ms', { token: admin })).status, 400)
    })
  })

  describe('refreshToken', () => {
    it('answers a new session; the old one is good for a moment, but not for another refresh', async () => {
      const old = await test.login('refresher')
      const fresh = await result('POST', '/_refreshToken', { token: old })
      assert.equal(fresh._id, 'refresher')
      assert.equal((await result('GET', '/_me', { token: fresh.jwt }))._id, 'refresher')
      assert.equal((await refusal('POST', '/_refreshToken', { token: old })).id, 'security.token.invalid')
      assert.equal((await result('GET', '/_me', { token: old }))._id, 'refresher')
      test.authority.clock.passMs(1_001)
      assert.equal((await refusal('GET', '/_me', { token: old })).id, 'security.token.invalid')
    })

    it('is not for sessions that never expire', async () => {
      const { jwt } = await result('POST', '/_login/local?expiresIn=-1', { body: credentials('root') })
      const error = await refusal('POST', '/_refreshToken', { token: jwt })
      assert.equal(error.message, 'Token with infinite TTL cannot be refreshed.')
    })
  })

  describe('logout', () => {
    it('ends the session, or all of them', async () => {
      const one = await test.login('leaver')
      const second = (await result('POST', '/_login/local', { body: credentials('leaver') })).jwt
      assert.deepEqual(await result('POST', '/_logout', { token: one }), { acknowledged: true })
      assert.equal((await refusal('GET', '/_me', { token: one })).id, 'security.token.invalid')
      const third = (await result('POST', '/_login/local', { body: credentials('leaver') })).jwt
      await result('POST', '/_logout?global', { token: second })
      assert.equal((await refusal('GET', '/_me', { token: third })).id, 'security.token.invalid')
    })
  })

  it('actions for identified users refuse the anonymous one, in a sentence without a stray value', async (t) => {
    // As in Kuzzle's first start, the rights alone would let everybody in.
    const open = await openTestApi(t, {}, { openStart: true })
    const cases: readonly (readonly [string, string, string])[] = [
      ['POST', '/_logout', 'logout'],
      ['POST', '/_refreshToken', 'refreshToken'],
      ['PUT', '/_me', 'updateSelf'],
      ['POST', '/_me/credentials/local/_create', 'createMyCredentials'],
      ['PUT', '/_me/credentials/local/_update', 'updateMyCredentials'],
      ['POST', '/_me/credentials/local/_validate', 'validateMyCredentials'],
      ['DELETE', '/_me/credentials/local', 'deleteMyCredentials'],
      ['GET', '/_me/credentials/local/_exists', 'credentialsExist'],
      ['GET', '/_me/credentials/local', 'getMyCredentials'],
    ]
    for (const [method, path, action] of cases) {
      const { status, body } = await open.ask(method, path, method === 'GET' ? {} : { body: {} })
      assert.equal(status, 401, path)
      assert.equal(
        body.error.message,
        `Unauthorized: authentication required to execute the action "auth:${action}".`,
      )
      assert.deepEqual(body.error.props, ['auth', action])
    }
  })

  describe('the caller itself', () => {
    it('is shown without its secrets; the anonymous user too', async () => {
      const me = await result('GET', '/_me', { token: admin })
      assert.deepEqual(me._source.profileIds, ['admin'])
      assert.deepEqual(me.strategies, ['local'])
      assert.deepEqual(await result('GET', '/_me'), {
        _id: '-1',
        _source: { name: 'Anonymous', profileIds: ['anonymous'] },
        strategies: [],
      })
    })

    it('changes its own members, but not its profiles', async () => {
      const token = await test.login('changer')
      const changed = await result('PUT', '/_me', {
        token,
        body: { name: 'New', _kuzzle_info: { author: 'x' } },
      })
      assert.equal(changed._source.name, 'New')
      assert.equal(changed._source._kuzzle_info.updater, 'changer')
      for (const [body, name] of [
        [{ profileIds: ['admin'] }, 'body.profileIds'],
        [{ _id: 'other' }, 'body._id'],
      ] as const) {
        const error = await refusal('PUT', '/_me', { token, body })
        assert.equal(error.id, 'api.assert.forbidden_argument')
        assert.deepEqual(error.props, [name])
      }
      assert.deepEqual((await result('GET', '/_me', { token }))._source.profileIds, ['admin'])
    })

    it('keeps its own credentials', async () => {
      const token = await test.login('keeper')
      const mine = '/_me/credentials/local'
      assert.deepEqual(await result('GET', mine, { token }), { username: 'keeper', kuid: 'keeper' })
      assert.equal(await result('GET', `${mine}/_exists`, { token }), true)
      assert.equal(
        await result('POST', `${mine}/_validate`, { token, body: { username: 'k2', password: 'p' } }),
        true,
      )
      assert.deepEqual(await result('PUT', `${mine}/_update`, { token, body: { username: 'k2' } }), {
        username: 'k2',
        kuid: 'keeper',
      })
      assert.equal((await result('POST', '/_login/local', { body: credentials('k2') }))._id, 'keeper')
      const taken = await refusal('PUT', `${mine}/_update`, { token, body: { username: 'root' } })
      assert.deepEqual(taken, { message: 'Login "root" is already used.', status: 412 })
      assert.deepEqual(await result('DELETE', mine, { token }), { acknowledged: true })
      const none = await refusal('GET', mine, { token })
      assert.deepEqual(none, { message: 'No credentials found for user "keeper".', status: 412 })
      const created = await result('POST', `${mine}/_create`, { token, body: credentials('keeper') })
      assert.deepEqual(created, { username: 'keeper', kuid: 'keeper' })
      const twice = await refusal('POST', `${mine}/_create`, { token, body: credentials('again') })
      assert.deepEqual(twice, { message: 'A strategy already exists for user "keeper".', status: 412 })
    })

    it('knows its rights', async () => {
      const rights = await result('GET', '/_me/_rights', { token: admin })
      assert.equal(rights.total, rights.hits.length)
      assert.deepEqual(rights.hits, [
        { controller: '*', action: '*', index: '*', collection: '*', value: 'allowed' },
      ])
      const check = (body: unknown, token?: string) =>
        result('POST', '/_checkRights', { body, ...(token !== undefined && { token }) })
      assert.deepEqual(await check({ controller: 'document', action: 'get' }, admin), { allowed: true })
      const missing = await refusal('POST', '/_checkRights', { token: admin, body: {} })
      assert.deepEqual(missing.props, ['body.controller'])
    })

    it('knows the ways to log in', async () => {
      assert.deepEqual(await result('GET', '/strategies'), ['local'])
    })
  })

  it('tokens of a user that is gone are good for nothing', async () => {
    const token = await test.login('ghost')
    const { _source } = await result('POST', '/api-keys/_create', { token, body: { description: 'x' } })
    assert.equal((await result('POST', '/_checkToken', { body: { token: _source.token } })).valid, true)
    await test.authority.users.remove(test.authority.nobody, 'ghost' as UserId)
    assert.equal((await refusal('GET', '/_me', { token: _source.token })).id, 'security.token.invalid')
  })

  describe('createApiKey', () => {
    it('obeys `security.apiKey.maxTTL`, which `security:createApiKey` does not', async (t) => {
      const limited = await openTestApi(t, {}, { apiKeyMaxTtlMs: 60_000 })
      const token = await limited.login('root')
      const body = { description: 'x' }
      for (const life of ['', '?expiresIn=-1', '?expiresIn=61s']) {
        const answer = await limited.ask('POST', `/api-keys/_create${life}`, { token, body })
        assert.equal(answer.body.error.id, 'security.token.ttl_exceeded')
        assert.equal(answer.status, 400)
      }
      assert.equal(
        (await limited.ask('POST', '/api-keys/_create?expiresIn=60s', { token, body })).status,
        200,
      )
      assert.equal((await limited.ask('POST', '/users/root/api-keys/_create', { token, body })).status, 200)
    })

    it('refuses lives that would make a dead key', async () => {
      for (const life of ['-5', '-1d', '-1ms', '0', '0.2', '1h30m', 'x'.repeat(200)]) {
        const error = await refusal('POST', `/api-keys/_create?expiresIn=${life}`, {
          token: admin,
          body: { description: 'x' },
        })
        assert.equal(error.id, 'api.assert.invalid_argument', life)
      }
      const tooLong = await refusal('POST', `/api-keys/_create?expiresIn=${'9'.repeat(60)}`, {
        token: admin,
        body: { description: 'x' },
      })
      assert.equal(tooLong.id, 'api.assert.invalid_argument')
    })
  })
})
