import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { exchange, openSocket, receiveAll, receiveUntil, waitUntil } from '../contract/raw-socket.ts'
import { openHttpListener } from './http-listener.ts'
import type { HttpLimits, HttpListener } from './http-listener-options.ts'
import type { HttpHandler, HttpReply, HttpRequest } from './http-message.ts'

type Fixture = { readonly listener: HttpListener; readonly errors: unknown[]; readonly port: number }

const BODY_LIMITS = { bytesMax: 1_048_576, encodingsMax: 3 }

function text(body: string, status = 200): HttpReply {
  return { status, headers: { 'content-type': 'text/plain' }, body }
}

/** Answers what it was asked, as JSON, with the body's length or problem. */
async function echo(request: HttpRequest): Promise<HttpReply> {
  const body = await request.readBody(BODY_LIMITS)
  const { method, path, query, headers, address, local } = request
  const said = body.ok ? { length: body.bytes.length, text: printable(body.bytes) } : body
  const status = body.ok ? 200 : 413
  const content = JSON.stringify({ method, path, query, headers, address, local, body: said })
  return { status, headers: { 'content-type': 'application/json' }, body: content }
}

function printable(bytes: Uint8Array): string {
  return bytes.length > 200 ? '' : Buffer.from(bytes).toString()
}

async function withListener(
  handler: HttpHandler,
  limits: Partial<HttpLimits>,
  use: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = []
  const listener = await openHttpListener({
    host: '127.0.0.1',
    port: 0,
    handler,
    overloaded: () => text('busy', 503),
    onError: (error) => errors.push(error),
    limits: { drainTimeoutMs: 500, ...limits },
  })
  try {
    await use({ listener, errors, port: listener.port })
  } finally {
    await listener.close()
  }
}

async function assertStillServes(port: number): Promise<void> {
  const reply = await fetch(`http://127.0.0.1:${port}/alive`)
  assert.equal(reply.status, 200)
  await reply.arrayBuffer()
}

function raw(lines: readonly string[], body = ''): string {
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

function bodyOf(
  answer: string,
): { body: Record<string, unknown>; headers: Record<string, unknown> } & Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
}

test('hands over method, path, query and headers as sent, and the peer', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const answer = await exchange(
      port,
      raw(['GET /a%2Fb/?x=%20y?z HTTP/1.1', 'Host: localhost', 'X-Up: V', 'Connection: close']),
    )
    const seen = bodyOf(answer)
    assert.equal(seen['path'], '/a%2Fb/')
    assert.equal(seen['query'], 'x=%20y?z')
    assert.equal(seen.headers['x-up'], 'V')
    assert.equal(seen['address'], '127.0.0.1')
    assert.equal(seen['local'], true)
  })
})

test('takes the path out of an absolute request target', async () => {
  await withListener(echo, {}, async ({ port }) => {
    for (const [target, path] of [
      ['http://h:1/p', '/p'],
      ['http://h', '/'],
      ['http://h?q=1', '/'],
    ]) {
      const seen = bodyOf(
        await exchange(port, raw([`GET ${target} HTTP/1.1`, 'Host: h', 'Connection: close'])),
      )
      assert.equal(seen['path'], path)
    }
  })
})

test('is not local as soon as anything tells of a proxy, or of a website of elsewhere', async () => {
  await withListener(echo, {}, async ({ port }) => {
    for (const head of [
      ['GET / HTTP/1.1', 'Host: localhost', 'X-Forwarded-For: 127.0.0.1'],
      ['GET / HTTP/1.0', 'Host: localhost'],
      ['GET / HTTP/1.1', 'Host: rebound.test'],
      ['GET / HTTP/1.1', 'Host: localhost', 'Origin: https://website.test'],
      ['GET / HTTP/1.1', 'Host: localhost', 'Origin: http://localhost', 'Origin: https://website.test'],
    ]) {
      const answer = await exchange(port, raw([...head, 'Connection: close']))
      assert.equal(bodyOf(answer)['local'], false, head.join(', '))
    }
  })
})

test('refuses a request that names two hosts, and all that follows it (RFC 9112 section 3.2)', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const next = raw(['GET /next HTTP/1.1', 'Host: h'])
    for (const head of [
      ['GET / HTTP/1.1', 'Host: localhost', 'Host: rebound.test'],
      ['GET / HTTP/1.1', 'Host: localhost', 'X: y', 'hOST: localhost'],
      ['GET / HTTP/1.0', 'Connection: keep-alive', 'Host: localhost', 'Host: localhost'],
      ['POST / HTTP/1.1', 'Host: a', 'Host: b', 'Expect: 100-continue', 'Content-Length: 9999999'],
      [
        'GET / HTTP/1.1',
        'Host: a',
        'Host: b',
        'Connection: upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ],
    ]) {
      const answer = await exchange(port, raw(head) + next)
      assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*\r\nconnection: close\r\n/i, head.join(', '))
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, answer)
    }
  })
})

test('answers what came before a request that names two hosts', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const first = raw(['GET /first HTTP/1.1', 'Host: h'])
    const answer = await exchange(port, first + raw(['GET / HTTP/1.1', 'Host: a', 'Host: b']))
    assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 400'])
  })
})

test('shows two Authorization headers as two, and joins repeated list headers', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const answer = await exchange(
      port,
      raw([
        'GET / HTTP/1.1',
        'Host: h',
        'Authorization: Bearer one',
        'authorization: Bearer two',
        'Accept-Encoding: gzip',
        'Accept-Encoding: br',
        'Connection: close',
      ]),
    )
    const { headers } = bodyOf(answer)
    assert.deepEqual(headers['authorization'], ['Bearer one', 'Bearer two'])
    assert.equal(headers['accept-encoding'], 'gzip, br')
    assert.equal(headers['host'], 'h')
  })
})

test('shows the second Authorization header however many headers come between', async () => {
  await withListener(echo, { headerBytesMax: 100_000 }, async ({ port }) => {
    const filler = Array.from({ length: 2_500 }, (_, index) => `a${index}: b`)
    const answer = await exchange(
      port,
      raw([
        'GET / HTTP/1.1',
        'Host: h',
        'Authorization: a',
        ...filler,
        'Authorization: b',
        'Connection: close',
      ]),
    )
    assert.deepEqual(bodyOf(answer).headers['authorization'], ['a', 'b'])
  })
})

test('keeps the connection for further requests, and answers pipelined ones in order', async () => {
  let last: () => void = () => {}
  const lastArrived = new Promise<void>((resolve) => {
    last = resolve
  })
  const slowFirst: HttpHandler = async (request) => {
    if (request.path === '/19') last()
    if (request.path === '/0') await lastArrived
    return text(request.path)
  }
  await withListener(slowFirst, {}, async ({ port }) => {
    const socket = await openSocket(port)
    const answers = receiveUntil(socket, '/19')
    const requests = Array.from({ length: 20 }, (_, index) => raw([`GET /${index} HTTP/1.1`, 'Host: h']))
    socket.write(requests.join(''))
    const paths = [...(await answers).matchAll(/\r\n\r\n(\/\d+)/g)].map((match) => match[1])
    assert.deepEqual(
      paths,
      requests.map((_, index) => `/${index}`),
    )
    assert.equal(socket.destroyed, false)
    socket.destroy()
  })
})

test('answers HEAD with the headers of the body and no body', async () => {
  await withListener(
    () => text('hällo'),
    {},
    async ({ port }) => {
      const answer = await exchange(port, raw(['HEAD / HTTP/1.1', 'Host: h', 'Connection: close']))
      assert.match(answer, /^HTTP\/1.1 200 OK\r\n/)
      assert.match(answer, /\r\nContent-Length: 6\r\n/)
      assert.ok(answer.endsWith('\r\n\r\n'))
    },
  )
})

test('sends no length and no body with 204 and 304', async () => {
  await withListener(
    (request) => text('x', Number(request.path.slice(1))),
    {},
    async ({ port }) => {
      for (const status of [204, 304]) {
        const answer = await exchange(port, raw([`GET /${status} HTTP/1.1`, 'Host: h', 'Connection: close']))
        assert.doesNotMatch(answer, /content-length/i)
        assert.ok(answer.endsWith('\r\n\r\n'))
      }
    },
  )
})

test('writes repeated reply headers one by one and works out the length itself', async () => {
  const reply: HttpReply = {
    status: 200,
    headers: { 'set-cookie': ['a=1', 'b=2'], 'content-length': '999', 'Transfer-Encoding': 'chunked' },
    body: new TextEncoder().encode('ünï'),
  }
  await withListener(
    () => reply,
    {},
    async ({ port }) => {
      const answer = await exchange(port, raw(['GET / HTTP/1.1', 'Host: h', 'Connection: close']))
      assert.match(answer, /set-cookie: a=1\r\nset-cookie: b=2\r\n/)
      assert.deepEqual(answer.match(/content-length: \d+/gi), ['Content-Length: 5'])
      assert.doesNotMatch(answer, /chunked/)
    },
  )
})

test('undoes encodings in reverse order, and accepts none, one and three', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const cases: [string, Uint8Array][] = [
      ['identity', Buffer.from('hello')],
      ['gzip', gzipSync('hello')],
      ['Deflate', deflateSync('hello')],
      ['gzip, deflate', deflateSync(gzipSync('hello'))],
      ['deflate,identity, gzip', gzipSync(deflateSync('hello'))],
    ]
    for (const [encoding, body] of cases) {
      const reply = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-encoding': encoding },
        body,
      })
      const seen = (await reply.json()) as { body: { text: string } }
      assert.equal(seen.body.text, 'hello', encoding)
    }
  })
})

test('names what is wrong with an encoded body', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const cases: [string, Uint8Array, string][] = [
      ['br', Buffer.from('x'), 'unsupported_encoding'],
      ['gzip', Buffer.from('no gzip'), 'corrupt'],
      ['deflate', deflateSync('hello').subarray(0, 6), 'corrupt'],
      ['gzip,gzip,gzip,gzip', Buffer.from('x'), 'too_many_encodings'],
      ['gzip', gzipSync(Buffer.alloc(1_048_577)), 'too_large'],
      ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(200_000_000))), 'too_large'],
    ]
    for (const [encoding, body, problem] of cases) {
      const reply = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-encoding': encoding },
        body,
      })
      const seen = (await reply.json()) as { body: { problem: string } }
      assert.equal(seen.body.problem, problem, encoding)
    }
  })
})

test('accepts a body of the largest size and refuses one byte more, announced or chunked', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const send = async (length: number, chunked: boolean): Promise<string> => {
      const socket = await openSocket(port)
      const answer = receiveAll(socket)
      const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`
      socket.write(raw(['POST / HTTP/1.1', 'Host: h', framing, 'Connection: close']))
      const body = Buffer.alloc(length, 'a')
      if (chunked) {
        socket.write(`${length.toString(16)}\r\n`)
        socket.write(body)
        socket.write('\r\n0\r\n\r\n')
      } else {
        socket.write(body)
      }
      return answer
    }
    for (const chunked of [false, true]) {
      assert.match(await send(1_048_576, chunked), /^HTTP\/1.1 200 .*"length":1048576/s)
      assert.match(await send(1_048_577, chunked), /^HTTP\/1.1 413 .*Connection: close.*"too_large"/is)
    }
    await assertStillServes(port)
  })
})

test('refuses an announced body that is too long before it arrives, then closes', async () => {
  await withListener(echo, { unreadTimeoutMs: 50 }, async ({ port }) => {
    const answer = await exchange(port, raw(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 999999999']))
    assert.match(answer, /^HTTP\/1.1 413 /)
    assert.match(answer, /"too_large"/)
  })
})

test('closes on a client that sends on and on after its body was refused', async () => {
  await withListener(echo, { unreadBytesMax: 100_000, unreadTimeoutMs: 60_000 }, async ({ port }) => {
    const socket = await openSocket(port)
    const answer = receiveAll(socket)
    socket.write(raw(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 999999999']))
    const pump = (): void => {
      while (!socket.destroyed && socket.write(Buffer.alloc(16_384))) {}
    }
    socket.on('drain', pump)
    pump()
    await answer
  })
})

test('a short body that nobody read does not cost the connection', async () => {
  await withListener(
    (request) => text(request.path),
    {},
    async ({ port }) => {
      const socket = await openSocket(port)
      socket.write(raw(['POST /one HTTP/1.1', 'Host: h', 'Content-Length: 5']))
      await receiveUntil(socket, '/one')
      const second = receiveUntil(socket, '/two')
      socket.write(`hello${raw(['GET /two HTTP/1.1', 'Host: h'])}`)
      assert.match(await second, /^HTTP\/1.1 200 /)
      socket.destroy()
    },
  )
})

test('asks for the body with 100 Continue only when somebody wants it', async () => {
  const handler: HttpHandler = (request) => (request.path === '/unread' ? text('no', 401) : echo(request))
  await withListener(handler, {}, async ({ port }) => {
    const expecting = ['Host: h', 'Expect: 100-continue']
    const wanted = await openSocket(port)
    wanted.write(raw(['POST /read HTTP/1.1', ...expecting, 'Content-Length: 5', 'Connection: close']))
    assert.match(await receiveUntil(wanted, '\r\n\r\n'), /^HTTP\/1.1 100 Continue\r\n\r\n$/)
    const answer = receiveAll(wanted)
    wanted.write('hello')
    assert.match(await answer, /^HTTP\/1.1 200 .*"text":"hello"/s)

    const unread = await exchange(port, raw(['POST /unread HTTP/1.1', ...expecting, 'Content-Length: 5']))
    assert.match(unread, /^HTTP\/1.1 401 .*Connection: close/is)
    const tooLong = await exchange(port, raw(['POST /x HTTP/1.1', ...expecting, 'Content-Length: 1048577']))
    assert.match(tooLong, /^HTTP\/1.1 413 /)
  })
})

test('tells the handler that the client went away amid its body', async () => {
  let told: (value: unknown) => void = () => {}
  const problem = new Promise((resolve) => {
    told = resolve
  })
  const handler: HttpHandler = async (request) => {
    if (request.path === '/alive') return text('ok')
    told(await request.readBody(BODY_LIMITS))
    return text('nobody reads this')
  }
  await withListener(handler, {}, async ({ port, listener, errors }) => {
    const socket = await openSocket(port)
    socket.write(raw(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 100'], 'begin'))
    await waitUntil(() => listener.runningRequests > 0)
    socket.destroy()
    const body = (await problem) as { ok: boolean; problem: string }
    assert.equal(body.problem, 'aborted')
    await assertStillServes(port)
    assert.equal(listener.runningRequests, 0)
    assert.deepEqual(errors, [])
  })
})

test('answers malformed HTTP with 400 and closes, also on a connection that was good before', async () => {
  await withListener(echo, {}, async ({ port }) => {
    assert.match(await exchange(port, 'garbage\r\n\r\n'), /^HTTP\/1.1 400 Bad Request\r\nConnection: close/)
    assert.match(await exchange(port, raw(['GET / HTTP/1.1'])), /^HTTP\/1.1 400 /)
    const socket = await openSocket(port)
    socket.write(raw(['GET /good HTTP/1.1', 'Host: h']))
    await receiveUntil(socket, '/good')
    const rest = receiveAll(socket)
    socket.write('garbage\r\n\r\n')
    assert.match(await rest, /^HTTP\/1.1 400 /)
    await assertStillServes(port)
  })
})

test('refuses framings that servers in a chain may read differently', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const framings = [
      ['Content-Length: 5', 'Content-Length: 6'],
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Content-Length: +5'],
      ['Content-Length : 5'],
    ]
    for (const framing of framings) {
      const answer = await exchange(port, raw(['POST / HTTP/1.1', 'Host: h', ...framing], '0\r\n\r\nhello'))
      assert.match(answer, /^HTTP\/1.1 400 /, framing.join())
      assert.equal(answer.match(/HTTP\/1.1/g)?.length, 1, framing.join())
    }
  })
})

test('never lets an error later on the connection pass for the answer to an earlier request', async () => {
  let release: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const handler: HttpHandler = async (request) => {
    if (request.path === '/held') await held
    return text('ok')
  }
  await withListener(handler, {}, async ({ port }) => {
    const answer = await exchange(port, `${raw(['GET /held HTTP/1.1', 'Host: h'])}garbage\r\n\r\n`)
    release()
    assert.equal(answer, '')
  })
})

test('answers headers that are too long with 431', async () => {
  await withListener(echo, { headerBytesMax: 2_000 }, async ({ port }) => {
    const answer = await exchange(port, raw(['GET / HTTP/1.1', 'Host: h', `X: ${'a'.repeat(3_000)}`]))
    assert.match(answer, /^HTTP\/1.1 431 /)
  })
})

test('ends requests whose headers or body arrive too slowly with 408', async () => {
  await withListener(echo, { headersTimeoutMs: 100, requestTimeoutMs: 200 }, async ({ port }) => {
    assert.match(await exchange(port, 'GET / HTTP/1.1\r\nHost: h\r\nX-'), /^HTTP\/1.1 408 /)
    const slowBody = await exchange(port, raw(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 9'], 'slow'))
    assert.match(slowBody, /^HTTP\/1.1 408 /)
    await assertStillServes(port)
  })
})

test('closes idle connections after keepAliveTimeoutMs, and cuts dead ones after idleTimeoutMs', async () => {
  await withListener(echo, { keepAliveTimeoutMs: 50 }, async ({ port }) => {
    assert.match(await exchange(port, raw(['GET / HTTP/1.1', 'Host: h'])), /^HTTP\/1.1 200 /)
  })
  const never: HttpHandler = (request) =>
    request.path === '/alive' ? text('ok') : new Promise<HttpReply>(() => {})
  await withListener(never, { idleTimeoutMs: 50 }, async ({ port }) => {
    assert.equal(await exchange(port, raw(['GET / HTTP/1.1', 'Host: h'])), '')
  })
})

test('answers with the caller’s reply beyond the allowed number of running requests', async () => {
  let release: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const handler: HttpHandler = async () => {
    await held
    return text('done')
  }
  await withListener(handler, { concurrentRequestsMax: 2 }, async ({ port, listener }) => {
    const first = [fetch(`http://127.0.0.1:${port}/`), fetch(`http://127.0.0.1:${port}/`)]
    await waitUntil(() => listener.runningRequests === 2)
    const third = await fetch(`http://127.0.0.1:${port}/`)
    assert.equal(third.status, 503)
    assert.equal(await third.text(), 'busy')
    release()
    for (const reply of await Promise.all(first)) assert.equal(await reply.text(), 'done')
  })
})

test('drops connections beyond the allowed number and serves the others', async () => {
  await withListener(echo, { connectionsMax: 2 }, async ({ port, listener }) => {
    const sockets = [await openSocket(port), await openSocket(port)]
    await waitUntil(() => listener.openConnections === 2)
    assert.equal(await receiveAll(await openSocket(port)), '')
    for (const socket of sockets) socket.destroy()
    await waitUntil(() => listener.openConnections === 0)
    await assertStillServes(port)
  })
})

test('answers 500 with the request id when a handler throws, rejects, or says what cannot be sent', async () => {
  const handler: HttpHandler = (request) => {
    if (request.path === '/throw') throw new Error('thrown')
    if (request.path === '/reject') return Promise.reject(new Error('rejected'))
    if (request.path === '/status') return text('x', 99)
    return { status: 200, headers: { bad: 'a\r\nb' }, body: 'secret' }
  }
  await withListener(handler, {}, async ({ port, errors }) => {
    for (const path of ['/throw', '/reject', '/status', '/header']) {
      const reply = await fetch(`http://127.0.0.1:${port}${path}`)
      assert.equal(reply.status, 500)
      assert.match(await reply.text(), /^Internal error; request [0-9a-f-]{36}\n$/)
    }
    assert.equal(errors.length, 4)
  })
})

test('closing finishes what runs, ends what idles, and refuses what comes', async () => {
  let release: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const handler: HttpHandler = async (request) => {
    if (request.path === '/held') await held
    return text(request.path)
  }
  await withListener(handler, { drainTimeoutMs: 60_000 }, async ({ port, listener }) => {
    const silent = receiveAll(await openSocket(port))
    const idle = await openSocket(port)
    idle.write(raw(['GET /idle HTTP/1.1', 'Host: h']))
    await receiveUntil(idle, '/idle')
    const idleEnd = receiveAll(idle)
    const running = exchange(port, raw(['GET /held HTTP/1.1', 'Host: h']))
    await waitUntil(() => listener.runningRequests > 0)

    const closed = listener.close()
    assert.equal(await silent, '')
    assert.equal(await idleEnd, '')
    await assert.rejects(openSocket(port))
    release()
    assert.match(await running, /^HTTP\/1.1 200 OK\r\n.*Connection: close.*\/held$/is)
    await closed
    assert.equal(listener.openConnections, 0)
  })
})

test('closing cuts what does not finish in time', async () => {
  await withListener(
    () => new Promise<HttpReply>(() => {}),
    { drainTimeoutMs: 50 },
    async ({ port, listener }) => {
      const stuck = exchange(port, raw(['GET / HTTP/1.1', 'Host: h']))
      await waitUntil(() => listener.runningRequests > 0)
      await listener.close()
      assert.equal(await stuck, '')
    },
  )
})

test('treats upgrades to anything but WebSocket, or without a taker, as ordinary requests', async () => {
  await withListener(echo, {}, async ({ port, listener }) => {
    const upgrade = ['Host: h', 'Connection: Upgrade, close', 'Upgrade: h2c']
    assert.match(await exchange(port, raw(['GET /a HTTP/1.1', ...upgrade])), /^HTTP\/1.1 200 /)
    listener.acceptUpgrades(({ socket }) => socket.end('taken'))
    assert.match(await exchange(port, raw(['GET /a HTTP/1.1', ...upgrade])), /^HTTP\/1.1 200 /)
    const webSocket = ['Host: h', 'Connection: Upgrade', 'Upgrade: WebSocket']
    assert.equal(await exchange(port, raw(['GET /a HTTP/1.1', ...webSocket])), 'taken')
  })
})

test('refuses to open on a port that is taken', async () => {
  await withListener(echo, {}, async ({ port }) => {
    const options = { host: '127.0.0.1', port, handler: echo, overloaded: () => text(''), onError: () => {} }
    await assert.rejects(openHttpListener(options), { code: 'EADDRINUSE' })
  })
})

test('one client with keep-alive uses one connection for all its requests', async () => {
  await withListener(echo, {}, async ({ port, listener }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let round = 0; round < 5; round += 1) {
      await new Promise<void>((resolve, reject) => {
        const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', agent }, (reply) => {
          reply.resume().once('end', resolve)
        })
        request.once('error', reject).end('body')
      })
    }
    assert.equal(listener.openConnections, 1)
    agent.destroy()
  })
})

test('still serves a good client after any bytes whatever', async () => {
  await withListener(echo, { unreadTimeoutMs: 20 }, async ({ port, errors }) => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          'GET / HTTP/1.1\r\nHost: h\r\n\r\n',
          'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n',
          'Transfer-Encoding: chunked\r\n\r\n',
          'HEAD * HTTP/1.0\r\n\r\n',
          'ffffffffffffffff\r\n',
          'Content-Encoding: gzip\r\n',
          'Expect: 100-continue\r\n',
          'OPTIONS http://[::1 HTTP/1.1\r\n',
          'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
          '\r\n\r\n',
        )
        .map((line) => Buffer.from(line)),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const socket = await openSocket(port)
        const closed = receiveAll(socket)
        socket.end(Buffer.concat(pieces))
        await closed
      }),
      { numRuns: 500 },
    )
    await assertStillServes(port)
    assert.deepEqual(errors, [])
  })
})

test('cuts the connection that keeps most in memory, be it bodies or answers, and serves the others', async () => {
  const long: HttpHandler = async (request) => {
    const body = await request.readBody(BODY_LIMITS)
    return text(request.path === '/long' && body.ok ? 'x'.repeat(500_000) : 'short')
  }
  await withListener(long, { heldBytesMax: 4_000_000 }, async ({ port, listener }) => {
    const half = raw(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 1000000'], 'x'.repeat(900_000))
    const senders = await Promise.all(Array.from({ length: 8 }, () => openSocket(port)))
    await waitUntil(() => listener.openConnections === 8)
    for (const sender of senders) sender.write(half)
    await waitUntil(() => listener.openConnections <= 4)
    await assertStillServes(port)
    for (const sender of senders) sender.destroy()
    await waitUntil(() => listener.openConnections <= 1)

    const others = listener.openConnections
    const reader = await openSocket(port)
    reader.pause()
    await waitUntil(() => listener.openConnections === others + 1)
    reader.write(raw(['GET /long HTTP/1.1', 'Host: h']).repeat(200))
    await waitUntil(() => listener.openConnections === others)
    await assertStillServes(port)
    reader.destroy()
  })
})

test('runs no more than pipelinedMax requests of one connection at once, and closes it on more', async () => {
  let running = 0
  const slow = Promise.withResolvers<HttpReply>()
  const handler: HttpHandler = () => {
    running += 1
    return slow.promise
  }
  await withListener(handler, { pipelinedMax: 3 }, async ({ port }) => {
    const socket = await openSocket(port)
    const answer = receiveAll(socket)
    socket.write(raw(['GET / HTTP/1.1', 'Host: h']).repeat(1_000))
    await waitUntil(() => running === 3)
    slow.resolve(text('done'))
    assert.match(await answer, /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n.*done$/s)
    assert.equal(running, 3)
  })
})

test('keeps nothing in memory of what is answered', async () => {
  const long: HttpHandler = async (request) => {
    await request.readBody(BODY_LIMITS)
    return text('x'.repeat(50_000))
  }
  await withListener(long, { heldBytesMax: 200_000 }, async ({ port }) => {
    const socket = await openSocket(port)
    for (let count = 0; count < 50; count += 1) {
      const answer = receiveUntil(socket, 'x'.repeat(50_000))
      socket.write(raw(['POST / HTTP/1.1', 'Host: h', 'Content-Length: 50000'], 'y'.repeat(50_000)))
      await answer
    }
    socket.destroy()
    for (let count = 0; count < 50; count += 1) await assertStillServes(port)
  })
})
