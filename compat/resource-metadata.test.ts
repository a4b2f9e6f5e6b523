import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { askNative, type NativeAnswer } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const METADATA = '/.well-known/oauth-protected-resource'

async function started(t: TestContext, ...given: string[]): Promise<RunningServer> {
  const server = await startServer({ arguments: given })
  t.after(async () => {
    await server.stop()
    server.discard()
  })
  return server
}

const challengeOf = ({ headers }: NativeAnswer) => headers.get('www-authenticate') ?? ''

describe('the metadata of RFC 9728', () => {
  it('is where RFC 9728 section 3.1 has it when the public URL has a path, and every challenge names it', async (t) => {
    const server = await started(t, '--http.public-url', 'https://auth.test/lk/')
    const named = `resource_metadata="https://auth.test${METADATA}/lk"`
    for (const [method, path] of [
      ['GET', '/v1/keys'],
      ['POST', '/v1/verify'],
      ['GET', '/v1/authorize'],
    ] as const)
      assert.ok(challengeOf(await askNative(server, method, path)).includes(named), path)
    for (const path of [`${METADATA}/lk`, METADATA]) {
      const { status, body } = await askNative(server, 'GET', path)
      assert.equal(status, 200)
      assert.equal(body.resource, 'https://auth.test/lk')
      assert.equal(body.resource_documentation, 'https://auth.test/lk/v1/openapi.json')
    }
    for (const path of [`${METADATA}/other`, `${METADATA}/lk/x`])
      assert.equal((await askNative(server, 'GET', path)).status, 404)
  })

  it('is at its own place when the public URL has no path', async (t) => {
    const server = await started(t, '--http.public-url', 'https://auth.test')
    const named = `resource_metadata="https://auth.test${METADATA}"`
    assert.ok(challengeOf(await askNative(server, 'GET', '/v1/keys')).includes(named))
    assert.equal((await askNative(server, 'GET', METADATA)).body.resource, 'https://auth.test')
    assert.equal((await askNative(server, 'GET', `${METADATA}/`)).status, 404)
  })

  it('names no documentation that the listener for everybody does not have', async (t) => {
    const server = await started(t, '--admin.port', '0', '--http.public-url', 'https://auth.test/lk')
    const { status, body } = await askNative(server, 'GET', `${METADATA}/lk`)
    assert.equal(status, 200)
    assert.equal(body.resource, 'https://auth.test/lk')
    assert.equal('resource_documentation' in body, false)
  })
})
