import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  basic,
  bearer,
  KEY,
  type KnoxAnswer,
  type KnoxAsking,
  type KnoxWorld,
  OWN_USERS,
  params,
  service,
  startKnox,
  TOKENS,
  topology,
} from './knox-world.ts'
import { askNative } from './native-client.ts'

const ANY_NUMBER = { 'knox.token.limit.per.user': '-1', 'knox.token.ttl': '600000' }
const SERVICES =
  service('APIKEY', {
    'apikey.knox.token.limit.per.user': '-1',
    'apikey.knox.token.ttl': '600000',
    'apikey.knox.token.renewer.whitelist': 'guest',
    'apikey.knox.token.max-lifetime': '86400000',
  }) +
  service('CLIENTID', { 'clientid.knox.token.limit.per.user': '-1' }) +
  service('KNOXTOKEN', ANY_NUMBER)
const IMPERSONATING = `<provider><role>identity-assertion</role><name>Default</name><enabled>true</enabled>
  ${params({
    'hadoop.proxyuser.impersonation.enabled': 'true',
    'hadoop.proxyuser.guest.users': '*',
    'hadoop.proxyuser.guest.hosts': '*',
  })}</provider>`

const FILES = {
  'issue.xml': topology(OWN_USERS, SERVICES),
  'check.xml': topology(TOKENS + IMPERSONATING, SERVICES),
  'unkept.xml': topology(
    TOKENS,
    service('KNOXTOKEN', { ...ANY_NUMBER, 'knox.token.exp.server-managed': 'false' }),
  ),
}

const TOKEN = 'knoxtoken/api/v2/token'
const CLIENT = 'clientid/api/v1/oauth/credentials'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

let world: KnoxWorld

before(async () => {
  world = await startKnox(FILES, { LATCHKEY_KNOX_USERS_SEEING_ALL_TOKENS: 'guest' })
})
after(() => world.close())

type NewKey = { readonly id: string; readonly token: string }

async function issue(): Promise<NewKey> {
  const { json } = await world.ask('POST', `issue/${KEY}`, { headers: basic('guest') })
  return { id: json.key_id, token: json.api_key }
}

async function narrow(id: string): Promise<void> {
  const { server, admin } = world
  const body = { scopes: ['invoices:read'] }
  const { status } = await askNative(server, 'PATCH', `/v1/keys/${id}`, { token: admin, body })
  assert.equal(status, 200)
}

/** Keys of every kind, each narrowed: how it is shown, and its id. */
async function narrowedKeys(): Promise<readonly { headers: Record<string, string>; id: string }[]> {
  const { server, admin } = world
  const native = await askNative(server, 'POST', '/v1/keys', {
    token: admin,
    body: { owner: 'guest', scopes: ['invoices:read'] },
  })
  const knox = await issue()
  const client = (await world.ask('POST', `issue/${CLIENT}`, { headers: basic('guest') })).json
  const jwt = (await world.ask('POST', `issue/${TOKEN}`, { headers: basic('guest') })).json
  for (const id of [knox.id, client.client_id, jwt.token_id]) await narrow(id)
  return [
    { headers: bearer(native.body.key), id: native.body.id },
    { headers: bearer(knox.token), id: knox.id },
    { headers: bearer(client.client_secret), id: client.client_id },
    { headers: bearer(jwt.access_token), id: jwt.token_id },
    { headers: bearer(jwt.passcode), id: jwt.token_id },
  ]
}

function isRefused({ status, json }: KnoxAnswer, what: string): void {
  assert.deepEqual([status, json?.code, typeof json?.error], [403, 20, 'string'], what)
}

describe('a key with scopes', () => {
  test('gets no other key, token or client through any resource', async () => {
    for (const { headers } of await narrowedKeys()) {
      for (const [method, path] of [
        ['POST', `check/${KEY}`],
        ['POST', `check/${KEY}?lifespan=PT1M`],
        ['POST', `check/${CLIENT}`],
        ['GET', `check/${TOKEN}`],
        ['POST', 'check/knoxtoken/api/v1/token'],
        ['POST', 'check/oauth/v1/token'],
        ['POST', 'check/any/v1/oauth/tokens'],
        ['GET', `unkept/${TOKEN}`],
        ['POST', 'unkept/oauth/v1/token'],
      ] as const) {
        isRefused(await world.ask(method, path, { headers }), `${method} ${path}`)
      }
    }
    const { json } = await world.ask('POST', `issue/${TOKEN}`, { headers: basic('guest') })
    await narrow(json.token_id)
    const asGuest = await world.ask('POST', `check/${KEY}?doAs=guest`, { headers: bearer(json.passcode) })
    isRefused(asGuest, 'for itself by doAs')
    const asSam = await world.ask('POST', `check/${KEY}?doAs=sam`, { headers: bearer(json.passcode) })
    isRefused(asSam, 'for somebody else by doAs')
  })

  test('is exchanged for nothing by any grant of OAuth', async () => {
    const { json } = await world.ask('POST', `issue/${TOKEN}`, { headers: basic('guest') })
    const free = await issue()
    await narrow(json.token_id)
    await narrow(free.id)
    const exchange = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: json.access_token,
      actor_token: json.access_token,
    })
    const grants: readonly (readonly [string, KnoxAsking])[] = [
      ['', { body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: json.passcode }) }],
      ['', { body: new URLSearchParams(clientOf(free)) }],
      ['', { headers: { ...basic(free.id, free.token), ...FORM }, body: 'grant_type=client_credentials' }],
      [`?${exchange}`, {}],
    ]
    for (const [query, asking] of grants) {
      for (const path of ['check/oauth/v1/token', 'unkept/oauth/v1/token']) {
        isRefused(await world.ask('POST', path + query, asking), JSON.stringify(asking))
      }
    }
  })

  test('ends, disables, enables, renews and lists no other key', async () => {
    const other = await issue()
    const narrowed = await narrowedKeys()
    const json = { 'content-type': 'application/json' }
    for (const { headers } of narrowed) {
      for (const base of [KEY, TOKEN]) {
        for (const [method, resource] of [
          ['DELETE', 'revoke'],
          ['POST', 'revoke'],
          ['DELETE', 'revokeTokens'],
          ['PUT', 'disable'],
          ['PUT', 'disableTokens'],
          ['PUT', 'enableTokens'],
          ['PUT', 'renew'],
        ] as const) {
          const body = resource.endsWith('Tokens') ? JSON.stringify([other.id]) : other.id
          const asking = { headers: { ...headers, ...json }, body }
          isRefused(await world.ask(method, `check/${base}/${resource}`, asking), `${base}/${resource}`)
        }
        for (const query of ['', '?userName=guest', '?createdBy=guest', '?allTokens=true']) {
          isRefused(await world.ask('GET', `check/${base}/getUserTokens${query}`, { headers }), query)
        }
      }
    }
    const { json: listed } = await world.ask('GET', `issue/${KEY}/getUserTokens`, { headers: basic('guest') })
    const found = listed.tokens.find(({ tokenId }: { tokenId: string }) => tokenId === other.id)
    assert.equal(found.metadata.enabled, true)
    // But their holders can always get rid of them.
    for (const { headers, id } of narrowed.slice(0, 2)) {
      assert.equal((await world.ask('DELETE', `check/${KEY}/revoke`, { headers, body: id })).status, 200)
    }
  })
})

function clientOf({ id, token }: NewKey): Record<string, string> {
  return { grant_type: 'client_credentials', client_id: id, client_secret: token }
}

test('a key that nothing binds is exchanged, and manages, as ever', async () => {
  const mine = await issue()
  const other = await issue()
  const headers = bearer(mine.token)
  assert.equal((await world.ask('POST', `check/${KEY}`, { headers })).status, 200)
  const body = new URLSearchParams(clientOf(mine))
  assert.equal((await world.ask('POST', 'check/oauth/v1/token', { body })).status, 200)
  assert.equal((await world.ask('POST', 'unkept/oauth/v1/token', { body })).status, 200)
  assert.equal((await world.ask('GET', `check/${KEY}/getUserTokens`, { headers })).status, 200)
  for (const [method, resource] of [
    ['PUT', 'disable'],
    ['PUT', 'enable'],
    ['PUT', 'renew'],
    ['DELETE', 'revoke'],
  ] as const) {
    const { status } = await world.ask(method, `check/${KEY}/${resource}`, { headers, body: other.id })
    assert.equal(status, 200, resource)
  }
})
