import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { exchange, openSocket, receiveAll, receiveUntil, waitUntil } from '../contract/raw-socket.ts'
import { openHttpListener } from './http-listener.ts'
import type { HttpLimits, HttpListener } from './http-listener-options.ts'
import type { HttpHandler, HttpReply } from './http-message.ts'
import { BodyBroken } from './request-stream.ts'

const LIMITS = { bytesMax: 100, silenceMsMax: 60_000 }

async function open(
  t: TestContext,
  handler: HttpHandler,
  limits: Partial<HttpLimits> = {},
): Promise<HttpListener & { readonly errors: unknown[] }> {
  const errors: unknown[] = []
  const listener = await openHttpListener({
    host: '127.0.0.1',
    port: 0,
    handler,
    overloaded: () => ({ status: 503, headers: {}, body: '' }),
    takesUpgrades: (path) => path.startsWith('/up'),
    onError: (error) => errors.push(error),
    limits: { drainTimeoutMs: 100, ...limits },
  })
  t.after(() => listener.close())
  return Object.assign(listener, { errors })
}

const streamed = (body: Readable, headers: HttpReply['headers'] = {}): HttpReply => ({
  status: 200,
  headers,
  body,
})

const get = (path: string, ending = 'Connection: close\r\n\r\n'): string =>
  `GET ${path} HTTP/1.1\r\nHost: h\r\n${ending}`

describe('a streamed answer', () => {
  it('comes in chunks, or with the length that it names', async (t) => {
    const listener = await open(t, ({ path }) =>
      streamed(
        Readable.from([Buffer.from('ab'), Buffer.from('c')]),
        path === '/named' ? { 'content-length': '3' } : {},
      ),
    )
    const inChunks = await exchange(listener.port, get('/'))
    assert.match(inChunks, /\r\nTransfer-Encoding: chunked\r\n.*\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n$/s)
    const named = await exchange(listener.port, get('/named'))
    assert.match(named, /\r\nContent-Length: 3\r\n.*\r\n\r\nabc$/s)
    assert.doesNotMatch(named, /chunked/)
  })

  it('cuts the connection when it is not as long as announced, or fails', async (t) => {
    const bodies: Readable[] = []
    const listener = await open(t, ({ path }) => {
      const body = path === '/failing' ? new PassThrough() : Readable.from([Buffer.from('abc')])
      bodies.push(body)
      if (body instanceof PassThrough) {
        body.write('abc')
        setImmediate(() => body.destroy(new Error('broken')))
      }
      return streamed(body, path === '/failing' ? {} : { 'Content-Length': path.slice(1) })
    })
    assert.match(await exchange(listener.port, get('/5')), /\r\n\r\n(?:abc)?$/)
    assert.match(await exchange(listener.port, get('/2')), /\r\n\r\n$/)
    assert.doesNotMatch(await exchange(listener.port, get('/failing')), /\r\n0\r\n\r\n$/)
    await waitUntil(() => bodies.every((body) => body.destroyed))
  })

  it('is answered in its turn when requests are pipelined, and the connection goes on', async (t) => {
    const first = new PassThrough()
    const listener = await open(t, ({ path }) =>
      path === '/0' ? streamed(first) : streamed(Readable.from([Buffer.from(`says ${path}`)])),
    )
    const socket = await openSocket(listener.port)
    const begun = receiveUntil(socket, 'begun')
    socket.write(get('/0', '\r\n') + get('/1', '\r\n') + get('/2'))
    first.write('begun')
    assert.doesNotMatch(await begun, /says/)
    const rest = receiveAll(socket)
    first.end(' ended')
    assert.match(await rest, / ended.*says \/1.*says \/2/s)
  })

  it('is destroyed when nobody is there for it, or it cannot be sent', async (t) => {
    const bodies: Readable[] = []
    const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>()
    const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>()
    const listener = await open(t, async ({ path }) => {
      const body = new PassThrough()
      bodies.push(body)
      wasAsked()
      if (path === '/slow') await mayAnswer
      return path === '/slow' ? streamed(body) : { ...streamed(body), headers: { 'Bad\n': 'x' } }
    })
    const socket = await openSocket(listener.port)
    socket.write(get('/slow'))
    await asked
    socket.destroy()
    await waitUntil(() => listener.openConnections === 0)
    answer()
    assert.match(await exchange(listener.port, get('/bad')), /^HTTP\/1.1 500 /)
    await waitUntil(() => bodies.length === 2 && bodies.every((body) => body.destroyed))
    assert.equal(listener.errors.length, 1)
    assert.equal(listener.runningRequests, 0)
  })

  it('counts as running until it has ended', async (t) => {
    const body = new PassThrough()
    const listener = await open(t, () => streamed(body))
    const socket = await openSocket(listener.port)
    const begun = receiveUntil(socket, 'begun')
    socket.write(get('/'))
    body.write('begun')
    await begun
    assert.equal(listener.runningRequests, 1)
    const answer = receiveAll(socket)
    body.end()
    await answer
    assert.equal(listener.runningRequests, 0)
  })

  it('that a client does not take counts towards the memory of all, and is cut when that is too much', async (t) => {
    const { promise: destroyed, resolve } = Promise.withResolvers<void>()
    const listener = await open(
      t,
      () => {
        const body = new Readable({
          read() {
            this.push(Buffer.alloc(262_144))
          },
        })
        body.once('close', resolve)
        return streamed(body)
      },
      { heldBytesMax: 200_000 },
    )
    const socket = await openSocket(listener.port)
    socket.pause()
    socket.write(get('/'))
    await destroyed
    await waitUntil(() => listener.openConnections === 0)
  })

  it('is never followed by an error page amid its chunks', async (t) => {
    const body = new PassThrough()
    const listener = await open(t, () => streamed(body))
    const socket = await openSocket(listener.port)
    const begun = receiveUntil(socket, 'begun')
    socket.write(get('/', '\r\n'))
    body.write('begun')
    await begun
    const rest = receiveAll(socket)
    socket.write('no HTTP at all\r\n\r\n')
    assert.equal(await rest, '')
  })
})

describe('a body that is passed on as it comes', () => {
  it('fails when it is longer than allowed, or the client goes away, and there can still be an answer', async (t) => {
    const problems: unknown[] = []
    const listener = await open(t, async (request) => {
      const { body } = request.stream(LIMITS)
      const [error] = await once(
        body.on('data', () => {}),
        'error',
      ).catch((failure: unknown) => [failure])
      problems.push(error instanceof BodyBroken && error.problem)
      return { status: 413, headers: {}, body: 'too long' }
    })
    const head = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'
    assert.match(
      await exchange(listener.port, `${head}65\r\n${'x'.repeat(101)}\r\n0\r\n\r\n`),
      /^HTTP\/1.1 413 /,
    )
    const socket = await openSocket(listener.port)
    socket.write(`${head}2\r\nxx\r\n`, () => socket.destroy())
    await waitUntil(() => problems.length === 2)
    assert.deepEqual(problems, ['too_large', 'aborted'])
  })

  it('says how long it will be, and ends at once when there is none', async (t) => {
    const listener = await open(t, async (request) => {
      const { body, length } = request.stream(LIMITS)
      let text = ''
      for await (const chunk of body) text += String(chunk)
      return { status: 200, headers: {}, body: JSON.stringify({ length: length ?? 'unknown', text }) }
    })
    const post = (rest: string): Promise<string> =>
      exchange(listener.port, `POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${rest}`)
    assert.match(await post('\r\n'), /{"length":0,"text":""}$/)
    assert.match(await post('Content-Length: 2\r\n\r\nhi'), /{"length":2,"text":"hi"}$/)
    assert.match(
      await post('Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'),
      /{"length":"unknown","text":"hi"}$/,
    )
  })

  it('may take longer than other requests, but the connection must not be silent', async (t) => {
    const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>()
    const listener = await open(
      t,
      async (request) => {
        if (request.path === '/plain') await request.readBody({ bytesMax: 100, encodingsMax: 0 })
        const silenceMsMax = request.path === '/silent' ? 40 : LIMITS.silenceMsMax
        if (request.path === '/plain') return { status: 200, headers: {}, body: '' }
        const { body, gone } = request.stream({ ...LIMITS, silenceMsMax })
        let text = ''
        body.on('error', () => {})
        body.on('data', (chunk: Buffer) => {
          text += chunk.toString()
          hasBegun()
        })
        await Promise.race([once(body, 'end'), once(gone, 'abort')])
        return { status: 200, headers: {}, body: text }
      },
      { requestTimeoutMs: 60, headersTimeoutMs: 60 },
    )
    const head = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nha`
    const patient = await openSocket(listener.port)
    const answer = receiveAll(patient)
    patient.write(head('/stream'))
    await begun
    // One that began later and is refused for the time it took tells that the first one took longer.
    assert.match(await exchange(listener.port, head('/plain')), /^HTTP\/1.1 408 /)
    assert.match(await exchange(listener.port, head('/plain')), /^HTTP\/1.1 408 /)
    patient.write('lf')
    assert.match(await answer, /^HTTP\/1.1 200 .*half$/s)
    assert.equal(await exchange(listener.port, head('/silent')), '', 'cut')
  })

  it('is read once, in one way', async (t) => {
    const listener = await open(t, async (request) => {
      request.stream(LIMITS).body.resume()
      assert.throws(() => request.stream(LIMITS), /already read/)
      await assert.rejects(request.readBody({ bytesMax: 1, encodingsMax: 0 }), /already read/)
      return { status: 204, headers: {}, body: '' }
    })
    assert.match(await exchange(listener.port, get('/')), /^HTTP\/1.1 204 /)
  })
})

describe('a request for a WebSocket on a path whose handler takes them', () => {
  const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n'

  it('can be answered by taking the connection, with what was sent on it already', async (t) => {
    const listener = await open(t, ({ upgrade }) => {
      assert.equal(upgrade, 'websocket')
      return {
        status: 101,
        headers: { 'Sec-WebSocket-Accept': 'x' },
        body: '',
        takeOver: (socket, head) => {
          socket.write(head)
          socket.pipe(socket)
        },
      }
    })
    const socket = await openSocket(listener.port)
    const answer = receiveUntil(socket, 'early')
    socket.write(`${get('/up', UPGRADE)}early`)
    assert.match(
      await answer,
      /^HTTP\/1.1 101 .*Sec-WebSocket-Accept: x\r\n.*Upgrade: websocket\r\n.*early$/s,
    )
    const echo = receiveUntil(socket, 'later')
    socket.write('later')
    await echo
    assert.equal(listener.runningRequests, 0)
    socket.destroy()
    await waitUntil(() => listener.openConnections === 0)
  })

  it('can be answered like any other, and then the connection ends', async (t) => {
    const listener = await open(t, ({ path }) =>
      path === '/up/stream'
        ? streamed(Readable.from([Buffer.from('no')]))
        : { status: 403, headers: {}, body: 'no' },
    )
    assert.match(
      await exchange(listener.port, get('/up', UPGRADE)),
      /^HTTP\/1.1 403 .*Connection: close\r\n.*no$/s,
    )
    assert.match(
      await exchange(listener.port, get('/up/stream', UPGRADE)),
      /^HTTP\/1.1 200 .*\r\nno\r\n0\r\n\r\n$/s,
    )
  })

  it('tells who takes the connection that it is over already', async (t) => {
    const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>()
    const { promise: taken, resolve: take } = Promise.withResolvers<boolean>()
    const listener = await open(t, async () => {
      await mayAnswer
      return { status: 101, headers: {}, body: '', takeOver: (socket) => take(socket.destroyed) }
    })
    const socket = await openSocket(listener.port)
    socket.write(get('/up', UPGRADE))
    await waitUntil(() => listener.runningRequests === 1)
    const closed = listener.close()
    await closed
    answer()
    assert.equal(await taken, true)
  })

  it('is an ordinary request on every other path', async (t) => {
    const listener = await open(t, ({ upgrade = 'none' }) => ({ status: 200, headers: {}, body: upgrade }))
    const asked = UPGRADE.replace('Connection: Upgrade', 'Connection: Upgrade, close')
    assert.match(await exchange(listener.port, get('/other', asked)), /\r\n\r\nnone$/)
  })
})
