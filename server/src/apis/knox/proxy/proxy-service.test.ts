import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import type { Fingerprint } from '../../../core/keys/fingerprint.ts'
import { exchange } from '../../../transports/contract/raw-socket.ts'
import type { Provider } from '../topology.ts'
import { begin, closedPort, GOOD, openGateway, openUpstream } from './testing/open-gateway.ts'

/** Answers what it was asked, as JSON. */
function echo(incoming: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const { method, url, headers } = incoming
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }))
  })
}

type Echoed = {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string | undefined>
  readonly body: string
}

async function echoed(
  url: string,
  options: Parameters<typeof begin>[1] = {},
): Promise<{ readonly status: number | undefined; readonly seen: Echoed }> {
  const answer = await begin(url, options)
  const text = await answer.rest()
  return { status: answer.response.statusCode, seen: JSON.parse(text) }
}

const provider = (
  role: Provider['role'],
  name: string,
  params: Readonly<Record<string, string>>,
): Provider => ({ role, name, params: new Map(Object.entries(params)) })

describe('what the upstream is asked', () => {
  it('what follows the service in the path, behind its own URL, encoded as it was, with the query string', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [`${upstream.url}/v1/`])
    for (const [asked, path] of [
      ['/models/a%2Fb%20c?x=%41&y', '/v1/models/a%2Fb%20c?x=%41&y'],
      ['/', '/v1/'],
      ['', '/v1'],
      ['//x', '/v1//x'],
    ] as const) {
      assert.equal((await echoed(gateway.url + asked)).seen.url, path)
    }
    const bare = await openGateway(t, [upstream.url], { params: { 'proxy.path': '/ai/chat' } })
    const base = `http://127.0.0.1:${bare.port}/gateway/sandbox/ai/chat`
    assert.equal((await echoed(base)).seen.url, '/')
    assert.equal((await echoed(`${base}?q`)).seen.url, '/?q')
    assert.equal((await begin(`${base}s`)).response.statusCode, 404, 'only whole segments')
  })

  it('by its own name, with method and body as they came', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url])
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'OPTIONS', 'PROPFIND']) {
      const { seen } = await echoed(gateway.url, {
        method,
        headers: { 'content-type': 'text/x', 'content-length': '5', 'content-encoding': 'br' },
        send: (outgoing) => outgoing.end('hello'),
      })
      assert.equal(seen.method, method)
      assert.equal(seen.body, 'hello')
      assert.equal(seen.headers['content-length'], '5')
      assert.equal(seen.headers['transfer-encoding'], undefined)
      assert.equal(seen.headers['content-encoding'], 'br')
      assert.equal(seen.headers['host'], `127.0.0.1:${upstream.port}`)
    }
  })

  it('a body in chunks comes in chunks, and none as none', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url])
    const { seen } = await echoed(gateway.url, {
      method: 'POST',
      send: (outgoing) => {
        outgoing.write('hel')
        outgoing.end('lo')
      },
    })
    assert.equal(seen.body, 'hello')
    assert.equal(seen.headers['transfer-encoding'], 'chunked')
    const bare = (await echoed(gateway.url)).seen
    assert.equal(bare.headers['transfer-encoding'], undefined)
    assert.equal(bare.headers['content-length'], undefined)
  })

  it('never with the credentials of the client, wherever its topology finds them', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url], {
      providers: [
        provider('federation', 'JWTProvider', {
          'knox.token.query.param.name': 'knoxtoken',
          'knox.token.use.cookie': 'true',
          'knox.token.cookie.name': 'Session',
        }),
      ],
    })
    const { seen } = await echoed(`${gateway.url}?a=1&knoxtoken=good&b=%20&k%6eoxtoken=again&doAs=root&c`, {
      headers: {
        'x-api-key': 'secret',
        X_Api_Key: 'secret',
        'proxy-authorization': 'Basic secret',
        cookie: 'theme=dark; Session=secret; authToken=secret; lang=de',
      },
    })
    assert.doesNotMatch(JSON.stringify(seen), /secret|good|again|root/)
    assert.equal(seen.url, '/?a=1&b=%20&c')
    assert.equal(seen.headers['cookie'], 'theme=dark; lang=de')
    assert.equal(seen.headers['authorization'], undefined)
    const inQuery = await exchange(
      gateway.port,
      'GET /gateway/sandbox/openai?knoxtoken=good HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    )
    assert.match(inQuery, /^HTTP\/1.1 200/)
    assert.match(inQuery, /"url":"\/"/)
  })

  it('with the credentials that the topology has for it', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url], {
      params: { 'proxy.authorization': 'Bearer upstream-key', 'proxy.header.Api-Key': 'other' },
    })
    const { seen } = await echoed(gateway.url, { headers: { 'api-key': 'mine' } })
    assert.equal(seen.headers['authorization'], 'Bearer upstream-key')
    assert.equal(seen.headers['api-key'], 'other')
    const trace = await begin(gateway.url, { method: 'TRACE' })
    assert.equal(trace.response.statusCode, 405, 'nobody is shown what is added')
  })

  it('with who asks and from where, and nobody else can say so', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url], {
      params: { 'preauth.auth.header.actor.groups.prefix': 'X-Groups' },
      caller: { name: 'älice', groups: ['red', 'blue'] },
    })
    const { seen } = await echoed(gateway.url, {
      headers: {
        'X-Knox-Actor-ID': 'root',
        x_knox_actor_id: 'root',
        'X-Groups-1': 'root',
        'X-Groups-7': 'root',
        X_Groups_8: 'root',
        'X-Latchkey-Key-Id': 'root',
        'X-Latchkey-User': 'root',
        'X-Forwarded-For': 'root',
        'X-Forwarded-User': 'root',
        'X-Real-IP': 'root',
        Forwarded: 'for=root',
        Via: '1.0 before',
      },
    })
    const { headers } = seen
    assert.doesNotMatch(JSON.stringify(seen), /root/)
    assert.equal(headers['x-knox-actor-id'], '%C3%A4lice')
    assert.equal(headers['x-groups-1'], 'red,blue')
    assert.equal(headers['x-latchkey-user'], '%C3%A4lice')
    assert.equal(headers['x-latchkey-key-id'], undefined)
    assert.equal(headers['x-forwarded-for'], '127.0.0.1')
    assert.equal(headers['x-forwarded-proto'], 'http')
    assert.equal(headers['x-forwarded-host'], `127.0.0.1:${gateway.port}`)
    assert.equal(headers['x-forwarded-context'], '/gateway/sandbox')
    assert.equal(headers['via'], '1.0 before, 1.1 latchkey')
  })

  it('nothing that speaks of one connection only, whatever `Connection` calls so', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url])
    const answer = await exchange(
      gateway.port,
      [
        'POST /gateway/sandbox/openai HTTP/1.1',
        'Host: h',
        'Authorization: Bearer good',
        'Connection: close, X-Hop, x-knox-actor-id, content-length, host',
        'X-Hop: 1',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'TE: gzip;q=0.5',
        'Trailer: x',
        'Upgrade: h2c',
        'HTTP2-Settings: x',
        'X-Kept: 1',
        'Content-Length: 2',
        '',
        'ok',
      ].join('\r\n'),
    )
    const { headers, body }: Echoed = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
    for (const name of ['x-hop', 'proxy-connection', 'te', 'trailer', 'upgrade', 'http2-settings']) {
      assert.equal(headers[name], undefined, name)
    }
    assert.equal(headers['x-kept'], '1')
    assert.equal(headers['x-knox-actor-id'], 'alice')
    assert.equal(headers['host'], `127.0.0.1:${upstream.port}`)
    assert.equal(headers['connection'], 'keep-alive')
    assert.equal(body, 'ok')
  })

  it('nothing, when the path would leave its URL, a header came twice, or nobody is known', async (t) => {
    let asked = 0
    const upstream = await openUpstream(t, (incoming, response) => {
      asked += 1
      echo(incoming, response)
    })
    const gateway = await openGateway(t, [`${upstream.url}/v1`])
    const ask = (path: string, header: string): Promise<string> =>
      exchange(
        gateway.port,
        `GET /gateway/sandbox/openai${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${header}\r\n\r\n`,
      )
    for (const path of [
      '/../x',
      '/a/..',
      '/%2e%2e/x',
      '/..%2fx',
      '/%252e%252e%252fx',
      '/..;a=b/x',
      '/..\\x',
      '/#x',
    ]) {
      assert.match(await ask(path, 'Authorization: Bearer good'), /^HTTP\/1.1 400 /, path)
    }
    assert.match(
      await ask('/x', 'Authorization: Bearer good\r\nContent-Type: a\r\nContent-Type: b'),
      /^HTTP\/1.1 400 /,
    )
    assert.match(await ask('/x', 'Authorization: Bearer bad'), /^HTTP\/1.1 401 /)
    const nameless = 'GET /gateway/sandbox/openai HTTP/1.1\r\nHost: [\r\nConnection: close\r\n'
    assert.match(
      await exchange(gateway.port, `${nameless}Authorization: Bearer good\r\n\r\n`),
      /^HTTP\/1.1 400 /,
    )
    assert.equal(asked, 0)
  })
})

describe('what the client is answered', () => {
  it('status, headers and bytes as they came, cookies apart, and nothing of the connection or the host behind', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.writeHead(418, [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['X-Kept', 'ä'],
        ['X-Hop', '1'],
        ['Connection', 'close, X-Hop'],
        ['Alt-Svc', 'h3=":443"'],
        ['Content-Encoding', 'x-own'],
      ])
      response.end(Buffer.from([0, 255, 1]))
    })
    const gateway = await openGateway(t, [upstream.url])
    const answer = await exchange(
      gateway.port,
      'GET /gateway/sandbox/openai HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n' +
        'GET /gateway/none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    )
    assert.match(answer, /^HTTP\/1.1 418 /)
    assert.match(answer, /\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Kept: ä\r\n/)
    assert.match(answer, /\r\nContent-Encoding: x-own\r\n/)
    assert.ok(answer.includes('\r\n\r\n3\r\n\u0000\u00ff\u0001\r\n0\r\n\r\n'))
    assert.doesNotMatch(answer, /X-Hop|Alt-Svc/i)
    assert.match(answer, /HTTP\/1.1 404 /, 'the connection serves the next request')
  })

  it('HEAD, 204 and 304 without a body, and the length that a body would have', async (t) => {
    const upstream = await openUpstream(t, ({ url = '' }, response) => {
      const status = Number(url.slice(1))
      response.writeHead(status, status === 204 ? {} : { 'Content-Length': '5', ETag: '"x"' })
      response.end(status === 200 ? 'hello' : undefined)
    })
    const gateway = await openGateway(t, [upstream.url])
    const ask = (method: string, status: number): Promise<string> =>
      exchange(
        gateway.port,
        `${method} /gateway/sandbox/openai/${status} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\nConnection: close\r\n\r\n`,
      )
    const head = await ask('HEAD', 200)
    assert.match(head, /^HTTP\/1.1 200 .*\r\nContent-Length: 5\r\n/s)
    assert.ok(head.endsWith('\r\n\r\n'))
    for (const status of [204, 304]) {
      const answer = await ask('GET', status)
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
      assert.ok(answer.endsWith('\r\n\r\n'))
      assert.doesNotMatch(answer, /chunked/)
    }
    assert.match(await ask('GET', 200), /\r\nContent-Length: 5\r\n.*\r\n\r\nhello$/s)
    assert.equal(upstream.connections(), 1, 'its connection was kept each time')
  })

  it('the final answer, when provisional ones came before it', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</x>; rel=preload' })
      response.end('final')
    })
    const gateway = await openGateway(t, [upstream.url])
    assert.equal(await (await begin(gateway.url)).rest(), 'final')
  })

  it('long heads, up to a limit', async (t) => {
    const upstream = await openUpstream(t, ({ url = '' }, response) => {
      response.writeHead(200, { 'X-Long': 'x'.repeat(Number(url.slice(1))) }).end()
    })
    const gateway = await openGateway(t, [upstream.url])
    const answer = await exchange(
      gateway.port,
      'GET /gateway/sandbox/openai/40000 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\nConnection: close\r\n\r\n',
    )
    assert.match(answer, /^HTTP\/1.1 200 .*X-Long: x{40000}\r\n/s)
    assert.equal((await begin(`${gateway.url}/70000`)).response.statusCode, 502)
  })

  it('redirects below the service when they are below the upstream', async (t) => {
    const other = await openUpstream(t, echo)
    const upstream = await openUpstream(t, ({ headers }, response) => {
      response.writeHead(302, { Location: headers['x-to'] ?? '', 'Content-Location': headers['x-to'] ?? '' })
      response.end()
    })
    const gateway = await openGateway(t, [`${upstream.url}/v1`, `${other.url}/v2`])
    for (const [to, location] of [
      ['/v1/a?b#c', '/gateway/sandbox/openai/a?b#c'],
      [`${upstream.url}/v1`, '/gateway/sandbox/openai'],
      [`${other.url}/v2/x`, '/gateway/sandbox/openai/x'],
      ['next', '/gateway/sandbox/openai/next'],
      ['/v1x', `${upstream.url}/v1x`],
      ['/login', `${upstream.url}/login`],
      ['../../login', `${upstream.url}/login`],
      ['https://elsewhere.example/x', 'https://elsewhere.example/x'],
      ['//elsewhere.example/x', 'http://elsewhere.example/x'],
    ] as const) {
      const { headers } = (await begin(`${gateway.url}/asked`, { headers: { 'x-to': to } })).response
      assert.equal(headers['location'], location)
      assert.equal(headers['content-location'], location)
    }
  })

  it("the topology's own word on websites, not that of the upstream", async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.writeHead(200, { 'access-control-allow-origin': '*', vary: 'Accept' }).end()
    })
    const gateway = await openGateway(t, [upstream.url], {
      providers: [
        provider('webappsec', 'WebAppSec', {
          'cors.enabled': 'true',
          'cors.allowOrigin': 'https://ours.example',
        }),
      ],
    })
    const { response } = await begin(gateway.url, { headers: { origin: 'https://ours.example' } })
    assert.equal(response.headers['access-control-allow-origin'], 'https://ours.example')
    assert.deepEqual(response.headers['vary']?.split(', ').sort(), ['Accept', 'Origin'])
  })
})

describe('when the upstream does not answer', () => {
  it('asks the next one if nothing was sent, with the whole body', async (t) => {
    const upstream = await openUpstream(t, echo)
    const closed = `http://127.0.0.1:${await closedPort()}`
    const gateway = await openGateway(t, [closed, `${upstream.url}/second`])
    const { seen } = await echoed(`${gateway.url}/x`, {
      method: 'POST',
      send: (outgoing) => outgoing.end('hello'),
    })
    assert.equal(seen.url, '/second/x')
    assert.equal(seen.body, 'hello')
    assert.equal(seen.headers['host'], `127.0.0.1:${upstream.port}`)
  })

  it('says 502 when there is no other, without a word on where it is, which operators learn', async (t) => {
    const port = await closedPort()
    const gateway = await openGateway(t, [`http://127.0.0.1:${port}/v1`])
    const answer = await begin(gateway.url, { headers: { accept: 'application/json' } })
    const body = await answer.rest()
    assert.equal(answer.response.statusCode, 502)
    assert.match(body, /"message":"The service behind cannot be reached"/)
    assert.ok(!body.includes(String(port)))
    assert.deepEqual(gateway.failures, [
      {
        topology: 'sandbox',
        role: 'OPENAI',
        upstream: `http://127.0.0.1:${port}/v1`,
        why: 'unreachable',
        detail: 'ECONNREFUSED',
      },
    ])
  })

  it('says 502 and asks nobody else when it broke off amid the request', async (t) => {
    const second = await openUpstream(t, echo)
    const upstream = await openUpstream(t, ({ socket }) => socket.destroy())
    const gateway = await openGateway(t, [upstream.url, second.url])
    const answer = await begin(gateway.url, { method: 'POST', send: (outgoing) => outgoing.end('hello') })
    assert.equal(answer.response.statusCode, 502)
    assert.equal(second.connections(), 0)
    assert.equal(gateway.failures[0]?.why, 'broken')
  })

  it('says 502 when it speaks another protocol without being asked', async (t) => {
    const upstream = await openUpstream(t, ({ socket }) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n')
    })
    const gateway = await openGateway(t, [upstream.url])
    assert.equal((await begin(gateway.url)).response.statusCode, 502)
  })

  it('says 504 when it takes too long to begin, and gives the upstream up', async (t) => {
    let left: Promise<unknown> = Promise.resolve()
    const upstream = await openUpstream(t, ({ socket }) => {
      left = once(socket, 'close')
    })
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.firstByteTimeoutMs': '40' } })
    assert.equal((await begin(gateway.url)).response.statusCode, 504)
    await left
    assert.equal(gateway.failures[0]?.why, 'timeout')
  })

  it('cuts an answer that stops for too long: it must not be taken for whole', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.write('begun')
    })
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.idleTimeoutMs': '200' } })
    const answer = await begin(gateway.url)
    await assert.rejects(answer.rest(), { code: 'ECONNRESET' })
  })

  it('says 408 when it is the client that does not go on', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.idleTimeoutMs': '40' } })
    const answer = await begin(gateway.url, { method: 'POST', send: (outgoing) => outgoing.write('begun') })
    assert.equal(answer.response.statusCode, 408)
    assert.deepEqual(gateway.failures, [])
  })

  it('asks again on a new connection when a kept one was closed meanwhile, if the request may come twice', async (t) => {
    const cut: IncomingMessage[] = []
    const upstream = await openUpstream(t, (incoming, response) => {
      // Every connection serves one request, and breaks off at the second.
      if (cut.some(({ socket }) => socket === incoming.socket)) return void incoming.socket.resetAndDestroy()
      cut.push(incoming)
      echo(incoming, response)
    })
    const gateway = await openGateway(t, [upstream.url])
    assert.equal((await echoed(gateway.url)).status, 200)
    assert.equal((await echoed(gateway.url)).status, 200)
    assert.equal(upstream.connections(), 2)
    const other = await openGateway(t, [upstream.url])
    assert.equal((await echoed(other.url)).status, 200)
    const twice = await begin(other.url, { method: 'POST', send: (outgoing) => outgoing.end('once') })
    assert.equal(twice.response.statusCode, 502, 'it might be done twice')
  })

  it('says 503 and when to come again while too many requests run', async (t) => {
    const held: ServerResponse[] = []
    const upstream = await openUpstream(t, (_, response) => held.push(response.writeHead(200)))
    upstream.server.on('request', (_, response: ServerResponse) => response.flushHeaders())
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.concurrentMax': '2' } })
    const first = await begin(gateway.url)
    await begin(gateway.url)
    const refused = await begin(gateway.url)
    assert.equal(refused.response.statusCode, 503)
    assert.equal(refused.response.headers['retry-after'], '1')
    held[0]?.end('done')
    assert.equal(await first.rest(), 'done')
    const next = await begin(gateway.url)
    assert.equal(next.response.statusCode, 200, 'one has ended')
  })

  it('says 413 to bodies beyond the limit, announced or not', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.bodyBytesMax': '10' } })
    const announced = await begin(gateway.url, {
      method: 'POST',
      send: (outgoing) => outgoing.end('x'.repeat(11)),
    })
    assert.equal(announced.response.statusCode, 413)
    const inChunks = await begin(gateway.url, {
      method: 'POST',
      send: (outgoing) => {
        outgoing.write('x'.repeat(6))
        outgoing.end('x'.repeat(6))
      },
    })
    assert.equal(inChunks.response.statusCode, 413)
    const { seen } = await echoed(gateway.url, {
      method: 'POST',
      send: (outgoing) => outgoing.end('x'.repeat(10)),
    })
    assert.equal(seen.body, 'x'.repeat(10))
  })
})

describe('connections', () => {
  it('are kept for the next request', async (t) => {
    const upstream = await openUpstream(t, echo)
    const gateway = await openGateway(t, [upstream.url])
    for (let turn = 0; turn < 5; turn += 1) {
      await echoed(gateway.url, { method: 'POST', send: (outgoing) => outgoing.end('x') })
    }
    assert.equal(upstream.connections(), 1)
  })
})

describe('answers that are on their way when their key ends', () => {
  const FINGERPRINT = 'ab'.repeat(32) as Fingerprint
  // Only what the proxy looks at.
  const caller = { name: 'alice', groups: [], key: { id: 'key-1', fingerprint: FINGERPRINT } as never }

  it('go on', async (t) => {
    const held: ServerResponse[] = []
    const upstream = await openUpstream(t, (incoming, response) => {
      assert.equal(incoming.headers['x-latchkey-key-id'], 'key-1')
      response.write('begun ')
      held.push(response)
    })
    const gateway = await openGateway(t, [upstream.url], { caller })
    const answer = await begin(gateway.url, { headers: GOOD })
    await answer.until('begun')
    gateway.endKey(FINGERPRINT)
    held[0]?.end('ended')
    assert.equal(await answer.rest(), 'begun ended')
  })

  it('are cut if the topology says so, and those of other keys are not', async (t) => {
    const held: ServerResponse[] = []
    const upstream = await openUpstream(t, (_, response) => {
      response.write('begun ')
      held.push(response)
    })
    const gateway = await openGateway(t, [upstream.url], { caller, params: { 'proxy.cutStreams': 'true' } })
    const answer = await begin(gateway.url)
    await answer.until('begun')
    gateway.endKey('cd'.repeat(32))
    held[0]?.write('on ')
    await answer.until('on')
    const left = once(held[0] ?? assert.fail(), 'close')
    gateway.endKey(FINGERPRINT)
    await assert.rejects(answer.rest(), { code: 'ECONNRESET' })
    await left
  })
})
