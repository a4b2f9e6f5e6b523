import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import type { Connection, MessageHandler } from '../connection.ts'
import { openSocket, receiveAll, receiveUntil, waitUntil } from '../contract/raw-socket.ts'
import { openHttpListener } from '../http/http-listener.ts'
import type { HttpListener } from '../http/http-listener-options.ts'
import { openWebSocketListener } from './websocket-listener.ts'
import type { WebSocketListener, WebSocketListenerOptions } from './websocket-listener-options.ts'

type Fixture = {
  readonly port: number
  readonly listener: WebSocketListener
  readonly http: HttpListener
  readonly errors: unknown[]
  readonly opened: Connection[]
  readonly closed: Connection[]
}

type Received = MessageHandler['received']

const echo: Received = async (connection, text) => connection.send(`echo ${text}`)

async function withListener(
  received: Received,
  options: Partial<Pick<WebSocketListenerOptions, 'limits' | 'now' | 'onRateExceeded' | 'heartbeat'>>,
  use: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = []
  const opened: Connection[] = []
  const closed: Connection[] = []
  const onError = (error: unknown): void => void errors.push(error)
  const reply = { status: 200, headers: {}, body: 'ok' }
  const http = await openHttpListener({
    host: '127.0.0.1',
    port: 0,
    handler: () => reply,
    overloaded: () => reply,
    onError,
    limits: { drainTimeoutMs: 2_000 },
  })
  const handler: MessageHandler = {
    opened: (connection) => void opened.push(connection),
    received,
    closed: (connection) => void closed.push(connection),
  }
  const limits = { closeGraceMs: 50, drainTimeoutMs: 500, ...options.limits }
  const listener = openWebSocketListener({ http, handler, onError, ...options, limits })
  try {
    await use({ port: http.port, listener, http, errors, opened, closed })
  } finally {
    await Promise.all([listener.close(), http.close()])
  }
}

async function openClient(
  port: number,
  path = '/',
  headers: Record<string, string> = {},
): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
  client.on('error', () => {})
  await once(client, 'open')
  return client
}

async function nextMessage(client: WebSocket): Promise<string> {
  const [data] = await once(client, 'message')
  return String(data)
}

async function closeCode(client: WebSocket): Promise<number> {
  if (client.readyState === WebSocket.CLOSED) throw new Error('already closed')
  const [code] = await once(client, 'close')
  return code
}

async function assertStillServes(port: number): Promise<void> {
  const client = await openClient(port)
  client.send('alive')
  assert.equal(await nextMessage(client), 'echo alive')
  client.terminate()
}

/** A TCP connection that has just been upgraded; the server's reply has been read. */
async function openRaw(port: number): Promise<Socket> {
  const socket = await openSocket(port)
  const lines = ['GET / HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: websocket']
  const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']
  const answer = receiveUntil(socket, '\r\n\r\n')
  socket.write(`${[...lines, ...key].join('\r\n')}\r\n\r\n`)
  assert.match(await answer, /^HTTP\/1.1 101 /)
  return socket
}

/** A client's frame with the all-zero mask, so that the payload stays readable. */
function frame(opcode: number, payload: string | Uint8Array, final = true): Buffer {
  const bytes = Buffer.from(payload)
  assert.ok(bytes.length < 126)
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, 0x80 | bytes.length, 0, 0, 0, 0]), bytes])
}

/** The code in the close frame that ends what the server sent. */
function closeCodeIn(answer: string): number | undefined {
  const at = answer.lastIndexOf('\x88')
  return at === -1 ? undefined : Buffer.from(answer, 'latin1').readUInt16BE(at + 2)
}

test('carries text both ways on any path, and shows address, headers and id of the client', async () => {
  await withListener(echo, {}, async ({ port, opened, closed }) => {
    const client = await openClient(port, '/some/where?x=1', {
      Cookie: 'authToken=t',
      Origin: 'http://localhost',
    })
    client.send('häßlich')
    assert.equal(await nextMessage(client), 'echo häßlich')
    const [connection] = opened
    assert.equal(connection?.carrier, 'websocket')
    assert.equal(connection.address, '127.0.0.1')
    assert.equal(connection.local, true)
    assert.equal(connection.headers['cookie'], 'authToken=t')
    assert.equal(connection.headers['origin'], 'http://localhost')
    assert.match(connection.id, /^[0-9a-f-]{36}$/)
    client.close()
    await waitUntil(() => closed.length === 1)
    assert.equal(closed[0], connection)
    connection.send('into the void')
    connection.close()
  })
})

test('a proxy in between, or a website of elsewhere, makes a connection not local', async () => {
  await withListener(echo, {}, async ({ port, opened }) => {
    for (const headers of [
      { 'X-Forwarded-For': '127.0.0.1' },
      { Host: 'rebound.test' },
      { Origin: 'https://website.test' },
    ]) {
      const client = await openClient(port, '/', headers)
      await waitUntil(() => opened.length === 1)
      assert.equal(opened.pop()?.local, false, JSON.stringify(headers))
      client.terminate()
    }
  })
})

test('takes binary frames that are UTF-8 as text, and closes with 1007 on others', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const client = await openClient(port)
    client.send(Buffer.from('bïn'), { binary: true })
    assert.equal(await nextMessage(client), 'echo bïn')
    client.send(Buffer.from([0xff, 0xfe]), { binary: true })
    assert.equal(await closeCode(client), 1007)

    const raw = await openRaw(port)
    const answer = receiveAll(raw)
    raw.write(frame(1, Buffer.from([0xff, 0xfe])))
    assert.equal(closeCodeIn(await answer), 1007)
  })
})

test('ignores empty frames, answers standard pings, and the heartbeat without asking the handler', async () => {
  const seen: string[] = []
  const record: Received = async (connection, text) => {
    seen.push(text)
    connection.send('handled')
  }
  const heartbeat = { ping: '{"p":1}', pong: '{"p":2}' }
  await withListener(record, { heartbeat }, async ({ port }) => {
    const client = await openClient(port)
    client.send('')
    client.send(Buffer.alloc(0))
    client.ping('abc')
    const [pong] = await once(client, 'pong')
    assert.equal(String(pong), 'abc')
    const answers: string[] = []
    client.on('message', (data) => answers.push(String(data)))
    client.send('{"p":1}')
    client.send('{"p":1} ')
    await waitUntil(() => answers.length === 2)
    assert.deepEqual(answers, ['{"p":2}', 'handled'])
    assert.deepEqual(seen, ['{"p":1} '])
    client.terminate()
  })
})

test('accepts a message of the largest size, and closes with 1009 on one byte more', async () => {
  const length: Received = async (connection, text) => connection.send(String(text.length))
  await withListener(length, {}, async ({ port }) => {
    const client = await openClient(port)
    client.send('a'.repeat(1_048_576))
    assert.equal(await nextMessage(client), '1048576')
    client.send('a'.repeat(1_048_577))
    assert.equal(await closeCode(client), 1009)
  })
})

test('closes with 1008 on a message in more fragments than allowed, and puts the allowed ones together', async () => {
  await withListener(echo, { limits: { framesPerMessageMax: 3 } }, async ({ port }) => {
    const good = await openRaw(port)
    const answer = receiveUntil(good, 'echo abcd')
    good.write(
      Buffer.concat([frame(1, 'a', false), frame(0, 'b', false), frame(0, 'c', false), frame(0, 'd')]),
    )
    await answer
    good.destroy()
    const bad = await openRaw(port)
    const all = receiveAll(bad)
    bad.write(Buffer.concat([frame(1, 'a', false), ...Array.from({ length: 3 }, () => frame(0, 'b', false))]))
    assert.equal(closeCodeIn(await all), 1008)
  })
})

test('closes with 1002 on frames that are not masked, reserved or out of place', async () => {
  await withListener(echo, {}, async ({ port, errors }) => {
    const wrong = [
      Buffer.from([0x81, 0x01, 0x61]),
      frame(3, 'x'),
      frame(0, 'x'),
      Buffer.from([0xf1, 0x80, 0, 0, 0, 0]),
      frame(9, 'x', false),
    ]
    for (const bytes of wrong) {
      const socket = await openRaw(port)
      const answer = receiveAll(socket)
      socket.write(bytes)
      assert.equal(closeCodeIn(await answer), 1002)
    }
    await assertStillServes(port)
    assert.deepEqual(errors, [])
  })
})

test('closes a silent socket with 1001, and not one that pings', async () => {
  let now = 0
  await withListener(echo, { limits: { idleTimeoutMs: 20 }, now: () => now }, async ({ port }) => {
    const silent = await openClient(port)
    const lively = await openClient(port)
    lively.ping()
    await once(lively, 'pong')
    const code = closeCode(silent)
    for (let step = 0; silent.readyState === WebSocket.OPEN; step += 1) {
      now = step
      lively.ping()
      await once(lively, 'pong')
    }
    assert.equal(await code, 1001)
    assert.equal(lively.readyState, WebSocket.OPEN)
    lively.terminate()
  })
})

test('does not close a silent client that waits for its answer', async () => {
  let now = 0
  let finish: () => void = () => {}
  const slow: Received = (connection) =>
    new Promise((resolve) => {
      finish = () => {
        connection.send('late')
        resolve()
      }
    })
  await withListener(slow, { limits: { idleTimeoutMs: 20 }, now: () => now }, async ({ port, http }) => {
    const client = await openClient(port)
    const answer = nextMessage(client)
    client.send('x')
    const bystander = await openClient(port)
    const bystanderClosed = closeCode(bystander)
    const clock = setInterval(() => {
      now += 5
    }, 5)
    assert.equal(await bystanderClosed, 1001)
    clearInterval(clock)
    finish()
    assert.equal(await answer, 'late')
    assert.equal(http.openConnections, 1)
    client.terminate()
  })
})

test('hands messages beyond the rate to onRateExceeded, and lets them pass again in the next second', async () => {
  let now = 0
  const options = {
    now: () => now,
    limits: { messagesPerSecondMax: 2 },
    onRateExceeded: (connection: Connection, text: string) => connection.send(`429 ${text}`),
  }
  await withListener(echo, options, async ({ port }) => {
    const client = await openClient(port)
    const ask = async (text: string): Promise<string> => {
      const answer = nextMessage(client)
      client.send(text)
      return answer
    }
    assert.equal(await ask('a'), 'echo a')
    assert.equal(await ask('b'), 'echo b')
    now = 999
    assert.equal(await ask('c'), '429 c')
    now = 1_000
    assert.equal(await ask('d'), 'echo d')
    client.terminate()
  })
})

test('closes a client that does not read its answers with 1011, and drops what it was sent after', async () => {
  const flood: Received = async (connection) => {
    for (let count = 0; count < 400; count += 1) connection.send('x'.repeat(100_000))
  }
  await withListener(flood, { limits: { bufferedBytesMax: 1_000_000 } }, async ({ port, closed }) => {
    const socket = await openRaw(port)
    socket.pause()
    socket.write(frame(1, 'go'))
    await waitUntil(() => closed.length === 1)

    const reader = await openRaw(port)
    const answer = receiveAll(reader)
    reader.write(frame(1, 'go'))
    assert.equal(closeCodeIn((await answer).slice(-4)), 1011)
  })
})

test('one answer longer than the bound does not make a slow reader', async () => {
  const long: Received = async (connection) => connection.send('x'.repeat(3_000_000))
  await withListener(long, { limits: { bufferedBytesMax: 1_000 } }, async ({ port }) => {
    const client = await openClient(port)
    client.send('go')
    assert.equal((await nextMessage(client)).length, 3_000_000)
    client.terminate()
  })
})

test('closes a client that pings without end and never reads', async () => {
  await withListener(echo, { limits: { bufferedBytesMax: 10_000 } }, async ({ port, closed }) => {
    const socket = await openRaw(port)
    socket.pause()
    const pings = Buffer.concat(Array.from({ length: 500 }, () => frame(9, 'x'.repeat(120))))
    const pump = (): void => {
      while (!socket.destroyed && socket.write(pings)) {}
    }
    socket.on('drain', pump)
    pump()
    await waitUntil(() => closed.length === 1)
    socket.destroy()
  })
})

test('cuts the client that keeps most in memory, be it half a message or answers, and serves the others', async () => {
  const long: Received = async (connection, text) =>
    connection.send(text === 'go' ? 'x'.repeat(500_000) : `echo ${text}`)
  await withListener(long, { limits: { heldBytesMax: 4_000_000 } }, async ({ port, closed, opened }) => {
    const senders = await Promise.all(Array.from({ length: 8 }, () => openRaw(port)))
    const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x0f, 0, 0, 0, 0, 0, 0])
    for (const sender of senders) sender.write(Buffer.concat([header, Buffer.alloc(900_000)]))
    await waitUntil(() => closed.length >= 4)
    assert.equal(opened.length, 8)
    for (const sender of senders) sender.destroy()
    await waitUntil(() => closed.length === 8)

    const reader = await openRaw(port)
    reader.pause()
    reader.write(Buffer.concat(Array.from({ length: 50 }, () => frame(1, 'go'))))
    await waitUntil(() => closed.length === 9)
    await assertStillServes(port)
  })
})

test('keeps nothing in memory of messages that are answered', async () => {
  await withListener(echo, { limits: { heldBytesMax: 200_000 } }, async ({ port }) => {
    const client = await openClient(port)
    for (let count = 0; count < 50; count += 1) {
      client.send('x'.repeat(50_000))
      assert.equal((await nextMessage(client)).length, 50_005)
    }
    client.terminate()
  })
})

test('answers no more than inFlightMax messages of one client at once, and all of them in the end', async () => {
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
    const client = await openClient(port)
    const answers: string[] = []
    client.on('message', (data) => answers.push(String(data)))
    for (let count = 0; count < 5_000; count += 1) client.send(String(count))
    await waitUntil(() => answers.length === 5_000)
    assert.equal(new Set(answers).size, 5_000)
    assert.equal(most, 3)
    client.terminate()
  })
})

test('closes a client with 1008 when more of its messages wait than may', async () => {
  const never: Received = () => new Promise(() => {})
  await withListener(never, { limits: { inFlightMax: 1, waitingMax: 5 } }, async ({ port }) => {
    const socket = await openRaw(port)
    const answer = receiveAll(socket)
    socket.write(Buffer.concat(Array.from({ length: 10 }, () => frame(1, 'x'))))
    assert.equal(closeCodeIn(await answer), 1008)
  })
})

test('answers 503 to upgrades beyond the allowed number of sockets', async () => {
  await withListener(echo, { limits: { connectionsMax: 1 } }, async ({ port, listener }) => {
    const first = await openClient(port)
    const second = new WebSocket(`ws://127.0.0.1:${port}/`)
    const [error] = await once(second, 'error')
    assert.match(String(error), /503/)
    first.terminate()
    await waitUntil(() => listener.openConnections === 0)
    await assertStillServes(port)
  })
})

test('answers a malformed upgrade with an HTTP error', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const socket = await openSocket(port)
    const answer = receiveAll(socket)
    socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    assert.match(await answer, /^HTTP\/1.1 400 /)
  })
})

test('reports a handler that fails and keeps the connection', async () => {
  const fails: Received = async (connection, text) => {
    if (text === 'bad') throw new Error('broken promise')
    connection.send('good')
  }
  await withListener(fails, {}, async ({ port, errors }) => {
    const client = await openClient(port)
    client.send('bad')
    client.send('ok')
    assert.equal(await nextMessage(client), 'good')
    assert.match(String(errors[0]), /broken promise/)
    client.terminate()
  })
})

test('closing lets running messages be answered, then closes with 1001 and refuses upgrades', async () => {
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
    const idleCode = closeCode(idle)
    const busy = await openClient(port)
    const busyCode = closeCode(busy)
    const answer = nextMessage(busy)
    const started = finish
    busy.send('x')
    await waitUntil(() => finish !== started)

    const closing = listener.close()
    assert.equal(await idleCode, 1001)
    const refused = new WebSocket(`ws://127.0.0.1:${port}/`)
    assert.match(String((await once(refused, 'error'))[0]), /503/)
    finish()
    assert.equal(await answer, 'done x')
    assert.equal(await busyCode, 1001)
    await closing
    assert.equal(listener.openConnections, 0)
    assert.equal(closed.length, 2)
  })
})

test('closing cuts clients and messages that do not finish in time', async () => {
  const never: Received = () => new Promise(() => {})
  const limits = { drainTimeoutMs: 30, closeGraceMs: 30 }
  await withListener(never, { limits }, async ({ port, listener }) => {
    const stuck = await openClient(port)
    stuck.send('x')
    const deaf = await openRaw(port)
    deaf.pause()
    await listener.close()
    assert.equal(listener.openConnections, 0)
    deaf.destroy()
  })
})

test('replaces a close code that may not be sent', async () => {
  const bye: Received = async (connection, text) => connection.close(Number(text))
  await withListener(bye, {}, async ({ port }) => {
    for (const [asked, got] of [
      ['1006', 1000],
      ['99', 1000],
      ['4001', 4001],
    ] as const) {
      const client = await openClient(port)
      client.send(asked)
      assert.equal(await closeCode(client), got)
    }
  })
})

test('still serves a good client after any frames and bytes whatever', async () => {
  await withListener(echo, { limits: { closeGraceMs: 10 } }, async ({ port, errors, listener }) => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.nat(15), fc.uint8Array({ maxLength: 100 }), fc.boolean())
        .map(([opcode, payload, final]) => frame(opcode, payload, final)),
      fc.string({ maxLength: 30 }).map((text) => frame(1, text)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const socket = await openRaw(port)
        const closed = receiveAll(socket)
        socket.end(Buffer.concat(pieces))
        await closed
      }),
      { numRuns: 300 },
    )
    await waitUntil(() => listener.openConnections === 0)
    await assertStillServes(port)
    assert.deepEqual(errors, [])
  })
})
