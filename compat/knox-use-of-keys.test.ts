import assert from 'node:assert/strict'
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  basic,
  bearer,
  KEY,
  type KnoxAsking,
  type KnoxWorld,
  OWN_USERS,
  params,
  service,
  startKnox,
  TOKENS,
  topology,
} from './knox-world.ts'

const UNMANAGED = TOKENS.replace(
  '<param><name>knox.token.exp.server-managed</name><value>true</value></param>',
  params({ 'knox.token.exp.server-managed': 'false' }),
)
assert.notEqual(UNMANAGED, TOKENS)

const EVERY_KIND =
  service('APIKEY', { 'apikey.knox.token.limit.per.user': '-1' }) +
  service('CLIENTID', { 'clientid.knox.token.limit.per.user': '-1' }) +
  service('KNOXTOKEN', {
    'knox.token.ttl': '600000',
    'knox.token.limit.per.user': '-1',
    'knox.token.renewer.whitelist': 'guest',
    'knox.token.audiences': 'a, b',
    'knox.token.sigalg': 'ES256',
  })

const FILES = {
  'issue.xml': topology(OWN_USERS, EVERY_KIND),
  'check.xml': topology(
    TOKENS,
    service('KNOX-AUTH-SERVICE', { 'ignore.additional.path': 'true' }) + EVERY_KIND,
  ),
  'strict.xml': topology(TOKENS, service('KNOX-AUTH-SERVICE', { 'auth.bearer.token.env': 'K' })),
  'people.xml': topology(
    OWN_USERS,
    service('KNOX-AUTH-SERVICE', {
      'preauth.auth.header.actor.id.name': 'x-knox-actor-username',
      'preauth.auth.header.actor.groups.prefix': 'x-knox-actor-groups',
      'preauth.group.filter.pattern': '[^\\s]+',
    }),
  ),
  'cookies.xml': topology(
    TOKENS.replace('</provider>', `${params({ 'knox.token.use.cookie': 'true' })}</provider>`),
    service('KNOX-AUTH-SERVICE', { 'ignore.additional.path': 'true' }),
  ),
  'unmanaged.xml': topology(UNMANAGED, service('KNOX-AUTH-SERVICE', { 'auth.bearer.token.env': 'K' })),
}

const PRE = 'check/auth/api/v1/pre'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

let world: KnoxWorld

type NewKey = { readonly id: string; readonly token: string }

async function issue(as = 'guest', query = ''): Promise<NewKey> {
  const { status, json } = await world.ask('POST', `issue/${KEY}${query}`, { headers: basic(as) })
  assert.equal(status, 200)
  return { id: json.key_id, token: json.api_key }
}

const shown = (id: string): string => `${id.slice(0, 8)}...${id.slice(24)}`

/** A key of the form of Knox, of any two texts. */
function keyOf(id: string, passcode: string): string {
  const encode = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
  return encode(`${encode(id)}::${encode(passcode)}`)
}

function partsOf(token: string): readonly [id: string, passcode: string] {
  const decode = (text: string): string => Buffer.from(text, 'base64').toString('latin1')
  const [id = '', passcode = ''] = decode(token).split('::').map(decode)
  return [id, passcode]
}

/** Status, and name or message, of what a topology says of credentials. */
async function outcome(asking: KnoxAsking, path = PRE, method = 'GET'): Promise<readonly [number, string]> {
  const { status, headers, json } = await world.ask(method, path, asking)
  return [status, status === 200 ? String(headers.get('x-knox-actor-id')) : json.message]
}

before(async () => {
  world = await startKnox(FILES, { K: 'v' })
})
after(() => world.close())

describe('a key is shown', () => {
  test('as Bearer in any case, as the password of Passcode, and as X-API-Key', async () => {
    const { token } = await issue()
    for (const headers of [
      bearer(token),
      { authorization: `bearer ${token}` },
      { authorization: `BEARER ${token}` },
      basic('Passcode', token),
      basic('passcode', token),
      { 'x-api-key': token },
    ]) {
      assert.deepEqual(await outcome({ headers }), [200, 'guest'], JSON.stringify(Object.keys(headers)))
    }
  })

  test('nowhere else', async () => {
    const { id, token } = await issue()
    for (const headers of [
      basic('Token', token),
      basic('guest', token),
      basic(id, token),
      { cookie: `hadoop-jwt=${token}` },
      { 'x-knox-key': token },
    ]) {
      assert.deepEqual(await outcome({ headers }), [401, 'Unauthorized'])
    }
    assert.equal((await outcome({}, `${PRE}?api_key=${encodeURIComponent(token)}`))[0], 401)
    assert.deepEqual(await outcome({}, `${PRE}?client_secret=${encodeURIComponent(token)}`), [
      401,
      'client_secret must not be sent as a query parameter',
    ])
  })

  test('in one spelling only', async () => {
    const { token } = await issue()
    const other = [
      token.slice(0, -1),
      `${token}=`,
      token.replace('=', '%3D'),
      ` ${token.slice(0, 60)} ${token.slice(60)}`,
      token.replaceAll('+', '-').replaceAll('/', '_').slice(0, -1),
      `${token.slice(0, -2)}${token.at(-2) === 'x' ? 'y' : 'x'}=`,
      keyOf(partsOf(token)[0].toUpperCase(), partsOf(token)[1]),
      keyOf(partsOf(token)[0], `${partsOf(token)[1]} `),
      Buffer.from(`${Buffer.from(token, 'base64').toString('latin1')}::eA==`, 'latin1').toString('base64'),
    ]
    for (const spelling of other) {
      const [status, message] = await outcome({ headers: bearer(spelling) })
      assert.equal(status, 401, spelling)
      assert.match(message, /^(?:Bad request: missing token passcode\.|Invalid passcode)$/)
    }
    assert.deepEqual(await outcome({ headers: bearer(token) }), [200, 'guest'])
  })
})

describe('a key is refused, over the wire and in the words of Knox', () => {
  test('when it is garbled, unknown, wrong, disabled, expired or revoked', async () => {
    const good = await issue()
    const [, passcode] = partsOf(good.token)
    const unknown = '4e0c548b-6568-4061-a3dc-62908087650a'
    const missing = 'Bad request: missing token passcode.'
    const cases: readonly [token: string, message: string][] = [
      ['nonsense', missing],
      [keyOf('', passcode), missing],
      [keyOf(good.id, ''), missing],
      [Buffer.from('x').toString('base64'), missing],
      [keyOf(unknown, passcode), `Unknown token: ${shown(unknown)}`],
      [keyOf(good.id, unknown), 'Invalid passcode'],
    ]
    for (const [token, message] of cases) {
      assert.deepEqual(await outcome({ headers: bearer(token) }), [401, message], token)
    }
    const manage = (method: string, resource: string, id: string) =>
      world.ask(method, `issue/${KEY}/${resource}`, { headers: basic('guest'), body: id })
    await manage('PUT', 'disable', good.id)
    assert.deepEqual(await outcome({ headers: bearer(good.token) }), [
      401,
      `Token ${shown(good.id)} is disabled`,
    ])
    await manage('DELETE', 'revoke', good.id)
    assert.deepEqual(await outcome({ headers: bearer(good.token) }), [
      401,
      `Unknown token: ${shown(good.id)}`,
    ])
    const brief = await issue('guest', '?lifespan=PT1S')
    let answer = await outcome({ headers: bearer(brief.token) })
    while (answer[0] === 200) answer = await outcome({ headers: bearer(brief.token) })
    assert.deepEqual(answer, [401, 'Token has expired'])
  })

  test('when the passcode is that of another key, however often that was verified', async () => {
    const guests = await issue('guest')
    const sams = await issue('sam')
    for (let count = 0; count < 3; count++) {
      assert.deepEqual(await outcome({ headers: bearer(guests.token) }), [200, 'guest'])
      const mixed = keyOf(sams.id, partsOf(guests.token)[1])
      assert.deepEqual(await outcome({ headers: bearer(mixed) }), [401, 'Invalid passcode'])
    }
  })

  test('as JSON unless HTML or plain text is asked for, always with a challenge and never kept', async () => {
    const headers = bearer('nonsense')
    const message = 'Bad request: missing token passcode.'
    const pages: readonly [accept: string, type: string, body: RegExp][] = [
      ['*/*', 'application/json', /^\{\n"servlet":"check-knox-gateway-servlet",\n"message":"Bad/],
      [
        'application/json',
        'application/json',
        /"url":"\/gateway\/check\/auth\/api\/v1\/pre",\n"status":"401"\n\}$/,
      ],
      [
        'text/html',
        'text/html;charset=iso-8859-1',
        /<h2>HTTP ERROR 401 Bad request: missing token passcode\.<\/h2>/,
      ],
      [
        'text/plain',
        'text/plain;charset=iso-8859-1',
        /^HTTP ERROR 401 Bad request: missing token passcode\.\nURI: /,
      ],
    ]
    for (const [accept, type, body] of pages) {
      const answer = await world.ask('GET', PRE, { headers: { ...headers, accept } })
      assert.deepEqual([answer.status, answer.headers.get('content-type')], [401, type])
      assert.equal(answer.headers.get('cache-control'), 'must-revalidate,no-cache,no-store')
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="latchkey", error="invalid_token"')
      assert.match(answer.text, body)
      assert.ok(answer.text.includes(message))
    }
    const nobody = await world.ask('GET', PRE)
    assert.deepEqual([nobody.status, nobody.json.message], [401, 'Unauthorized'])
    assert.equal(nobody.headers.get('www-authenticate'), 'Bearer realm="latchkey"')
  })

  test('where tokens are not managed', async () => {
    const { token } = await issue()
    const message =
      'Error in token provider config: passcode use with knox.token.exp.server-managed set to false.'
    for (const headers of [bearer(token), basic('Passcode', token)]) {
      assert.deepEqual(await outcome({ headers }, 'unmanaged/auth/api/v1/pre'), [401, message])
    }
  })
})

describe('the authorizer for proxies', () => {
  test('answers every method it knows, and more paths only where that is switched on', async () => {
    const { token } = await issue()
    const headers = bearer(token)
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']) {
      const answer = await world.ask(method, 'check/auth/api/v1/extauthz/any/path?x=1', { headers })
      assert.deepEqual([answer.status, answer.headers.get('x-knox-actor-id')], [200, 'guest'], method)
    }
    assert.equal((await world.ask('GET', 'strict/auth/api/v1/extauthz', { headers })).status, 200)
    assert.equal((await world.ask('GET', 'strict/auth/api/v1/extauthz/more', { headers })).status, 404)
    const handed = await world.ask('GET', 'strict/auth/api/v1/bearer', { headers })
    assert.equal(handed.headers.get('authorization'), 'Bearer v')
    assert.equal((await world.ask('GET', 'strict/auth/api/v1/pre')).status, 401)
  })
})

describe('the authorizer for people', () => {
  test('knows who shows the right password, under the name of the header that the topology says', async () => {
    for (const resource of ['pre', 'extauthz']) {
      const ask = (headers: Readonly<Record<string, string>>) =>
        world.ask('GET', `people/auth/api/v1/${resource}`, { headers })
      assert.equal((await ask({})).status, 401)
      assert.equal((await ask(basic('guest', 'wrong'))).status, 401)
      assert.equal((await ask({ authorization: 'Basic !' })).status, 401)
      const good = await ask(basic('guest'))
      assert.deepEqual([good.status, good.text], [200, ''])
      assert.equal(good.headers.get('x-knox-actor-username'), 'guest')
      assert.equal(good.headers.get('x-knox-actor-id'), null)
    }
    const below = await world.ask('GET', 'people/auth/api/v1/extauthz/more', { headers: basic('guest') })
    assert.equal(below.status, 404)
  })
})

describe('credentials of a client', () => {
  const TOKEN_URL = 'check/oauth/v1/token'

  test('are exchanged for a token, in a form or as Basic, and the token for a new one', async () => {
    const { json: client } = await world.ask('POST', 'issue/clientid/api/v1/oauth/credentials', {
      headers: basic('guest'),
    })
    const grant = { grant_type: 'client_credentials' }
    const inForm = { ...grant, client_id: client.client_id, client_secret: client.client_secret }
    const asked: readonly KnoxAsking[] = [
      { body: new URLSearchParams(inForm) },
      {
        body: new URLSearchParams(grant),
        headers: { ...FORM, ...basic(client.client_id, client.client_secret) },
      },
    ]
    for (const asking of asked) {
      const { status, json } = await world.ask('POST', TOKEN_URL, asking)
      assert.equal(status, 200)
      assert.deepEqual([json.token_type, json.expires_in], ['Bearer', 600])
      // An application of others acts for itself.
      const me = [200, client.client_id]
      assert.deepEqual(await outcome({ headers: bearer(json.access_token) }), me)
      assert.deepEqual(await outcome({ headers: bearer(json.refresh_token) }), me)
      const refresh = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
      const again = await world.ask('POST', TOKEN_URL, { body: new URLSearchParams(refresh) })
      assert.equal(again.status, 200)
      assert.notEqual(again.json.access_token, json.access_token)
      assert.deepEqual(await outcome({ headers: bearer(again.json.access_token) }), me)
    }
  })

  test('must belong together', async () => {
    const { json: client } = await world.ask('POST', 'issue/clientid/api/v1/oauth/credentials', {
      headers: basic('guest'),
    })
    const message = 'Client credentials flow with mismatching client_id and client_secret'
    const ask = (form: Readonly<Record<string, string>>) =>
      outcome({ body: new URLSearchParams({ grant_type: 'client_credentials', ...form }) }, TOKEN_URL, 'POST')
    const secret = { client_secret: client.client_secret }
    assert.deepEqual(await ask(secret), [401, message])
    assert.deepEqual(await ask({ ...secret, client_id: '4e0c548b-6568-4061-a3dc-62908087650a' }), [
      401,
      message,
    ])
    assert.deepEqual(await ask({ client_id: client.client_id, client_secret: 'x' }), [
      401,
      'Error while parsing the received client secret',
    ])
  })
})

describe('a JSON Web Token', () => {
  const asGuest = { headers: basic('guest') }

  /** Whether the signature is right by the key set where the token says it is. */
  async function isSigned(jwt: string): Promise<boolean> {
    const [head = '', claims = '', signature = ''] = jwt.split('.')
    const { jku, kid } = JSON.parse(Buffer.from(head, 'base64url').toString())
    const { keys }: { keys: (JsonWebKey & { kid: string })[] } = JSON.parse(await (await fetch(jku)).text())
    const jwk = keys.find((each) => each.kid === kid)
    assert.ok(jwk !== undefined)
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const signed = Buffer.from(`${head}.${claims}`)
    return verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  }

  test('is issued as clients of both versions ask, and can be checked with the keys it points to', async () => {
    for (const [method, version] of [
      ['GET', 'v1'],
      ['POST', 'v1'],
      ['GET', 'v2'],
    ] as const) {
      const { json } = await world.ask(method, `issue/knoxtoken/api/${version}/token`, asGuest)
      assert.equal(await isSigned(json.access_token), true)
      assert.deepEqual(await outcome({ headers: bearer(json.access_token) }), [200, 'guest'])
      assert.deepEqual(await outcome({ headers: basic('Token', json.access_token) }), [200, 'guest'])
      assert.deepEqual(await outcome({ headers: bearer(json.passcode) }), [200, 'guest'])
      assert.deepEqual(await outcome({ headers: basic('Passcode', json.access_token) }), [
        401,
        'Bad request: missing token passcode.',
      ])
    }
  })

  test('may come in a cookie where that is switched on, which then counts before the header', async () => {
    const pre = 'cookies/auth/api/v1/pre'
    const { json } = await world.ask('GET', 'issue/knoxtoken/api/v1/token', asGuest)
    const { token } = await issue('sam')
    const cookie = (value: string) => ({ cookie: `hadoop-jwt=${value}` })
    assert.deepEqual(await outcome({ headers: cookie(json.access_token) }, pre), [200, 'guest'])
    const both = { ...cookie(json.access_token), ...bearer(token) }
    assert.deepEqual(await outcome({ headers: both }, pre), [200, 'guest'])
    assert.equal((await outcome({ headers: { ...cookie('nonsense'), ...bearer(token) } }, pre))[0], 401)
    assert.deepEqual(await outcome({ headers: cookie(token) }, pre), [401, 'Unauthorized'])
    assert.deepEqual(await outcome({ headers: bearer(token) }, pre), [200, 'sam'])
  })

  test('gets keys for its holder', async () => {
    const { json } = await world.ask('GET', 'issue/knoxtoken/api/v1/token', asGuest)
    const key = await world.ask('POST', `check/${KEY}`, { headers: bearer(json.access_token) })
    assert.equal(key.status, 200)
    assert.deepEqual(await outcome({ headers: bearer(key.json.api_key) }), [200, 'guest'])
  })

  test('is renewed and revoked as the shell of Knox asks: by methods that Knox does not know', async () => {
    const { json } = await world.ask('GET', 'issue/knoxtoken/api/v1/token', asGuest)
    const change = (method: string, resource: string) =>
      world.ask(method, `issue/knoxtoken/api/v1/token/${resource}`, {
        headers: { ...basic('guest'), 'content-type': 'text/plain' },
        body: json.access_token,
      })
    assert.equal((await change('PUT', 'renew')).json.renewed, 'true')
    assert.equal((await change('DELETE', 'revoke')).json.revoked, 'true')
    const gone = [401, `Unknown token: ${shown(json.token_id)}`]
    assert.deepEqual(await outcome({ headers: bearer(json.access_token) }), gone)
    assert.deepEqual(await outcome({ headers: bearer(json.passcode) }), gone)
  })

  test('is refused when anything in it was changed', async () => {
    const { json } = await world.ask('GET', 'issue/knoxtoken/api/v1/token', asGuest)
    const [head = '', claims = '', signature = ''] = String(json.access_token).split('.')
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(claims, 'base64url').toString()), sub: 'admin' }),
    ).toString('base64url')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const jwt of [`${head}.${forged}.${signature}`, `${none}.${forged}.`, `${head}.${claims}.AAAA`]) {
      assert.equal((await outcome({ headers: bearer(jwt) }))[0], 401)
    }
  })

  test('is two when two are asked for at once', async () => {
    const ask = () => world.ask('GET', 'issue/knoxtoken/api/v2/token', asGuest)
    const [one, other] = await Promise.all([ask(), ask()])
    assert.notEqual(one.json.token_id, other.json.token_id)
    assert.notEqual(one.json.access_token, other.json.access_token)
  })
})
