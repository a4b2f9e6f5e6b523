import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { askNative, createNativeAdmin, type NativeAnswer } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

describe('a caller that shows a key of its own', () => {
  let server: RunningServer
  let admin: string
  before(async () => {
    server = await startServer()
    admin = await createNativeAdmin(server)
  })
  after(async () => {
    await server.stop()
    server.discard()
  })

  /** The answer to the second request with a key that is good for one. */
  async function askedTwice(policy: object, method: string, path: string): Promise<NativeAnswer> {
    const { body: issued } = await askNative(server, 'POST', '/v1/keys', { token: admin, body: policy })
    const body = method === 'POST' ? { key: 'x' } : undefined
    const ask = () => askNative(server, method, path, { token: issued.key, body })
    assert.equal((await ask()).status, 200)
    return ask()
  }

  const routes = [
    ['GET', '/v1/keys'],
    ['POST', '/v1/verify'],
  ] as const
  for (const [method, path] of routes) {
    it(`is told where its limits stand when it comes too often: ${path}`, async () => {
      const limits = [{ name: 'minute', limit: 1, window: 60_000 }]
      const { status, headers, body } = await askedTwice({ limits }, method, path)
      assert.deepEqual([status, body.code], [429, 'token.rate_limited'])
      assert.equal(headers.get('ratelimit-policy'), '"minute";q=1;w=60')
      assert.match(headers.get('ratelimit') ?? '', /^"minute";r=0;t=(?:60|59)$/)
      assert.match(headers.get('retry-after') ?? '', /^(?:60|59)$/)
    })

    it(`is told when its budget is refilled, if ever: ${path}`, async () => {
      const refill = { interval: 'every', amount: 1, every: 3_600_000 }
      const refilled = await askedTwice({ credits: { initial: 1, refill } }, method, path)
      assert.deepEqual([refilled.status, refilled.body.code], [429, 'token.usage_exceeded'])
      const seconds = Number(refilled.headers.get('retry-after'))
      assert.ok(seconds > 3_500 && seconds <= 3_600, String(seconds))
      const spent = await askedTwice({ credits: { initial: 1 } }, method, path)
      assert.deepEqual([spent.status, spent.body.code], [429, 'token.usage_exceeded'])
      assert.equal(spent.headers.get('retry-after'), null)
      assert.equal(spent.headers.get('ratelimit'), null)
    })
  }
})
