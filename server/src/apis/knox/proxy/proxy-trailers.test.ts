import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type IncomingMessage,
  type InformationEvent,
  type RequestOptions,
  request,
  type ServerResponse,
} from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import {
  exchange,
  openSocket,
  receiveAll,
  receiveUntil,
  waitUntil,
} from '../../../transports/contract/raw-socket.ts'
import { GOOD, openGateway, openUpstream, type Upstream } from './testing/open-gateway.ts'

/** What the upstream saw of one request. */
type Seen = Pick<IncomingMessage, 'headers' | 'rawTrailers'> & { readonly body: string }

/** An upstream that says what it saw of each request. */
async function openWatcher(t: TestContext): Promise<Upstream & { readonly seen: readonly Seen[] }> {
  const seen: Seen[] = []
  const upstream = await openUpstream(t, (incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { headers, rawTrailers } = incoming
      seen.push({ headers, rawTrailers, body: Buffer.concat(chunks).toString() })
      response.end('ok')
    })
  })
  return { ...upstream, seen }
}

/** A request in chunks with these lines in its head and behind its body. */
function chunked(head: readonly string[], trailers: readonly string[]): string {
  return [
    'POST /gateway/sandbox/openai HTTP/1.1',
    'Host: h',
    'Authorization: Bearer good',
    'Connection: close, X-Hop',
    'Transfer-Encoding: chunked',
    ...head,
    '',
    '2',
    'hi',
    '0',
    ...trailers,
    '',
    '',
  ].join('\r\n')
}

const GET = (version: string, more = ''): string =>
  `GET /gateway/sandbox/openai HTTP/${version}\r\nHost: h\r\nAuthorization: Bearer good\r\n${more}Connection: close\r\n\r\n`

/** Answers in chunks, with trailers. */
const withTrailers =
  (trailers: readonly (readonly [string, string])[], headers: Readonly<Record<string, string>> = {}) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { ...headers, 'Transfer-Encoding': 'chunked' })
    response.write('ok')
    response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]))
    response.end()
  }

describe('what follows a body', () => {
  it('reaches the upstream behind the body, as it came', async (t) => {
    const upstream = await openWatcher(t)
    const gateway = await openGateway(t, [upstream.url])
    const trailers = ['X-Checksum: 1', 'x-checksum: 2', 'Server-Timing: a;dur=1']
    const head = ['Trailer: X-Checksum, , Server-Timing', 'TE: gzip, trailers']
    assert.match(await exchange(gateway.port, chunked(head, trailers)), /^HTTP\/1.1 200 /)
    const [seen] = upstream.seen
    assert.equal(seen?.body, 'hi')
    assert.deepEqual(
      [...(seen?.rawTrailers ?? [])],
      ['X-Checksum', '1', 'x-checksum', '2', 'Server-Timing', 'a;dur=1'],
    )
    assert.equal(seen?.headers['trailer'], 'X-Checksum, Server-Timing')
    assert.equal(seen?.headers['te'], 'trailers')
    assert.equal(seen?.headers['connection'], 'keep-alive, TE')
  })

  it('never carries to the upstream what its head may not: secrets, names, framing, one connection', async (t) => {
    const upstream = await openWatcher(t)
    const gateway = await openGateway(t, [upstream.url], {
      params: { 'proxy.header.X-Tenant': 'ours' },
      providers: [{ role: 'federation', name: 'HeaderPreAuth', params: new Map() }],
    })
    const refused = [
      'Authorization',
      'Proxy-Authorization',
      'X-API-Key',
      'X_Api_Key',
      'SM_USER',
      'Cookie',
      'Host',
      'Content-Type',
      'Connection',
      'Keep-Alive',
      'TE',
      'Trailer',
      'Upgrade',
      'X-Hop',
      'X-Tenant',
      'x_tenant',
      'Via',
      'Forwarded',
      'X-Forwarded-For',
      'X-Real-IP',
      'Client-Cert',
      'X-Knox-Actor-ID',
      'X-Knox-Actor-Groups-1',
      'X-Latchkey-User',
      'If-Match',
      'Range',
      'Origin',
    ]
    const trailers = [...refused.map((name) => `${name}: secret`), 'X-Kept: 1']
    const head = [`Trailer: ${refused.join(', ')}, X-Kept`]
    assert.match(await exchange(gateway.port, chunked(head, trailers)), /^HTTP\/1.1 200 /)
    const [seen] = upstream.seen
    assert.deepEqual([...(seen?.rawTrailers ?? [])], ['X-Kept', '1'])
    assert.equal(seen?.headers['trailer'], 'X-Kept')
    assert.equal(seen?.headers['te'], undefined, 'the client did not say so')
    assert.doesNotMatch(JSON.stringify(seen), /secret/)
  })

  it('reaches the client behind the answer, announced when it was, in chunks only', async (t) => {
    const fields = [
      ['X-Checksum', '1'],
      ['x-checksum', '2'],
    ] as const
    const upstream = await openUpstream(t, withTrailers(fields, { Trailer: 'X-Checksum' }))
    const gateway = await openGateway(t, [upstream.url])
    const answer = await exchange(gateway.port, GET('1.1'))
    assert.match(answer, /^HTTP\/1.1 200 .*\r\nTrailer: X-Checksum\r\n/s)
    assert.match(answer, /\r\nok\r\n0\r\nX-Checksum: 1\r\nx-checksum: 2\r\n\r\n$/)
    const old = await exchange(gateway.port, GET('1.0'))
    assert.match(old, /\r\n\r\nok$/)
    assert.doesNotMatch(old, /railer|hecksum/)
    const head = await exchange(gateway.port, GET('1.1').replace('GET', 'HEAD'))
    assert.match(head, /^HTTP\/1.1 200 .*\r\n\r\n$/s)
    assert.doesNotMatch(head, /railer|hecksum/)
  })

  it('leaves the connection of the client good for its next request', async (t) => {
    const upstream = await openUpstream(t, withTrailers([['X-Checksum', '1']]))
    const gateway = await openGateway(t, [upstream.url])
    const socket = await openSocket(gateway.port)
    const first = receiveUntil(socket, 'X-Checksum: 1\r\n\r\n')
    socket.write(GET('1.1').replace('Connection: close\r\n', ''))
    assert.match(await first, /\r\n0\r\nX-Checksum: 1\r\n\r\n$/)
    const second = receiveAll(socket)
    socket.write(GET('1.1'))
    assert.match(await second, /^HTTP\/1.1 200 .*\r\n0\r\nX-Checksum: 1\r\n\r\n$/s)
    assert.equal(upstream.connections(), 1)
  })

  it('never carries to the client what belongs ahead of the answer', async (t) => {
    const refused = [
      'Set-Cookie',
      'Location',
      'Content-Encoding',
      'Cache-Control',
      'Access-Control-Allow-Origin',
      'Strict-Transport-Security',
      'Alt-Svc',
      'X-Hop',
      'WWW-Authenticate',
    ]
    const fields = [...refused, 'X-Kept'].map((name) => [name, 'value'] as const)
    const headers = { Connection: 'X-Hop', Trailer: [...refused, 'X-Kept', 'no token'].join(', ') }
    const upstream = await openUpstream(t, withTrailers(fields, headers))
    const gateway = await openGateway(t, [upstream.url])
    const answer = await exchange(gateway.port, GET('1.1'))
    assert.match(answer, /\r\nTrailer: X-Kept\r\n/)
    assert.match(answer, /\r\nok\r\n0\r\nX-Kept: value\r\n\r\n$/)
  })
})

/** Asks, and notes what comes before the answer. */
async function informed(url: string, options: RequestOptions = {}) {
  const outgoing = request(url, { headers: GOOD, agent: false, ...options })
  const before: InformationEvent[] = []
  const { promise: came, resolve } = Promise.withResolvers<void>()
  outgoing.on('information', (information) => {
    before.push(information)
    resolve()
  })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  outgoing.end()
  return { before, came, answered }
}

describe('what comes before an answer', () => {
  it('reaches the client at once, without what is of one connection, and the answer after it', async (t) => {
    const { promise: seen, resolve: saw } = Promise.withResolvers<void>()
    const upstream = await openUpstream(t, (_, response) => {
      response.writeContinue()
      response.writeInformation(103, [
        ...['Link', '</a>; rel=preload', 'Link', '</b>; rel=preload'],
        ...['Keep-Alive', 'timeout=5', 'Alt-Svc', 'h3=":1"', 'X-Note', '1'],
      ])
      void seen.then(() => {
        response.writeProcessing()
        response.end('final')
      })
    })
    const gateway = await openGateway(t, [upstream.url])
    const { before, came, answered } = await informed(gateway.url)
    await came
    saw()
    const [response] = await answered
    assert.equal(response.statusCode, 200)
    assert.deepEqual(
      before.map(({ statusCode, rawHeaders }) => [statusCode, [...rawHeaders]]),
      [
        [103, ['Link', '</a>; rel=preload', 'Link', '</b>; rel=preload', 'X-Note', '1']],
        [102, []],
      ],
    )
    assert.equal(String((await response.toArray()).join('')), 'final')
  })

  it('is kept from clients of HTTP/1.0, which would take it for the answer', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' })
      response.end('final')
    })
    const gateway = await openGateway(t, [upstream.url])
    assert.match(await exchange(gateway.port, GET('1.0')), /^HTTP\/1.1 200 .*\r\n\r\nfinal$/s)
    assert.match(await exchange(gateway.port, GET('1.1')), /^HTTP\/1.1 103 .*\r\n\r\nHTTP\/1.1 200 /s)
  })

  it('never comes amid the answer to an earlier request', async (t) => {
    const waiting: ServerResponse[] = []
    let hints = 0
    const upstream = await openUpstream(t, ({ url }, response) => {
      if (url === '/first') {
        response.write('begun,')
        waiting.push(response)
        return
      }
      response.writeInformation(103, { Link: '</x>; rel=preload' }, () => {
        hints += 1
        response.end('second')
      })
    })
    const gateway = await openGateway(t, [upstream.url])
    const socket = await openSocket(gateway.port)
    const all = receiveAll(socket)
    const begun = receiveUntil(socket, 'begun,')
    socket.write(GET('1.1').replace('openai', 'openai/first').replace('Connection: close\r\n', ''))
    await begun
    socket.write(GET('1.1'))
    await waitUntil(() => hints === 1)
    waiting[0]?.end('done')
    const text = await all
    assert.match(text, /^HTTP\/1.1 200 .*begun,.*done\r\n0\r\n\r\nHTTP\/1.1 (103|200) /s)
    assert.match(text, /second(\r\n0\r\n\r\n)?$/)
  })

  it('does not fill memory for a client that takes nothing', async (t) => {
    // More than all buffers between two ends take, those of the system included.
    const much = 32 * 1_048_576
    const { promise: allSent, resolve: hasSentAll } = Promise.withResolvers<void>()
    const note = 'x'.repeat(8_000)
    let sent = 0
    const upstream = await openUpstream(t, (_, response) => {
      const go = (): void => {
        while (sent < much) {
          sent += note.length
          response.writeInformation(103, { 'X-Note': note })
          if (response.socket?.writableNeedDrain === true) return void response.socket.once('drain', go)
        }
        response.end('final')
        hasSentAll()
      }
      go()
    })
    const gateway = await openGateway(t, [upstream.url])
    const socket = await openSocket(gateway.port)
    socket.pause()
    socket.write(GET('1.1'))
    // All of it was read from the upstream although nobody takes it: it was let go.
    await allSent
    let length = 0
    socket.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    socket.resume()
    await once(socket, 'close')
    assert.ok(length > 0 && length < much, String(length))
  })
})
