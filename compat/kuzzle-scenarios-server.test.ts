import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { describeScenarios, type Json } from './kuzzle-world.ts'
import { ask, type RunningServer, startServer } from './running-server.ts'

describeScenarios("Kuzzle's scenarios of the server controller", (world) => {
  const { act } = world

  it('the configuration has every section that clients read, and no secret', async () => {
    const configuration = await act('server', 'getConfig')
    for (const section of [
      'realtime',
      'dump',
      'limits',
      'plugins',
      'repositories',
      'server',
      'services',
      'stats',
      'internal',
      'validation',
    ]) {
      assert.equal(typeof configuration[section], 'object', section)
    }
    assert.equal(typeof configuration.version, 'string')
    for (const secret of ['security', 'VAULT_KEY']) assert.equal(secret in configuration, false)
  })

  it('a healthy server says so, of all its services or of those asked for', async () => {
    const green = (...names: readonly string[]) => ({
      status: 'green',
      services: Object.fromEntries(names.map((name) => [name, 'green'])),
    })
    assert.deepEqual(
      await act('server', 'healthCheck'),
      green('internalCache', 'memoryStorage', 'storageEngine'),
    )
    assert.deepEqual(
      await act('server', 'healthCheck', { services: 'storageEngine' }),
      green('storageEngine'),
    )
    assert.deepEqual(
      await act('server', 'healthCheck', { services: 'storageEngine,memoryStorage' }),
      green('memoryStorage', 'storageEngine'),
    )
  })

  it('its abilities are listed', async () => {
    const capabilities = await act('server', 'capabilities')
    for (const name of ['limits', 'plugins', 'routes', 'services']) {
      assert.equal(typeof capabilities[name], 'object', name)
    }
    assert.equal(typeof capabilities.version, 'string')
  })

  it('it tells of itself, of its load and of the time', async () => {
    const { kuzzle, services } = (await act('server', 'info')).serverInfo
    assert.match(kuzzle.version, /^2\.\d+\.\d+$/)
    for (const name of ['api', 'plugins', 'system']) assert.equal(typeof kuzzle[name], 'object', name)
    assert.equal(typeof kuzzle.memoryUsed, 'number')
    for (const name of ['internalCache', 'memoryStorage', 'internalStorage', 'publicStorage']) {
      assert.equal(typeof services[name], 'object', name)
    }
    const { api, realtime } = await act('server', 'metrics')
    assert.deepEqual(api, { concurrentRequests: 1, pendingRequests: 0 })
    assert.deepEqual(realtime, { rooms: 0, subscriptions: 0 })
    assert.ok(Math.abs((await act('server', 'now')).now - Date.now()) < 60_000)
    for (const action of ['getStats', 'getAllStats']) {
      const { hits, total } = await act('server', action)
      assert.ok(total > 0 && hits.length === total, action)
    }
    assert.equal(typeof (await act('server', 'getLastStats')).timestamp, 'number')
  })
})

describeScenarios("Kuzzle's scenarios of the admin controller", ({ act, refusal, forgetToken, isGood }) => {
  it('a reset of all rights ends every API key', async () => {
    const body = { description: 'Sigfox API key' }
    const created = await act('auth', 'createApiKey', { expiresIn: -1, refresh: 'wait_for', body })
    await act('admin', 'resetSecurity')
    forgetToken()
    assert.equal(await isGood(created._source.token), false)
    assert.deepEqual(await act('auth', 'searchApiKeys'), { hits: [], total: 0 })
  })

  it('roles, profiles and users are loaded at once', async () => {
    const body = {
      roles: { coolie: { controllers: { '*': { actions: { '*': true } } } } },
      profiles: { coolie: { policies: [{ roleId: 'coolie' }] } },
      users: { coolie: { content: { profileIds: ['coolie'] }, credentials: {} } },
    }
    assert.deepEqual(await act('admin', 'loadSecurities', { body }), { acknowledge: true })
    const sourceOf = async (action: string) => (await act('security', action, { _id: 'coolie' }))._source
    assert.deepEqual((await sourceOf('getRole')).controllers, body.roles.coolie.controllers)
    assert.deepEqual((await sourceOf('getProfile')).policies, body.profiles.coolie.policies)
    assert.deepEqual((await sourceOf('getUser')).profileIds, ['coolie'])
  })

  it('a load that names users who exist is refused as a whole', async () => {
    const user = (profileId: string) => ({ content: { profileIds: [profileId] }, credentials: {} })
    const body = { users: { coolie: user('default'), 'test-admin': user('admin') } }
    const error = await refusal('admin', 'loadSecurities', { body })
    assert.equal(error.id, 'security.user.prevent_overwrite')
    const missing = await refusal('security', 'getUser', { _id: 'coolie' })
    assert.deepEqual([missing.status, missing.id], [404, 'security.user.not_found'])
  })
})

describeScenarios("Kourou's scenarios of API keys", ({ act, createUser, isGood }) => {
  const found = async (body: object = {}) => {
    const { hits } = await act('security', 'searchApiKeys', { userId: 'gordon', from: 0, size: 100, body })
    return hits.map(({ _id, _source }: Json) => [_id, _source.description])
  }
  const create = (_id: string, description: string) =>
    act('security', 'createApiKey', { userId: 'gordon', _id, expiresIn: '-1', body: { description } })

  it('keys are created under a name, found by words, checked, and deleted', async () => {
    await createUser('gordon')
    const first = await create('gordon-key', 'Test api key')
    await create('gordon-key-2', 'Other api key')
    assert.deepEqual(await found(), [
      ['gordon-key', 'Test api key'],
      ['gordon-key-2', 'Other api key'],
    ])
    assert.deepEqual(await found({ match: { description: 'Test' } }), [['gordon-key', 'Test api key']])
    assert.equal(await isGood(first._source.token), true)
    await act('security', 'deleteApiKey', { userId: 'gordon', _id: 'gordon-key', body: {} })
    assert.deepEqual(await found(), [['gordon-key-2', 'Other api key']])
    assert.equal(await isGood(first._source.token), false)
  })
})

describe("Kuzzle's scenarios of the network", () => {
  let development: RunningServer
  let production: RunningServer

  before(async () => {
    const servers = await Promise.all([startServer({ arguments: ['--dev'] }), startServer()])
    ;[development, production] = servers
  })
  after(async () => {
    for (const server of [development, production]) {
      await server.stop()
      server.discard()
    }
  })

  it('the probes answer without rights', async () => {
    for (const path of ['/_healthcheck', '/_ready']) {
      const { status, body } = await ask(production, 'GET', path)
      assert.deepEqual([status, body.status, body.result], [200, 200, null])
    }
  })

  it('the heartbeat of browsers is answered with exactly what they wait for', async () => {
    const socket = new WebSocket(`ws://${production.host}:${production.port}`)
    const answer = await new Promise((resolve, reject) => {
      socket.once('open', () => socket.send('{"p":1}'))
      socket.once('message', (data) => resolve(JSON.parse(String(data))))
      socket.once('error', reject)
    })
    assert.deepEqual(answer, { p: 2 })
    socket.close()
  })

  it('the OpenAPI document stands alone, without an envelope', async () => {
    const { body, headers } = await ask(production, 'GET', '/_openapi')
    assert.equal(body.swagger, '2.0')
    assert.equal(body.paths['/users/{_id}/_replace'].put.tags[0], 'security')
    assert.equal(typeof body.components.RequestPayload, 'object')
    assert.match(headers.get('content-type') ?? '', /^application\/json/)
  })

  it('a deprecated route says so in development, and is silent otherwise', async () => {
    const inDevelopment = await ask(development, 'GET', '/_publicApi')
    assert.deepEqual(inDevelopment.body.deprecations, [
      { version: '2.5.0', message: 'Use this route instead: http://kuzzle:7512/_openapi' },
    ])
    const inProduction = await ask(production, 'GET', '/_publicApi')
    assert.equal('deprecations' in inProduction.body, false)
  })

  it('a query without controller misses it', async () => {
    const { status, body } = await ask(production, 'POST', '/_query', { body: {} })
    assert.deepEqual([status, body.error.id], [400, 'api.assert.missing_argument'])
  })
})
