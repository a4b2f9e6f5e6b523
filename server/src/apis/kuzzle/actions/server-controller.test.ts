import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parse as parseYaml } from 'yaml'
import { openTestApi, type TestApi } from '../testing/test-api.ts'

describe('the server controller', () => {
  let test: TestApi
  let token: string
  const cleanUp: (() => unknown)[] = []

  before(async () => {
    test = await openTestApi({ after: (release) => cleanUp.unshift(release as () => unknown) })
    token = await test.login('root')
  })
  after(async () => {
    for (const release of cleanUp) await release()
  })

  const result = async (path: string) => {
    const { body } = await test.ask('GET', path, { token })
    assert.equal(body.error, null)
    return body.result
  }

  it('tells the time, and whether there is an administrator', async () => {
    assert.deepEqual(await result('/_now'), { now: test.authority.clock.now() })
    assert.deepEqual(await result('/_adminExists'), { exists: true })
  })

  it('describes itself', async () => {
    for (const path of ['/', '/_serverInfo']) {
      const { kuzzle, services } = (await result(path)).serverInfo
      assert.match(kuzzle.version, /^2\./)
      assert.equal(kuzzle.application.name, 'latchkey')
      assert.match(kuzzle.uptime, /^\d+s$/)
      assert.equal(kuzzle.api.routes.auth.login.action, 'login')
      assert.deepEqual(Object.keys(services), [
        'internalCache',
        'internalStorage',
        'memoryStorage',
        'publicStorage',
      ])
    }
    const capabilities = await result('/_capabilities')
    for (const name of ['limits', 'plugins', 'routes', 'services'])
      assert.equal(typeof capabilities[name], 'object')
  })

  it('tells how it is, as a whole or of some services', async () => {
    assert.deepEqual(await result('/_healthCheck'), {
      status: 'green',
      services: { internalCache: 'green', memoryStorage: 'green', storageEngine: 'green' },
    })
    assert.deepEqual(await result('/_healthCheck?services=storageEngine,x'), {
      status: 'green',
      services: { storageEngine: 'green' },
    })
  })

  it('that is ill says so with its result and status 500', async (t) => {
    const ill = await openTestApi(t)
    const admin = await ill.login('root')
    t.mock.method(ill.authority.storage, 'isHealthy', async () => false)
    const { status, body } = await ill.ask('GET', '/_healthCheck', { token: admin })
    assert.equal(status, 500)
    assert.equal(body.error.id, 'core.fatal.service_unavailable')
    assert.equal(body.result.status, 'red')
    assert.equal(body.result.services.storageEngine, 'red')
  })

  it('shows its configuration without anything of security', async () => {
    const configuration = await result('/_getConfig')
    assert.equal('security' in configuration, false)
    const sections = 'realtime dump limits plugins repositories server services stats internal validation'
    for (const name of sections.split(' ')) assert.equal(typeof configuration[name], 'object', name)
    assert.equal(configuration.limits.loginsPerSecond, 1)
  })

  it('counts', async () => {
    const { api, network } = await result('/_metrics')
    assert.deepEqual(api, { concurrentRequests: 1, pendingRequests: 0 })
    assert.deepEqual(network.connections, { 'http/1.1': 1 })
    const last = await result('/_getLastStats')
    assert.ok(last.completedRequests.http > 0)
    test.authority.clock.passMs(10_000)
    const all = await result('/_getAllStats')
    assert.equal(all.total, 2)
    assert.equal((await result(`/_getStats?startTime=${test.authority.clock.now()}`)).total, 1)
    assert.equal((await result('/_getStats?stopTime=2000-01-01')).total, 0)
    const { body } = await test.ask('GET', '/_getStats?startTime=never', { token })
    assert.equal(body.error.id, 'api.assert.invalid_argument')
  })

  it('describes its actions as Swagger 2.0, without an envelope', async () => {
    const { body, headers } = await test.ask('GET', '/_openapi')
    assert.equal(headers.get('content-type'), 'application/json')
    assert.equal(body.swagger, '2.0')
    assert.equal(body.paths['/users/{_id}/_replace'].put.tags[0], 'security')
    const yaml = await test.ask('GET', '/_openapi?format=yaml')
    assert.equal(yaml.headers.get('content-type'), 'application/yaml')
    assert.equal(parseYaml(yaml.body).swagger, '2.0')
    assert.deepEqual((await test.ask('GET', '/_openapi?scope=app')).body.paths, {})
    const refused = await test.ask('GET', '/_openapi?scope=x')
    assert.equal(
      refused.body.error.message,
      `Unexpected argument "x" (accepted arguments: [ 'kuzzle', 'app' ])`,
    )
    const socket = await test.socket()
    assert.equal((await socket.ask({ controller: 'server', action: 'openapi' })).result.swagger, '2.0')
  })
})
