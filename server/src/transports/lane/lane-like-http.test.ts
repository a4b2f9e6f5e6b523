import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { closeOf, openSocket, receiveAll, receiveUntil } from '../contract/raw-socket.ts'
import type { HttpHandler } from '../http/http-message.ts'
import type { LaneReply, LaneRequest } from './lane-message.ts'
import { openLaneBeforeHttp } from './open-lane-before-http.ts'

const RUNS = 500
const BODY_BYTES_MAX = 2_000

/** A request as a server understood it. */
type Message = {
  readonly by: 'lane' | 'http'
  readonly method: string
  readonly target: string
  readonly headers: LaneRequest['headers']
  /** Hex; absent: it never came whole. */
  body?: string
}

/** What a server made of the bytes of one connection. */
type Understood = {
  readonly messages: Message[]
  /** Something came that is not HTTP. */
  isBroken: boolean
  /** The last request said that it is the last, or was refused. */
  isOver: boolean
}

const nothing = (): Understood => ({ messages: [], isBroken: false, isOver: false })
const hexOf = (text: string): string => Buffer.from(text, 'latin1').toString('hex')
const targetOf = ({ path, query }: { readonly path: string; readonly query: string }): string =>
  query === '' ? path : `${path}?${query}`

const EMPTY: LaneReply = { status: 200, fields: 'X-By: lane\r\n', body: '' }

type Server = {
  readonly port: number
  /** Of the connection that was opened last. */
  understood(): Understood
  close(): Promise<void>
}

/** The lane with node:http behind it. */
async function openLane(): Promise<Server> {
  let current: Understood = nothing()
  const answer = (request: LaneRequest): LaneReply | Promise<LaneReply> => {
    const { method, headers, body } = request
    current.messages.push({ by: 'lane', method, target: targetOf(request), headers, body: hexOf(body) })
    // Both ways to answer: at once, and later.
    return request.query.includes('later') ? Promise.resolve(EMPTY) : EMPTY
  }
  const handler: HttpHandler = async (request) => {
    const { method, headers } = request
    const message: Message = { by: 'http', method, target: targetOf(request), headers }
    current.messages.push(message)
    const body = await request.readBody({ bytesMax: BODY_BYTES_MAX, encodingsMax: 0 })
    if (body.ok) message.body = Buffer.from(body.bytes).toString('hex')
    return { status: 200, headers: { 'X-By': 'http' }, body: '' }
  }
  const listener = await openLaneBeforeHttp({
    http: {
      handler,
      overloaded: () => ({ status: 503, headers: {}, body: '' }),
      onError: (error) => assert.fail(String(error)),
      limits: { drainTimeoutMs: 100 },
    },
    lane: {
      place: { host: '127.0.0.1', port: 0, shared: false },
      overloaded: { status: 503, fields: '', body: '' },
      routes: [
        { methods: ['POST'], path: '/v1/verify', reach: 'path', bodyBytesMax: BODY_BYTES_MAX, answer },
        {
          methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'],
          path: '/v1/authorize',
          reach: 'below',
          bodyBytesMax: 0,
          answer,
        },
      ],
    },
  })
  return {
    port: listener.port,
    understood: () => {
      const before = current
      current = nothing()
      return before
    },
    close: () => listener.close(),
  }
}

/**
 * The parser of node:http alone, which goes on after a mistake until it has said all that it understood before: how many
 * requests a server answers that cuts the connection on a mistake would be chance.
 */
async function openOracle(): Promise<Server> {
  let current: Understood = nothing()
  const server = createServer({ requireHostHeader: false, maxHeaderSize: 16_384 }, (incoming, response) => {
    const { method = '', url = '', headers } = incoming
    const chunks: Buffer[] = []
    const message: Message = { by: 'http', method, target: url, headers }
    // Nothing that follows such a request is looked at, or only when it came in the same packet.
    const hosts = incoming.headersDistinct['host']?.length ?? 0
    const isLast = !response.shouldKeepAlive || headers.expect !== undefined || incoming.httpVersion !== '1.1'
    const isRefused = incoming.httpVersion === '1.0' ? hosts > 1 : hosts !== 1
    if (!current.isOver && !isRefused) current.messages.push(message)
    if (isLast || isRefused) current.isOver = true
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      message.body = Buffer.concat(chunks).toString('hex')
      response.end()
    })
  })
  server.on('checkExpectation', (incoming, response) => {
    if (incoming.headersDistinct['host']?.length !== 1) current.isOver = true
    response.writeHead(417).end()
  })
  server.on('clientError', (_error, socket) => {
    current.isBroken = true
    // What is whole is in memory, and told within this turn.
    setImmediate(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    understood: () => {
      const before = current
      current = nothing()
      return before
    },
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** What ends each stream: both servers answer it and close, unless they closed before. */
const LAST = 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** All that a server sends to a stream of bytes that comes in pieces, until it closes. */
async function converse(port: number, pieces: readonly string[]): Promise<string> {
  const socket = await openSocket(port)
  const answer = receiveAll(socket)
  for (const piece of pieces) {
    socket.write(piece, 'latin1')
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end(LAST, 'latin1')
  return answer
}

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/)
const value = fc.stringMatching(/^[A-Za-z0-9 ,;=_.-]{0,16}$/)
const eol = '\r\n'

const verify = fc
  .record({
    body: fc.stringMatching(/^[ -~]{0,40}$/),
    headers: fc.array(fc.tuple(token, value), { maxLength: 3 }),
  })
  .map(({ body, headers }) =>
    [
      'POST /v1/verify HTTP/1.1',
      'Host: localhost:7512',
      'Content-Type: application/json',
      ...headers.map(([name, text]) => `X-${name}: ${text}`),
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join(eol),
  )

const authorize = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
    path: fc.stringMatching(/^(?:\/[a-z0-9.%-]{0,8}){0,3}$/),
    query: fc.constantFrom('', '?a=b', '?later', '?permissions=a:b&x'),
    zero: fc.constantFrom('', 'Content-Length: 0\r\n', 'Connection: keep-alive\r\n'),
  })
  .map(
    ({ method, path, query, zero }) =>
      `${method} /v1/authorize${path}${query} HTTP/1.1\r\nAuthorization: Bearer x\r\nHost: a\r\n${zero}\r\n`,
  )

const other = fc.constantFrom(
  'GET /_me HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /else HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
  'POST /v1/verify HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'GET http://a/v1/authorize HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /v1/authorizes HTTP/1.1\r\nHost: a\r\n\r\n',
)

const request = fc.oneof({ weight: 3, arbitrary: verify }, { weight: 3, arbitrary: authorize }, other)

/** Header lines and endings of lines that have fooled servers. */
const TRICKS = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\tchunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'Content-Length: 3',
  'Content-Length: 0',
  'Content-Length: 03',
  'Content-Length: +3',
  'Content-Length: 3, 3',
  'Content-Length: 0x3',
  'Content-Length:',
  'Content-Length : 3',
  'Content-Length: 99999999999999999999',
  'Host: b',
  'Authorization: Basic x',
  'Content-Type: text/plain',
  ' folded: line',
  '\tfolded',
  'Expect: 100-continue',
  'Expect: nonsense',
  'Connection: close',
  'Connection: upgrade',
  'Upgrade: websocket',
  'TE: trailers',
  'Trailer: x',
  'no colon',
  ': no name',
  'Na me: x',
  'Nul: \0',
  'High: \xe9',
]

const SPECIALS = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  ',',
  '\x7f',
  '\x80',
  '\xff',
  'A',
  '0',
  '/',
  '?',
  '#',
]

type Change =
  | { readonly kind: 'line'; readonly line: string; readonly after: number }
  | { readonly kind: 'put' | 'replace'; readonly text: string; readonly at: number }
  | { readonly kind: 'cut'; readonly at: number; readonly length: number }
  | { readonly kind: 'turn'; readonly from: string; readonly to: string }

const place = fc.nat(1_000).map((n) => n / 1_000)
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('line' as const), line: fc.constantFrom(...TRICKS), after: fc.nat(3) }),
  fc.record({
    kind: fc.constantFrom('put' as const, 'replace' as const),
    text: fc.constantFrom(...SPECIALS),
    at: place,
  }),
  fc.record({ kind: fc.constant('cut' as const), at: place, length: fc.integer({ min: 1, max: 4 }) }),
  fc.constantFrom<Change>(
    { kind: 'turn', from: 'HTTP/1.1', to: 'HTTP/1.0' },
    { kind: 'turn', from: 'HTTP/1.1', to: 'HTTP/1.2' },
    { kind: 'turn', from: 'HTTP/1.1', to: 'HTTP/2.0' },
    { kind: 'turn', from: 'HTTP/1.1', to: 'http/1.1' },
    { kind: 'turn', from: '\r\n', to: '\n' },
    { kind: 'turn', from: 'POST', to: 'post' },
    { kind: 'turn', from: 'GET', to: 'QUERY' },
    { kind: 'turn', from: 'Host', to: 'Hots' },
    { kind: 'turn', from: 'Host:', to: 'Host :' },
    { kind: 'turn', from: ' /v1', to: '  /v1' },
    { kind: 'turn', from: ' /v1', to: ' http://b/v1' },
    { kind: 'turn', from: ' /v1', to: ' //v1' },
  ),
)

function changed(text: string, how: Change): string {
  if (how.kind === 'line') {
    const lines = text.split(eol)
    return [...lines.slice(0, 1 + how.after), how.line, ...lines.slice(1 + how.after)].join(eol)
  }
  if (how.kind === 'turn') return text.replace(how.from, how.to)
  const at = Math.floor(how.at * text.length)
  if (how.kind === 'cut') return text.slice(0, at) + text.slice(at + how.length)
  return text.slice(0, at) + how.text + text.slice(at + (how.kind === 'put' ? 0 : 1))
}

const mutated = fc
  .tuple(request, fc.array(change, { minLength: 1, maxLength: 2 }))
  .map(([text, changes]) => changes.reduce(changed, text))

const stream = fc
  .record({
    requests: fc.array(fc.oneof({ weight: 3, arbitrary: request }, { weight: 2, arbitrary: mutated }), {
      minLength: 1,
      maxLength: 5,
    }),
    cuts: fc.array(place, { maxLength: 3 }),
  })
  .map(({ requests, cuts }) => cutUp(requests.join(''), cuts))

function cutUp(text: string, cuts: readonly number[]): readonly string[] {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * text.length)).sort((a, b) => a - b), text.length]
  return places.slice(1).map((end, index) => text.slice(places[index], end))
}

/** Asks both servers; fails when the lane's understood anything that node:http alone does not, or anything less. */
async function compare(lane: Server, oracle: Server, pieces: readonly string[]): Promise<Understood> {
  const [answers] = await Promise.all([converse(lane.port, pieces), converse(oracle.port, pieces)])
  const ours = lane.understood()
  const theirs = oracle.understood()
  const expected = theirs.messages.filter(isWhole)
  // Behind the last request that is answered it is chance what came in the same packet.
  const whole = ours.messages.filter(isWhole).slice(0, theirs.isOver ? expected.length : undefined)
  assert.deepEqual(whole.map(told), expected.slice(0, whole.length).map(told))
  for (const [index, { by, headers }] of whole.entries()) {
    if (by === 'lane') assert.deepEqual({ ...headers }, { ...expected[index]?.headers })
  }
  if (theirs.isBroken) return ours
  assert.equal(whole.length, expected.length, 'all was understood')
  const by = [...answers.matchAll(/^x-by: (\w+)$/gim)].map(([, name]) => name)
  assert.deepEqual(
    by.slice(0, whole.length),
    whole.map((message) => message.by),
    `all was answered, in order: ${answers}`,
  )
  return ours
}

const isWhole = ({ body }: Message): boolean => body !== undefined
const told = ({ method, target, body }: Message) => ({ method, target: originForm(target), body })
const originForm = (target: string): string => {
  const local = target.replace(/^http:\/\/[^/?]*/i, '').replace(/\?$/, '')
  return local.startsWith('/') || local === target ? local : `/${local}`
}

async function openBoth(t: TestContext): Promise<readonly [Server, Server]> {
  const both = await Promise.all([openLane(), openOracle()])
  t.after(() => Promise.all(both.map((server) => server.close())))
  return both
}

test('understands any stream of bytes as node:http alone does', { timeout: 240_000 }, async (t) => {
  const [lane, oracle] = await openBoth(t)
  let answeredByLane = 0
  await fc.assert(
    fc.asyncProperty(stream, async (pieces) => {
      const { messages } = await compare(lane, oracle, pieces)
      answeredByLane += messages.filter(({ by }) => by === 'lane').length
    }),
    { numRuns: RUNS },
  )
  assert.ok(answeredByLane > RUNS / 2, 'the lane had its part in it')
})

test('never answers on the lane what tries to smuggle a request', { timeout: 120_000 }, async (t) => {
  const [lane, oracle] = await openBoth(t)
  const body = 'GET /v1/authorize HTTP/1.1\r\nHost: a\r\n\r\n'
  for (const trick of TRICKS) {
    for (const length of [[`Content-Length: ${body.length}`], []]) {
      const fields = [
        'Host: a',
        'Authorization: Bearer x',
        'Content-Type: application/json',
        ...length,
        trick,
      ]
      const head = ['POST /v1/verify HTTP/1.1', ...fields, '', ''].join('\r\n')
      const { messages } = await compare(lane, oracle, [head + body])
      const first = messages.find(({ target }) => target === '/v1/verify')
      if (length.length > 0)
        assert.notEqual(first?.by, 'lane', `${JSON.stringify(trick)} was answered by the lane`)
    }
  }
})

test('answers 400 to two hosts on the lane and behind it (RFC 9112 section 3.2)', async (t) => {
  const [lane] = await openBoth(t)
  const twoHosts = 'Host: a\r\nHost: a\r\n\r\n'
  for (const before of [
    '',
    'GET /v1/authorize HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /_me HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    for (const path of ['/v1/authorize', '/else']) {
      const answers = await converse(lane.port, [`${before}GET ${path} HTTP/1.1\r\n${twoHosts}`])
      const statuses = answers.match(/^HTTP\/1\.1 \d+/gm)
      assert.deepEqual(statuses, [...(before === '' ? [] : ['HTTP/1.1 200']), 'HTTP/1.1 400'])
      assert.equal(lane.understood().messages.length, before === '' ? 0 : 1)
    }
  }
})

test('a connection that was passed on may go on for as long as it likes', async (t) => {
  const [lane] = await openBoth(t)
  const socket = await openSocket(lane.port)
  for (let turn = 0; turn < 3; turn++) {
    const answers = receiveUntil(socket, 'X-By: http')
    socket.write('GET /v1/authorize HTTP/1.1\r\nHost: a\r\n\r\nGET /_me HTTP/1.1\r\nHost: a\r\n\r\n')
    await answers
  }
  socket.end(LAST)
  await closeOf(socket)
  assert.deepEqual(
    lane.understood().messages.map(({ target, by }) => `${target} ${by}`),
    [
      '/v1/authorize lane',
      '/_me http',
      '/v1/authorize http',
      '/_me http',
      '/v1/authorize http',
      '/_me http',
      '/last http',
    ],
  )
})
