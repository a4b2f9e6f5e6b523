import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import mqtt, { type MqttClient } from 'mqtt'
import { ADMIN, ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

const ANSWER_TIMEOUT_MS = 10_000

// biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
type Json = any

/** The next message on `topic` that `accept` takes. */
function nextMessage(client: MqttClient, topic: string, accept: (message: Json) => boolean): Promise<Json> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no message on ${topic}`)), ANSWER_TIMEOUT_MS)
    const listen = (on: string, payload: Buffer): void => {
      if (on !== topic) return
      const message = JSON.parse(payload.toString())
      if (!accept(message)) return
      clearTimeout(timer)
      client.off('message', listen)
      resolve(message)
    }
    client.on('message', listen)
  })
}

async function call(client: MqttClient, request: Record<string, unknown>): Promise<Json> {
  const requestId = randomUUID()
  const answer = nextMessage(client, 'Kuzzle/response', (message) => message.requestId === requestId)
  await client.publishAsync('Kuzzle/request', JSON.stringify({ requestId, ...request }))
  return answer
}

describe('mqtt.js, unchanged', () => {
  let server: RunningServer
  let adminToken: string
  const clients: MqttClient[] = []

  async function connect(): Promise<MqttClient> {
    const client = await mqtt.connectAsync(`mqtt://${server.host}:${server.mqttPort}`, { reconnectPeriod: 0 })
    client.on('error', () => {})
    clients.push(client)
    return client
  }

  const closed = (client: MqttClient): Promise<void> =>
    new Promise((resolve) => {
      client.once('close', () => resolve())
    })

  before(async () => {
    server = await startServer({
      environment: {
        LATCHKEY_SERVER_PROTOCOLS_MQTT_ENABLED: 'true',
        LATCHKEY_SERVER_PROTOCOLS_MQTT_PORT: '0',
      },
    })
    assert.ok(server.mqttPort > 0, 'the server says where MQTT listens')
    adminToken = await createAdmin(server)
    await ask(server, 'POST', '/users/melis/_create', {
      token: adminToken,
      body: {
        content: { profileIds: ['default'] },
        credentials: { local: { username: 'melis', password: 'password' } },
      },
    })
  })

  after(async () => {
    await Promise.all(clients.map((client) => client.endAsync(true)))
    await server.stop()
    server.discard()
  })

  it('logs in, issues, uses, finds and deletes a key, without subscribing to the answers', async () => {
    const client = await connect()
    const login = await call(client, { controller: 'auth', action: 'login', strategy: 'local', body: ADMIN })
    assert.equal(login.status, 200)
    const jwt = login.result.jwt
    const created = await call(client, {
      controller: 'security',
      action: 'createApiKey',
      jwt,
      userId: 'melis',
      _id: 'mqtt-key',
      expiresIn: '30d',
      body: { description: 'LoRa gateway' },
    })
    const token = created.result._source.token
    const me = await call(client, { controller: 'auth', action: 'getCurrentUser', jwt: token })
    assert.equal(me.result._id, 'melis')
    assert.equal('room' in me, false)
    const found = await call(client, {
      controller: 'security',
      action: 'searchApiKeys',
      jwt,
      userId: 'melis',
      body: { match: { description: 'lora' } },
    })
    assert.equal(found.result.total, 1)
    const deleted = await call(client, {
      controller: 'security',
      action: 'deleteApiKey',
      jwt,
      userId: 'melis',
      _id: 'mqtt-key',
    })
    assert.deepEqual(deleted.result, { _id: 'mqtt-key' })
    const refused = await call(client, { controller: 'auth', action: 'getCurrentUser', jwt: token })
    assert.equal(refused.status, 401)
    assert.equal(refused.error.id, 'security.token.invalid')
  })

  it('tells a connection that used a key when that key is deleted', async () => {
    const client = await connect()
    const created = await ask(server, 'POST', '/users/melis/api-keys/_create', {
      token: adminToken,
      body: { description: 'watched' },
    })
    await call(client, {
      controller: 'auth',
      action: 'getCurrentUser',
      jwt: created.body.result._source.token,
    })
    const notice = nextMessage(client, 'kuzzle:notification:server', (m) => m.type === 'TokenExpired')
    await ask(server, 'DELETE', `/users/melis/api-keys/${created.body.result._id}`, { token: adminToken })
    assert.equal((await notice).message, 'Authentication Token Expired')
  })

  it('answers garbage with an error and goes on serving', async () => {
    const client = await connect()
    for (const garbage of ['', 'nonsense', '{"controller":', 'null', '[]', '42', '"text"']) {
      const answer = nextMessage(client, 'Kuzzle/response', () => true)
      await client.publishAsync('Kuzzle/request', garbage)
      assert.equal((await answer).status, 400, garbage)
    }
    assert.equal((await call(client, { controller: 'server', action: 'now' })).status, 200)
  })

  it('does not let anybody listen to requests, or forge answers', async () => {
    const listener = await connect()
    await listener.subscribeAsync('Kuzzle/request').then(
      (granted) => assert.equal(granted[0]?.qos, 128),
      () => undefined,
    )
    const spied: string[] = []
    listener.on('message', (topic) => spied.push(topic))
    const other = await connect()
    await call(other, { controller: 'server', action: 'now' })
    assert.deepEqual(spied, [])
    const forger = await connect()
    const dropped = closed(forger)
    forger.publish('Kuzzle/response', '{}')
    await dropped
  })

  it('refuses wildcards and foreign topics, and gives answers only to who asked', async () => {
    const client = await connect()
    await client.subscribeAsync('#').then(
      (granted) => assert.equal(granted[0]?.qos, 128),
      () => undefined,
    )
    const publisher = await connect()
    const dropped = closed(publisher)
    publisher.publish('some/topic', 'x')
    await dropped
    const eavesdropper = await connect()
    await eavesdropper.subscribeAsync('Kuzzle/response').catch(() => undefined)
    const heard: string[] = []
    eavesdropper.on('message', (topic) => heard.push(topic))
    const asker = await connect()
    await call(asker, { controller: 'server', action: 'now' })
    await call(asker, { controller: 'server', action: 'now' })
    assert.deepEqual(heard, [])
  })
})
