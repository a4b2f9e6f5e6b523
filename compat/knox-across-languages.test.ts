import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  basic,
  bearer,
  KEY,
  type KnoxWorld,
  OWN_USERS,
  service,
  startKnox,
  TOKENS,
  topology,
} from './knox-world.ts'
import { askNative } from './native-client.ts'
import { ask } from './running-server.ts'

const PROXY = `<provider>
            <role>federation</role>
            <name>HeaderPreAuth</name>
            <enabled>true</enabled>
            <param><name>preauth.custom.header</name><value>X-User</value></param>
        </provider>`

const ISSUING = service('APIKEY', { 'apikey.knox.token.limit.per.user': '-1' })

const FILES = {
  'issue.xml': topology(OWN_USERS, ISSUING + service('KNOXTOKEN', { 'knox.token.ttl': '600000' })),
  'proxy.xml': topology(PROXY, ISSUING),
  'check.xml': topology(
    TOKENS,
    service('KNOX-AUTH-SERVICE', { 'auth.header.key.details': 'true' }) + ISSUING,
  ),
}

let world: KnoxWorld

before(async () => {
  world = await startKnox(FILES)
})
after(() => world.close())

/** Every secret that was issued here, whole and by its part. */
const secrets: string[] = []

async function issue(query = '') {
  const { json } = await world.ask('POST', `issue/${KEY}${query}`, { headers: basic('guest') })
  const inner = Buffer.from(json.api_key, 'base64').toString('latin1')
  secrets.push(json.api_key, inner, Buffer.from(inner.split('::')[1] ?? '', 'base64').toString('latin1'))
  return { id: String(json.key_id), token: String(json.api_key) }
}

/** What each language says of a token: whether it is good, or whose it is. */
async function opinions(token: string) {
  const { server, admin } = world
  const verified = await askNative(server, 'POST', '/v1/verify', { token: admin, body: { key: token } })
  const authorized = await askNative(server, 'GET', '/v1/authorize', { token })
  const pre = await world.ask('GET', 'check/auth/api/v1/pre', { headers: bearer(token) })
  const checked = await ask(server, 'POST', '/_checkToken', { body: { token } })
  const me = await ask(server, 'GET', '/_me', { token })
  return {
    verify: verified.body.valid,
    authorize: authorized.status,
    knox: pre.headers.get('x-knox-actor-id') ?? pre.status,
    checkToken: checked.body.result.valid,
    me: me.status === 200 ? me.body.result._id : me.status,
  }
}

const GOOD = { verify: true, authorize: 200, knox: 'guest', checkToken: true, me: 'guest' }
const BAD = { verify: false, authorize: 401, knox: 401, checkToken: false, me: 401 }

describe("a key of Knox's form", () => {
  test('is good for every language from its issue until any of them ends it', async () => {
    const { server, admin } = world
    const ends: readonly ((id: string) => Promise<{ readonly status: number }>)[] = [
      (id) => world.ask('DELETE', `issue/${KEY}/revoke`, { headers: basic('guest'), body: id }),
      (id) => ask(server, 'DELETE', `/users/guest/api-keys/${id}`, { token: admin }),
      (id) => askNative(server, 'POST', `/v1/keys/${id}/revoke`, { token: admin, body: {} }),
    ]
    for (const end of ends) {
      const { id, token } = await issue()
      assert.deepEqual(await opinions(token), GOOD)
      assert.ok((await end(id)).status < 300)
      assert.deepEqual(await opinions(token), BAD)
    }
  })

  test('is off for every language when any of them switched it off', async () => {
    const { server, admin } = world
    const { id, token } = await issue()
    await world.ask('PUT', `issue/${KEY}/disable`, { headers: basic('guest'), body: id })
    assert.deepEqual(await opinions(token), BAD)
    await world.ask('PUT', `issue/${KEY}/enable`, { headers: basic('guest'), body: id })
    assert.deepEqual(await opinions(token), GOOD)
    const disabled = await askNative(server, 'POST', `/v1/keys/${id}/disable`, { token: admin })
    assert.ok(disabled.status < 300)
    assert.deepEqual(await opinions(token), BAD)
    const listed = await world.ask('GET', `issue/${KEY}/getUserTokens`, { headers: basic('guest') })
    const found = listed.json.tokens.find(({ tokenId }: { tokenId: string }) => tokenId === id)
    assert.equal(found.metadata.enabled, false)
  })

  test('is found by its comment in every language, without its secret', async () => {
    const { server, admin } = world
    const { id, token } = await issue('?comment=nightly+export&md_team=red')
    const query = { match: { description: 'nightly' } }
    const kuzzle = await ask(server, 'POST', '/users/guest/api-keys/_search', { token: admin, body: query })
    assert.deepEqual(
      kuzzle.body.result.hits.map((hit: { _id: string; _source: { description: string } }) => [
        hit._id,
        hit._source.description,
      ]),
      [[id, 'nightly export']],
    )
    const native = await askNative(server, 'POST', '/v1/keys/search', {
      token: admin,
      body: { owner: 'guest', query },
    })
    assert.deepEqual(
      native.body.keys.map((key: { id: string }) => key.id),
      [id],
    )
    const one = await askNative(server, 'GET', `/v1/keys/${id}`, { token: admin })
    assert.deepEqual([one.body.owner, one.body.metadata], ['guest', { team: 'red' }])
    for (const text of [JSON.stringify(kuzzle.body), native.text, one.text]) {
      assert.equal(text.includes(token), false)
    }
  })

  test('works without a user of that name, but not as a user who does not exist', async () => {
    const { json } = await world.ask('POST', `proxy/${KEY}`, { headers: { 'x-user': 'stranger' } })
    const { verify, authorize, knox, me } = await opinions(json.api_key)
    assert.deepEqual([verify, authorize, knox, me], [true, 200, 'stranger', 401])
  })

  test('obeys a policy that is set later through another language', async () => {
    const { server, admin } = world
    const { id, token } = await issue()
    const narrowed = await askNative(server, 'PATCH', `/v1/keys/${id}`, {
      token: admin,
      body: { addresses: ['192.0.2.0/24'] },
    })
    assert.equal(narrowed.status, 200, narrowed.text)
    const statusOf = async (shown: string) =>
      (await world.ask('GET', 'check/auth/api/v1/pre', { headers: bearer(shown) })).status
    assert.equal(await statusOf(token), 403)
    // And so does the JSON Web Token of a key, which no policy is in.
    const { json } = await world.ask('POST', 'issue/knoxtoken/api/v2/token', { headers: basic('guest') })
    assert.equal(await statusOf(json.access_token), 200)
    await askNative(server, 'PATCH', `/v1/keys/${json.token_id}`, {
      token: admin,
      body: { addresses: ['192.0.2.0/24'] },
    })
    assert.deepEqual([await statusOf(json.access_token), await statusOf(json.passcode)], [403, 403])
  })
})

describe('a key that another language issued', () => {
  test('tells topologies whose it is, with its id and scopes where that is switched on', async () => {
    const { server, admin } = world
    const kuzzle = await ask(server, 'POST', '/users/guest/api-keys/_create', {
      token: admin,
      body: { description: 'by Kuzzle' },
    })
    for (const [path, body] of [
      ['/v1/roles/models', { permissions: ['models:read'] }],
      ['/v1/owners/guest', { roles: ['default', 'models'] }],
    ] as const) {
      assert.ok((await askNative(server, 'PUT', path, { token: admin, body })).status < 300)
    }
    const native = await askNative(server, 'POST', '/v1/keys', {
      token: admin,
      // The second one is more than its owner may do, and so nothing that anybody is told.
      body: { owner: 'guest', scopes: ['models:read', 'payments:approve'] },
    })
    for (const [id, token, scopes] of [
      [kuzzle.body.result._id, kuzzle.body.result._source.token, null],
      [native.body.id, native.body.key, 'models:read'],
    ]) {
      for (const headers of [bearer(token), basic('Passcode', token), { 'x-api-key': token }]) {
        const answer = await world.ask('GET', 'check/auth/api/v1/pre', { headers })
        assert.deepEqual([answer.status, answer.headers.get('x-knox-actor-id')], [200, 'guest'])
        assert.equal(answer.headers.get('x-knox-key-id'), id)
        assert.equal(answer.headers.get('x-knox-key-scopes'), scopes)
      }
      // A key with scopes issues none, which would have no scopes.
      const issued = await world.ask('POST', `check/${KEY}`, { headers: bearer(token) })
      assert.equal(issued.status, scopes === null ? 200 : 403)
      const listed = await world.ask('GET', `issue/${KEY}/getUserTokens`, { headers: basic('guest') })
      assert.ok(listed.json.tokens.some(({ tokenId }: { tokenId: string }) => tokenId === id))
      const revoked = await world.ask('DELETE', `issue/${KEY}/revoke`, { headers: basic('guest'), body: id })
      assert.equal(revoked.status, 200)
      assert.equal((await world.ask('GET', 'check/auth/api/v1/pre', { headers: bearer(token) })).status, 401)
    }
  })
})

test('no secret is in the log or the store', async () => {
  await issue()
  assert.ok(secrets.length >= 3)
  const { server } = world
  const files = readdirSync(server.dataDir).map((name) => readFileSync(join(server.dataDir, name), 'latin1'))
  assert.ok(files.some((text) => text.includes('guest')))
  for (const secret of secrets) {
    assert.equal(server.output().includes(secret), false)
    assert.equal(
      files.some((text) => text.includes(secret)),
      false,
    )
  }
})
