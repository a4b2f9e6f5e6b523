import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { closeOf, exchange, openSocket, receiveAll, receiveUntil, waitUntil } from '../contract/raw-socket.ts'
import type { LaneLimits } from './lane-listener-options.ts'
import type { LaneReply, LaneRequest } from './lane-message.ts'
import { type LaneBeforeHttp, openLaneBeforeHttp } from './open-lane-before-http.ts'

const BODY_BYTES_MAX = 200_000

type Lane = LaneBeforeHttp & { readonly asked: LaneRequest[]; readonly errors: unknown[] }

/** A lane whose route `/slow` waits for `release`, `/long` answers a MiB, `/broken` fails, and others say who asked. */
async function openLane(
  t: TestContext,
  options: { readonly limits?: Partial<LaneLimits>; readonly release?: Promise<void> } = {},
): Promise<Lane> {
  const asked: LaneRequest[] = []
  const errors: unknown[] = []
  const reply = (body: string): LaneReply => ({ status: 200, fields: 'X-By: lane\r\n', body })
  const answer = (request: LaneRequest): LaneReply | Promise<LaneReply> => {
    asked.push(request)
    if (request.path === '/v1/slow') return (options.release ?? Promise.resolve()).then(() => reply('slow'))
    if (request.path === '/v1/long') return reply('x'.repeat(1_048_576))
    if (request.path === '/v1/broken') throw new Error('broken')
    if (request.path === '/v1/late-broken') return Promise.reject(new Error('late'))
    return reply(`${request.path} ${request.body.length}`)
  }
  const limits = { drainTimeoutMs: 5_000, ...options.limits }
  const { headBytesMax, answersBytesMax, ...shared } = limits
  const lane = await openLaneBeforeHttp({
    http: {
      handler: () => ({ status: 200, headers: { 'X-By': 'http' }, body: 'http' }),
      overloaded: () => ({ status: 503, headers: {}, body: '' }),
      onError: (error) => void errors.push(error),
      limits: shared,
    },
    lane: {
      place: { host: '127.0.0.1', port: 0, shared: false },
      routes: [
        {
          methods: ['GET', 'HEAD', 'POST'],
          path: '/v1',
          reach: 'below',
          bodyBytesMax: BODY_BYTES_MAX,
          answer,
        },
      ],
      overloaded: { status: 503, fields: '', body: 'overloaded' },
      limits: {
        ...(headBytesMax !== undefined && { headBytesMax }),
        ...(answersBytesMax !== undefined && { answersBytesMax }),
      },
    },
  })
  t.after(() => lane.close())
  return Object.assign(lane, { asked, errors })
}

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`
/** Goes to node:http, which closes after its answer. */
const LAST = get('/last', 'Connection: close\r\n')
const count = (text: string, part: string): number => text.split(part).length - 1

test('answers with length, date and nothing that the route did not say', async (t) => {
  const lane = await openLane(t)
  const [head = '', body] = (await exchange(lane.port, `${get('/v1/a')}${LAST}`)).split('\r\n\r\n')
  const lines = head.split('\r\n').map((line) => line.replace(/^Date: \w{3}, \d\d .* GMT$/, 'Date: now'))
  assert.deepEqual(lines, ['HTTP/1.1 200 OK', 'X-By: lane', 'Date: now', 'Content-Length: 7'])
  assert.ok(body?.startsWith('/v1/a 0'))
})

test('answers HEAD with the length of the body and without the body', async (t) => {
  const lane = await openLane(t)
  const answers = await exchange(lane.port, `HEAD /v1/a HTTP/1.1\r\nHost: a\r\n\r\n${LAST}`)
  assert.match(answers, /^HTTP\/1\.1 200 OK\r\n(?:[^\r]+\r\n)*Content-Length: 7\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
})

test('reads requests in whatever pieces they come', async (t) => {
  const lane = await openLane(t)
  const socket = await openSocket(lane.port)
  const answers = receiveAll(socket)
  for (const byte of `${post('/v1/p', 'abc')}${get('/v1/q')}${LAST}`) {
    socket.write(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(count(await answers, 'X-By: lane'), 2)
  assert.deepEqual(
    lane.asked.map(({ path, body }) => [path, body]),
    [
      ['/v1/p', 'abc'],
      ['/v1/q', ''],
    ],
  )
})

test('gives a long body to the route in one piece, byte for byte', async (t) => {
  const lane = await openLane(t)
  const bytes = Buffer.from(Array.from({ length: BODY_BYTES_MAX }, (_, n) => n % 256))
  await exchange(lane.port, Buffer.from(`${post('/v1/p', bytes.toString('latin1'))}${LAST}`, 'latin1'))
  assert.ok(Buffer.from(lane.asked[0]?.body ?? '', 'latin1').equals(bytes))
})

test('answers pipelined requests in order, also when one has to wait and node:http takes over behind them', async (t) => {
  const gate = Promise.withResolvers<void>()
  const lane = await openLane(t, { release: gate.promise })
  const socket = await openSocket(lane.port)
  const answers = receiveAll(socket)
  socket.write(`${get('/v1/a')}${get('/v1/slow')}${get('/v1/b')}${LAST}`)
  await waitUntil(() => lane.runningRequests === 1)
  assert.deepEqual(
    lane.asked.map(({ path }) => path),
    ['/v1/a', '/v1/slow'],
    'nothing behind a request that waits is asked',
  )
  gate.resolve()
  const bodies = (await answers).match(/\/v1\/a 0|slow|\/v1\/b 0|http$/g)
  assert.deepEqual(bodies, ['/v1/a 0', 'slow', '/v1/b 0', 'http'])
})

test('answers a client that half-closes right after its request, be it at once or later', async (t) => {
  const lane = await openLane(t)
  for (const path of ['/v1/a', '/v1/slow']) {
    const socket = await openSocket(lane.port)
    const answers = receiveAll(socket)
    socket.end(get(path))
    assert.equal(count(await answers, 'X-By: lane'), 1, path)
  }
})

test('a route that fails is a bare 500 that names its request, and the connection goes on', async (t) => {
  const lane = await openLane(t)
  const answers = await exchange(
    lane.port,
    `${get('/v1/broken')}${get('/v1/late-broken')}${get('/v1/a')}${LAST}`,
  )
  assert.equal(count(answers, 'HTTP/1.1 500 Internal Server Error'), 2)
  assert.equal(count(answers, 'Internal error; request '), 2)
  assert.equal(count(answers, '/v1/a 0'), 1)
  assert.equal(lane.errors.length, 2)
})

test('answers no more requests at once than it may', async (t) => {
  const gate = Promise.withResolvers<void>()
  const lane = await openLane(t, { limits: { concurrentRequestsMax: 1 }, release: gate.promise })
  const first = await openSocket(lane.port)
  const slow = receiveUntil(first, 'slow')
  first.write(get('/v1/slow'))
  await waitUntil(() => lane.runningRequests === 1)
  assert.match(await exchange(lane.port, `${get('/v1/a')}${LAST}`), /^HTTP\/1\.1 503 .*\r\n\r\noverloaded/s)
  gate.resolve()
  await slow
  first.destroy()
})

test('cuts off who takes too long: 408 for half a head or body, silence for an idle connection', async (t) => {
  const lane = await openLane(t, {
    limits: { headersTimeoutMs: 60, requestTimeoutMs: 90, keepAliveTimeoutMs: 120, idleTimeoutMs: 400 },
  })
  const waiting = [
    exchange(lane.port, 'GET /v1/a HTTP/1.1\r\nHost: a\r\n'),
    exchange(lane.port, 'POST /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'),
    exchange(lane.port, get('/v1/a')),
    exchange(lane.port, ''),
  ]
  const [head, body, idle, silent] = await Promise.all(waiting)
  assert.match(head ?? '', /^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n/)
  assert.match(body ?? '', /^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n/)
  assert.match(silent ?? '', /^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n/)
  assert.equal(count(idle ?? '', 'HTTP/1.1'), 1)
})

test('what was passed on obeys the timeouts of node:http', async (t) => {
  const lane = await openLane(t, { limits: { headersTimeoutMs: 60, requestTimeoutMs: 90 } })
  assert.match(await exchange(lane.port, 'GET /other HTTP/1.1\r\nHost: a\r\n'), /^HTTP\/1\.1 408 /)
})

test('a head that is longer than the lane reads goes to node:http', async (t) => {
  const lane = await openLane(t, { limits: { headBytesMax: 200 } })
  const answers = await exchange(lane.port, `${get('/v1/a', `X: ${'y'.repeat(300)}\r\n`)}${LAST}`)
  assert.equal(count(answers, 'X-By: http'), 2)
  assert.equal(lane.asked.length, 0)
})

test('reads nothing more from a client that does not take its answers, and cuts it in the end', async (t) => {
  const lane = await openLane(t, { limits: { idleTimeoutMs: 300 } })
  const socket = await openSocket(lane.port)
  socket.pause()
  const closed = closeOf(socket)
  for (let sent = 0; sent < 200; sent++) socket.write(get('/v1/long'))
  await waitUntil(() => lane.openConnections === 0)
  assert.ok(lane.asked.length < 50, `${lane.asked.length} of 200 answers were made that nobody takes`)
  socket.resume()
  await closed
})

test('goes on where it stopped once a slow client has taken its answers', async (t) => {
  const lane = await openLane(t)
  const socket = await openSocket(lane.port)
  socket.pause()
  const wanted = 30
  for (let sent = 0; sent < wanted; sent++) socket.write(get('/v1/long'))
  socket.write(LAST)
  await waitUntil(() => lane.asked.length > 0)
  const answers = receiveAll(socket)
  socket.resume()
  assert.equal(count(await answers, 'X-By: lane'), wanted)
})

test('cuts the connection that keeps most in memory when all together keep too much', async (t) => {
  const lane = await openLane(t, { limits: { heldBytesMax: 100_000 } })
  const small = await openSocket(lane.port)
  small.write('GET /v1/a HTTP/1.1\r\n')
  const big = await openSocket(lane.port)
  big.write(
    `POST /v1/p HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES_MAX}\r\n\r\n${'x'.repeat(150_000)}`,
  )
  await closeOf(big)
  const answer = receiveUntil(small, '/v1/a 0')
  small.write('Host: a\r\n\r\n')
  await answer
  small.destroy()
})

test('drops connections beyond the limit', async (t) => {
  const lane = await openLane(t, { limits: { connectionsMax: 1 } })
  const first = await openSocket(lane.port)
  const answer = receiveUntil(first, '/v1/a 0')
  first.write(get('/v1/a'))
  await answer
  assert.equal(await exchange(lane.port, get('/v1/a')), '')
  first.destroy()
})

test('closing ends idle connections, answers running requests as the last, and lets nobody in', async (t) => {
  const gate = Promise.withResolvers<void>()
  const lane = await openLane(t, { release: gate.promise })
  const idle = await openSocket(lane.port)
  const idleAnswer = receiveUntil(idle, '/v1/a 0')
  idle.write(get('/v1/a'))
  await idleAnswer
  const idleClosed = closeOf(idle)
  const busy = await openSocket(lane.port)
  const busyAnswer = receiveAll(busy)
  busy.write(get('/v1/slow'))
  const passedOn = await openSocket(lane.port)
  const passedOnAnswer = receiveUntil(passedOn, 'http')
  passedOn.write(get('/other'))
  await passedOnAnswer
  const passedOnClosed = closeOf(passedOn)
  await waitUntil(() => lane.runningRequests === 1)
  const closed = lane.close()
  await Promise.all([idleClosed, passedOnClosed])
  gate.resolve()
  assert.match(await busyAnswer, /Connection: close\r\n\r\nslow$/)
  await closed
  assert.equal(lane.openConnections, 0)
  await assert.rejects(exchange(lane.port, get('/v1/a')))
})

test('closing cuts what does not end in time', async (t) => {
  const lane = await openLane(t, { limits: { drainTimeoutMs: 50 } })
  const socket = await openSocket(lane.port)
  socket.write('POST /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab')
  await waitUntil(() => lane.openConnections === 1)
  const cut = closeOf(socket)
  await lane.close()
  await cut
})
