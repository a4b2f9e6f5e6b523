import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { ROUTES } from '../server/src/apis/native/endpoints.ts'
import { KEY_RIGHTS } from '../server/src/core/access/key-rights.ts'
import { NATIVE_ACTIONS } from '../server/src/core/access/native-actions.ts'
import { askNative, createNativeAdmin, type NativeAnswer } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const GUIDE = readFileSync(new URL('../docs/guides/native-api.md', import.meta.url), 'utf8')

/** A line of the guide's table of rights: one request, and the sets of rights that each suffice for it. */
type Line = { readonly request: string; readonly any: readonly string[][]; readonly own: readonly string[][] }

/** A cell such as "`a:b` or `c:d` and `e:f`". */
const setsIn = (cell: string): string[][] =>
  cell
    .split(' or ')
    .map((set) => [...set.matchAll(/`([^`]+:[^`]+)`/g)].map(([, right = '']) => right))
    .filter((set) => set.length > 0)

const LINES: readonly Line[] = [...GUIDE.matchAll(/^\| (`[A-Z]+ \/.*) \| (.*) \|(.*)\|$/gm)].flatMap(
  ([, requests = '', any = '', own = '']) =>
    requests
      .split(/, (?=`[A-Z]+ \/)/)
      .map((request) => ({ request: request.replaceAll('`', ''), any: setsIn(any), own: setsIn(own) })),
)

/** Whose key it is that the request is about, and who asks. */
type Scene = { readonly owner: string; readonly id: string; readonly isOwn: boolean }
type Sample = { readonly path?: string; readonly body?: unknown; readonly form?: Record<string, string> }

/** What to send for each line, beside its method and path. */
const SAMPLES: Readonly<Record<string, (scene: Scene) => Sample>> = {
  'POST /v1/keys': ({ owner }) => ({ body: { owner } }),
  'POST /v1/keys/{id}/rotate': () => ({}),
  'GET /v1/keys': ({ owner }) => ({ path: `/v1/keys?owner=${owner}` }),
  'GET /v1/keys/{id}': () => ({}),
  'POST /v1/keys/search': ({ owner }) => ({ body: { owner } }),
  'GET /v1/keys/{id}/usage': () => ({}),
  'PATCH /v1/keys/{id} description, metadata, a bound that is not there yet, an earlier expiry': () => ({
    body: { description: 'd', metadata: { a: 1 }, limits: [], ttl: 'P2D' },
  }),
  'PATCH /v1/keys/{id} anything else': () => ({ body: { scopes: null } }),
  'POST /v1/keys/{id}/credits': () => ({ body: { operation: 'set', amount: 5 } }),
  'POST /v1/keys/{id}/disable': () => ({}),
  'POST /v1/keys/{id}/enable': () => ({}),
  'POST /v1/keys/{id}/revoke': () => ({}),
  'DELETE /v1/keys/{id}': () => ({}),
  'POST /v1/keys/bulk': ({ owner }) => ({ body: { operation: 'revoke', filter: { owner }, dryRun: true } }),
  'POST /v1/keys/{id}/restore': () => ({}),
  'POST /v1/leaks': () => ({ body: { leaks: [{ key: 'x' }] } }),
  'GET /v1/fingerprints/{id}': () => ({ path: '/v1/fingerprints/01234' }),
  'POST /v1/verify': () => ({ body: { key: 'x' } }),
  'POST /v1/verify/batch': () => ({ body: { keys: ['x'] } }),
  'POST /v1/introspect': () => ({ form: { token: 'x' } }),
  'POST /v1/verify with explain': () => ({ body: { key: 'x', explain: true } }),
  'GET /v1/owners/{id}': ({ owner }) => ({ path: `/v1/owners/${owner}` }),
  'PUT /v1/owners/{id} a new one': ({ owner }) => ({ path: `/v1/owners/${owner}-new` }),
  'PUT /v1/owners/{id} another role or content': ({ owner }) => ({
    path: `/v1/owners/${owner}`,
    body: { content: { a: 1 } },
  }),
  'PUT /v1/owners/{id} a first login': ({ owner }) => ({
    path: `/v1/owners/${owner}`,
    body: { login: { password: 'p' } },
  }),
  'PUT /v1/owners/{id} another login': () => ({
    path: '/v1/owners/with-login',
    body: { login: { password: 'p' } },
  }),
  'PUT /v1/owners/{id} limits': ({ owner }) => ({ path: `/v1/owners/${owner}`, body: { limits: [] } }),
  'DELETE /v1/owners/{id}': ({ owner }) => ({ path: `/v1/owners/${owner}` }),
  'GET /v1/roles/{id}': () => ({ path: '/v1/roles/default' }),
  'PUT /v1/roles/{id}': ({ owner }) => ({ path: `/v1/roles/${owner}-new`, body: { permissions: ['a:b'] } }),
  'DELETE /v1/roles/{id}': ({ owner }) => ({ path: `/v1/roles/${owner}-free` }),
  'GET /metrics': () => ({}),
}

describe('the rights that the guide names', () => {
  let server: RunningServer
  let admin: string
  let names = 0

  before(async () => {
    // The metrics are everybody's who asks from the host itself; behind a proxy nobody does.
    server = await startServer({ environment: { LATCHKEY_HTTP_TRUSTED_PROXIES: '127.0.0.1/32' } })
    admin = await createNativeAdmin(server)
    await asAdmin('PUT', '/v1/owners/with-login', { login: { password: 'p' } })
  })
  after(async () => {
    await server.stop()
    server.discard()
  })

  async function asAdmin(method: string, path: string, body?: unknown): Promise<NativeAnswer> {
    const answer = await askNative(server, method, path, { token: admin, body })
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`)
    return answer
  }

  /** Whether the request is let through for somebody who has these rights and no others. */
  async function isLetThrough(
    { request }: Line,
    rights: readonly string[],
    isOwn: boolean,
  ): Promise<boolean> {
    const name = `n${names++}`
    await asAdmin('PUT', `/v1/roles/${name}`, { permissions: ['some:thing', ...rights] })
    await asAdmin('PUT', `/v1/roles/${name}-target-free`, { permissions: ['a:b'] })
    for (const owner of [name, `${name}-target`])
      await asAdmin('PUT', `/v1/owners/${owner}`, { roles: [name] })
    const caller = (await asAdmin('POST', '/v1/keys', { owner: name })).body.key
    const owner = isOwn ? name : `${name}-target`
    const bounds = { scopes: ['*'], credits: { initial: 9 }, ttl: 'P9D' }
    const { id } = (await asAdmin('POST', '/v1/keys', { owner, ...bounds })).body
    if (request.endsWith('/restore')) await asAdmin('POST', `/v1/keys/${id}/revoke`)
    if (request.endsWith('/enable')) {
      const by = isOwn && rights.length > 0 ? caller : admin
      const { status } = await askNative(server, 'POST', `/v1/keys/${id}/disable`, { token: by })
      assert.equal(status, 200)
    }
    const [method = '', route = ''] = request.split(' ')
    const { path = route.replace('{id}', id), ...rest } = SAMPLES[request]?.({ owner, id, isOwn }) ?? {}
    const headers = { 'x-forwarded-for': '192.0.2.1' }
    const answer = await askNative(server, method, path, { token: caller, headers, ...rest })
    if (answer.status < 300) return true
    const isRefusal = ['right.missing', 'key.not_found', 'key.policy_forbidden'].includes(answer.body?.code)
    assert.ok(isRefusal || route === '/metrics', `${request} with ${rights.join()}: ${answer.text}`)
    return false
  }

  it('are those of every route that may lack one, and all of those for keys', () => {
    const byMethod = (path: string) => path.replace(':id', '{id}')
    const asking = ROUTES.filter(({ problems }) => problems.includes('right.missing')).map(
      ({ method, path }) => `${method} ${byMethod(path)}`,
    )
    // Logins and the first administrator are told of in words; forward-auth is about rights of the key itself.
    const others = ['POST /v1/login', 'POST /v1/first-admin', 'GET /v1/authorize']
    const told = new Set(LINES.map(({ request }) => request.split(' ').slice(0, 2).join(' ')))
    assert.deepEqual(
      [...told].sort(),
      [...asking.filter((route) => !others.includes(route)), 'GET /metrics'].sort(),
    )
    assert.deepEqual(LINES.map(({ request }) => request).sort(), Object.keys(SAMPLES).sort())

    const named = new Set(LINES.flatMap(({ any, own }) => [...any, ...own].flat()))
    for (const { anybody, own } of Object.values(KEY_RIGHTS)) {
      for (const { controller, action } of [...anybody, ...own])
        assert.ok(named.has(`${controller}:${action}`))
    }
    for (const right of named) {
      const [controller = '', action = ''] = right.split(':')
      assert.ok(NATIVE_ACTIONS.get(controller)?.has(action), right)
    }
  })

  it('suffice, and with one less the request is refused', async () => {
    for (const line of LINES) {
      for (const [sets, isOwn] of [
        [line.any, false],
        [line.own, true],
      ] as const) {
        for (const rights of sets) {
          const what = `${line.request} with ${rights.join()}${isOwn ? ', own' : ''}`
          assert.ok(await isLetThrough(line, rights, isOwn), what)
          for (const missing of rights) {
            const others = rights.filter((right) => right !== missing)
            assert.ok(!(await isLetThrough(line, others, isOwn)), `${what} but ${missing}`)
          }
          if (isOwn) assert.ok(!(await isLetThrough(line, rights, false)), `${what}, of somebody else`)
        }
      }
    }
  })
})
