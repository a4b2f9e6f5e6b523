import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { openTestApi, type TestAnswer, type TestApi } from './testing/test-api.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('API keys', () => {
  let test: TestApi
  let admin: string
  const cleanUp: (() => unknown)[] = []

  before(async () => {
    test = await openTestApi({ after: (release) => cleanUp.unshift(release as () => unknown) })
    admin = await test.login('root')
    await test.login('melis', 'default')
  })
  after(async () => {
    for (const release of cleanUp) await release()
  })

  async function createKey(
    owner: string,
    how: { readonly query?: string; readonly description?: string } = {},
  ) {
    const body = { description: how.description ?? 'a key' }
    const answer = await test.ask('POST', `/users/${owner}/api-keys/_create${how.query ?? ''}`, {
      token: admin,
      body,
    })
    assert.equal(answer.body.error, null)
    return answer.body.result
  }
  const whoIs = (token: string): Promise<TestAnswer> => test.ask('GET', '/_me', { token })
  const isValid = async (token: string): Promise<boolean> =>
    (await test.ask('POST', '/_checkToken', { body: { token } })).body.result.valid

  it('are shown with their secret once, and with the digest of the token as delivered under both of its names', async () => {
    const { _id, _source } = await createKey('melis', { query: '?expiresIn=30d' })
    const { token, ...shown } = _source
    assert.match(token, /^kapikey-[\w-]+\.[\w-]+\.[\w-]+$/)
    const digest = sha256(token)
    assert.deepEqual(shown, {
      userId: 'melis',
      description: 'a key',
      ttl: 2_592_000_000,
      expiresAt: test.authority.clock.now() + 2_592_000_000,
      fingerprint: digest,
      hash: digest,
      _kuzzle_info: { author: 'root', createdAt: test.authority.clock.now(), updatedAt: null, updater: null },
    })
    const found = await test.ask('POST', '/users/melis/api-keys/_search', {
      token: admin,
      body: { ids: { values: [_id] } },
    })
    const { _kuzzle_info, ...listed } = shown
    assert.deepEqual(found.body.result, { hits: [{ _id, _source: listed }], total: 1 })
  })

  it('made in the same millisecond differ, and the end of one is not the end of the other', async () => {
    const [one, other] = await Promise.all([createKey('melis'), createKey('melis')])
    assert.notEqual(one._source.token, other._source.token)
    await test.ask('DELETE', `/users/melis/api-keys/${one._id}`, { token: admin })
    assert.equal((await whoIs(one._source.token)).body.error.id, 'security.token.invalid')
    assert.equal((await whoIs(other._source.token)).body.result._id, 'melis')
  })

  it('work, the 11th and the 1,000th of a user like the first, and are all counted', async () => {
    await test.login('many', 'default')
    const tokens: string[] = []
    for (let batch = 0; batch < 20; batch++) {
      const keys = await Promise.all(Array.from({ length: 50 }, () => createKey('many')))
      tokens.push(...keys.map(({ _source }) => _source.token))
    }
    for (const position of [0, 9, 10, 11, 199, 200, 999]) {
      assert.equal((await whoIs(tokens[position] ?? '')).body.result._id, 'many', `key ${position + 1}`)
    }
    const page = await test.ask('POST', '/users/many/api-keys/_search?size=7', { token: admin, body: {} })
    assert.equal(page.body.result.hits.length, 7)
    assert.equal(page.body.result.total, 1_000)
  })

  it('answer `security.token.invalid` once expired, as clients depend on, while the audit trail says `expired`', async () => {
    const { _source } = await createKey('melis', { query: '?expiresIn=42' })
    assert.equal((await whoIs(_source.token)).status, 200)
    test.authority.clock.passMs(42)
    const answer = await whoIs(_source.token)
    assert.equal(answer.status, 401)
    assert.equal(answer.body.error.id, 'security.token.invalid')
    assert.equal(await isValid(_source.token), false)
    await test.authority.housekeeping.runOnce()
    const refusals = test.authority.audited.filter(({ action }) => action === 'token.refused')
    assert.equal(refusals.at(-1)?.reason, 'expired')
  })

  it('deleted over one carrier are refused in the next frame of an open socket, which is told', async (t) => {
    const { _id, _source } = await createKey('melis')
    const jwt = _source.token
    const socket = await test.socket()
    t.after(socket.close)
    assert.equal(
      (await socket.ask({ controller: 'auth', action: 'getCurrentUser', jwt })).result._id,
      'melis',
    )
    await test.ask('DELETE', `/users/melis/api-keys/${_id}`, { token: admin })
    const refused = await socket.ask({ controller: 'auth', action: 'getCurrentUser', jwt })
    assert.equal(refused.error.id, 'security.token.invalid')
    assert.deepEqual(await socket.next(), {
      status: 200,
      info: 'This is an automated server notification',
      message: 'Authentication Token Expired',
      type: 'TokenExpired',
      node: 'knode-quiet-otter-1',
      room: 'kuzzle:notification:server',
    })
  })

  it('of a deleted user end with it, whatever their number', async () => {
    await test.login('gone', 'default')
    const keys = await Promise.all(Array.from({ length: 205 }, () => createKey('gone')))
    assert.equal((await test.ask('DELETE', '/users/gone', { token: admin })).status, 200)
    await test.login('gone', 'default')
    for (const position of [0, 100, 204]) assert.equal(await isValid(keys[position]._source.token), false)
  })

  it('of others cannot be found out by their ids', async () => {
    const { _id } = await createKey('melis', { query: '?_id=melis-own' })
    const stranger = await test.login('stranger', 'admin')
    const others = await test.ask('DELETE', `/api-keys/${_id}`, { token: stranger })
    const nobodys = await test.ask('DELETE', '/api-keys/melis-owm', { token: stranger })
    assert.equal(others.status, 404)
    assert.equal(others.body.error.message, 'Document "melis-own" not found in "kuzzle":"api-keys".')
    assert.equal(
      others.body.error.message.replace('owm', 'own'),
      nobodys.body.error.message.replace('owm', 'own'),
    )
    assert.equal(others.body.error.id, nobodys.body.error.id)
  })

  it('have unique ids over all users, a random one when none is given, and none for `_id=null`', async () => {
    const again = await test.ask('POST', '/users/root/api-keys/_create?_id=melis-own', {
      token: admin,
      body: { description: '' },
    })
    assert.equal(again.body.error.id, 'services.storage.document_already_exists')
    for (const query of ['', '?_id=null', '?_id=']) {
      assert.match((await createKey('melis', { query }))._id, /^[0-9a-f-]{36}$/)
    }
  })

  it('need a description, which may be empty', async () => {
    const refuse = async (body: unknown) =>
      (await test.ask('POST', '/api-keys/_create', { token: admin, body })).body.error
    assert.equal((await refuse(undefined)).id, 'api.assert.body_required')
    assert.equal((await refuse({})).message, 'Missing argument "body.description".')
    assert.equal((await refuse({ description: null })).id, 'api.assert.invalid_type')
    assert.equal(await refuse({ description: '' }), null)
  })

  it('are found, page by page and in the order of their creation, with the real total', async () => {
    const pager = await test.login('pager', 'admin')
    const ids: string[] = []
    for (let i = 0; i < 25; i++) {
      const { body } = await test.ask('POST', '/api-keys/_create', {
        token: pager,
        body: { description: `no ${i}` },
      })
      ids.push(body.result._id)
    }
    const seen: string[] = []
    for (const from of [0, 10, 20]) {
      const { body } = await test.ask('POST', `/api-keys/_search?from=${from}`, { token: pager, body: {} })
      assert.equal(body.result.total, 25)
      seen.push(...body.result.hits.map((hit: { _id: string }) => hit._id))
    }
    assert.deepEqual(seen, ids)
  })

  it('are found by the digest of their token under either name and in either case, in both languages', async () => {
    const { _id, _source } = await createKey('melis')
    const digest = sha256(_source.token)
    for (const [name, value] of [
      ['fingerprint', digest],
      ['hash', digest],
      ['fingerprint', digest.toUpperCase()],
      ['hash', digest.toUpperCase()],
    ] as const) {
      for (const [lang, body] of [
        ['elasticsearch', { term: { [name]: value } }],
        ['elasticsearch', { query: { term: { [name]: value } } }],
        ['koncorde', { equals: { [name]: value } }],
      ] as const) {
        const url = `/users/melis/api-keys/_search?lang=${lang}`
        const { result } = (await test.ask('POST', url, { token: admin, body })).body
        assert.deepEqual(
          result.hits.map((hit: { _id: string }) => hit._id),
          [_id],
          `${lang} ${name}`,
        )
      }
    }
  })

  it('can be searched under the URL that the documentation of Kuzzle gives', async () => {
    const answer = await test.ask('POST', '/users/api-keys/_search', { token: admin, body: {} })
    assert.equal(answer.body.action, 'searchApiKeys')
    assert.equal(answer.body.controller, 'auth')
    assert.equal(answer.status, 200)
  })

  it('of a user stay good when it logs out everywhere', async () => {
    const session = await test.login('leaver', 'admin')
    const { body } = await test.ask('POST', '/api-keys/_create', {
      token: session,
      body: { description: 'x' },
    })
    const key = body.result._source.token
    assert.equal((await test.ask('POST', '/_logout?global', { token: key })).body.result.acknowledged, true)
    assert.equal((await whoIs(session)).status, 401)
    assert.equal((await whoIs(key)).status, 200)
  })

  it('cannot be refreshed', async () => {
    const { _source } = await createKey('root')
    const { error } = (await test.ask('POST', '/_refreshToken', { token: _source.token })).body
    assert.equal(error.id, 'security.token.refresh_forbidden')
    assert.equal(error.message, 'API Key cannot be refreshed.')
  })

  it('are good whatever prefix tricks are tried on them: never', async () => {
    const { _source } = await createKey('root')
    const bare = _source.token.slice('kapikey-'.length)
    for (const token of [
      bare,
      `kauth-${bare}`,
      `${_source.token}x`,
      `KAPIKEY-${bare}`,
      _source.token.slice(0, -1),
    ]) {
      assert.equal((await whoIs(token)).body.error.id, 'security.token.invalid')
    }
  })

  it('leave no trace of their secret in the log', async () => {
    const { _source } = await createKey('root')
    await test.ask('GET', '/_me', { token: `${_source.token}broken` })
    await test.ask('POST', '/_checkToken', {
      raw: `{"token": "${_source.token}"`,
      headers: { 'content-type': 'application/json' },
    })
    assert.ok(!test.logged.join('\n').includes(_source.token))
  })
})
