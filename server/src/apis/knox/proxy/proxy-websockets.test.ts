import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import type { Fingerprint } from '../../../core/keys/fingerprint.ts'
import { openSocket, receiveAll } from '../../../transports/contract/raw-socket.ts'
import {
  closedPort,
  type Gateway,
  GOOD,
  openGateway,
  openUpstream,
  type Upstream,
} from './testing/open-gateway.ts'

type Echoing = Upstream & { readonly asked: IncomingMessage[]; readonly open: Set<WebSocket> }

/** An upstream that says `hello` at once and then what it is told. */
async function openEcho(t: TestContext): Promise<Echoing> {
  const upstream = await openUpstream(t, (_, response) => response.writeHead(426).end('only WebSockets'))
  const asked: IncomingMessage[] = []
  const open = new Set<WebSocket>()
  const sockets = new WebSocketServer({ server: upstream.server })
  sockets.on('connection', (socket, incoming) => {
    asked.push(incoming)
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.send('hello')
  })
  t.after(() => {
    for (const socket of open) socket.terminate()
  })
  return { ...upstream, asked, open }
}

function connect(
  t: TestContext,
  { port }: Gateway,
  {
    headers = GOOD,
    protocols = [],
    query = '',
  }: {
    readonly headers?: Readonly<Record<string, string>>
    readonly protocols?: string[]
    readonly query?: string
  } = {},
): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/gateway/sandbox/openai/live${query}`, protocols, {
    headers,
  })
  socket.on('error', () => {})
  t.after(() => socket.terminate())
  return socket
}

async function heard(socket: WebSocket): Promise<string> {
  const [data] = await once(socket, 'message')
  return String(data)
}

/** The status with which a WebSocket was refused, and the body. */
async function refusal(
  socket: WebSocket,
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { status: response.statusCode, body }
}

describe('WebSockets', () => {
  it('are passed on both ways once the caller is known, with who it is and without its secret', async (t) => {
    const upstream = await openEcho(t)
    const gateway = await openGateway(t, [`${upstream.url.replace('http', 'ws')}/v1`])
    const socket = connect(t, gateway, {
      headers: { ...GOOD, 'x-knox-actor-id': 'root' },
      protocols: ['realtime'],
      query: '?model=x&doAs=root',
    })
    assert.equal(await heard(socket), 'hello')
    socket.send('one')
    assert.equal(await heard(socket), 'one')
    const large = 'x'.repeat(3_000_000)
    socket.send(Buffer.from(large))
    assert.equal(await heard(socket), large)
    assert.equal(socket.protocol, 'realtime')
    const [asked] = upstream.asked
    assert.equal(asked?.url, '/v1/live?model=x')
    assert.equal(asked?.headers['x-knox-actor-id'], 'alice')
    assert.equal(asked?.headers.authorization, undefined)
    assert.equal(asked?.headers.host, `127.0.0.1:${upstream.port}`)
  })

  it('end on both sides when one side ends', async (t) => {
    const upstream = await openEcho(t)
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.concurrentMax': '1' } })
    const first = connect(t, gateway)
    await heard(first)
    first.close(4_001)
    assert.equal((await once(first, 'close'))[0], 4_001)
    const second = connect(t, gateway)
    await heard(second)
    for (const socket of upstream.open) socket.close(4_002, 'enough')
    const [code, reason] = await once(second, 'close')
    assert.equal(code, 4_002)
    assert.equal(String(reason), 'enough')
    const third = connect(t, gateway)
    await heard(third)
    third.terminate()
    while (upstream.open.size > 0) await nextTurn()
  })

  it('are refused as requests are: nobody known, too many, foreign websites, nobody behind', async (t) => {
    const upstream = await openEcho(t)
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.concurrentMax': '1' } })
    const unknown = await refusal(connect(t, gateway, { headers: {} }))
    assert.equal(unknown.status, 401)
    assert.match(unknown.body, /"status":"401"/)
    const foreign = { origin: 'https://website.example' }
    const byCookie = connect(t, gateway, { headers: foreign, query: '?knoxtoken=good' })
    assert.equal((await refusal(byCookie)).status, 403)
    assert.equal(upstream.asked.length, 0)
    const onPurpose = connect(t, gateway, { headers: { ...foreign, ...GOOD } })
    assert.equal(await heard(onPurpose), 'hello')
    assert.equal((await refusal(connect(t, gateway))).status, 503)
    const nobody = await openGateway(t, [`http://127.0.0.1:${await closedPort()}`])
    assert.equal((await refusal(connect(t, nobody))).status, 502)
  })

  it('are answered as the upstream answers when it does not want them', async (t) => {
    const upstream = await openUpstream(t, (_, response) => response.writeHead(404).end('none here'))
    upstream.server.on('upgrade', (_, socket) => {
      socket.end(
        'HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
      )
    })
    const gateway = await openGateway(t, [upstream.url])
    assert.deepEqual(await refusal(connect(t, gateway)), { status: 403, body: 'no' })
  })

  it('are cut when nothing moves for too long, or their key ends and the topology says so', async (t) => {
    const upstream = await openEcho(t)
    const silent = await openGateway(t, [upstream.url], { params: { 'proxy.idleTimeoutMs': '50' } })
    await once(connect(t, silent), 'close')
    const fingerprint = 'ab'.repeat(32) as Fingerprint
    const gateway = await openGateway(t, [upstream.url], {
      caller: { name: 'alice', groups: [], key: { id: 'key-1', fingerprint } as never },
      params: { 'proxy.cutStreams': 'true' },
    })
    const socket = connect(t, gateway)
    await heard(socket)
    gateway.endKey(fingerprint)
    assert.equal((await once(socket, 'close'))[0], 1_006)
    while (upstream.open.size > 0) await nextTurn()
  })

  it('are ordinary requests when they come with a body, and never amid answers to others', async (t) => {
    const upstream = await openEcho(t)
    const gateway = await openGateway(t, [upstream.url])
    const head = `GET /gateway/sandbox/openai HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n`
    const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
    const withBody = await openSocket(gateway.port)
    const answer = receiveAll(withBody)
    withBody.write(
      `${head}${upgrade.replace('Upgrade\r\nSec', 'Upgrade, close\r\nSec')}Content-Length: 2\r\n\r\nhi`,
    )
    assert.match(await answer, /^HTTP\/1.1 426 /)
    const pipelined = await openSocket(gateway.port)
    const answers = receiveAll(pipelined)
    pipelined.write(`${head}\r\n${head}${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
    assert.doesNotMatch(await answers, / 101 /)
  })
})
