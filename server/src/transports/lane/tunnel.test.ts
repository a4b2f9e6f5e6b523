import assert from 'node:assert/strict'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { type TestContext, test } from 'node:test'
import { closeOf, openSocket, receiveAll, waitUntil } from '../contract/raw-socket.ts'
import { createAdoptingHttpListener } from '../http/http-listener.ts'
import type { Peer } from '../peer.ts'
import { openLaneListener } from './lane-listener.ts'
import { openTunnelEnd, passThrough, type TunnelAddress } from './tunnel.ts'

/** A lane that passes everything on through a tunnel, at the end of which node:http says who asked. */
async function openTunnelled(t: TestContext) {
  const http = createAdoptingHttpListener({
    handler: async (request) => {
      const body = await request.readBody({ bytesMax: 2_000_000, encodingsMax: 1 })
      const length = body.ok ? body.bytes.length : body.problem
      return { status: 200, headers: {}, body: `${request.address} ${request.path} ${length}` }
    },
    overloaded: () => ({ status: 503, headers: {}, body: '' }),
    onError: (error) => assert.fail(String(error)),
  })
  const adopted: Peer[] = []
  const end = await openTunnelEnd((socket, peer) => {
    adopted.push(peer)
    http.adopt(socket, peer)
  })
  const lane = await openLaneListener({
    place: { host: '127.0.0.1', port: 0, shared: false },
    routes: [],
    overloaded: { status: 503, fields: '', body: '' },
    passOn: (socket, peer) => passThrough(end.address, socket, peer),
    onError: (error) => assert.fail(String(error)),
  })
  const close = async (): Promise<void> => {
    await Promise.all([lane.close(), http.close()])
    await end.close()
  }
  t.after(close)
  return { lane, http, end, adopted, close }
}

test('passes requests and answers of any length through, and says who asked', async (t) => {
  const { lane } = await openTunnelled(t)
  const body = 'x'.repeat(1_500_000)
  const socket = await openSocket(lane.port)
  const answers = receiveAll(socket)
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  socket.write(
    `POST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const bodies = (await answers).match(/127\.0\.0\.1 \/\w \d+/g)
  assert.deepEqual(bodies, ['127.0.0.1 /a 0', '127.0.0.1 /b 1500000'])
})

test('ends both sides when either one ends', async (t) => {
  const { lane, http } = await openTunnelled(t)
  const socket = await openSocket(lane.port)
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  socket.resetAndDestroy()
  await waitUntil(() => http.openConnections === 0 && lane.openConnections === 0)
})

test('closing lets a client that waits at the other end go', async (t) => {
  const { lane, close } = await openTunnelled(t)
  const socket = await openSocket(lane.port)
  socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  const closed = closeOf(socket)
  await close()
  await closed
})

async function knock(address: TunnelAddress, bytes: Uint8Array): Promise<Socket> {
  const socket = connect(address.path)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(bytes)
  return socket
}

test('lets nobody in who does not know the secret, or says nonsense', async (t) => {
  const { end, adopted } = await openTunnelled(t)
  const { secret } = end.address
  const wrong = Buffer.from(secret)
  wrong[31] = (wrong[31] ?? 0) ^ 1
  const prefaces = [
    Buffer.concat([wrong, Buffer.of(1), Buffer.from('a')]),
    Buffer.concat([secret, Buffer.of(200)]),
  ]
  for (const preface of prefaces) {
    const socket = await knock(end.address, preface)
    socket.resume()
    await closeOf(socket)
  }
  assert.deepEqual(adopted, [])
})

test('reads a preface in whatever pieces it comes', async (t) => {
  const { end, adopted } = await openTunnelled(t)
  const { secret } = end.address
  const request = 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const peer = { address: '192.0.2.7', tls: { clientName: 'CN=ada' } }
  const described = Buffer.from(JSON.stringify(peer))
  const bytes = Buffer.concat([secret, Buffer.of(0, described.length), described, Buffer.from(request)])
  const socket = await knock(end.address, bytes.subarray(0, 5))
  const answer = receiveAll(socket)
  for (const byte of bytes.subarray(5)) {
    socket.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.match(await answer, /192\.0\.2\.7 \/a 0$/)
  assert.deepEqual(adopted, [{ ...peer, loopback: false }])
})

test('the way to it is open to this user only', async (t) => {
  const { end } = await openTunnelled(t)
  assert.equal(statSync(dirname(end.address.path)).mode & 0o077, 0)
})
