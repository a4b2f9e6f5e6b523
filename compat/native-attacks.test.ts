import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { askNative, createNativeAdmin, type NativeAnswer, type NativeOptions } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const LIMITS = [{ name: 'all', limit: 5, window: 1_000 }]

/** What was possible once and must not be, or was not and must be, over HTTP. */
describe('the API under /v1, against those who mean harm', () => {
  let server: RunningServer
  let admin: string

  before(async () => {
    server = await startServer()
    admin = await createNativeAdmin(server)
  })
  after(async () => {
    await server.stop()
    server.discard()
  })

  const ask = (
    method: string,
    path: string,
    body?: unknown,
    more: NativeOptions = {},
  ): Promise<NativeAnswer> => askNative(server, method, path, { token: admin, body, ...more })

  async function keyOf(owner: string, request: Record<string, unknown> = {}): Promise<string> {
    const { status, body, text } = await ask('POST', '/v1/keys', { owner, ...request })
    assert.equal(status, 201, text)
    return body.key
  }

  /** A key of a new owner who may do just this. */
  async function keyWithRights(owner: string, ...permissions: string[]): Promise<string> {
    await ask('PUT', `/v1/roles/${owner}`, { permissions })
    await ask('PUT', `/v1/owners/${owner}`, { roles: [owner] })
    return keyOf(owner)
  }

  it('sets no password for who shows a key that is bound by a policy', async () => {
    const token = await keyOf('admin', { addresses: ['127.0.0.1', '::1'] })
    assert.equal((await ask('GET', '/v1/owners/admin', undefined, { token })).status, 200)
    const login = { password: 'chosen by a thief' }
    for (const [path, body] of [
      ['/v1/owners/admin', { login }],
      ['/v1/owners/second-admin', { roles: ['admin'], login }],
    ] as const) {
      const refused = await ask('PUT', path, body, { token })
      assert.equal(refused.body.code, 'key.issuing_forbidden', refused.text)
    }
    const update = await ask('PUT', '/credentials/local/_me/_update', login, { token })
    assert.equal(update.body.error.id, 'security.apikey.issuing_forbidden')
    assert.equal((await ask('GET', '/v1/owners/second-admin')).status, 404)
  })

  it('answers a repeated request also to who may issue keys and not read them', async () => {
    const token = await keyWithRights('issuer', 'keys:create')
    await ask('PUT', '/v1/owners/ada')
    const issue = () =>
      ask(
        'POST',
        '/v1/keys',
        { owner: 'ada', id: 'by-issuer' },
        { token, headers: { 'Idempotency-Key': 'i' } },
      )
    assert.equal((await issue()).status, 201)
    const again = await issue()
    assert.equal(again.status, 200, again.text)
    assert.equal(again.body.id, 'by-issuer')
    assert.equal(again.body.key, null)
  })

  it('keeps the names of requests and the places in listings of different callers apart', async () => {
    const mallory = await keyWithRights('mallory', 'auth:createApiKey', 'auth:searchApiKeys')
    const issue = (token: string) =>
      ask('POST', '/v1/keys', {}, { token, headers: { 'Idempotency-Key': 'order-1' } })
    const [theirs, hers] = [await issue(admin), await issue(mallory)]
    assert.deepEqual([theirs.status, hers.status], [201, 201])
    assert.notEqual(theirs.body.id, hers.body.id)
    const { body: page } = await ask('GET', '/v1/keys?limit=1')
    const rest = await ask('GET', `/v1/keys?cursor=${encodeURIComponent(page.next)}`, undefined, {
      token: mallory,
    })
    const owners: readonly string[] = rest.body.keys.map(({ owner }: { owner: string }) => owner)
    assert.deepEqual([...new Set(owners)], ['mallory'])
  })

  it('creates no owner when the limits of it are refused', async () => {
    const token = await keyWithRights('clerk', 'security:createUser', 'security:getUser')
    const half = await ask('PUT', '/v1/owners/half', { limits: LIMITS }, { token })
    assert.equal(half.status, 403)
    const wrong = await ask('PUT', '/v1/owners/half', { limits: [{ name: 'all', limit: 1e9, window: 1 }] })
    assert.equal(wrong.body.code, 'policy.invalid')
    assert.equal((await ask('GET', '/v1/owners/half')).status, 404)
  })

  it('tells who may create owners, but not read keys, that the owner is there', async () => {
    const token = await keyWithRights('registrar', 'security:createUser', 'security:getUser')
    const created = await ask('PUT', '/v1/owners/new', undefined, { token })
    assert.equal(created.status, 201, created.text)
    assert.equal('limits' in created.body, false)
    assert.equal((await ask('GET', '/v1/owners/new', undefined, { token })).status, 200)
    assert.deepEqual((await ask('GET', '/v1/owners/new')).body.limits, [])
  })

  it('counts introspection as no use, and takes the parameters that OAuth clients add', async () => {
    const key = await keyOf('admin', { id: 'looked-at' })
    const form = { token: key, client_id: 'a', client_secret: 'b', token_type_hint: 'access_token' }
    assert.equal((await ask('POST', '/v1/introspect', undefined, { form })).body.active, true)
    assert.deepEqual((await ask('GET', '/v1/keys/looked-at/usage')).body.days, [])
    assert.equal((await ask('GET', '/v1/keys/looked-at')).body.lastUsedAt, null)
    assert.equal((await ask('POST', '/v1/revoke', undefined, { form })).status, 200)
    assert.equal((await ask('GET', '/v1/keys/looked-at')).body.state, 'revoked')
  })

  it('lets browsers ask whether they may verify, and names a refusal once', async () => {
    for (const path of ['/v1/verify', '/v1/verify/batch']) {
      const preflight = await ask('OPTIONS', path, undefined, {
        headers: { 'Access-Control-Request-Method': 'POST', Origin: 'https://shop.example' },
      })
      assert.equal(preflight.status, 204)
      assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST, OPTIONS')
      const refused = await ask('PUT', path, {})
      assert.equal(refused.status, 405)
      assert.equal(refused.body.instance, `urn:latchkey:request:${refused.headers.get('x-request-id')}`)
    }
  })
})
