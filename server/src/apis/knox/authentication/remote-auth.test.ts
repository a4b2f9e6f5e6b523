import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { KnoxRefusal } from '../knox-request.ts'
import { requestFor } from '../testing/request-for.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { createRemoteAuth } from './remote-auth.ts'

/** Another server that knows `Bearer good`, and what it was asked. */
async function startRemote(t: TestContext) {
  const asked: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers)
    if (request.headers.authorization === 'Bearer odd') return void request.socket.destroy()
    const isGood = request.headers.authorization === 'Bearer good'
    response.writeHead(isGood ? 200 : 401, {
      'X-Knox-Actor-ID': 'guest',
      'X-Knox-Actor-Groups-1': 'a,b',
      'X-Knox-Actor-Groups-2': 'b,c',
    })
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return { url: `http://127.0.0.1:${address.port}/gateway/b/auth/api/v1/pre`, asked }
}

function open(params: Readonly<Record<string, string>>) {
  const time = { now: 0 }
  const provider = {
    role: 'authentication',
    name: 'RemoteAuthProvider',
    params: new Map(Object.entries(params)),
  } as const
  const authenticate = createRemoteAuth(provider, 't.xml', {
    now: () => time.now,
    readCertificates: () => assert.fail('nothing to read'),
  })
  const ask = (authorization?: string, more: Readonly<Record<string, string>> = {}) =>
    authenticate(
      requestFor('GET', '/x', {
        headers: { ...more, ...(authorization !== undefined && { authorization }) },
      }),
    )
  return { ask, time }
}

const refused = (status: number, shown: string) => (error: unknown) =>
  error instanceof KnoxRefusal && error.status === status && error.shown === shown

describe('RemoteAuthProvider', () => {
  it('takes name and groups from the other server, which sees only what it is to see', async (t) => {
    const { url, asked } = await startRemote(t)
    const { ask } = open({ 'remote.auth.url': url, 'remote.auth.include.headers': 'X-One' })
    assert.deepEqual(await ask('Bearer good', { 'x-one': '1', cookie: 'c' }), {
      name: 'guest',
      groups: ['a', 'b', 'c'],
    })
    assert.deepEqual([asked[0]?.['x-one'], asked[0]?.cookie], ['1', undefined])
  })

  it('refuses whom the other server does not know, and asks nothing without credentials', async (t) => {
    const { url, asked } = await startRemote(t)
    const { ask } = open({ 'remote.auth.url': url })
    await assert.rejects(ask('Bearer bad'), refused(401, 'Authentication failed'))
    await assert.rejects(ask(), refused(401, 'Authentication failed'))
    assert.equal(asked.length, 1)
    await assert.rejects(ask('Bearer odd'), refused(500, 'Error processing authentication request'))
  })

  it('remembers good answers for as long as it is told, and only for the same credentials', async (t) => {
    const { url, asked } = await startRemote(t)
    const { ask, time } = open({ 'remote.auth.url': url, 'remote.auth.expire.after': '1' })
    await ask('Bearer good')
    await ask('Bearer good')
    assert.equal(asked.length, 1)
    await assert.rejects(ask('Bearer bad'))
    await assert.rejects(ask('Bearer bad'))
    assert.equal(asked.length, 3)
    time.now = 60_000
    await ask('Bearer good')
    assert.equal(asked.length, 4)
  })

  it('remembers nothing unless told to', async (t) => {
    const { url, asked } = await startRemote(t)
    const { ask } = open({ 'remote.auth.url': url })
    await ask('Bearer good')
    await ask('Bearer good')
    assert.equal(asked.length, 2)
  })

  it('is refused at start without a URL, or with a trust store that cannot be read', () => {
    for (const params of [
      {},
      { 'remote.auth.url': 'ftp://x' },
      { 'remote.auth.url': 'http://x', 'remote.auth.expire.after': 'long' },
      { 'remote.auth.url': 'http://x', 'remote.auth.truststore.path': '/x.jks' },
    ]) {
      assert.throws(() => open(params), TopologyProblem, JSON.stringify(params))
    }
  })
})
