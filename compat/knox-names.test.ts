import assert from 'node:assert/strict'
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
import { ADMIN, ask } from './running-server.ts'

/** A proxy vouches for the name in a header; `users`: what the topology says of such names. */
function proxy(users?: string): string {
  const param = users === undefined ? '' : `<param><name>latchkey.users</name><value>${users}</value></param>`
  return `<provider>
            <role>federation</role>
            <name>HeaderPreAuth</name>
            <enabled>true</enabled>
            <param><name>preauth.custom.header</name><value>X-User</value></param>
            ${param}
        </provider>`
}

const ISSUING = service('APIKEY', { 'apikey.knox.token.limit.per.user': '-1' })
const SMALL = service('APIKEY', {
  'apikey.knox.token.limit.per.user': '1',
  'apikey.knox.token.user.limit.exceeded.action': 'REMOVE_OLDEST',
})

const FILES = {
  'proxy.xml': topology(proxy(), ISSUING),
  'small.xml': topology(proxy(), SMALL),
  'nobody.xml': topology(proxy('none'), ISSUING),
  'few.xml': topology(OWN_USERS, service('APIKEY', { 'apikey.knox.token.limit.per.user': '3' })),
  'everybody.xml': topology(proxy('all'), ISSUING),
  'own.xml': topology(OWN_USERS, ISSUING),
  'check.xml': topology(TOKENS, service('KNOX-AUTH-SERVICE') + ISSUING),
}

describe('a name that somebody else vouches for, and that a user of this server has', () => {
  let world: KnoxWorld
  let root: string

  before(async () => {
    world = await startKnox(FILES)
    const me = await ask(world.server, 'GET', '/_me', { token: world.admin })
    root = me.body.result._id
  })
  after(() => world.close())

  async function issue(at: string, name: string): Promise<string> {
    const { json } = await world.ask('POST', `${at}/${KEY}`, { headers: { 'x-user': name } })
    return json.api_key
  }

  /** Who acts with that token in Kuzzle's API and in Latchkey's own; or the status. */
  async function actorOf(token: string): Promise<readonly unknown[]> {
    const me = await ask(world.server, 'GET', '/_me', { token })
    const native = await askNative(world.server, 'GET', '/v1/whoami', { token })
    return [me.status === 200 ? me.body.result._id : me.status, native.status]
  }

  test('gets no administrator’s rights, whoever may choose names in a directory', async () => {
    for (const at of ['proxy', 'nobody']) {
      const token = await issue(at, root)
      assert.deepEqual(await actorOf(token), [401, 401])
      // It is a good key of Knox all the same.
      const pre = await world.ask('GET', 'check/auth/api/v1/pre', { headers: bearer(token) })
      assert.deepEqual([pre.status, pre.headers.get('x-knox-actor-id')], [200, root])
      // And does not become more by being exchanged for another one.
      const again = await world.ask('POST', `check/${KEY}`, { headers: bearer(token) })
      assert.deepEqual(await actorOf(again.json.api_key), [401, 401])
    }
  })

  test('gets the rights of a user who may manage nothing, unless the topology says otherwise', async () => {
    assert.deepEqual(await actorOf(await issue('proxy', 'guest')), ['guest', 200])
    assert.deepEqual(await actorOf(await issue('nobody', 'guest')), [401, 401])
  })

  test('is the user, whoever that is, where the topology or the password says so', async () => {
    assert.deepEqual(await actorOf(await issue('everybody', root)), [root, 200])
    const { json } = await world.ask('POST', `own/${KEY}`, { headers: basic('guest') })
    assert.deepEqual(await actorOf(json.api_key), ['guest', 200])
  })

  test('neither sees nor ends what the administrator of that name has', async () => {
    const created = await ask(world.server, 'POST', `/users/${root}/api-keys/_create`, {
      token: world.admin,
      body: { description: 'of Kuzzle' },
    })
    const { _id: id, _source } = created.body.result
    const knoxKey = await issue('everybody', root)
    const headers = { 'x-user': root }
    const ends = [
      ['DELETE', 'revoke', id],
      ['PUT', 'disable', id],
      ['DELETE', 'revokeTokens', JSON.stringify([id])],
    ] as const
    for (const [method, how, body] of ends) {
      const { status, json } = await world.ask(method, `proxy/${KEY}/${how}`, { headers, body })
      assert.deepEqual([status, json.code], [403, 20], how)
    }
    const listed = await world.ask('GET', `proxy/${KEY}/getUserTokens`, { headers })
    const ids = listed.json.tokens.map(({ tokenId }: { readonly tokenId: string }) => tokenId)
    assert.equal(ids.includes(id), false)
    // Making room for a key of one's own ends one of one's own, and takes none of the user's room.
    for (let count = 0; count < 3; count++) {
      assert.equal((await world.ask('POST', `small/${KEY}`, { headers })).status, 200)
    }
    assert.equal(
      (
        await world.ask('POST', `few/${KEY}`, {
          headers: basic(ADMIN.username, ADMIN.password),
        })
      ).status,
      200,
    )
    for (const token of [_source.token, knoxKey]) assert.deepEqual(await actorOf(token), [root, 200])
  })

  test('is refused in a topology that says nothing that is known', async () => {
    world.write('wrong.xml', topology(proxy('sometimes'), ISSUING))
    const { server } = world
    const deadline = Date.now() + 30_000
    while (!/latchkey\.users.*sometimes/.test(server.output())) {
      assert.ok(Date.now() < deadline, 'nothing was said')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.equal((await world.ask('POST', `wrong/${KEY}`, { headers: { 'x-user': 'guest' } })).status, 404)
  })
})
