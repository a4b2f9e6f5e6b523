import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createOrigins } from '../../transports/http/origins.ts'
import { CONTROLLERS } from './actions.ts'
import { createFunnel } from './funnel.ts'
import { createGate } from './gate.ts'
import { parseRequest } from './request.ts'
import { openTestApi } from './testing/test-api.ts'

const error = async (answer: Promise<{ body: { error: { id: string } } }>) => (await answer).body.error

describe('a request', () => {
  it('is refused in the order of Kuzzle: form, targets, origin, token, rights, action, SDK', async (t) => {
    const test = await openTestApi(t, { accessControlAllowOrigin: ['https://a.test'] })
    const admin = await test.login('root')
    const query = (body: object, headers = {}) => error(test.ask('POST', '/_query', { body, headers }))
    const evil = { origin: 'https://evil.test' }
    const old = { volatile: { sdkName: 'js@6.0.0' } }
    const nowhere = { controller: 'nope', action: 'x', ...old }
    const targets = { targets: [{ index: 'i' }], index: 'i' }
    assert.equal((await query({ action: 'x', ...targets }, evil)).id, 'api.assert.missing_argument')
    assert.equal((await query({ ...nowhere, controller: '' }, evil)).id, 'api.assert.missing_argument')
    assert.equal(
      (await query({ ...nowhere, ...targets, jwt: 'x' }, evil)).id,
      'api.assert.mutually_exclusive',
    )
    assert.equal((await query({ ...nowhere, jwt: 'x' }, evil)).id, 'api.process.unauthorized_origin')
    assert.equal((await query({ ...nowhere, jwt: 'x' })).id, 'security.token.invalid')
    assert.equal((await query(nowhere)).id, 'security.rights.unauthorized')
    assert.equal((await query({ ...nowhere, jwt: admin })).id, 'api.process.controller_not_found')
    const noAction = { ...nowhere, controller: 'auth', jwt: admin }
    assert.equal((await query(noAction)).id, 'api.process.action_not_found')
    const outdated = { controller: 'server', action: 'now', ...old, jwt: admin }
    assert.equal((await query(outdated)).id, 'api.process.incompatible_sdk_version')
  })

  it('for the internals of objects finds no controller and no action', async (t) => {
    const test = await openTestApi(t)
    const jwt = await test.login('root')
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      const noController = await error(
        test.ask('POST', '/_query', { body: { controller: name, action: name, jwt } }),
      )
      assert.equal(noController.id, 'api.process.controller_not_found')
      const noAction = await error(
        test.ask('POST', '/_query', { body: { controller: 'auth', action: name, jwt } }),
      )
      assert.equal(noAction.id, 'api.process.action_not_found')
    }
  })

  it('without rights is told apart: 401 without identity, 403 with one', async (t) => {
    const test = await openTestApi(t)
    await test.login('root')
    const user = await test.login('user', 'default')
    const nobody = await test.ask('GET', '/users/root')
    assert.equal(nobody.status, 401)
    assert.equal(
      nobody.body.error.message,
      'Unauthorized: authentication required to execute the action "security:getUser".',
    )
    assert.deepEqual(nobody.body.error.props, ['security', 'getUser'])
    const forbidden = await test.ask('GET', '/users/root', { token: user })
    assert.equal(forbidden.status, 403)
    assert.equal(
      forbidden.body.error.message,
      'Insufficient permissions to execute the action "security:getUser" (User "user").',
    )
  })

  it('that the storage cannot serve may be sent again later, and the log says why, once for many', async (t) => {
    const test = await openTestApi(t)
    await test.authority.storage.close()
    for (const path of ['/_now', '/_adminExists']) {
      const { status, body } = await test.ask('GET', path)
      assert.deepEqual([status, body.error.id], [503, 'services.storage.unavailable'])
    }
    assert.equal(test.logged.length, 1)
    assert.match(test.logged[0] ?? '', /Cannot use the SQLite store: it is closed/)
    test.authority.clock.passMs(10_000)
    await test.ask('GET', '/_now')
    assert.equal(test.logged.length, 2)
  })

  it('in failsafe mode is for administrators', async (t) => {
    const test = await openTestApi(t, { failsafeMode: true }, { failsafeMode: true })
    const admin = await test.login('root')
    const user = await test.login('user', 'default')
    assert.equal((await test.ask('GET', '/_me', { token: admin })).status, 200)
    const refused = await test.ask('GET', '/_me', { token: user })
    assert.equal(refused.status, 403)
    assert.equal(refused.body.error.id, 'security.rights.failsafe_mode_admin_only')
  })

  it('that comes too often for its user is refused; logging out never is', async (t) => {
    const test = await openTestApi(t)
    const admin = await test.login('root')
    const slow = { policies: [{ roleId: 'admin' }], rateLimit: 2 }
    await test.ask('POST', '/profiles/slow/_create', { token: admin, body: slow })
    const token = await test.login('snail', 'slow')
    const answers = []
    for (let i = 0; i < 4; i++) answers.push((await test.ask('GET', '/_me', { token })).status)
    assert.deepEqual(answers, [200, 200, 429, 429])
    assert.equal((await test.ask('POST', '/_logout', { token })).status, 200)
  })

  it('with targets needs the right for each of them', async (t) => {
    const test = await openTestApi(t)
    const admin = await test.login('root')
    const how = (body: object) => ({ token: admin, body })
    const role = { controllers: { document: { actions: { get: true } } } }
    await test.ask('POST', '/roles/reader/_create', how(role))
    const policies = [{ roleId: 'reader', restrictedTo: [{ index: 'i', collections: ['a', 'b'] }] }]
    await test.ask('POST', '/profiles/readers/_create', how({ policies }))
    const jwt = await test.login('reader', 'readers')
    const ask = (targets: unknown) =>
      error(test.ask('POST', '/_query', { body: { controller: 'document', action: 'get', targets, jwt } }))
    assert.equal(
      (await ask([{ index: 'i', collections: ['a', 'b'] }])).id,
      'api.process.controller_not_found',
    )
    assert.equal((await ask([{ index: 'i', collections: ['a', 'c'] }])).id, 'security.rights.forbidden')
    assert.equal(
      (await ask([{ index: 'i', collections: ['a'] }, { index: 'j' }])).id,
      'security.rights.forbidden',
    )
    assert.equal((await ask({ index: 'i' })).id, 'api.assert.invalid_type')
    assert.equal((await ask([7])).id, 'api.assert.invalid_type')
    assert.equal((await ask(Array(101).fill({ index: 'i' }))).id, 'api.assert.invalid_argument')
    const many = Array(101).fill('a')
    assert.equal((await ask([{ index: 'i', collections: many }])).id, 'api.assert.invalid_argument')
  })

  it('that fails for a reason nobody thought of is answered with a reference to the log, not with the reason', async (t) => {
    const test = await openTestApi(t)
    const logged: object[] = []
    const failing = {
      ...CONTROLLERS,
      auth: {
        ...CONTROLLERS['auth'],
        getStrategies: {
          routes: [],
          run: async () => {
            throw new TypeError('inner secret')
          },
        },
      },
    }
    const log = { warn: () => {}, error: (facts: object) => void logged.push(facts) }
    const funnel = createFunnel({
      authority: test.authority,
      controllers: failing,
      server: {
        node: 'n',
        settings: { development: false },
        statistics: { started() {}, finished() {} },
      } as never,
      gate: createGate({ runningMax: 1, waitingMax: 1, warnAt: 2 }, () => {}),
      origins: createOrigins(['*'], false),
      log,
    })
    const request = parseRequest({ controller: 'auth', action: 'getStrategies' }, 'r1', {
      protocol: 'websocket',
      local: false,
      headers: {},
    })
    const { envelope } = await funnel.answer(request)
    assert.equal(envelope.status, 500)
    assert.equal(envelope.error?.id, 'core.fatal.unexpected_error')
    assert.ok(!JSON.stringify(envelope).includes('inner secret'))
    const [facts] = logged as { reference: string; requestId: string; err: Error }[]
    assert.ok(facts !== undefined && envelope.error?.message.includes(facts.reference))
    assert.equal(facts.requestId, 'r1')
    assert.equal(facts.err.message, 'inner secret')
  })
})
