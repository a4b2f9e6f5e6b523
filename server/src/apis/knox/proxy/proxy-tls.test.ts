import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { begin, openGateway, openUpstream } from './testing/open-gateway.ts'
import { createSelfSigned, type SelfSigned } from './testing/self-signed.ts'

async function openTls(t: TestContext, { key, cert }: SelfSigned) {
  let asked = 0
  const server = createHttpsServer({ key, cert }, (incoming, response) => {
    asked += 1
    incoming.pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { url: `https://localhost:${port}`, asked: () => asked }
}

const post = { method: 'POST', send: (outgoing: { end(text: string): void }) => outgoing.end('hello') }

describe('an upstream with TLS', () => {
  it('is asked when its certificate is trusted', async (t) => {
    const pair = createSelfSigned()
    const upstream = await openTls(t, pair)
    const gateway = await openGateway(t, [upstream.url], {
      params: { 'proxy.certificates': '/etc/upstream.pem' },
      readCertificates: (path) => {
        assert.equal(path, '/etc/upstream.pem')
        return pair.cert
      },
    })
    for (let turn = 0; turn < 2; turn += 1)
      assert.equal(await (await begin(gateway.url, post)).rest(), 'hello')
  })

  it('is sent nothing when its certificate is not, and the next one is asked', async (t) => {
    const upstream = await openTls(t, createSelfSigned())
    const gateway = await openGateway(t, [upstream.url])
    assert.equal((await begin(gateway.url, post)).response.statusCode, 502)
    assert.equal(gateway.failures[0]?.why, 'unreachable')
    assert.match(gateway.failures[0]?.detail ?? '', /SELF_SIGNED/)
    const other = await openUpstream(t, (incoming, response) => incoming.pipe(response))
    const both = await openGateway(t, [upstream.url, other.url])
    assert.equal(await (await begin(both.url, post)).rest(), 'hello')
    assert.equal(upstream.asked(), 0)
  })

  it('is given up with 504 when it does not even greet in time', async (t) => {
    const sockets: Socket[] = []
    const mute = createServer((socket) => sockets.push(socket.on('error', () => {})))
    mute.listen(0, '127.0.0.1')
    await once(mute, 'listening')
    t.after(() => {
      mute.close()
      for (const socket of sockets) socket.destroy()
    })
    const { port } = mute.address() as AddressInfo
    const gateway = await openGateway(t, [`https://127.0.0.1:${port}`], {
      params: { 'proxy.connectTimeoutMs': '40' },
    })
    assert.equal((await begin(gateway.url, post)).response.statusCode, 504)
    assert.equal(gateway.failures[0]?.why, 'connect_timeout')
  })
})
