import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ask, createAdmin, startServer } from './running-server.ts'

describe('a key that is bound to addresses', () => {
  it('works through every API from there alone, also behind a proxy that is trusted', async () => {
    const server = await startServer({ arguments: ['--http.trustedProxies', '127.0.0.1'] })
    try {
      const admin = await createAdmin(server)
      const created = await ask(server, 'POST', '/v1/keys', {
        token: admin,
        body: { addresses: ['192.0.2.0/24'] },
      })
      assert.equal(created.status, 201)
      const { key } = created.body
      const use = async (path: string, forwardedFor?: string) => {
        const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
        return (await ask(server, 'GET', path, { token: key, headers })).status
      }
      assert.equal(await use('/_me', '192.0.2.7'), 200)
      assert.equal(await use('/v1/whoami', '192.0.2.7'), 200)
      // What a client writes before the hop that the proxy adds counts for nothing.
      for (const elsewhere of ['198.51.100.1', '192.0.2.7, 198.51.100.1', 'unknown', undefined]) {
        assert.equal(await use('/_me', elsewhere), 401)
        assert.equal(await use('/v1/whoami', elsewhere), 403)
      }
    } finally {
      await server.stop()
      server.discard()
    }
  })
})
