import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectAsync } from 'mqtt'
import { openTestApi } from './testing/test-api.ts'

test('over MQTT requests are answered without a room, garbage is refused, and clients hear of their token', async (t) => {
  const api = await openTestApi(t)
  const jwt = await api.login('root')
  const client = await connectAsync(`mqtt://127.0.0.1:${await api.openMqtt()}`)
  t.after(() => client.endAsync(true))
  const received: { topic: string; message: unknown }[] = []
  const waiting: ((one: { topic: string; message: unknown }) => void)[] = []
  client.on('message', (topic, payload) => {
    const one = { topic, message: JSON.parse(payload.toString()) }
    const take = waiting.shift()
    if (take === undefined) received.push(one)
    else take(one)
  })
  // biome-ignore lint/suspicious/noExplicitAny: answers of a foreign protocol are looked at member by member
  const next = (): Promise<any> =>
    new Promise((resolve) => {
      const one = received.shift()
      if (one === undefined) waiting.push(resolve)
      else resolve(one)
    })

  await client.publishAsync(
    'Kuzzle/request',
    JSON.stringify({ controller: 'auth', action: 'getCurrentUser', requestId: 'r1', jwt }),
  )
  const answer = await next()
  assert.equal(answer.topic, 'Kuzzle/response')
  assert.equal(answer.message.requestId, 'r1')
  assert.equal(answer.message.result._id, 'root')
  assert.equal('room' in answer.message, false)

  for (const garbage of ['{', 'null', '[]']) {
    await client.publishAsync('Kuzzle/request', garbage)
    const { message } = await next()
    assert.equal(message.status, 400)
    assert.equal(message.error.id, 'network.mqtt.unexpected_error')
  }

  await api.ask('POST', '/_logout', { token: jwt })
  const notice = await next()
  assert.equal(notice.topic, 'kuzzle:notification:server')
  assert.equal(notice.message.type, 'TokenExpired')
})
