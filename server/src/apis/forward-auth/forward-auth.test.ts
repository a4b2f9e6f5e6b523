import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { createDpopClient, type ProofChange } from '../../core/contract/dpop-client.ts'
import { type ManagedKeys, openManagedKeys } from '../../core/contract/managed-keys.ts'
import { DomainError } from '../../core/errors.ts'
import type { KeyId } from '../../core/ids.ts'
import type { KeyRequest } from '../../core/key-authority.ts'
import { PlainLaneRequest } from '../../transports/lane/plain-lane-request.ts'
import { headerText, OVERLOADED } from './authorize-reply.ts'
import { createForwardAuth, type ForwardAuthParts } from './forward-auth.ts'

type Headers = Readonly<Record<string, string | readonly string[]>>
type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly all: string
}
type Api = ManagedKeys & {
  /** Asks with the good key, unless headers say otherwise. */
  ask(request?: { headers?: Headers; path?: string; query?: string; address?: string }): Promise<Answer>
}

async function openApi(
  t: TestContext,
  changed: Partial<KeyRequest> = {},
  particular: Partial<ForwardAuthParts> = {},
): Promise<Api> {
  const keys = await openManagedKeys(t, changed)
  const { authority, token } = keys
  const { route } = createForwardAuth({
    authority,
    clock: authority.clock,
    keyHeaders: ['X-API-Key', 'X-Other-Key'],
    trustedProxies: ['127.0.0.0/8'],
    believes: 'trusted proxies',
    ...particular,
  })
  return {
    ...keys,
    ask: async ({ headers = { authorization: `Bearer ${token}` }, ...rest } = {}) => {
      const { address = '127.0.0.1', path = '/v1/authorize', query = '' } = rest
      const head = { method: 'GET', path, query, headers }
      const { status, fields, body } = await route.answer(new PlainLaneRequest(head, address, ''))
      assert.match(fields, /^(?:[\w-]+: [\x20-\x7e]*\r\n)+$/, 'fields are lines of ASCII')
      assert.doesNotMatch(fields + body, new RegExp(token), 'the key is never repeated')
      const lines = fields.split('\r\n').map((line): [string, string] => {
        const colon = line.indexOf(': ')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)]
      })
      return { status, headers: Object.fromEntries(lines), body, all: `${status} ${fields} ${body}` }
    },
  }
}

describe('a good key', () => {
  test('passes, and the proxy learns whose it is', async (t) => {
    const { ask, allowBob } = await openApi(t, { policy: { scopes: ['invoices:*', 'files:read'] } })
    await allowBob('invoices:*', 'files:*')
    const { status, headers, body } = await ask()
    assert.equal(status, 200)
    assert.equal(body, '')
    assert.equal(headers['x-latchkey-owner'], 'bob')
    assert.equal(headers['x-latchkey-key-id'], 'k1')
    assert.equal(headers['x-latchkey-scopes'], 'invoices:* files:read')
    assert.equal(headers['x-latchkey-credits'], 'unlimited')
    assert.equal(headers['cache-control'], 'no-store')
  })

  test('has every identity header, so that a proxy always overwrites what the client sent', async (t) => {
    const { ask } = await openApi(t)
    const { headers } = await ask()
    assert.equal(headers['x-latchkey-scopes'], 'owner')
    assert.equal(headers['x-latchkey-credits'], 'unlimited')
  })

  test('tells of its scopes only what its owner may do, whatever the owner writes', async (t) => {
    const limits = [{ name: 'minute', limit: 100, windowMs: 60_000 }]
    for (const policy of [{}, { limits }]) {
      const scopes = ['payments:approve', 'keys:*', '*']
      const { ask, allowBob } = await openApi(t, { policy: { scopes, ...policy } })
      const scopesTold = async () => (await ask()).headers['x-latchkey-scopes']
      await allowBob()
      assert.doesNotMatch(String(await scopesTold()), /payments|keys|\*/)
      await allowBob('payments:read', 'keys:verify')
      assert.equal(await scopesTold(), 'keys:verify payments:read')
    }
    const { ask } = await openApi(t, { policy: { scopes: [] } })
    assert.equal(
      (await ask()).headers['x-latchkey-scopes'],
      'none',
      'never empty: proxies leave empty headers out',
    )
  })

  test('tells of so many scopes as fit into a header that proxies take', async (t) => {
    const scopes = Array.from({ length: 1_000 }, (_, n) => `things:do-something-${n}`)
    const { ask, allowBob } = await openApi(t, { policy: { scopes } })
    await allowBob('things:*')
    const told = String((await ask()).headers['x-latchkey-scopes'])
    assert.ok(told.length <= 2_000 && told.length > 1_900)
    assert.deepEqual(told.split(' '), scopes.slice(0, told.split(' ').length))
  })

  test('is found in any of the places where it may be', async (t) => {
    const { ask, token } = await openApi(t)
    for (const headers of [
      { authorization: `bearer ${token}` },
      { 'x-api-key': token },
      { 'x-other-key': ` ${token} ` },
    ])
      assert.equal((await ask({ headers })).status, 200)
    assert.equal((await ask({ headers: { authorization: 'Basic x', 'x-api-key': token } })).status, 200)
  })

  test('tells its limits and budget as standard fields', async (t) => {
    const limits = [{ name: 'minute', limit: 2, windowMs: 60_000 }]
    const { ask } = await openApi(t, { policy: { limits, credits: { initial: 5 } } })
    const { headers } = await ask()
    assert.equal(headers['ratelimit-policy'], '"minute";q=2;w=60')
    assert.equal(headers['ratelimit'], '"minute";r=1;t=30')
    assert.equal(headers['x-latchkey-credits'], '4')
  })
})

describe('a request without a good key', () => {
  test('that shows none is challenged without an error', async (t) => {
    const { ask } = await openApi(t)
    for (const headers of [{}, { authorization: 'Basic Ym9i' }]) {
      const { status, headers: answered } = await ask({ headers })
      assert.equal(status, 401)
      assert.equal(answered['www-authenticate'], 'Bearer realm="latchkey"')
    }
  })

  test('is answered alike whatever is wrong with the key', async (t) => {
    const { ask, token, authority, root } = await openApi(t, { ttlMs: 1_000 })
    const session = await authority.sessions.createToken(root, { singleUse: false })
    const answers = [
      await ask({ headers: { authorization: 'Bearer nonsense' } }),
      await ask({ headers: { authorization: 'Bearer ' } }),
      await ask({ headers: { authorization: 'Bearer kapikey-a.b.c' } }),
      await ask({ headers: { authorization: `Bearer ${session.token.reveal()}` } }),
      await ask({ headers: { authorization: `Bearer ${token}`, 'x-api-key': token } }),
      await ask({ headers: { authorization: [`Bearer ${token}`, 'Bearer x'] } }),
      await ask({ headers: { 'x-api-key': `${token}, ${token}` } }),
    ]
    await authority.lifeCycle.disable(root, 'k1' as KeyId, undefined)
    answers.push(await ask())
    await authority.lifeCycle.enable(root, 'k1' as KeyId)
    authority.clock.passMs(1_000)
    answers.push(await ask())
    await authority.lifeCycle.revoke(root, 'k1' as KeyId, { reason: 'keyCompromise' })
    answers.push(await ask())
    assert.equal(new Set(answers.map(({ all }) => all)).size, 1)
    assert.equal(answers[0]?.status, 401)
    assert.match(answers[0]?.all ?? '', /error="invalid_token"/)
  })

  test('is told to wait when it comes too often', async (t) => {
    const limits = [{ name: 'minute', limit: 1, windowMs: 60_000 }]
    const { ask } = await openApi(t, { policy: { limits } })
    await ask()
    const { status, headers } = await ask()
    assert.equal(status, 429)
    assert.equal(headers['retry-after'], '60')
    assert.equal(headers['ratelimit'], '"minute";r=0;t=60')
  })

  test('is refused for good when nothing is left', async (t) => {
    const { ask } = await openApi(t, { policy: { credits: { initial: 0 } } })
    const { status, headers } = await ask()
    assert.equal(status, 429)
    assert.equal(headers['retry-after'], undefined)
  })

  test('does not pass while the store cannot be used', async () => {
    const unavailable = (): never => {
      throw new DomainError('storage.unavailable', 'gone')
    }
    for (const check of [unavailable, async () => unavailable()]) {
      const { route } = createForwardAuth({
        authority: { verification: { check, explain: unavailable } } as never,
        clock: { now: () => 0 },
        keyHeaders: [],
        trustedProxies: [],
        believes: 'trusted proxies',
      })
      const headers = { authorization: 'Bearer x' }
      const head = { method: 'GET', path: '/v1/authorize', query: '', headers }
      const { status, fields } = await route.answer(new PlainLaneRequest(head, '', ''))
      assert.equal(status, 503)
      assert.match(fields, /^Retry-After: 1\r$/m)
    }
  })

  test('learns when to come again while there is no room for it', () => {
    assert.equal(OVERLOADED.status, 503)
    assert.match(OVERLOADED.fields, /^Retry-After: 1\r$/m)
  })

  test('is told what it calls its request, as whoever shows a good one, and the audit trail tells it too', async (t) => {
    const { ask, token, authority } = await openApi(t)
    for (const shown of [{ 'x-api-key': token }, { 'x-api-key': 'x' }, {}]) {
      const { headers } = await ask({ headers: { ...shown, 'x-request-id': 'r-1' } })
      assert.equal(headers['x-request-id'], 'r-1')
      for (const odd of [undefined, 'a b', 'x'.repeat(129), ['a', 'b']]) {
        const other = await ask({ headers: { ...shown, ...(odd !== undefined && { 'x-request-id': odd }) } })
        assert.equal(other.headers['x-request-id'], undefined)
      }
    }
    await authority.housekeeping.runOnce()
    const refused = authority.audited.find(({ action }) => action === 'token.refused')
    assert.equal(refused?.origin.requestId, 'r-1')
  })

  test('has an id in the audit trail when it gave none itself', async (t) => {
    const { ask, authority } = await openApi(t)
    await ask({ headers: { 'x-api-key': 'x' } })
    await authority.housekeeping.runOnce()
    const refused = authority.audited.find(({ action }) => action === 'token.refused')
    assert.match(refused?.origin.requestId ?? '', /^[\da-f-]{36}$/)
  })

  test('is told where the metadata of RFC 9728 is when the operator has named a public URL', async (t) => {
    const { ask, token } = await openApi(t, {}, { publicUrl: 'https://keys.example.com/api' })
    const url = 'https://keys.example.com/.well-known/oauth-protected-resource/api'
    const challengeTo = async (headers: Headers, query = '') =>
      (await ask({ headers: { ...headers, host: 'app.example.com' }, query })).headers['www-authenticate']
    const realm = `Bearer realm="latchkey", resource_metadata="${url}"`
    assert.equal(await challengeTo({}), realm)
    assert.equal(await challengeTo({ 'x-api-key': 'x' }), `${realm}, error="invalid_token"`)
    assert.equal(
      await challengeTo({ 'x-api-key': token }, 'permissions=a:b'),
      `${realm}, error="insufficient_scope", scope="a:b"`,
    )
  })

  test('is told of no metadata at the name that it called, which is the application', async (t) => {
    const { ask } = await openApi(t)
    for (const headers of [{ host: 'app.example.com' }, { host: 'app.example.com', 'x-api-key': 'x' }])
      assert.doesNotMatch((await ask({ headers })).all, /resource_metadata|app\.example/)
  })
})

describe('what the request needs', () => {
  const policy = { scopes: ['invoices:read', 'files:*'] }
  // The owner may do what these tests ask for.
  const admin = { owner: 'root' as KeyRequest['owner'] }

  test('may be said by header or query', async (t) => {
    const { ask, token } = await openApi(t, { ...admin, policy })
    const key = { authorization: `Bearer ${token}` }
    assert.equal((await ask({ query: 'permissions=invoices:read' })).status, 200)
    assert.equal((await ask({ query: 'permissions=invoices%3Aread+AND+files%3Aread' })).status, 200)
    assert.equal((await ask({ headers: { ...key, 'x-required-permissions': 'files:write' } })).status, 200)
    const refused = await ask({ query: 'permissions=invoices:write+OR+a:b' })
    assert.equal(refused.status, 403)
    assert.equal(
      refused.headers['www-authenticate'],
      'Bearer realm="latchkey", error="insufficient_scope", scope="invoices:write a:b"',
    )
  })

  test('can only be made stricter by a client that adds to it', async (t) => {
    const { ask, token } = await openApi(t, { ...admin, policy })
    const key = { authorization: `Bearer ${token}` }
    const header = { ...key, 'x-required-permissions': 'invoices:read' }
    assert.equal((await ask({ headers: header, query: 'permissions=a:b' })).status, 403)
    assert.equal((await ask({ query: 'permissions=a:b&permissions=invoices:read' })).status, 403)
    assert.equal(
      (await ask({ headers: { ...key, 'x-required-permissions': ['a:b', 'invoices:read'] } })).status,
      403,
    )
  })

  test('is not looked for in the query of the original request', async (t) => {
    const { ask, token } = await openApi(t, { ...admin, policy })
    const path = '/v1/authorize/app'
    assert.equal((await ask({ path, query: 'permissions=a:b' })).status, 200)
    assert.equal((await ask({ path, query: 'Permissions=a:b&page=2' })).status, 200)
    const headers = { authorization: `Bearer ${token}`, 'x-required-permissions': 'a:b' }
    assert.equal((await ask({ path, headers })).status, 403)
  })

  test('lets nobody pass when it is misspelt, or said and empty', async (t) => {
    const { ask, token } = await openApi(t, admin)
    const good = 'permissions=a:b'
    assert.equal((await ask({ query: good })).status, 200)
    const queries = ['permission=a:b', 'Permissions=a:b', 'permissions[]=a:b', 'page=2', '=', '&', 'a']
    const both = [`${good}&page=2`, `page=2&${good}`, `${good}&${good.replace('s=', '=')}`]
    const many = Array(101).fill(good).join('&')
    for (const query of [...queries, ...both, many, `${Array(100).fill(good).join('&')}&page=2`]) {
      const { status, body } = await ask({ query })
      assert.equal(status, 403, query)
      assert.match(body, /permissions\.unreadable/, query)
    }
    for (const header of ['', ' ', '\t', ['', 'a:b'], ['a:b', ' ']]) {
      const headers = { authorization: `Bearer ${token}`, 'x-required-permissions': header }
      for (const path of ['/v1/authorize', '/v1/authorize/app']) {
        assert.match((await ask({ headers, path })).body, /permissions\.unreadable/, JSON.stringify(header))
      }
    }
  })

  test('lets nobody pass when it cannot be read', async (t) => {
    const { ask } = await openApi(t, admin)
    for (const query of [
      'permissions=',
      'permissions=a:*',
      'permissions=a:b+AND',
      `permissions=${'a'.repeat(2_000)}`,
    ])
      assert.equal((await ask({ query })).status, 403, query)
  })
})

describe('the address of the client', () => {
  const policy = { addresses: ['198.51.100.0/24'] }
  const from = (token: string, forwardedFor: string) => ({
    authorization: `Bearer ${token}`,
    'x-forwarded-for': forwardedFor,
  })

  test('is what a trusted proxy says', async (t) => {
    const { ask, token } = await openApi(t, { policy })
    assert.equal((await ask({ headers: from(token, '198.51.100.9') })).status, 200)
    assert.equal((await ask({ headers: from(token, '198.51.100.9, 203.0.113.5') })).status, 403)
    assert.equal((await ask()).status, 403, 'unknown is not allowed')
  })

  test('is the peer when that is no trusted proxy, whatever it says', async (t) => {
    const { ask, token } = await openApi(t, { policy })
    assert.equal((await ask({ headers: from(token, '198.51.100.9'), address: '203.0.113.5' })).status, 403)
    assert.equal((await ask({ headers: from(token, '203.0.113.5'), address: '198.51.100.9' })).status, 200)
  })
})

describe('the address of the client behind a Unix socket', () => {
  const policy = { addresses: ['198.51.100.0/24'] }

  test('is what the proxy at its other end says', async (t) => {
    const { ask, token } = await openApi(t, { policy }, { believes: 'everybody' })
    const statusFrom = async (forwardedFor: string | readonly string[]) => {
      const headers = { 'x-api-key': token, 'x-forwarded-for': forwardedFor }
      return (await ask({ address: '', headers })).status
    }
    assert.equal(await statusFrom('198.51.100.9'), 200)
    assert.equal(await statusFrom('203.0.113.5, 198.51.100.9'), 200)
    assert.equal(await statusFrom('198.51.100.9, 127.0.0.1'), 200, 'a trusted proxy is passed over')
    assert.equal(await statusFrom(['203.0.113.5', '198.51.100.9']), 200)
    assert.equal(await statusFrom('198.51.100.9, 203.0.113.5'), 403)
    assert.equal(await statusFrom('198.51.100.9, nonsense'), 403)
  })

  test('is unknown when the proxy says nothing', async (t) => {
    const { ask, token } = await openApi(t, { policy }, { believes: 'everybody' })
    assert.equal((await ask({ address: '', headers: { 'x-api-key': token } })).status, 403)
  })

  test('is not believed on a port from a peer without an address', async (t) => {
    const { ask, token } = await openApi(t, { policy })
    const headers = { 'x-api-key': token, 'x-forwarded-for': '198.51.100.9' }
    assert.equal((await ask({ address: '', headers })).status, 403)
  })
})

test('any text can stand in a header, and be read back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const printed = headerText(text)
      assert.match(printed, /^[\x21-\x7e]*$/)
      assert.equal(decodeURIComponent(printed), text.toWellFormed())
    }),
  )
})

describe('a key that is bound to a client certificate', () => {
  const der = Buffer.from('any bytes; the proxy has checked them')
  const x5tS256 = createHash('sha256').update(der).digest('base64url')
  const policy = { confirmation: { x5tS256 } }
  const cert = `:${der.toString('base64')}:`
  const withCert = (token: string, header: string | readonly string[] = cert): Headers => ({
    authorization: `Bearer ${token}`,
    'client-cert': header,
  })

  test('passes with the one that a trusted proxy saw', async (t) => {
    const { ask, token } = await openApi(t, { policy }, { certificates: 'count' })
    assert.equal((await ask({ headers: withCert(token) })).status, 200)
    const others = [
      `:${Buffer.from('another').toString('base64')}:`,
      '',
      '::',
      der.toString('base64'),
      x5tS256,
    ]
    for (const header of [...others, `${cert}, ${cert}`, [cert, cert]]) {
      const { status, headers, body } = await ask({ headers: withCert(token, header) })
      assert.deepEqual([status, headers['www-authenticate']], [403, undefined], String(header))
      assert.match(body, /token\.forbidden/)
    }
    assert.equal((await ask()).status, 403)
  })

  test('does not pass when certificates do not count, or somebody else says so', async (t) => {
    const off = await openApi(t, { policy })
    assert.equal((await off.ask({ headers: withCert(off.token) })).status, 403)
    const { ask, token } = await openApi(t, { policy }, { certificates: 'count' })
    assert.equal((await ask({ headers: withCert(token), address: '203.0.113.5' })).status, 403)
    const socket = await openApi(t, { policy }, { certificates: 'count', believes: 'everybody' })
    assert.equal((await socket.ask({ headers: withCert(socket.token), address: '' })).status, 200)
  })
})

describe('a key that is bound to a key pair', () => {
  const client = createDpopClient()
  const policy = { confirmation: { jkt: client.jkt } }
  const forwarded = {
    'x-forwarded-method': 'GET',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'api.example.com',
    'x-forwarded-uri': '/invoices?page=2',
  }
  const CHALLENGE =
    'DPoP algs="ES256 ES384 EdDSA RS256 PS256", error="invalid_dpop_proof", Bearer realm="latchkey"'

  async function openProven(t: TestContext, particular: Partial<ForwardAuthParts> = {}) {
    const api = await openApi(t, { policy }, particular)
    const { token, authority } = api
    const proven = (change: ProofChange = {}): Headers => ({
      ...forwarded,
      authorization: `DPoP ${token}`,
      dpop: client.prove(token, authority.clock.now(), change).proof,
    })
    return { ...api, proven }
  }

  test('passes with a proof, once, as a DPoP or Bearer token or in a header of its own', async (t) => {
    const { ask, proven, token } = await openProven(t)
    const headers = proven()
    assert.equal((await ask({ headers })).status, 200)
    assert.equal((await ask({ headers })).status, 401, 'the same once more')
    assert.equal((await ask({ headers: { ...proven(), authorization: `Bearer ${token}` } })).status, 200)
    const { authorization: _, ...rest } = proven()
    assert.equal((await ask({ headers: { ...rest, 'x-api-key': token } })).status, 200)
    assert.equal((await ask({ headers: { ...proven(), 'x-api-key': token } })).status, 401, 'in two places')
  })

  test('is challenged for a proof when there is none, or one that is not good', async (t) => {
    const { ask, proven } = await openProven(t)
    const challenged = async (headers?: Headers) => {
      const answer = await ask(headers === undefined ? {} : { headers })
      assert.deepEqual([answer.status, answer.headers['www-authenticate']], [401, CHALLENGE])
      assert.match(answer.body, /token\.unproven/)
    }
    await challenged()
    await challenged(proven({ claims: { htm: 'POST' } }))
    await challenged(proven({ claims: { htu: 'https://api.example.com/' } }))
    await challenged(proven({ claims: { ath: 'x' } }))
    await challenged(proven({ claims: { iat: 1 } }))
    await challenged(proven({ header: { alg: 'none' } }))
    const good = proven()
    await challenged({ ...good, dpop: [String(good['dpop']), String(good['dpop'])] })
    for (const name of Object.keys(forwarded)) {
      const { [name]: value = '', ...others } = proven()
      await challenged(others)
      await challenged({ ...others, [name]: [String(value), String(value)] })
      await challenged({ ...others, [name]: `${value}, ${value}` })
    }
    for (const host of ['api.example.com/invoices?', 'api.example.com#', 'bob@api.example.com', '']) {
      await challenged({ ...proven(), 'x-forwarded-host': host })
    }
    assert.equal((await ask({ headers: good })).status, 200)
  })

  test('does not pass when somebody says so who is no trusted proxy', async (t) => {
    const { ask, proven } = await openProven(t)
    assert.equal((await ask({ headers: proven(), address: '203.0.113.5' })).status, 401)
    const socket = await openProven(t, { believes: 'everybody' })
    assert.equal((await socket.ask({ headers: socket.proven(), address: '' })).status, 200)
  })

  test('is not good without, whatever else is wrong: who it is stays untold', async (t) => {
    const { ask, proven, authority, root } = await openProven(t)
    await authority.lifeCycle.disable(root, 'k1' as KeyId, undefined)
    const { status, headers } = await ask({ headers: proven() })
    assert.deepEqual(
      [status, headers['www-authenticate']],
      [401, 'Bearer realm="latchkey", error="invalid_token"'],
    )
  })

  test('changes nothing for other keys, whatever proof they come with', async (t) => {
    const { ask, token } = await openApi(t)
    const plain = await ask()
    for (const dpop of ['', 'x', client.prove('another', 0).proof]) {
      const headers = { ...forwarded, dpop, authorization: `Bearer ${token}`, 'client-cert': 'x' }
      assert.deepEqual(await ask({ headers }), plain)
    }
  })
})
