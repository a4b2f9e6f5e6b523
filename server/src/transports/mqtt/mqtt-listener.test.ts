import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import type { Connection, MessageHandler } from '../connection.ts'
import { openSocket, receiveAll, receiveUntil, waitUntil } from '../contract/raw-socket.ts'
import { openMqttListener } from './mqtt-listener.ts'
import type { MqttListener, MqttListenerOptions } from './mqtt-listener-options.ts'

type Fixture = {
  readonly port: number
  readonly listener: MqttListener
  readonly errors: unknown[]
  readonly opened: Connection[]
  readonly closed: Connection[]
}

type Received = MessageHandler['received']

const REQUESTS = 'Kuzzle/request'
const RESPONSES = 'Kuzzle/response'
const NOTICES = 'kuzzle:notification:server'

const echo: Received = async (connection, text) => connection.send(`echo ${text}`)

async function withListener(
  received: Received,
  options: Partial<Pick<MqttListenerOptions, 'limits' | 'allowPubSub' | 'disconnectDelayMs'>>,
  use: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = []
  const opened: Connection[] = []
  const closed: Connection[] = []
  const listener = await openMqttListener({
    host: '127.0.0.1',
    port: 0,
    handler: {
      opened: (connection) => void opened.push(connection),
      received,
      closed: (connection) => void closed.push(connection),
    },
    requestTopic: REQUESTS,
    responseTopic: RESPONSES,
    serverTopics: [NOTICES],
    allowPubSub: false,
    disconnectDelayMs: 0,
    onError: (error) => errors.push(error),
    ...options,
    limits: { closeGraceMs: 50, drainTimeoutMs: 500, ...options.limits },
  })
  try {
    await use({ port: listener.port, listener, errors, opened, closed })
  } finally {
    await listener.close()
  }
}

/** A client that keeps what it receives, as `topic text`. */
async function openClient(
  port: number,
  options: IClientOptions = {},
): Promise<{ client: MqttClient; inbox: string[] }> {
  const client = await connectAsync(
    `mqtt://127.0.0.1:${port}`,
    { reconnectPeriod: 0, connectTimeout: 5_000, ...options },
    false,
  )
  client.on('error', () => {})
  const inbox: string[] = []
  client.on('message', (topic, payload) => inbox.push(`${topic} ${payload}`))
  return { client, inbox }
}

async function assertStillServes(port: number): Promise<void> {
  const { client, inbox } = await openClient(port)
  client.publish(REQUESTS, 'alive')
  await waitUntil(() => inbox.length === 1)
  assert.deepEqual(inbox, [`${RESPONSES} echo alive`])
  client.end(true)
}

async function assertDropped(client: MqttClient): Promise<void> {
  if (client.connected) await new Promise<void>((resolve) => client.once('close', () => resolve()))
  assert.equal(client.connected, false)
}

/** A packet: type and flags, then the rest with its length in front. */
function packet(typeAndFlags: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let rest = body.length
  do {
    length.push((rest % 128) | (rest >= 128 ? 0x80 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.concat([Buffer.from([typeAndFlags, ...length]), body])
}

function field(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

function connectPacket(clientId = '', keepAliveSeconds = 0, clean = true): Buffer {
  const head = Buffer.from([4, clean ? 2 : 0, keepAliveSeconds >> 8, keepAliveSeconds & 0xff])
  return packet(0x10, field('MQTT'), head, field(clientId))
}

function publishPacket(topic: string, payload: string | Uint8Array): Buffer {
  return packet(0x30, field(topic), Buffer.from(payload))
}

async function openRaw(port: number): Promise<Socket> {
  const socket = await openSocket(port)
  const answer = receiveUntil(socket, '\x20\x02\x00\x00')
  socket.write(connectPacket())
  await answer
  return socket
}

test('answers requests of QoS 0, 1 and 2 once, to the asking client alone, subscribed or not', async () => {
  await withListener(echo, {}, async ({ port, opened }) => {
    const asking = await openClient(port)
    const subscribed = await openClient(port)
    await subscribed.client.subscribeAsync(RESPONSES)
    for (const qos of [0, 1, 2] as const) {
      await asking.client.publishAsync(REQUESTS, `häß ${qos}`, { qos })
    }
    await waitUntil(() => asking.inbox.length === 3)
    assert.deepEqual(
      asking.inbox,
      [0, 1, 2].map((qos) => `${RESPONSES} echo häß ${qos}`),
    )
    subscribed.client.publish(REQUESTS, 'mine')
    await waitUntil(() => subscribed.inbox.length > 0)
    await nextTurn()
    assert.deepEqual(subscribed.inbox, [`${RESPONSES} echo mine`])
    assert.equal(asking.inbox.length, 3)
    const [connection] = opened
    assert.equal(connection?.carrier, 'mqtt')
    assert.equal(connection.local, true)
    assert.equal(connection.address, '127.0.0.1')
    assert.deepEqual(connection.headers, {})
    asking.client.end(true)
    subscribed.client.end(true)
  })
})

test('sends notices on another topic, without a subscription', async () => {
  await withListener(echo, {}, async ({ port, opened }) => {
    const { client, inbox } = await openClient(port)
    opened[0]?.send('expired', NOTICES)
    await waitUntil(() => inbox.length === 1)
    assert.deepEqual(inbox, [`${NOTICES} expired`])
    client.end(true)
  })
})

test('ignores user name and password', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const { client } = await openClient(port, { username: 'u', password: 'p' })
    assert.equal(client.connected, true)
    client.end(true)
  })
})

test('drops clients that publish to the response topic, a server topic, or with retain to the request topic', async () => {
  for (const allowPubSub of [false, true]) {
    await withListener(echo, { allowPubSub }, async ({ port }) => {
      for (const [topic, retain] of [
        [RESPONSES, false],
        [NOTICES, false],
        ['$SYS/x', false],
        [REQUESTS, true],
      ] as const) {
        const { client } = await openClient(port)
        client.publish(topic, 'x', { retain })
        await assertDropped(client)
      }
      await assertStillServes(port)
    })
  }
})

test('drops clients that publish elsewhere while allowPubSub is off', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const { client } = await openClient(port)
    client.publish('free', 'x')
    await assertDropped(client)
  })
})

test('lets clients speak to each other on free topics while allowPubSub is on, retained messages included', async () => {
  await withListener(echo, { allowPubSub: true }, async ({ port }) => {
    const one = await openClient(port)
    const two = await openClient(port)
    await one.client.subscribeAsync('free/topic', { qos: 1 })
    await two.client.publishAsync('free/topic', 'hello', { qos: 1, retain: true })
    await waitUntil(() => one.inbox.length === 1)
    const late = await openClient(port)
    await late.client.subscribeAsync('free/topic')
    await waitUntil(() => late.inbox.length === 1)
    assert.deepEqual(one.inbox, ['free/topic hello'])
    assert.deepEqual(late.inbox, ['free/topic hello'])
    for (const { client } of [one, two, late]) client.end(true)
  })
})

test('refuses to retain more than allowed, and forgets what is cleared', async () => {
  const limits = { retainedMax: 1, retainedBytesMax: 10 }
  await withListener(echo, { allowPubSub: true, limits }, async ({ port }) => {
    const { client } = await openClient(port)
    await client.publishAsync('a', '0123456789', { retain: true, qos: 1 })
    await client.publishAsync('a', '', { retain: true, qos: 1 })
    await client.publishAsync('b', '1', { retain: true, qos: 1 })
    client.publish('b', '0123456789x', { retain: true })
    await assertDropped(client)
    const other = await openClient(port)
    other.client.publish('c', '1', { retain: true })
    await assertDropped(other.client)
  })
})

test('refuses subscriptions to the request topic, to wildcards, to broker topics and beyond the bound', async () => {
  await withListener(echo, { allowPubSub: true, limits: { subscriptionsMax: 2 } }, async ({ port }) => {
    const { client } = await openClient(port)
    const granted = async (topic: string): Promise<number | undefined> => {
      const done = new Promise<number | undefined>((resolve) => {
        client.subscribe(topic, (_error, _grants, suback) => {
          resolve(typeof suback?.granted[0] === 'number' ? suback.granted[0] : undefined)
        })
      })
      return done
    }
    for (const topic of [REQUESTS, '#', 'a/+', 'a/#', '$SYS/x', '$share/g/a']) {
      assert.equal(await granted(topic), 128, topic)
    }
    assert.equal(await granted(RESPONSES), 0)
    assert.equal(await granted('a'), 0)
    assert.equal(await granted('b'), 128)
    assert.equal(await granted('a'), 0)
    await client.unsubscribeAsync('a')
    assert.equal(await granted('b'), 0)
    client.end(true)
  })
})

test('refuses clients with a will that they could not publish, and keeps the promise of others', async () => {
  const will = (topic: string): IClientOptions => ({ will: { topic, payload: Buffer.from('gone'), qos: 1 } })
  const assertRefused = (port: number, topic: string) =>
    assert.rejects(openClient(port, will(topic)), /Not authorized/)
  await withListener(echo, {}, async ({ port }) => {
    for (const topic of [REQUESTS, RESPONSES, NOTICES, 'free']) await assertRefused(port, topic)
  })
  const seen: string[] = []
  const record: Received = async (_connection, text) => void seen.push(text)
  await withListener(record, { allowPubSub: true }, async ({ port, opened, closed }) => {
    for (const topic of [REQUESTS, RESPONSES, NOTICES]) await assertRefused(port, topic)
    const witness = await openClient(port)
    await witness.client.subscribeAsync('free')
    const dying = await openClient(port, will('free'))
    dying.client.stream.destroy()
    await waitUntil(() => witness.inbox.length === 1)
    assert.deepEqual(witness.inbox, ['free gone'])
    assert.equal(opened.length, 2)
    await waitUntil(() => closed.length === 1)
    assert.deepEqual(seen, [])
    witness.client.end(true)
  })
})

test('refuses client ids that are too long', async () => {
  await withListener(echo, { limits: { clientIdLengthMax: 30 } }, async ({ port }) => {
    await assert.rejects(openClient(port, { clientId: 'x'.repeat(31) }), /Identifier rejected/)
    await assertStillServes(port)
  })
})

test('keeps no session beyond the connection, even when asked to', async () => {
  await withListener(echo, { allowPubSub: true }, async ({ port }) => {
    const first = await openClient(port, { clientId: 'c', clean: false })
    await first.client.subscribeAsync('free', { qos: 1 })
    await first.client.endAsync()
    const other = await openClient(port)
    await other.client.publishAsync('free', 'missed', { qos: 1 })
    const socket = await openSocket(port)
    const answer = receiveUntil(socket, '\x20\x02')
    socket.write(connectPacket('c', 0, false))
    assert.equal(await answer, '\x20\x02\x00\x00')
    socket.destroy()
    other.client.end(true)
  })
})

test('accepts a packet of the largest size, and ends the connection on one byte more before it is read', async () => {
  const length: Received = async (connection, text) => connection.send(String(text.length))
  await withListener(length, { limits: { packetBytesMax: 10_000 } }, async ({ port }) => {
    const overhead = publishPacket(REQUESTS, '').length + 1
    const fits = await openRaw(port)
    const answer = receiveUntil(fits, String(10_000 - overhead))
    fits.write(publishPacket(REQUESTS, 'x'.repeat(10_000 - overhead)))
    await answer
    const end = receiveAll(fits)
    fits.write(publishPacket(REQUESTS, 'x'.repeat(10_000 - overhead + 1)).subarray(0, 3))
    assert.equal(await end, '')
  })
})

test('ends connections that do not say CONNECT in time, or say something else first', async () => {
  await withListener(echo, { limits: { connectTimeoutMs: 50 } }, async ({ port, opened }) => {
    const silent = await openSocket(port)
    assert.equal(await receiveAll(silent), '')
    const slow = await openSocket(port)
    const slowEnd = receiveAll(slow)
    slow.write(connectPacket().subarray(0, 5))
    assert.equal(await slowEnd, '')
    const rude = await openSocket(port)
    const rudeEnd = receiveAll(rude)
    rude.write(publishPacket(REQUESTS, 'x'))
    assert.equal(await rudeEnd, '')
    assert.equal(opened.length, 0)
  })
})

test('ends a silent connection after its keep-alive, also when the client asked for none', async () => {
  await withListener(echo, { limits: { keepAliveSecondsMax: 0.03 } }, async ({ port, closed }) => {
    for (const keepAlive of [0, 600]) {
      const socket = await openSocket(port)
      const end = receiveAll(socket)
      socket.write(connectPacket('', keepAlive))
      assert.equal(await end, '\x20\x02\x00\x00')
    }
    await waitUntil(() => closed.length === 2)
  })
})

test('answers a client of MQTT 5 with "unacceptable protocol version"', async () => {
  await withListener(echo, {}, async ({ port }) => {
    await assert.rejects(openClient(port, { protocolVersion: 5 }), /protocol version/i)
    await assertStillServes(port)
  })
})

test('a second client with the same id replaces the first', async () => {
  await withListener(echo, {}, async ({ port, closed }) => {
    const first = await openClient(port, { clientId: 'same' })
    const second = await openClient(port, { clientId: 'same' })
    await assertDropped(first.client)
    await waitUntil(() => closed.length === 1)
    second.client.publish(REQUESTS, 'x')
    await waitUntil(() => second.inbox.length === 1)
    second.client.end(true)
  })
})

test('cuts a client that does not read its answers', async () => {
  const flood: Received = async (connection) => {
    for (let count = 0; count < 200; count += 1) connection.send('x'.repeat(100_000))
  }
  await withListener(flood, { limits: { bufferedBytesMax: 1_000_000 } }, async ({ port, closed }) => {
    const socket = await openRaw(port)
    socket.pause()
    socket.write(publishPacket(REQUESTS, 'go'))
    await waitUntil(() => closed.length === 1)
    socket.destroy()
  })
})

test('one answer longer than the bound does not make a slow reader', async () => {
  const long: Received = async (connection) => connection.send('x'.repeat(3_000_000))
  await withListener(long, { limits: { bufferedBytesMax: 1_000 } }, async ({ port }) => {
    const { client, inbox } = await openClient(port)
    client.publish(REQUESTS, 'go')
    await waitUntil(() => inbox.length === 1)
    assert.equal(inbox[0]?.length, 3_000_000 + RESPONSES.length + 1)
    client.end(true)
  })
})

test('cuts the client that keeps most in memory, be it half a packet or answers, and serves the others', async () => {
  const long: Received = async (connection, text) =>
    connection.send(text === 'go' ? 'x'.repeat(500_000) : `echo ${text}`)
  await withListener(long, { limits: { heldBytesMax: 4_000_000 } }, async ({ port, listener }) => {
    const half = packet(0x30, field(REQUESTS), Buffer.alloc(1_000_000)).subarray(0, 900_000)
    const senders = await Promise.all(Array.from({ length: 8 }, () => openSocket(port)))
    await waitUntil(() => listener.openConnections === 8)
    for (const sender of senders) sender.write(Buffer.concat([connectPacket(), half]))
    await waitUntil(() => listener.openConnections <= 4)
    for (const sender of senders) sender.destroy()
    await waitUntil(() => listener.openConnections === 0)

    const reader = await openSocket(port)
    reader.pause()
    const request = packet(0x30, field(REQUESTS), Buffer.from('go'))
    await waitUntil(() => listener.openConnections === 1)
    reader.write(Buffer.concat([connectPacket(), ...Array.from({ length: 50 }, () => request)]))
    await waitUntil(() => listener.openConnections === 0)
    await assertStillServes(port)
  })
})

test('keeps nothing in memory of requests that are answered', async () => {
  await withListener(echo, { limits: { heldBytesMax: 200_000 } }, async ({ port }) => {
    const { client, inbox } = await openClient(port)
    for (let count = 1; count <= 50; count += 1) {
      client.publish(REQUESTS, 'x'.repeat(50_000))
      await waitUntil(() => inbox.length === count)
    }
    client.end(true)
  })
})

test('a subscriber that does not read holds up nobody’s requests', async () => {
  await withListener(echo, { allowPubSub: true }, async ({ port }) => {
    const deaf = await openRaw(port)
    const subscribed = receiveUntil(deaf, '\x90\x03')
    deaf.write(packet(0x82, Buffer.from([0, 1]), field('free'), Buffer.from([0])))
    await subscribed
    deaf.pause()
    const talker = await openClient(port)
    for (let count = 0; count < 300; count += 1) talker.client.publish('free', 'x'.repeat(100_000))
    await assertStillServes(port)
    deaf.destroy()
    talker.client.end(true)
  })
})

test('answers no more than inFlightMax requests of one client at once, and all of them in the end', async () => {
  let running = 0
  let most = 0
  const counted: Received = async (connection, text) => {
    running += 1
    most = Math.max(most, running)
    await nextTurn()
    running -= 1
    connection.send(text)
  }
  await withListener(counted, { limits: { inFlightMax: 3 } }, async ({ port }) => {
    const { client, inbox } = await openClient(port)
    for (let count = 0; count < 5_000; count += 1) client.publish(REQUESTS, String(count))
    await waitUntil(() => inbox.length === 5_000)
    assert.equal(new Set(inbox).size, 5_000)
    assert.equal(most, 3)
    client.end(true)
  })
})

test('drops connections beyond the allowed number and serves the others', async () => {
  await withListener(echo, { limits: { connectionsMax: 1 } }, async ({ port, listener }) => {
    const first = await openRaw(port)
    assert.equal(await receiveAll(await openSocket(port)), '')
    first.destroy()
    await waitUntil(() => listener.openConnections === 0)
    await assertStillServes(port)
  })
})

test('answers a request that is followed at once by DISCONNECT without failing', async () => {
  const seen: string[] = []
  const record: Received = async (connection, text) => {
    await nextTurn()
    connection.send(text)
    seen.push(text)
  }
  await withListener(record, {}, async ({ port, errors, closed }) => {
    const socket = await openSocket(port)
    const all = [connectPacket(), publishPacket(REQUESTS, 'last words'), Buffer.from([0xe0, 0])]
    socket.write(Buffer.concat(all))
    await waitUntil(() => closed.length === 1)
    assert.deepEqual(seen, ['last words'])
    assert.deepEqual(errors, [])
  })
})

test('the handler may close a connection after a last message', async () => {
  const bye: Received = async (connection) => {
    connection.send('bye')
    connection.close()
  }
  await withListener(bye, {}, async ({ port }) => {
    const socket = await openRaw(port)
    const answer = receiveAll(socket)
    socket.write(publishPacket(REQUESTS, 'x'))
    assert.match(await answer, /bye$/)
  })
})

test('reports a handler that fails and keeps the connection', async () => {
  const fails: Received = async (connection, text) => {
    if (text === 'bad') throw new Error('broken promise')
    connection.send('good')
  }
  await withListener(fails, {}, async ({ port, errors }) => {
    const { client, inbox } = await openClient(port)
    client.publish(REQUESTS, 'bad')
    client.publish(REQUESTS, 'ok')
    await waitUntil(() => inbox.length === 1)
    assert.match(String(errors[0]), /broken promise/)
    client.end(true)
  })
})

test('forgets a client only after disconnectDelayMs, but at once when closing', async () => {
  await withListener(echo, { disconnectDelayMs: 60_000 }, async ({ port, listener, opened, closed }) => {
    const { client } = await openClient(port)
    client.end(true)
    await waitUntil(() => listener.openConnections === 0)
    assert.equal(closed.length, 0)
    await listener.close()
    assert.deepEqual(closed, opened)
  })
})

test('closing lets running requests be answered, then ends every connection and refuses new ones', async () => {
  let finish: () => void = () => {}
  const slow: Received = (connection, text) =>
    new Promise((resolve) => {
      finish = () => {
        connection.send(`done ${text}`)
        resolve()
      }
    })
  await withListener(slow, { limits: { drainTimeoutMs: 60_000 } }, async ({ port, listener, closed }) => {
    const idle = await openClient(port)
    const busy = await openClient(port)
    const started = finish
    busy.client.publish(REQUESTS, 'x')
    await waitUntil(() => finish !== started)
    const closing = listener.close()
    await assertDropped(idle.client)
    await assert.rejects(openSocket(port))
    finish()
    await assertDropped(busy.client)
    assert.deepEqual(busy.inbox, [`${RESPONSES} done x`])
    await closing
    assert.equal(closed.length, 2)
  })
})

test('closing cuts clients and requests that do not finish in time', async () => {
  const never: Received = () => new Promise(() => {})
  const limits = { drainTimeoutMs: 30, closeGraceMs: 30 }
  await withListener(never, { limits }, async ({ port, listener }) => {
    const socket = await openRaw(port)
    socket.pause()
    socket.write(publishPacket(REQUESTS, 'x'))
    await listener.close()
    assert.equal(listener.openConnections, 0)
    socket.destroy()
  })
})

test('refuses to open on a port that is taken', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const handler: MessageHandler = { opened: () => {}, received: echo, closed: () => {} }
    const topics = { requestTopic: 'a', responseTopic: 'b', allowPubSub: false, disconnectDelayMs: 0 }
    const options = { host: '127.0.0.1', port, handler, onError: () => {}, ...topics }
    await assert.rejects(openMqttListener(options), { code: 'EADDRINUSE' })
  })
})

test('still serves a good client after any packets and bytes whatever', async () => {
  const limits = { connectTimeoutMs: 100, closeGraceMs: 10, keepAliveSecondsMax: 0.2 }
  await withListener(echo, { allowPubSub: true, limits }, async ({ port, errors, listener }) => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))
    const topic = fc.constantFrom(REQUESTS, RESPONSES, 'free', '', '#', '+', '$SYS/x', '\0', 'a/'.repeat(200))
    const piece = fc.oneof(
      bytes,
      fc.tuple(fc.nat(255), bytes).map(([type, body]) => packet(type, body)),
      fc
        .tuple(fc.nat(15), topic, bytes)
        .map(([flags, name, body]) => packet(0x30 | flags, field(name), body)),
      fc
        .tuple(topic, fc.nat(3))
        .map(([name, qos]) => packet(0x82, Buffer.from([0, 1]), field(name), Buffer.from([qos]))),
      fc
        .tuple(bytes, fc.nat(255), fc.nat(6))
        .map(([rest, flags, version]) =>
          packet(0x10, field('MQTT'), Buffer.from([version, flags, 0, 1]), field('id'), rest),
        ),
      fc.constant(connectPacket('same')),
    )
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(piece, { maxLength: 6 }), async (greet, pieces) => {
        const socket = await openSocket(port)
        const closed = receiveAll(socket)
        socket.end(Buffer.concat([greet ? connectPacket() : Buffer.alloc(0), ...pieces]))
        await closed
      }),
      { numRuns: 400 },
    )
    await waitUntil(() => listener.openConnections === 0)
    await assertStillServes(port)
    assert.deepEqual(errors, [])
  })
})
