import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openTestApi, type TestApi } from './testing/test-api.ts'

const ME = { controller: 'auth', action: 'getCurrentUser' }

describe('over WebSocket', () => {
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

  async function createKey(query = ''): Promise<{ id: string; token: string }> {
    const how = { token: admin, body: { description: 'x' } }
    const { result } = (await test.ask('POST', `/api-keys/_create${query}`, how)).body
    return { id: result._id, token: result._source.token }
  }

  describe('an answer', () => {
    it('has the id of its request as `room`, by which clients find it', async () => {
      const socket = await test.socket()
      const answer = await socket.ask({ ...ME, jwt: admin, volatile: { a: 1 } })
      assert.equal(answer.room, answer.requestId)
      assert.equal(answer.result._id, 'root')
      assert.deepEqual(answer.volatile, { a: 1 })
    })

    it('comes for each of many requests at once', async () => {
      const socket = await test.socket()
      const answers = await Promise.all(Array.from({ length: 200 }, () => socket.ask(ME)))
      assert.equal(new Set(answers.map(({ requestId }) => requestId)).size, 200)
    })
  })

  it('each frame is judged by its own token: nothing is remembered', async () => {
    const socket = await test.socket()
    assert.equal((await socket.ask({ ...ME, jwt: admin })).result._id, 'root')
    assert.equal((await socket.ask(ME)).result._id, '-1')
    assert.equal((await socket.ask({ ...ME, jwt: '' })).error.id, 'security.token.invalid')
  })

  describe('a frame that is no request', () => {
    it('is answered, and the socket lives on', async () => {
      const socket = await test.socket()
      for (const text of ['{', 'null', '7', '"x"', '[]', '[[]]', 'true', '{"p":1', '\ud800']) {
        socket.send(text)
        const answer = await socket.next()
        assert.equal(answer.status, 400, text)
        assert.equal(answer.error.id, 'network.websocket.unexpected_error')
        assert.equal('room' in answer, false)
        assert.match(answer.requestId, /^[0-9a-f-]{36}$/)
      }
      assert.equal((await socket.ask(ME)).status, 200)
    })

    it('but names a request id is answered in its room, so that no promise of a client hangs', async () => {
      const socket = await test.socket()
      for (const wrong of [
        { controller: 1 },
        { body: 'x' },
        { volatile: [] },
        { jwt: {} },
        { targets: {} },
      ]) {
        const answer = await socket.ask({ ...ME, ...wrong })
        assert.equal(answer.status, 400)
        assert.equal(answer.room, answer.requestId)
      }
      const deep = `${'['.repeat(300)}${']'.repeat(300)}`
      socket.send(`{"requestId":"deep","controller":"auth","action":"login","body":${deep}}`)
      assert.equal((await socket.next()).room, 'deep')
    })
  })

  it('the heartbeat of browsers is answered', async () => {
    const socket = await test.socket()
    socket.send('{"p":1}')
    assert.deepEqual(await socket.next(), { p: 2 })
  })

  it('switches must be booleans', async () => {
    const socket = await test.socket()
    const { error } = await socket.ask({
      controller: 'auth',
      action: 'createToken',
      singleUse: 'true',
      jwt: admin,
    })
    assert.equal(error.id, 'api.assert.invalid_type')
  })

  it('frames that come too fast are refused in their room', async (t) => {
    const slow = await openTestApi(t, {}, {}, { messagesPerSecondMax: 2 })
    const socket = await slow.socket()
    const answers = await Promise.all([socket.ask(ME), socket.ask(ME), socket.ask(ME)])
    assert.equal(answers[2]?.status, 429)
    assert.equal(answers[2]?.error.id, 'network.websocket.ratelimit_exceeded')
  })

  describe('the notice that a token ended', () => {
    it('comes when the token of the last frame expires, and once', async () => {
      const socket = await test.socket()
      const { token } = await createKey('?expiresIn=1000')
      await socket.ask({ ...ME, jwt: token })
      test.api.sweepTokens()
      assert.deepEqual(socket.unread, [])
      test.authority.clock.passMs(1_000)
      test.api.sweepTokens()
      test.api.sweepTokens()
      assert.equal((await socket.next()).type, 'TokenExpired')
      await socket.ask(ME)
      assert.deepEqual(socket.unread, [])
    })

    it('does not come to sockets that showed no token', async () => {
      const socket = await test.socket()
      const { id, token } = await createKey()
      await socket.ask(ME)
      await socket.ask({ controller: 'auth', action: 'checkToken', body: { token } })
      await test.ask('DELETE', `/api-keys/${id}`, { token: admin })
      await socket.ask(ME)
      assert.deepEqual(socket.unread, [])
    })

    it('follows a login on the socket, and a refresh moves on to the new token', async () => {
      const session = await test.login('roamer')
      const socket = await test.socket()
      const login = { strategy: 'local', body: { username: 'roamer', password: 'password' } }
      const { jwt } = (await socket.ask({ controller: 'auth', action: 'login', ...login })).result
      const refreshed = (await socket.ask({ controller: 'auth', action: 'refreshToken', jwt })).result.jwt
      test.authority.clock.passMs(2_000)
      test.api.sweepTokens()
      await socket.ask({ ...ME, jwt: refreshed })
      assert.deepEqual(socket.unread, [], 'the old token ended, and the client has a new one')
      await test.ask('POST', '/_logout?global', { token: session })
      assert.equal((await socket.next()).type, 'TokenExpired')
    })

    it('does not come to the socket that logged out, and comes to the others of that session', async () => {
      const session = await test.login('twice')
      const [one, other] = [await test.socket(), await test.socket()]
      await one.ask({ ...ME, jwt: session })
      await other.ask({ ...ME, jwt: session })
      await one.ask({ controller: 'auth', action: 'logout', jwt: session })
      assert.equal((await other.next()).type, 'TokenExpired')
      await one.ask(ME)
      assert.deepEqual(one.unread, [])
    })

    it('comes when the user of the token is deleted', async () => {
      const session = await test.login('doomed')
      const socket = await test.socket()
      await socket.ask({ ...ME, jwt: session })
      await test.ask('DELETE', '/users/doomed', { token: admin })
      assert.equal((await socket.next()).type, 'TokenExpired')
    })

    it('is not sent where the settings say so', async (t) => {
      const quiet = await openTestApi(t, { websocketRealtimeNotifications: false })
      const jwt = await quiet.login('root')
      const socket = await quiet.socket()
      await socket.ask({ ...ME, jwt })
      await quiet.ask('POST', '/_logout', { token: jwt })
      await socket.ask(ME)
      assert.deepEqual(socket.unread, [])
    })
  })

  it('cookies and origin of the upgrade count for every frame', async (t) => {
    const strict = await openTestApi(t, { accessControlAllowOrigin: ['https://a.test'] })
    const session = await strict.login('root')
    const good = await strict.socket({ origin: 'https://a.test', cookie: `authToken=${session}` })
    assert.equal((await good.ask(ME)).result._id, 'root')
    const bad = await strict.socket({ origin: 'https://b.test' })
    assert.equal((await bad.ask(ME)).error.id, 'api.process.unauthorized_origin')
  })

  it('open sockets are counted', async () => {
    const before = (await test.ask('GET', '/_metrics', { token: admin })).body.result.network.connections
    const socket = await test.socket()
    await socket.ask(ME)
    const during = (await test.ask('GET', '/_metrics', { token: admin })).body.result.network.connections
    assert.equal(during.websocket, (before.websocket ?? 0) + 1)
  })
})
