import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openSocket, receiveAll, receiveUntil } from '../../../transports/contract/raw-socket.ts'
import { begin, GOOD, openGateway, openUpstream } from './testing/open-gateway.ts'

const MEBIBYTE = 1_048_576

/** More than all buffers between two ends take, those of the system included. */
const MUCH = 96 * MEBIBYTE

/** So many turns of the event loop without any progress are taken for standing still. */
const STILL_TURNS = 2_000

/** Resolves once a number has not changed for long. */
async function standstill(progress: () => number): Promise<number> {
  let last = progress()
  for (let turns = 0; turns < STILL_TURNS; turns += 1) {
    await nextTurn()
    if (progress() === last) continue
    last = progress()
    turns = 0
  }
  return last
}

/** Writes much, as fast as it is taken; the bytes that were. */
function writeMuch(target: ClientRequest | ServerResponse): () => number {
  const chunk = Buffer.alloc(MEBIBYTE, 'x')
  let written = 0
  const go = (): void => {
    while (written < MUCH) {
      written += chunk.length
      if (!target.write(chunk)) return void target.once('drain', go)
    }
    target.end()
  }
  go()
  return () => written
}

async function lengthOf(message: IncomingMessage): Promise<number> {
  let length = 0
  for await (const chunk of message) length += (chunk as Buffer).length
  return length
}

describe('answers', () => {
  it('arrive event by event: the first before the upstream has made the last', async (t) => {
    const { promise: seen, resolve: sawFirst } = Promise.withResolvers<void>()
    const upstream = await openUpstream(t, (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: first\n\n')
      void seen.then(() => response.end('data: last\n\n'))
    })
    const gateway = await openGateway(t, [upstream.url])
    const answer = await begin(gateway.url)
    assert.equal(answer.response.headers['content-type'], 'text/event-stream')
    assert.equal(await answer.until('\n\n'), 'data: first\n\n')
    sawFirst()
    assert.equal(await answer.rest(), 'data: first\n\ndata: last\n\n')
  })

  it('begin before their first byte is there', async (t) => {
    const held: ServerResponse[] = []
    const upstream = await openUpstream(t, (_, response) => {
      response.flushHeaders()
      held.push(response)
    })
    const gateway = await openGateway(t, [upstream.url])
    const answer = await begin(gateway.url)
    assert.equal(answer.response.statusCode, 200)
    held[0]?.end('late')
    assert.equal(await answer.rest(), 'late')
  })

  it('wait for clients that do not take them, in bounded memory, and come whole in the end', async (t) => {
    let written = (): number => 0
    const upstream = await openUpstream(t, (_, response) => {
      written = writeMuch(response)
    })
    const gateway = await openGateway(t, [upstream.url])
    const outgoing = request(gateway.url, { headers: GOOD, agent: false }).end()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    assert.ok((await standstill(() => written())) < MUCH)
    assert.equal(await lengthOf(response), MUCH)
  })

  it('reach clients of HTTP/1.0, ended by the end of the connection', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.write('one')
      response.end('two')
    })
    const gateway = await openGateway(t, [upstream.url])
    const socket = await openSocket(gateway.port)
    const answer = receiveAll(socket)
    socket.write('GET /gateway/sandbox/openai HTTP/1.0\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n')
    assert.match(await answer, /^HTTP\/1.1 200 .*\r\n\r\nonetwo$/s)
  })
})

describe('bodies', () => {
  it('arrive piece by piece: the first before the client has sent the last', async (t) => {
    const { promise: seen, resolve: sawFirst } = Promise.withResolvers<void>()
    const upstream = await openUpstream(t, (incoming, response) => {
      let text = ''
      incoming.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        if (text === 'first ') sawFirst()
      })
      incoming.on('end', () => response.end(text))
    })
    const gateway = await openGateway(t, [upstream.url])
    const outgoing = request(gateway.url, { method: 'POST', headers: GOOD, agent: false })
    outgoing.write('first ')
    await seen
    outgoing.end('last')
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    assert.equal(await lengthOf(response), 'first last'.length)
  })

  it('wait for upstreams that do not take them, in bounded memory, and come whole in the end', async (t) => {
    const { promise: mayRead, resolve: read } = Promise.withResolvers<void>()
    const upstream = await openUpstream(t, (incoming, response) => {
      void mayRead.then(async () => response.end(String(await lengthOf(incoming))))
    })
    const gateway = await openGateway(t, [upstream.url])
    const outgoing = request(gateway.url, { method: 'POST', headers: GOOD, agent: false })
    const answered = once(outgoing, 'response')
    const written = writeMuch(outgoing)
    assert.ok((await standstill(written)) < MUCH)
    read()
    const [response] = (await answered) as [IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    assert.equal(Buffer.concat(chunks).toString(), String(MUCH))
  })

  it('and answers flow at the same time', async (t) => {
    const upstream = await openUpstream(t, (incoming, response) => {
      response.flushHeaders()
      incoming.pipe(response)
    })
    const gateway = await openGateway(t, [upstream.url])
    const outgoing = request(gateway.url, { method: 'POST', headers: GOOD, agent: false })
    outgoing.flushHeaders()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    response.setEncoding('utf8')
    for (const word of ['one', 'two', 'three']) {
      const heard = once(response, 'data')
      outgoing.write(word)
      assert.deepEqual(await heard, [word])
    }
    outgoing.end()
    assert.equal(await lengthOf(response), 0)
  })

  it('are asked for with "100 Continue" only once there is somebody to take them', async (t) => {
    const upstream = await openUpstream(t, (incoming, response) => {
      assert.equal(incoming.headers.expect, undefined)
      incoming.pipe(response)
    })
    const gateway = await openGateway(t, [upstream.url])
    const socket = await openSocket(gateway.port)
    const head = (authorization: string): string =>
      `POST /gateway/sandbox/openai HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n`
    const asked = receiveUntil(socket, '\r\n\r\n')
    socket.write(head('Bearer good'))
    assert.match(await asked, /^HTTP\/1.1 100 /)
    const answer = receiveAll(socket)
    socket.write('hello')
    assert.match(await answer, /^HTTP\/1.1 200 .*hello/s)
    const refused = await openSocket(gateway.port)
    const refusal = receiveAll(refused)
    refused.write(head('Bearer bad'))
    assert.match(await refusal, /^HTTP\/1.1 401 /)
  })

  it('may be answered before they are whole, and the client still sees the answer', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.writeHead(429, { 'Retry-After': '7' }).end('enough')
    })
    const gateway = await openGateway(t, [upstream.url])
    const answer = await begin(gateway.url, {
      method: 'POST',
      send: (outgoing) => outgoing.write('x'.repeat(MEBIBYTE)),
    })
    assert.equal(answer.response.statusCode, 429)
    assert.equal(answer.response.headers['retry-after'], '7')
    // However long the client takes for the rest, and whatever it does with it.
    assert.equal(await answer.rest(), 'enough')
  })
})

describe('who goes away', () => {
  it('takes the upstream with it: a client that waits', async (t) => {
    const { promise: asked, resolve: wasAsked } = Promise.withResolvers<ServerResponse>()
    const upstream = await openUpstream(t, (_, response) => wasAsked(response))
    const gateway = await openGateway(t, [upstream.url])
    const outgoing = request(gateway.url, { headers: GOOD, agent: false }).end()
    outgoing.on('error', () => {})
    const left = once(await asked, 'close')
    outgoing.destroy()
    await left
    assert.deepEqual(gateway.failures, [])
  })

  it('takes the upstream with it: a client that has got half of its answer', async (t) => {
    const { promise: asked, resolve: wasAsked } = Promise.withResolvers<ServerResponse>()
    const upstream = await openUpstream(t, (_, response) => {
      response.write('half')
      wasAsked(response)
    })
    const gateway = await openGateway(t, [upstream.url])
    const answer = await begin(gateway.url)
    await answer.until('half')
    const left = once(await asked, 'close')
    answer.response.destroy()
    await left
  })

  it('takes the upstream with it: a client that has sent half of its body', async (t) => {
    const { promise: asked, resolve: wasAsked } = Promise.withResolvers<IncomingMessage>()
    const upstream = await openUpstream(t, (incoming) => {
      incoming.on('error', () => {})
      incoming.once('data', () => wasAsked(incoming))
    })
    const gateway = await openGateway(t, [upstream.url])
    const outgoing = request(gateway.url, { method: 'POST', headers: GOOD, agent: false })
    outgoing.on('error', () => {})
    outgoing.write('half')
    const incoming = await asked
    const left = new Promise((resolve) => {
      incoming.once('close', resolve)
    })
    outgoing.destroy()
    await left
    assert.equal(incoming.complete, false, 'it is not taken for whole')
  })

  it('is missed: no client takes half of an answer for whole, in chunks or announced', async (t) => {
    for (const headers of [{}, { 'Content-Length': '100' }]) {
      const upstream = await openUpstream(t, (_, response) => {
        response.writeHead(200, headers).write('half', () => response.destroy())
      })
      const gateway = await openGateway(t, [upstream.url])
      const answer = await begin(gateway.url)
      await assert.rejects(answer.rest(), { code: 'ECONNRESET' })
      const socket = await openSocket(gateway.port)
      const received = receiveAll(socket)
      socket.write('GET /gateway/sandbox/openai HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good\r\n\r\n')
      assert.doesNotMatch(await received, /\r\n0\r\n\r\n$/)
    }
  })

  it('leaves room: what is over does not count as running', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.write('half')
    })
    const gateway = await openGateway(t, [upstream.url], { params: { 'proxy.concurrentMax': '1' } })
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await begin(gateway.url)
      assert.equal(answer.response.statusCode, 200)
      answer.response.destroy()
      // The gateway hears of it a little later.
      while (gateway.listener.runningRequests > 0) await nextTurn()
    }
  })
})

describe('a server that stops', () => {
  it('lets answers finish that are on their way, and takes no more', async (t) => {
    const { promise: asked, resolve: wasAsked } = Promise.withResolvers<ServerResponse>()
    const upstream = await openUpstream(t, (_, response) => {
      response.write('begun ')
      wasAsked(response)
    })
    const gateway = await openGateway(t, [upstream.url], { limits: { drainTimeoutMs: 60_000 } })
    const answer = await begin(gateway.url, { headers: { connection: 'keep-alive' } })
    await answer.until('begun')
    const closed = gateway.listener.close()
    ;(await asked).end('ended')
    assert.equal(await answer.rest(), 'begun ended')
    await closed
  })

  it('cuts those that take longer than it may', async (t) => {
    const upstream = await openUpstream(t, (_, response) => {
      response.write('begun ')
    })
    const gateway = await openGateway(t, [upstream.url], { limits: { drainTimeoutMs: 20 } })
    const answer = await begin(gateway.url)
    await gateway.listener.close()
    await assert.rejects(answer.rest(), { code: 'ECONNRESET' })
  })
})
