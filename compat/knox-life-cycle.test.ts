import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  basic,
  bearer,
  KEY,
  type KnoxAnswer,
  type KnoxWorld,
  OWN_USERS,
  params,
  service,
  startKnox,
  TOKENS,
  topology,
} from './knox-world.ts'
import { startServer } from './running-server.ts'

const IMPERSONATION = `<provider>
            <role>identity-assertion</role>
            <name>Default</name>
            <enabled>true</enabled>
            ${params({
              'hadoop.proxyuser.impersonation.enabled': 'true',
              'hadoop.proxyuser.guest.users': 'sam',
              'hadoop.proxyuser.guest.hosts': '127.0.0.1',
            })}
        </provider>`

const FILES = {
  'issue.xml': topology(
    OWN_USERS,
    service('APIKEY', {
      'apikey.knox.token.limit.per.user': '-1',
      'apikey.knox.token.renewer.whitelist': 'tom',
      'apikey.knox.token.exp.max-lifetime': '-1',
    }) +
      service('KNOX-METADATA') +
      service('KNOX-SESSION'),
  ),
  'acting.xml': topology(OWN_USERS + IMPERSONATION, service('APIKEY')),
  'neighbour.xml': topology(
    OWN_USERS,
    service('APIKEY') +
      service('KNOXTOKEN', {
        'knox.token.ttl': '1000',
        'knox.token.exp.server-managed': 'false',
        'knox.token.limit.per.user': '1',
      }),
  ),
  'check.xml': topology(TOKENS, service('KNOX-AUTH-SERVICE', { 'auth.bearer.token.env': 'UNSET' })),
}

let world: KnoxWorld
const key = (topologyName = 'issue', below = ''): string => `${topologyName}/${KEY}${below}`
const JSON_TYPE = { 'content-type': 'application/json' }

type NewKey = { readonly id: string; readonly token: string }

async function issue(as = 'guest', query = ''): Promise<NewKey> {
  const { status, json } = await world.ask('POST', key() + query, { headers: basic(as) })
  assert.equal(status, 200)
  return { id: json.key_id, token: json.api_key }
}

/** What `pre` says of a key: the name of its owner, or the message of the refusal. */
async function whoIs(token: string): Promise<string> {
  const { status, headers, json } = await world.ask('GET', 'check/auth/api/v1/pre', {
    headers: bearer(token),
  })
  return status === 200 ? String(headers.get('x-knox-actor-id')) : json.message
}

const wire = ({ status, text }: KnoxAnswer): readonly [number, string] => [status, text]
const shown = (id: string): string => `${id.slice(0, 8)}...${id.slice(24)}`

before(async () => {
  world = await startKnox(FILES)
})
after(() => world.close())

describe('the life of a key over the wire', () => {
  test('it is good at once, is switched off and on, and ends, in the bytes of Knox', async () => {
    const { id, token } = await issue()
    const change = async (method: string, resource: string, body = id) =>
      wire(await world.ask(method, key('issue', `/${resource}`), { headers: basic('guest'), body }))
    assert.equal(await whoIs(token), 'guest')
    assert.deepEqual(await change('PUT', 'disable'), [
      200,
      '{\n  "setEnabledFlag": "true",\n  "isEnabled": "false"\n}\n',
    ])
    assert.equal(await whoIs(token), `Token ${shown(id)} is disabled`)
    assert.deepEqual(await change('PUT', 'disable'), [
      400,
      '{\n  "setEnabledFlag": "false",\n  "error": "Token is already disabled",\n  "code": 60\n}\n',
    ])
    assert.deepEqual(await change('PUT', 'enable'), [
      200,
      '{\n  "setEnabledFlag": "true",\n  "isEnabled": "true"\n}\n',
    ])
    assert.equal(await whoIs(token), 'guest')
    assert.deepEqual(await change('DELETE', 'revoke'), [200, '{\n  "revoked": "true"\n}\n'])
    assert.equal(await whoIs(token), `Unknown token: ${shown(id)}`)
    assert.deepEqual(await change('DELETE', 'revoke'), [
      400,
      `{\n  "revoked": "false",\n  "error": "Unknown token: ${shown(id)}",\n  "code": 50\n}\n`,
    ])
  })

  test('its id may come in a form, as curl -d sends it', async () => {
    const { id, token } = await issue()
    const form = { ...basic('guest'), 'content-type': 'application/x-www-form-urlencoded' }
    assert.equal((await world.ask('PUT', key('issue', '/disable'), { headers: form, body: id })).status, 200)
    assert.equal(
      (await world.ask('DELETE', key('issue', '/revoke'), { headers: form, body: id })).status,
      200,
    )
    assert.equal(await whoIs(token), `Unknown token: ${shown(id)}`)
  })

  test('many are changed at once, what fails keeping none of the others', async () => {
    const keys = [await issue(), await issue()]
    const ids = keys.map(({ id }) => id)
    const unknown = '4e0c548b-6568-4061-a3dc-62908087650a'
    const batch = (method: string, resource: string, body: unknown) =>
      world.ask(method, key('issue', `/${resource}`), {
        headers: { ...basic('guest'), ...JSON_TYPE },
        body: JSON.stringify(body),
      })
    const partly = await batch('PUT', 'disableTokens', [ids[0], unknown, ids[1]])
    assert.deepEqual([partly.status, partly.json.code], [400, 50])
    for (const { id, token } of keys) assert.equal(await whoIs(token), `Token ${shown(id)} is disabled`)
    assert.equal((await batch('PUT', 'enableTokens', ids)).text.includes('"isEnabled": "true"'), true)
    assert.equal((await batch('DELETE', 'revokeTokens', ids)).json.revoked, 'true')
    for (const { id, token } of keys) assert.equal(await whoIs(token), `Unknown token: ${shown(id)}`)
    assert.equal((await batch('PUT', 'enableTokens', [])).status, 204)
    const asForm = await world.ask('PUT', key('issue', '/enableTokens'), {
      headers: basic('guest'),
      body: new URLSearchParams({ a: 'b' }),
    })
    assert.equal(asForm.status, 415)
  })

  test('others neither end nor switch nor see it: Knox checks that only for the end', async () => {
    const { id, token } = await issue()
    const asked: readonly [method: string, below: string][] = [
      ['DELETE', '/revoke'],
      ['PUT', '/disable'],
      ['PUT', '/enable'],
      ['PUT', '/renew'],
    ]
    for (const [method, below] of asked) {
      const { status, json } = await world.ask(method, key('issue', below), {
        headers: basic('sam'),
        body: id,
      })
      const verb = below.slice(1)
      assert.deepEqual(
        [status, json.code, json.error],
        [403, 20, `Caller (sam) not authorized to ${verb} tokens.`],
      )
    }
    for (const query of ['?allTokens=true', '?userName=guest']) {
      const { status } = await world.ask('GET', key('issue', `/getUserTokens${query}`), {
        headers: basic('sam'),
      })
      assert.equal(status, 403)
    }
    assert.equal(await whoIs(token), 'guest')
    // Those who are listed may.
    assert.equal(
      (await world.ask('DELETE', key('issue', '/revoke'), { headers: basic('tom'), body: id })).status,
      200,
    )
  })

  test('it is found by its metadata', async () => {
    const { id } = await issue('tom', '?comment=nightly&md_team=red')
    await issue('tom', '?md_team=blue')
    const { json } = await world.ask('GET', key('issue', '/getUserTokens?userName=tom&md_team=red'), {
      headers: basic('tom'),
    })
    assert.deepEqual(
      json.tokens.map((token: { tokenId: string; metadata: object }) => [token.tokenId, token.metadata]),
      [
        [
          id,
          {
            userName: 'tom',
            comment: 'nightly',
            enabled: true,
            createdBy: null,
            lastUsedAt: null,
            type: 'API_KEY',
            thirdPartyApp: true,
            customMetadataMap: { team: 'red' },
          },
        ],
      ],
    )
    assert.equal(
      (await world.ask('POST', `${key()}?md_userName=admin`, { headers: basic('tom') })).status,
      400,
    )
  })

  test('it is listed by who has or made it, by any of its metadata, and page by page', async () => {
    await world.createUser('lister')
    const ids: string[] = []
    for (const query of ['', '?md_team=red&md_stage=test', '?md_team=blue', '?md_stage=live']) {
      ids.push((await issue('lister', query)).id)
    }
    const list = async (query: string) => {
      const { status, json } = await world.ask('GET', key('issue', `/getUserTokens${query}`), {
        headers: basic('lister'),
      })
      assert.equal(status, 200)
      const tokens: { tokenId: string }[] = json.tokens
      return { ids: tokens.map(({ tokenId }) => tokenId), next: json.next }
    }
    const [, red, blue, live] = ids
    const asked: readonly [query: string, found: readonly unknown[]][] = [
      ['', ids],
      ['?userName=lister', ids],
      ['?userNameOrCreatedBy=lister', ids],
      // Of what it made for others, as in Knox.
      ['?createdBy=lister', []],
      ['?md_team=red', [red]],
      ['?md_team=red&md_team=blue', [red, blue]],
      ['?md_team=red&md_stage=live', [red, live]],
      ['?md_team=*', [red, blue]],
      ['?md_team=green', []],
      ['?md_none=*', []],
    ]
    for (const [query, found] of asked) assert.deepEqual((await list(query)).ids, found, query)
    const first = await list('?limit=3')
    assert.deepEqual(first.ids, ids.slice(0, 3))
    assert.deepEqual(await list(`?limit=3&after=${encodeURIComponent(first.next)}`), {
      ids: ids.slice(3),
      next: undefined,
    })
  })

  test('it is renewed by its id, by those who are listed, when it expires at all', async () => {
    const renew = (id: string) =>
      world.ask('PUT', key('issue', '/renew'), { headers: basic('tom'), body: id })
    const { id } = await issue('guest', '?lifespan=PT1H')
    const { status, json } = await renew(id)
    assert.deepEqual([status, json.renewed], [200, 'true'])
    assert.ok(Number(json.expires) > Date.now() + 23 * 3_600_000)
    const eternal = await renew((await issue()).id)
    assert.deepEqual([eternal.status, eternal.json.code], [400, 90])
  })
})

describe('what issues no key', () => {
  test('GET and HEAD, which any link can cause', async () => {
    const tokensOf = async () =>
      (await world.ask('GET', key('acting', '/getUserTokens'), { headers: basic('sam') })).json.tokens
    const before = await tokensOf()
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await world.ask(method, key('acting'), { headers: basic('sam') })
      assert.deepEqual([status, headers.get('allow')], [405, 'POST'])
    }
    assert.deepEqual(await tokensOf(), before)
  })

  test('a lifespan that is none, zero, negative or endless, where Knox issues dead keys', async () => {
    for (const lifespan of ['P1Y', '1h', 'P1W', ' PT1H', 'PT0S', 'PT-1.5S', 'P106751991168D']) {
      const query = `?lifespan=${encodeURIComponent(lifespan)}`
      const { status, json } = await world.ask('POST', key() + query, { headers: basic('guest') })
      assert.equal(status, 400, lifespan)
      assert.match(json.error, /^Invalid lifespan/)
    }
    const { json } = await world.ask('POST', `${key()}?lifespan=P2DT1S`, { headers: basic('guest') })
    assert.equal(json.expires_in, 172_801)
  })

  test('the limit of a user, in words that clients look for and JSON that they can read', async () => {
    await world.createUser('full')
    const headers = basic('full')
    const first = await world.ask('POST', key('neighbour'), { headers })
    // The neighbour's limit counts, its time to live and its lack of management do not.
    assert.deepEqual([first.status, Object.keys(first.json)], [200, ['key_id', 'api_key']])
    const second = await world.ask('POST', key('neighbour'), { headers })
    assert.deepEqual(wire(second), [403, '{\n  "error": "Unable to get token - token limit exceeded."\n}\n'])
    // Of ten where nothing is said.
    for (let count = 2; count <= 10; count++) {
      assert.equal((await world.ask('POST', key('acting'), { headers })).status, 200)
    }
    assert.equal((await world.ask('POST', key('acting'), { headers })).status, 403)
    // Who has more than a limit that was lowered gets no more.
    assert.equal((await world.ask('POST', key('neighbour'), { headers })).status, 403)
  })
})

describe('acting for others', () => {
  test('issues their keys, which both may end', async () => {
    const headers = basic('guest')
    for (const revoker of ['sam', 'guest']) {
      const { json } = await world.ask('POST', `${key('acting')}?doAs=sam`, { headers })
      assert.equal(await whoIs(json.api_key), 'sam')
      const { json: list } = await world.ask('GET', key('acting', '/getUserTokens?createdBy=guest'), {
        headers,
      })
      const [token] = list.tokens
      assert.deepEqual([token.metadata.userName, token.metadata.createdBy], ['sam', 'guest'])
      const gone = await world.ask('DELETE', key('acting', '/revoke'), {
        headers: basic(revoker),
        body: json.key_id,
      })
      assert.equal(gone.status, 200)
    }
  })

  test('is refused in the form of Hadoop, and means nothing where it is off', async () => {
    const refused = await world.ask('POST', `${key('acting')}?doAs=tom`, { headers: basic('guest') })
    assert.equal(refused.status, 403)
    assert.deepEqual(refused.json, {
      RemoteException: {
        message:
          'org.apache.knox.gateway.util.AuthorizationException: User: guest is not allowed to impersonate tom',
        exception: 'AuthorizationException',
        javaClassName: 'org.apache.knox.gateway.util.AuthorizationException',
      },
    })
    const { json } = await world.ask('POST', `${key()}?doAs=sam`, { headers: basic('guest') })
    assert.equal(await whoIs(json.api_key), 'guest')
  })
})

describe("what Knox's pages ask before they show anything", () => {
  test('whether tokens are managed, who looks on, and what may be shown', async () => {
    const headers = { ...basic('guest'), accept: 'application/json', 'x-xsrf-header': 'homepage' }
    const info = await world.ask('GET', 'issue/api/v1/metadata/info', { headers })
    assert.equal(info.json.generalProxyInfo.enableTokenManagement, 'true')
    const session = await world.ask('GET', 'issue/session/api/v1/sessioninfo', { headers })
    assert.deepEqual(session.json.sessioninfo, {
      user: 'guest',
      canSeeAllTokens: false,
      currentKnoxSsoCookieTokenId: null,
    })
    const of = await world.ask('GET', key('issue', '/getTssStatus'), { headers })
    assert.equal(of.json.tokenManagementEnabled, 'true')
    const root = { authorization: basic('admin', 'correct horse battery staple').authorization }
    const all = await world.ask('GET', key('issue', '/getUserTokens?allTokens=true'), { headers: root })
    assert.ok(all.json.tokens.length > 0)
    for (const { metadata } of all.json.tokens) assert.equal(typeof metadata.userName, 'string')
  })
})

test('a key whose renewal has no end is known after a restart: Knox forgets it', async () => {
  const { id, token } = await issue()
  await world.server.stop()
  const again = await startServer({
    arguments: ['--knox-topologies', world.folder],
    dataDir: world.server.dataDir,
  })
  try {
    const url = `${again.url}/gateway/check/auth/api/v1/pre`
    const answer = await fetch(url, { headers: bearer(token) })
    assert.deepEqual([answer.status, answer.headers.get('x-knox-actor-id')], [200, 'guest'])
    const list = await fetch(`${again.url}/gateway/${key('issue', '/getUserTokens')}`, {
      headers: basic('guest'),
    })
    const { tokens } = JSON.parse(await list.text())
    const found = tokens.find(({ tokenId }: { tokenId: string }) => tokenId === id)
    assert.deepEqual([found.maxLifetime, found.maxLifetimeLong], ['Unbounded', -1])
  } finally {
    await again.stop()
  }
})
