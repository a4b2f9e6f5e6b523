import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openTestApi } from '../testing/test-api.ts'

const body = { content: { name: 'First' }, credentials: { local: { username: 'first', password: 'pass' } } }

describe('security:createFirstAdmin', () => {
  it('creates an administrator once, whatever profiles the client names', async (t) => {
    const api = await openTestApi(t)
    const named = { ...body, content: { name: 'First', profileIds: ['default'] } }
    const answer = await api.ask('POST', '/_createFirstAdmin?_id=adm', { body: named })
    assert.equal(answer.body.result._id, 'adm')
    assert.deepEqual(answer.body.result._source.profileIds, ['admin'])

    const login = await api.ask('POST', '/_login/local', { body: body.credentials.local })
    const again = await api.ask('POST', '/_createFirstAdmin', { token: login.body.result.jwt, body: {} })
    assert.equal(again.status, 412)
    assert.equal(again.body.error.id, 'api.process.admin_exists')
  })

  it('is not for websites that run in the browser of somebody on this host', async (t) => {
    for (const openStart of [false, true]) {
      const api = await openTestApi(t, {}, { openStart })
      const headers = { origin: 'https://website.test' }
      for (const [path, asked] of [
        ['/_createFirstAdmin', body],
        ['/_query', { controller: 'security', action: 'createFirstAdmin', body }],
      ] as const) {
        const answer = await api.ask('POST', path, { body: asked, headers })
        assert.equal(answer.body.error.id, 'security.rights.unauthorized', path)
      }
      const socket = await api.socket(headers)
      const answer = await socket.ask({ controller: 'security', action: 'createFirstAdmin', body })
      assert.equal(answer.error.id, 'security.rights.unauthorized')
      assert.equal((await api.ask('GET', '/_adminExists')).body.result.exists, false)
    }
  })

  it('takes the id from the path as well', async (t) => {
    const api = await openTestApi(t)
    const answer = await api.ask('POST', '/_createFirstAdmin/adm', { body })
    assert.equal(answer.body.result._id, 'adm')
  })

  it('keeps the permissive rights of a development start unless it is told to reset them', async (t) => {
    for (const query of ['', '?reset=false']) {
      const api = await openTestApi(t, {}, { openStart: true })
      await api.ask('POST', `/_createFirstAdmin/adm${query}`, { body })
      assert.equal((await api.ask('GET', '/roles/anonymous')).status, 200, query)
    }
  })

  it('ends them when told to', async (t) => {
    const api = await openTestApi(t, {}, { openStart: true })
    await api.ask('POST', '/_createFirstAdmin/adm?reset', { body })
    assert.equal((await api.ask('GET', '/roles/anonymous')).status, 401)
  })

  it('honours a real `false` in the body of /_query, which Kuzzle takes for true', async (t) => {
    const api = await openTestApi(t, {}, { openStart: true })
    const frame = { controller: 'security', action: 'createFirstAdmin', _id: 'adm', reset: false, body }
    assert.equal((await api.ask('POST', '/_query', { body: frame })).status, 200)
    assert.equal((await api.ask('GET', '/roles/anonymous')).status, 200)
  })
})
