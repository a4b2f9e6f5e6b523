import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Caller } from '../../core/access/caller.ts'
import type { KeyId, UserId } from '../../core/ids.ts'
import type { KeyPolicy } from '../../core/keys/policy.ts'
import { openTestApi, type TestApi } from './testing/test-api.ts'

const K1 = 'k1' as KeyId

/** The API with an administrator who has a key of that policy. */
async function openWithKey(t: TestContext, policy: KeyPolicy) {
  const api = await openTestApi(t)
  const session = await api.login('root')
  const user = await api.authority.users.get('root' as UserId)
  const caller: Caller = { user, origin: { carrier: 'http', requestId: 'test', local: true } }
  const request = { owner: user.id, description: 'd', id: K1, native: {}, policy }
  const { token } = await api.authority.keys.issueFor(caller, request)
  return { ...api, session, caller, token: token.reveal() }
}

async function answerTo({ ask }: Pick<TestApi, 'ask'>, token: string, path = '/_me') {
  const { status, body } = await ask('GET', path, { token })
  return [status, body.error?.id]
}

describe('a key with a policy', () => {
  it('may do through this API what its scopes keep of the rights of its owner', async (t) => {
    const api = await openWithKey(t, { scopes: ['auth:get*', 'server:now'] })
    assert.deepEqual(await answerTo(api, api.token), [200, undefined])
    assert.deepEqual(await answerTo(api, api.token, '/_now'), [200, undefined])
    assert.deepEqual(await answerTo(api, api.token, '/_serverInfo'), [403, 'security.rights.forbidden'])
    const { body } = await api.ask('POST', '/_checkRights', {
      token: api.session,
      body: { controller: 'server', action: 'info' },
    })
    assert.equal(body.result.allowed, true)
  })

  it('may not issue keys or tokens, whatever its scopes say', async (t) => {
    const api = await openWithKey(t, { scopes: ['*'] })
    const attempts = [
      ['/api-keys/_create', { description: 'd' }],
      ['/users/root/api-keys/_create', { description: 'd' }],
      ['/_createToken', {}],
    ] as const
    for (const [path, body] of attempts) {
      const answer = await api.ask('POST', path, { token: api.token, body })
      assert.deepEqual(
        [answer.status, answer.body.error.id],
        [403, 'security.apikey.issuing_forbidden'],
        path,
      )
    }
  })

  it('is an invalid token from other addresses', async (t) => {
    const api = await openWithKey(t, { addresses: ['192.0.2.0/24'] })
    assert.deepEqual(await answerTo(api, api.token), [401, 'security.token.invalid'])
  })

  it('is an invalid token when it is bound to what cannot be shown here', async (t) => {
    const thumbprint = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
    for (const confirmation of [{ x5tS256: thumbprint }, { jkt: thumbprint }]) {
      const api = await openWithKey(t, { confirmation })
      assert.deepEqual(await answerTo(api, api.token), [401, 'security.token.invalid'])
      const socket = await api.socket()
      const request = { controller: 'auth', action: 'getCurrentUser', jwt: api.token }
      assert.equal((await socket.ask(request)).error.id, 'security.token.invalid')
      const { body } = await api.ask('POST', '/_checkToken', { body: { token: api.token } })
      assert.equal(body.result.valid, false)
    }
  })

  it('is told to slow down, and when its budget is used up, with status 429', async (t) => {
    const limited = await openWithKey(t, { limits: [{ name: 'm', limit: 1, windowMs: 60_000 }] })
    assert.deepEqual(await answerTo(limited, limited.token), [200, undefined])
    assert.deepEqual(await answerTo(limited, limited.token), [429, 'api.process.too_many_requests'])
    const paid = await openWithKey(t, { credits: { initial: 1 } })
    assert.deepEqual(await answerTo(paid, paid.token), [200, undefined])
    assert.deepEqual(await answerTo(paid, paid.token), [429, 'api.process.too_many_requests'])
    assert.equal((await paid.ask('GET', '/_me', { token: paid.token })).headers.get('retry-after'), '1')
  })

  it('sets no password, with which its holder could log in', async (t) => {
    const { ask, token } = await openWithKey(t, { scopes: ['*'] })
    const credentials = { username: 'root', password: 'chosen by a thief' }
    for (const [method, path, body] of [
      ['PUT', '/credentials/local/_me/_update', credentials],
      ['POST', '/credentials/local/_me/_create', credentials],
      ['PUT', '/credentials/local/root/_update', credentials],
      [
        'POST',
        '/users/thief/_create',
        { content: { profileIds: ['admin'] }, credentials: { local: credentials } },
      ],
    ] as const) {
      const { body: answer } = await ask(method, path, { token, body })
      assert.equal(answer.error?.id, 'security.apikey.issuing_forbidden', path)
    }
  })

  it('spends nothing when somebody asks whether it is valid', async (t) => {
    const { ask, token, authority, caller } = await openWithKey(t, { credits: { initial: 1 } })
    for (let n = 0; n < 3; n++) {
      const { body } = await ask('POST', '/_checkToken', { body: { token } })
      assert.deepEqual(body.result, { expiresAt: -1, kuid: 'root', valid: true })
    }
    assert.equal((await authority.lifeCycle.get(caller, K1)).credits, 1)
  })
})

describe('the end of a key', () => {
  it('looks the same whether it was deleted, disabled, expired or replaced', async (t) => {
    const api = await openWithKey(t, {})
    const { lifeCycle } = api.authority
    const next = (await lifeCycle.rotate(api.caller, K1, { graceMs: 0 })).token.reveal()
    const replaced = await api.ask('GET', '/_me', { token: api.token })
    await lifeCycle.disable(api.caller, K1, undefined)
    const disabled = await api.ask('GET', '/_me', { token: next })
    await lifeCycle.enable(api.caller, K1)
    assert.equal((await api.ask('GET', '/_me', { token: next })).status, 200)
    const deleted = await api.ask('DELETE', '/api-keys/k1', { token: api.session })
    assert.equal(deleted.status, 200)
    const revoked = await api.ask('GET', '/_me', { token: next })
    const texts = [replaced, disabled, revoked].map(({ status, body }) => [
      status,
      body.error.id,
      body.error.message,
    ])
    assert.deepEqual(new Set(texts.map((text) => text.join())).size, 1)
    assert.deepEqual(texts[0]?.slice(0, 2), [401, 'security.token.invalid'])
    assert.equal((await lifeCycle.get(api.caller, K1)).revocation?.reason, 'unspecified')
  })

  it('is told to its sockets: when it is disabled, and when the grace of a rotation is over', async (t) => {
    const api = await openWithKey(t, {})
    const socket = await api.socket()
    const hello = (jwt: string) => socket.ask({ controller: 'auth', action: 'getCurrentUser', jwt })
    assert.equal((await hello(api.token)).status, 200)
    const { token } = await api.authority.lifeCycle.rotate(api.caller, K1, { graceMs: 1_000 })
    api.api.sweepTokens()
    assert.equal((await hello(api.token)).status, 200)
    assert.deepEqual(socket.unread, [])
    api.authority.clock.passMs(1_000)
    api.api.sweepTokens()
    assert.equal((await socket.next()).type, 'TokenExpired')
    assert.equal((await hello(token.reveal())).status, 200)
    await api.authority.lifeCycle.disable(api.caller, K1, undefined)
    assert.equal((await socket.next()).type, 'TokenExpired')
  })
})
