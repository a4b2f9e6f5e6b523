import assert from 'node:assert/strict'
import { it } from 'node:test'
import { describeScenarios, type Json } from './kuzzle-world.ts'
import { ask } from './running-server.ts'

/** What an API key shows of itself, beside an id and a fingerprint. */
function shown(key: Json) {
  const { userId, ttl, expiresAt, description, fingerprint } = key._source
  assert.equal(typeof key._id, 'string')
  assert.match(fingerprint, /^[0-9a-f]{64}$/)
  return { userId, ttl, expiresAt, description }
}

const permanent = (description: string) => ({ userId: 'test-admin', ttl: -1, expiresAt: -1, description })

describeScenarios("Kuzzle's scenarios of tokens and rights", (world) => {
  const { act, refusal, logIn } = world

  it('a single-use token lives as long as a session and is good for one request', async () => {
    const { singleUse, ttl, token } = await act('auth', 'createToken', { singleUse: true })
    assert.deepEqual({ singleUse, ttl }, { singleUse: true, ttl: 3_600_000 })
    world.kuzzle.jwt = token
    assert.equal((await act('auth', 'getCurrentUser'))._id, 'test-admin')
    world.kuzzle.jwt = token
    assert.equal((await refusal('server', 'now')).id, 'security.token.invalid')
    await logIn('test-admin')
  })

  it('a token cannot be made to live for ever', async () => {
    const error = await refusal('auth', 'createToken', { expiresIn: -1 })
    assert.deepEqual([error.status, error.id], [400, 'security.token.invalid_expiration'])
  })

  it('checkToken tells a good token from a bad one', async () => {
    const body = { username: 'test-admin', password: 'password' }
    const { jwt } = await act('auth', 'login', { strategy: 'local', body })
    const { expiresAt, ...good } = await act('auth', 'checkToken', { body: { token: jwt } })
    assert.deepEqual(good, { valid: true, kuid: 'test-admin' })
    assert.ok(expiresAt > Date.now())
    const bad = await act('auth', 'checkToken', { body: { token: 'invalid token' } })
    assert.equal(bad.valid, false)
    assert.equal(typeof bad.state, 'string')
  })

  it('users can ask what they may do', async () => {
    const controllers = {
      auth: { actions: { login: true, checkRights: true } },
      document: { actions: { create: false, update: true } },
    }
    await act('security', 'updateRole', { _id: 'default', force: true, body: { controllers } })
    await logIn('default-user')
    const mayDo = (action: string) => act('auth', 'checkRights', { body: { controller: 'document', action } })
    assert.deepEqual(await mayDo('create'), { allowed: false })
    assert.deepEqual(await mayDo('update'), { allowed: true })
    await logIn('test-admin')
  })

  it('cookies hold the session that login, checkToken, refreshToken and logout deal with', async () => {
    /** As the SDK asks in a browser: the token is in the cookie, and nowhere else. */
    const query = async (args: Readonly<Record<string, unknown>>, cookie?: string) => {
      const { body, headers, status } = await ask(world.server, 'POST', '/_query', {
        body: { controller: 'auth', cookieAuth: true, jwt: null, ...args },
        ...(cookie !== undefined && { headers: { cookie } }),
      })
      assert.equal(status, 200, JSON.stringify(body.error))
      return { result: body.result, cookie: headers.get('set-cookie') ?? '' }
    }
    const body = { username: 'test-admin', password: 'password' }
    const login = await query({ action: 'login', strategy: 'local', body })
    assert.match(login.cookie, /^authToken=[^;]+;/)
    assert.deepEqual(Object.keys(login.result).sort(), ['_id', 'expiresAt', 'ttl'])

    const good = await query({ action: 'checkToken' }, login.cookie)
    assert.deepEqual([good.result.valid, good.result.kuid], [true, 'test-admin'])
    const bad = await query({ action: 'checkToken' }, 'authToken=wrongtoken')
    assert.equal(bad.result.valid, false)

    const refreshed = await query({ action: 'refreshToken' }, login.cookie)
    assert.match(refreshed.cookie, /^authToken=[^;]+;/)
    assert.notEqual(refreshed.cookie, login.cookie)
    assert.equal('jwt' in refreshed.result, false)

    const left = await query({ action: 'logout' }, refreshed.cookie)
    assert.match(left.cookie, /^authToken=null;/)
    assert.equal((await query({ action: 'checkToken' }, refreshed.cookie)).result.valid, false)
    await query({ action: 'login', strategy: 'local', body }, left.cookie)
  })
})

describeScenarios(
  "Kuzzle's scenarios of API keys that users keep themselves",
  ({ act, createUser, isGood }) => {
    const create = (description: string, args = {}) =>
      act('auth', 'createApiKey', { expiresIn: -1, body: { description }, ...args })

    it('a new key logs its owner in and is found with its fingerprint, without its token', async () => {
      const created = await create('Sigfox API key', { refresh: 'wait_for' })
      assert.deepEqual(shown(created), permanent('Sigfox API key'))
      assert.equal(await isGood(created._source.token), true)
      const { hits } = await act('auth', 'searchApiKeys')
      assert.deepEqual(hits.map(shown), [permanent('Sigfox API key')])
      assert.equal('token' in hits[0]._source, false)
    })

    it('two keys made one after the other are two, in the order of their creation', async () => {
      const [first, second] = [await create('Sigfox API key'), await create('Another one')]
      assert.notEqual(first._source.token, second._source.token)
      const { hits, total } = await act('auth', 'searchApiKeys')
      assert.deepEqual(hits.map(shown), [permanent('Sigfox API key'), permanent('Another one')])
      assert.equal(total, 2)
    })

    it('keys are found by a word of their description, the shortest first, and by their life', async () => {
      await createUser('My')
      const body = { description: 'Le Huong' }
      await act('security', 'createApiKey', { userId: 'My', expiresIn: -1, body })
      await create('Sigfox API key')
      await create('Lora API key')
      await create('Lora API key 2', { expiresIn: 42, refresh: 'wait_for' })
      const { hits } = await act('auth', 'searchApiKeys', { body: { match: { description: 'Lora' } } })
      const { expiresAt } = hits[1]._source
      assert.deepEqual(hits.map(shown), [
        permanent('Lora API key'),
        { userId: 'test-admin', ttl: 42, expiresAt, description: 'Lora API key 2' },
      ])
      assert.ok(expiresAt > 42)
      const short = await act('auth', 'searchApiKeys', { body: { equals: { ttl: '42' } }, lang: 'koncorde' })
      assert.deepEqual(short.hits, [hits[1]])
    })

    it('a deleted key is listed no more and logs nobody in', async () => {
      const created = await create('Sigfox API key', { _id: 'SGN-HCM' })
      assert.equal(created._id, 'SGN-HCM')
      assert.equal(await isGood(created._source.token), true)
      await act('auth', 'deleteApiKey', { _id: 'SGN-HCM', refresh: 'wait_for' })
      assert.deepEqual(await act('auth', 'searchApiKeys'), { hits: [], total: 0 })
      assert.equal(await isGood(created._source.token), false)
    })
  },
)

describeScenarios("the SDK's scenarios of users who log in", (world) => {
  const { act, refusal, logIn, createUser, isGood } = world

  it('login wants the right name and the right password', async () => {
    await createUser('my-user')
    const attempt = (username: string, password: string) =>
      act('auth', 'login', { strategy: 'local', body: { username, password } }).then(
        ({ jwt }) => isGood(jwt),
        (error: Json) => error.id,
      )
    assert.equal(await attempt('my-user', 'password'), true)
    assert.equal(await attempt('my-user-w', 'password'), 'plugin.strategy.missing_user')
    assert.equal(await attempt('my-user', 'password-w'), 'plugin.strategy.missing_user')
    assert.equal(await attempt('my-user-w', 'password-w'), 'plugin.strategy.missing_user')
  })

  it('a user changes its own data, and sees one right where it may do everything', async () => {
    await createUser('my-user', ['admin'])
    await logIn('my-user')
    await act('auth', 'updateSelf', { body: { my_data: 'mystringvalue' } })
    assert.equal((await act('auth', 'getCurrentUser'))._source.my_data, 'mystringvalue')
    const rights = await world.kuzzle.auth.getMyRights()
    const everything = { controller: '*', action: '*', index: '*', collection: '*', value: 'allowed' }
    assert.deepEqual(rights, [everything])
    await logIn('test-admin')
  })

  it('logout ends a session, and refreshToken replaces it', async () => {
    const { kuzzle } = world
    await createUser('my-user')
    await logIn('my-user')
    const first = kuzzle.jwt
    assert.equal(await isGood(first), true)
    await kuzzle.auth.logout()
    assert.equal(await isGood(first), false)

    await logIn('my-user')
    const second = kuzzle.jwt
    await kuzzle.auth.refreshToken()
    const third = kuzzle.jwt
    assert.notEqual(third, second)
    assert.equal(await isGood(third), true)
    kuzzle.jwt = second
    assert.equal((await refusal('auth', 'refreshToken')).id, 'security.token.invalid')
    await logIn('test-admin')
  })
})
