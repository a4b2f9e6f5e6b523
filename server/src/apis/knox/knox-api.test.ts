import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DomainError } from '../../core/errors.ts'
import type { HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { createKnoxApi } from './knox-api.ts'
import type { KnoxService } from './knox-filter.ts'
import { KnoxRefusal } from './knox-request.ts'
import type { Authenticated } from './principal.ts'
import { requestFor } from './testing/request-for.ts'
import { TopologyProblem } from './topologies/topology-problem.ts'
import type { Provider, Topology } from './topology.ts'

const provider = (
  role: Provider['role'],
  name: string,
  params: Readonly<Record<string, string>> = {},
): Provider => ({
  role,
  name,
  params: new Map(Object.entries(params)),
})

function topologyOf(name: string, more: readonly Provider[] = []): Topology {
  return {
    name,
    file: `${name}.xml`,
    providers: [
      provider('authentication', 'ShiroProvider'),
      provider('identity-assertion', 'Default'),
      ...more,
    ],
    services: [{ role: 'APIKEY', urls: [], params: new Map() }],
  }
}

/** An API whose only service tells who asks, on paths below `/tell`; `/tell/open` needs nobody. */
function openApi(
  authenticate: () => Promise<Authenticated | undefined> = () =>
    Promise.resolve({ name: 'guest', groups: [] }),
  serve?: KnoxService['answer'],
) {
  const errors: unknown[] = []
  const api = createKnoxApi({
    gatewayPath: 'gateway',
    addressOf: ({ address }) => address,
    clientNameOf: () => undefined,
    bodyBytesMax: 100,
    encodingsMax: 1,
    createAuthenticator: ({ params }, { name }) => {
      if (params.has('broken')) throw new TopologyProblem(`${name}: broken`)
      return authenticate
    },
    createService: ({ role }) => ({
      role,
      matches: (path) => path.startsWith('/tell'),
      isOpen: (path) => path === '/tell/open',
      answer:
        serve ??
        ((request, { effective }) =>
          Promise.resolve({
            status: 200,
            headers: {},
            body: `${effective} ${request.base} ${request.path}`,
          })),
    }),
    administrators: { users: [], groups: [] },
    timing: { now: () => 0, wait: () => Promise.resolve() },
    onError: (error) => errors.push(error),
  })
  api.offer(new Map([['sandbox', topologyOf('sandbox')]]))
  const ask = async (path: string, more: Partial<HttpRequest> = {}): Promise<HttpReply> =>
    api.handler({ ...requestFor('GET', '/').http, path, ...more })
  return { api, ask, errors }
}

describe('the gateway', () => {
  it('finds topology and service by the path', async () => {
    const { ask } = openApi()
    assert.equal((await ask('/gateway/sandbox/tell/a')).body, 'guest /gateway/sandbox /tell/a')
    const nothing = await ask('/gateway/sandbox/other')
    assert.deepEqual([nothing.status, nothing.body], [404, ''])
    for (const path of ['/gateway/nowhere/tell', '/gateway/nowhere', '/gateway/', '/gateway/__proto__/x']) {
      const unknown = await ask(path)
      assert.equal(unknown.status, 404)
      assert.match(String(unknown.body), /"message":"Not Found"/)
    }
  })

  it('answers 401 when nobody can be told, but on open paths', async () => {
    const { ask } = openApi(() => Promise.resolve(undefined))
    assert.equal((await ask('/gateway/sandbox/tell')).status, 401)
    assert.match(String((await ask('/gateway/sandbox/tell/open')).body), /^anonymous /)
  })

  it('runs the filters in order, and sends their headers with every answer', async () => {
    const { api, ask } = openApi()
    const security = provider('webappsec', 'WebAppSec', {
      'security.header.X-Own': 'v',
      'csrf.enabled': 'true',
    })
    const acls = provider('authorization', 'AclsAuthz', { 'apikey.acl': 'nobody;*;*' })
    api.offer(new Map([['sandbox', topologyOf('sandbox', [security, acls])]]))
    const forbidden = await ask('/gateway/sandbox/tell')
    assert.deepEqual([forbidden.status, forbidden.headers['X-Own']], [403, 'v'])
    // CSRF comes first.
    assert.equal((await ask('/gateway/sandbox/tell', { method: 'POST' })).status, 400)
  })

  it('shows refusals as pages, waits when the store does, and tells of the unexpected by the id of the request', async () => {
    const cases: [unknown, number, RegExp, number][] = [
      [new KnoxRefusal(401, 'Unknown token: a...b'), 401, /"Unknown token: a\.\.\.b"/, 0],
      [new DomainError('storage.unavailable', 'gone'), 503, /"Service Unavailable"/, 0],
      [new Error('a secret'), 500, /look for request request-1 in the log/, 1],
    ]
    for (const [error, status, body, told] of cases) {
      const { ask, errors } = openApi(undefined, () => Promise.reject(error))
      const reply = await ask('/gateway/sandbox/tell')
      assert.deepEqual([reply.status, errors.length], [status, told])
      assert.match(String(reply.body), body)
      assert.doesNotMatch(String(reply.body), /a secret/)
    }
  })

  it('answers a refused impersonation in the form of Hadoop', async () => {
    const { api, ask } = openApi()
    const identity = provider('identity-assertion', 'Default', {
      'hadoop.proxyuser.impersonation.enabled': 'true',
    })
    const { providers, ...rest } = topologyOf('sandbox')
    api.offer(new Map([['sandbox', { ...rest, providers: [providers[0] ?? identity, identity] }]]))
    const reply = await ask('/gateway/sandbox/tell', { query: 'doAs=sam' })
    assert.equal(reply.status, 403)
    assert.match(
      JSON.parse(String(reply.body)).RemoteException.message,
      /guest is not allowed to impersonate sam$/,
    )
  })

  it('reads a body once, as text and as a form, and refuses what is too long', async () => {
    const body = async (bytes: Uint8Array, type?: string) => {
      const { ask } = openApi(undefined, async (request) => {
        const { text, form } = await request.body()
        assert.equal(await request.body(), await request.body())
        return { status: 200, headers: {}, body: JSON.stringify([text, form?.get('a') ?? null]) }
      })
      return ask('/gateway/sandbox/tell', {
        method: 'POST',
        headers: type === undefined ? {} : { 'content-type': type },
        readBody: ({ bytesMax }) =>
          Promise.resolve(
            bytes.length > bytesMax ? { ok: false, problem: 'too_large', detail: 'x' } : { ok: true, bytes },
          ),
      })
    }
    assert.equal((await body(Buffer.from('a=1'))).body, '["a=1",null]')
    const form = 'application/x-www-form-urlencoded; charset=utf-8'
    assert.equal((await body(Buffer.from('a=1%20'), form)).body, '["a=1%20","1 "]')
    assert.equal((await body(Buffer.alloc(101))).status, 413)
  })

  it('keeps the last good version of a topology that cannot be offered, and takes away those that are gone', async () => {
    const { api, ask } = openApi()
    const broken: Topology = {
      ...topologyOf('sandbox'),
      providers: [
        provider('authentication', 'ShiroProvider', { broken: '1' }),
        provider('identity-assertion', 'Default'),
      ],
    }
    assert.deepEqual([...api.offer(new Map([['sandbox', broken]]))], [['sandbox', 'sandbox: broken']])
    assert.equal((await ask('/gateway/sandbox/tell')).status, 200)
    const other = topologyOf('other')
    api.offer(new Map([['other', other]]))
    assert.equal((await ask('/gateway/sandbox/tell')).status, 404)
    assert.equal((await ask('/gateway/other/tell')).status, 200)
  })

  it('says that there is no room in its own words', () => {
    const { api } = openApi()
    const reply = api.overloaded({ ...requestFor('GET', '/').http, path: '/gateway/sandbox/tell' })
    assert.deepEqual([reply.status, reply.headers['Retry-After']], [503, '1'])
    assert.match(String(reply.body), /sandbox-knox-gateway-servlet/)
  })
})
