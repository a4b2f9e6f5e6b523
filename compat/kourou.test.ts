import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { ADMIN, ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
type Json = any

const VOLATILE = {
  client: 'kourou@1.2.0',
  sdkName: 'js@7.14.0',
  sdkInstanceId: '0b3d0b1c-9a35-4d7e-8f6a-2d4c0c6a3f10',
}

/** A socket on which frames are sent exactly as written, and answers found by `room`, as the SDK does. */
class RawSocket {
  readonly #socket: WebSocket
  readonly #waiting = new Map<string, (message: Json) => void>()

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const message = JSON.parse(String(data))
      this.#waiting.get(message.room)?.(message)
    })
  }

  static open(url: string): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url)
      socket.once('open', () => resolve(new RawSocket(socket)))
      socket.once('error', reject)
    })
  }

  send(frame: Record<string, unknown>): Promise<Json> {
    const requestId = crypto.randomUUID()
    const answer = new Promise<Json>((resolve) => {
      this.#waiting.set(requestId, resolve)
    })
    this.#socket.send(JSON.stringify({ ...frame, requestId, volatile: VOLATILE }))
    return answer
  }

  close(): Promise<number> {
    return new Promise((resolve) => {
      this.#socket.once('close', (code) => resolve(code))
      this.#socket.close(1000)
    })
  }
}

describe('the frames that Kourou 1.2.0 sends', () => {
  let server: RunningServer
  let adminKey: string

  before(async () => {
    server = await startServer()
    const admin = await createAdmin(server)
    await ask(server, 'POST', '/users/melis/_create', {
      token: admin,
      body: {
        content: { profileIds: ['default'] },
        credentials: { local: { username: 'melis', password: 'password' } },
      },
    })
    const key = await ask(server, 'POST', '/api-keys/_create', { token: admin, body: { description: 'cli' } })
    adminKey = key.body.result._source.token
  })

  after(async () => {
    await server.stop()
    server.discard()
  })

  const open = () => RawSocket.open(`ws://${server.host}:${server.port}`)

  it('connects: the SDK asks checkToken without a token before anything else', async () => {
    const socket = await open()
    const answer = await socket.send({
      action: 'checkToken',
      body: {},
      cookieAuth: false,
      controller: 'auth',
    })
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.result, { valid: true, kuid: '-1', expiresAt: null })
    assert.equal(await socket.close(), 1000)
  })

  it('logs in with --username and --password for 90 seconds', async () => {
    const socket = await open()
    const answer = await socket.send({
      controller: 'auth',
      action: 'login',
      strategy: 'local',
      body: ADMIN,
      expiresIn: '90s',
      cookieAuth: false,
      verb: 'POST',
    })
    assert.equal(answer.result.ttl, 90_000)
    assert.equal(answer.result._id, 'admin')
    await socket.close()
  })

  it('impersonates with --as: issues a key for the user, uses it, deletes it', async () => {
    const socket = await open()
    const created = await socket.send({
      controller: 'security',
      action: 'createApiKey',
      userId: 'melis',
      body: { description: 'Kourou impersonation token' },
      expiresIn: '2h',
      refresh: 'wait_for',
      jwt: adminKey,
    })
    const me = await socket.send({
      controller: 'auth',
      action: 'getCurrentUser',
      body: {},
      jwt: created.result._source.token,
    })
    assert.equal(me.result._id, 'melis')
    const deleted = await socket.send({
      controller: 'security',
      action: 'deleteApiKey',
      userId: 'melis',
      _id: created.result._id,
      jwt: adminKey,
    })
    assert.equal(deleted.status, 200)
    await socket.close()
  })

  it('runs api-key:create, api-key:search, api-key:check and api-key:delete', async () => {
    const socket = await open()
    const created = await socket.send({
      controller: 'security',
      action: 'createApiKey',
      userId: 'melis',
      expiresIn: '-1',
      body: { description: 'Cron API key' },
      jwt: adminKey,
    })
    assert.equal(created.result._source.expiresAt, -1)
    const dated = await socket.send({
      controller: 'security',
      action: 'createApiKey',
      userId: 'melis',
      expiresIn: '30d',
      _id: 'k1',
      body: { description: 'D' },
      jwt: adminKey,
    })
    assert.equal(dated.result._id, 'k1')
    const filtered = await socket.send({
      controller: 'security',
      action: 'searchApiKeys',
      userId: 'melis',
      from: 0,
      size: 100,
      body: { match: { description: 'Cron' } },
      jwt: adminKey,
    })
    assert.equal(filtered.result.total, 1)
    assert.equal(filtered.result.hits[0]._source.fingerprint, created.result._source.fingerprint)
    const everything = await socket.send({
      controller: 'security',
      action: 'searchApiKeys',
      userId: 'melis',
      from: 0,
      size: 100,
      body: {},
      jwt: adminKey,
    })
    assert.equal(everything.result.total, 2)
    const check = await socket.send({
      controller: 'auth',
      action: 'checkToken',
      body: { token: created.result._source.token },
    })
    assert.equal(check.result.valid, true)
    const deleted = await socket.send({
      controller: 'security',
      action: 'deleteApiKey',
      userId: 'melis',
      _id: 'k1',
      body: {},
      jwt: adminKey,
    })
    assert.deepEqual(deleted.result, { _id: 'k1' })
    await socket.close()
  })

  it('answers the guide’s search line, whose filter arrives under an empty argument name', async () => {
    const socket = await open()
    const answer = await socket.send({
      controller: 'security',
      action: 'searchApiKeys',
      userId: 'melis',
      '': '{ term: { fingerprint: "x" } }',
      body: {},
      jwt: adminKey,
    })
    assert.equal(answer.status, 200)
    await socket.close()
  })
})
