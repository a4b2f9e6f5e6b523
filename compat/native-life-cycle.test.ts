import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { askNative, createNativeAdmin, type NativeAnswer, type NativeOptions } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const PROXY = '127.0.0.1/32'

describe('the API under /v1', () => {
  let server: RunningServer
  let admin: string
  const tokens: string[] = []

  before(async () => {
    server = await startServer({ environment: { LATCHKEY_HTTP_TRUSTED_PROXIES: PROXY } })
    admin = await createNativeAdmin(server)
    await ask('PUT', '/v1/roles/billing', { permissions: ['invoices:read', 'invoices:write'] })
    await ask('PUT', '/v1/owners/ada', {
      roles: ['billing', 'default'],
      login: { password: 'a password of her own' },
    })
  })
  after(async () => {
    await server.stop()
    server.discard()
    assert.ok(tokens.length > 10)
    for (const token of tokens) assert.ok(!server.output().includes(token), 'the log holds a token')
  })

  const ask = (
    method: string,
    path: string,
    body?: unknown,
    more: NativeOptions = {},
  ): Promise<NativeAnswer> => askNative(server, method, path, { token: admin, body, ...more })

  async function issue(request: Record<string, unknown> = {}) {
    const { status, body } = await ask('POST', '/v1/keys', { owner: 'ada', ...request })
    assert.equal(status, 201)
    tokens.push(body.key)
    return body
  }

  /** Whether the key can be used at this moment. */
  async function isGood(key: string): Promise<boolean> {
    const { status } = await askNative(server, 'GET', '/v1/whoami', { token: key })
    assert.ok(status === 200 || status === 401, `status ${status}`)
    return status === 200
  }

  it('answers with a new key its token, where it is, and nothing that may be kept', async () => {
    const { status, headers, body } = await ask('POST', '/v1/keys', {
      owner: 'ada',
      id: 'a/b c',
      description: 'Sends invoices',
      scopes: ['invoices:read'],
      ttl: 'P30D',
      metadata: { team: 'billing' },
    })
    assert.equal(status, 201)
    assert.match(body.key, /^lk_live_[0-9A-Za-z]{41}$/)
    assert.ok(body.key.startsWith(body.hint))
    assert.equal(body.expiresAt, body.createdAt + 30 * 86_400_000)
    assert.equal(headers.get('location'), '/v1/keys/a%2Fb%20c')
    assert.equal(headers.get('cache-control'), 'no-store')

    const shown = await ask('GET', '/v1/keys/a%2Fb%20c')
    const { key: _, ...rest } = body
    assert.deepEqual(shown.body, rest)
    assert.ok(!shown.text.includes(body.key))
  })

  it('tells holders who they are, whichever header shows the key', async () => {
    const { key, id } = await issue({ scopes: ['invoices:read'] })
    const bearer = await askNative(server, 'GET', '/v1/whoami', { token: key })
    const header = await askNative(server, 'GET', '/v1/whoami', { headers: { 'x-api-key': key } })
    for (const { status, body } of [bearer, header]) {
      assert.equal(status, 200)
      assert.equal(body.kind, 'key')
      assert.equal(body.owner, 'ada')
      assert.equal(body.key.id, id)
      assert.deepEqual(body.roles, ['billing', 'default'])
    }
    const both = await askNative(server, 'GET', '/v1/whoami', { token: key, headers: { 'x-api-key': key } })
    assert.equal(both.status, 400)
  })

  it('changes what is given, leaves what is absent, and clears what is null', async () => {
    const { id } = await issue({
      description: 'one',
      scopes: ['invoices:*'],
      ttl: 60_000,
      metadata: { a: 1 },
    })
    const { body } = await ask('PATCH', `/v1/keys/${id}`, {
      description: 'two',
      expiresAt: '2100-01-01T00:00:00Z',
      scopes: null,
      limits: [{ name: 'r', limit: 5, window: 'PT1M' }],
    })
    assert.equal(body.description, 'two')
    assert.equal(body.expiresAt, Date.parse('2100-01-01T00:00:00Z'))
    assert.equal(body.scopes, undefined)
    assert.deepEqual(body.limits, [{ name: 'r', limit: 5, window: 60_000 }])
    assert.deepEqual(body.metadata, { a: 1 })
    const cleared = await ask('PATCH', `/v1/keys/${id}`, { ttl: null, metadata: null })
    assert.equal(cleared.body.expiresAt, null)
    assert.equal(cleared.body.metadata, undefined)
  })

  it('refuses a disabled key from the next request on, and takes it again when it is enabled', async () => {
    const { key, id } = await issue()
    assert.ok(await isGood(key))
    const disabled = await ask('POST', `/v1/keys/${id}/disable`, { reason: 'on holiday' })
    assert.equal(disabled.body.state, 'disabled')
    assert.equal(disabled.body.disabled.reason, 'on holiday')
    assert.ok(!(await isGood(key)))
    assert.equal((await ask('POST', `/v1/keys/${id}/enable`)).body.state, 'active')
    assert.ok(await isGood(key))
  })

  it('gives a key a new token while the old one stays good for the grace, and not without', async () => {
    const { key: first, id } = await issue({ credits: { initial: 7 } })
    const second = (await ask('POST', `/v1/keys/${id}/rotate`, { grace: 'PT10M' })).body
    assert.equal(second.id, id)
    assert.equal(second.credits.remaining, 7)
    assert.equal(second.previous.length, 1)
    assert.ok(await isGood(first))
    assert.ok(await isGood(second.key))
    const third = (await ask('POST', `/v1/keys/${id}/rotate`)).body
    assert.ok(!(await isGood(second.key)))
    assert.ok(await isGood(third.key))
  })

  it('revokes at once, shows why, and restores as it was', async () => {
    const { key, id } = await issue({ metadata: { keep: true } })
    const revoked = await ask('POST', `/v1/keys/${id}/revoke`, {
      reason: 'keyCompromise',
      comment: 'in a log',
    })
    assert.equal(revoked.body.state, 'revoked')
    assert.ok(!(await isGood(key)))
    const shown = await ask('GET', `/v1/keys/${id}`)
    assert.equal(shown.body.revocation.reason, 'keyCompromise')
    assert.equal(shown.body.revocation.comment, 'in a log')
    const restored = await ask('POST', `/v1/keys/${id}/restore`)
    assert.equal(restored.body.state, 'active')
    assert.deepEqual(restored.body.metadata, { keep: true })
    assert.ok(await isGood(key))
    assert.equal((await ask('DELETE', `/v1/keys/${id}`)).status, 204)
    assert.ok(!(await isGood(key)))
  })

  it('answers changes of a revoked key with 409, and those of a key that is none with 404', async () => {
    const { key, id } = await issue()
    assert.ok(await isGood(key))
    await ask('POST', `/v1/keys/${id}/revoke`)
    const changes = [
      ['PATCH', '', { description: 'd' }],
      ['POST', '/rotate', undefined],
      ['POST', '/enable', undefined],
      ['POST', '/disable', undefined],
      ['POST', '/credits', { operation: 'set', amount: 1 }],
    ] as const
    for (const [method, path, request] of changes) {
      const { status, body } = await ask(method, `/v1/keys/${id}${path}`, request)
      assert.deepEqual([status, body.code], [409, 'key.revoked'])
      assert.equal((await ask(method, `/v1/keys/none${path}`, request)).status, 404)
    }
    assert.equal((await ask('GET', `/v1/keys/${id}/usage`)).status, 200)
    assert.equal((await ask('POST', `/v1/keys/${id}/restore`)).status, 200)
    const again = await ask('POST', `/v1/keys/${id}/restore`)
    assert.deepEqual([again.status, again.body.code], [409, 'key.not_revoked'])
    assert.match(again.body.detail, /it is active/)
  })

  it('lists page after page every key once, and by filter only those that fit', async () => {
    const made = new Set<string>()
    for (let index = 0; index < 7; index++) {
      made.add((await issue({ metadata: { batch: 'paged', index } })).id)
    }
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const from = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { body } = await ask('GET', `/v1/keys?owner=ada&metadata.batch=paged&limit=3${from}`)
      assert.ok(body.keys.length <= 3)
      seen.push(...body.keys.map(({ id }: { id: string }) => id))
      cursor = body.next
    } while (cursor !== undefined)
    assert.deepEqual(seen, [...made])

    const one = await ask('GET', '/v1/keys?metadata[batch]=paged&metadata[index]=4')
    assert.equal(one.body.keys.length, 1)
    assert.equal(
      (await ask('GET', '/v1/keys?metadata.batch=paged&metadata.index=%224%22')).body.keys.length,
      0,
    )
    assert.equal((await ask('GET', '/v1/keys?metadata.batch=paged&state=disabled')).body.keys.length, 0)
  })

  it('searches in both query languages', async () => {
    const { id } = await issue({ description: 'Weather station on the roof' })
    const ids = async (search: object): Promise<string[]> => {
      const { body } = await ask('POST', '/v1/keys/search', { owner: 'ada', ...search })
      assert.equal(body.total, body.keys.length)
      return body.keys.map((key: { id: string }) => key.id)
    }
    assert.deepEqual(await ids({ query: { match: { description: 'weather' } } }), [id])
    assert.deepEqual(await ids({ query: { ids: { values: [id] } }, language: 'koncorde' }), [id])
    const wrong = await ask('POST', '/v1/keys/search', { owner: 'ada', query: { mtch: {} } })
    assert.equal(wrong.status, 400)
    assert.match(wrong.body.code, /^query\./)
  })

  it('counts before it changes many keys, and changes those and no others', async () => {
    const other = await issue({ metadata: { lot: 'b' } })
    const keys = [await issue({ metadata: { lot: 'a' } }), await issue({ metadata: { lot: 'a' } })]
    const filter = { owner: 'ada', metadata: { lot: 'a' } }
    const counted = await ask('POST', '/v1/keys/bulk', { operation: 'revoke', filter, dryRun: true })
    const { matched, changed } = counted.body
    assert.deepEqual({ matched, changed }, { matched: 2, changed: 0 })
    assert.ok(await isGood(keys[0].key))
    const done = await ask('POST', '/v1/keys/bulk', { operation: 'revoke', reason: 'superseded', filter })
    assert.equal(done.body.changed, 2)
    for (const { key, id } of keys) {
      assert.ok(!(await isGood(key)))
      assert.equal((await ask('GET', `/v1/keys/${id}`)).body.revocation.reason, 'superseded')
    }
    assert.ok(await isGood(other.key))
    for (const selection of [{}, { filter: {} }, { filter: { metadata: {} } }, { filter, search: {} }]) {
      const refused = await ask('POST', '/v1/keys/bulk', { operation: 'revoke', ...selection })
      assert.equal(refused.status, 400)
    }
  })

  it('does a named request once, and repeats the answer without the token', async () => {
    const request = { owner: 'ada', description: 'once' }
    const named = { headers: { 'idempotency-key': 'order-1' } }
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => ask('POST', '/v1/keys', request, named)),
    )
    const issued = answers.filter(({ status }) => status === 201)
    assert.equal(issued.length, 1)
    for (const { status, body } of answers.filter((answer) => answer !== issued[0])) {
      assert.ok(status === 200 || (status === 409 && body.code === 'idempotency.in_progress'), body.code)
    }
    const replayed = await ask('POST', '/v1/keys', request, named)
    assert.equal(replayed.status, 200)
    assert.equal(replayed.headers.get('idempotency-replayed'), 'true')
    assert.equal(replayed.body.key, null)
    assert.equal(replayed.body.id, issued[0]?.body.id)
    const other = await ask('POST', '/v1/keys', { owner: 'ada', description: 'twice' }, named)
    assert.equal(other.status, 422)

    const path = `/v1/keys/${replayed.body.id}/rotate`
    const rotation = { headers: { 'idempotency-key': 'rotate-1' } }
    const rotated = await ask('POST', path, { grace: 0 }, rotation)
    assert.equal(typeof rotated.body.key, 'string')
    const again = await ask('POST', path, { grace: 0 }, rotation)
    assert.equal(again.body.key, null)
    assert.ok(await isGood(rotated.body.key))
  })

  it('clears a description that is changed to null', async () => {
    const { id } = await issue({ description: 'for now' })
    const { status, body } = await ask('PATCH', `/v1/keys/${id}`, { description: null })
    assert.deepEqual([status, body.description], [200, ''])
  })

  it('changes credits once under one name, and repeats what it answered', async () => {
    const { id } = await issue({ credits: { initial: 5 } })
    const path = `/v1/keys/${id}/credits`
    const named = { headers: { 'idempotency-key': 'top-up-1' } }
    const change = { operation: 'increment', amount: 10 }
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('POST', path, change, named)))
    for (const { status, body } of answers) {
      assert.ok(status === 200 ? body.remaining === 15 : body.code === 'idempotency.in_progress')
    }
    await ask('POST', path, { operation: 'decrement', amount: 3 })
    const replayed = await ask('POST', path, change, named)
    assert.deepEqual([replayed.status, replayed.body], [200, { remaining: 15 }])
    assert.equal(replayed.headers.get('idempotency-replayed'), 'true')
    assert.equal((await ask('GET', `/v1/keys/${id}`)).body.credits.remaining, 12)
    const other = await ask('POST', path, { ...change, amount: 11 }, named)
    assert.equal(other.body.code, 'idempotency.mismatch')
  })

  it('lets a refused request be made again under its name', async () => {
    const named = { headers: { 'idempotency-key': 'refused-1' } }
    const request = { owner: 'ada', id: 'taken-once' }
    const first = await issue({ id: 'taken-once' })
    assert.equal((await ask('POST', '/v1/keys', request, named)).body.code, 'key.id_taken')
    await ask('DELETE', `/v1/keys/${first.id}`)
    assert.equal((await ask('POST', '/v1/keys', request, named)).status, 201)
  })

  it('introspects as RFC 7662 says, and spends nothing', async () => {
    const { key, id } = await issue({
      scopes: ['invoices:read', 'files:*'],
      credits: { initial: 1 },
      ttl: 'PT1H',
    })
    const introspect = (token: string, more = {}) =>
      ask('POST', '/v1/introspect', undefined, { form: { token, ...more } })
    for (let times = 0; times < 3; times++) {
      const { body } = await introspect(key, { token_type_hint: 'access_token' })
      assert.equal(body.active, true)
      assert.equal(body.scope, 'invoices:read', 'nothing of what the owner may not do')
      assert.equal(body.sub, 'ada')
      assert.equal(body.jti, id)
      assert.equal(body.exp, body.iat + 3600)
    }
    assert.equal((await ask('GET', `/v1/keys/${id}`)).body.credits.remaining, 1)
    await ask('DELETE', `/v1/keys/${id}`)
    for (const token of [key, 'nonsense', admin]) {
      assert.deepEqual((await introspect(token)).body, { active: false })
    }
    const stranger = await askNative(server, 'POST', '/v1/introspect', { form: { token: key } })
    assert.equal(stranger.status, 401)
  })

  it('revokes for whoever has the token as RFC 7009 says, and never tells whether it was good', async () => {
    const { key } = await issue()
    for (const token of [key, key, 'nonsense']) {
      const { status, body } = await askNative(server, 'POST', '/v1/revoke', { form: { token } })
      assert.equal(status, 200)
      assert.deepEqual(body, {})
    }
    assert.ok(!(await isGood(key)))
    const without = await askNative(server, 'POST', '/v1/revoke', { form: { token_type_hint: 'x' } })
    assert.equal(without.status, 400)
  })

  it('lets a key end itself, whatever its scopes and limits are', async () => {
    const { key, id } = await issue({ scopes: ['nothing:at-all'], credits: { initial: 0 } })
    const { body } = await askNative(server, 'POST', '/v1/whoami/revoke', {
      token: key,
      body: { reason: 'keyCompromise' },
    })
    assert.deepEqual(body, { revoked: true })
    assert.ok(!(await isGood(key)))
    assert.equal((await ask('GET', `/v1/keys/${id}`)).body.revocation.reason, 'keyCompromise')
  })

  it('lets owners manage their own keys and see no others', async () => {
    const login = { username: 'ada', password: 'a password of her own' }
    const { body: session } = await askNative(server, 'POST', '/v1/login', { body: login })
    const her = (method: string, path: string, body?: unknown) =>
      askNative(server, method, path, { token: session.token, body })
    const own = (await her('POST', '/v1/keys', { description: 'mine' })).body
    assert.equal(own.owner, 'ada')
    const foreign = (await ask('POST', '/v1/keys', { owner: 'admin' })).body
    assert.equal((await her('GET', `/v1/keys/${own.id}`)).status, 200)
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/rotate'],
      ['POST', '/disable'],
    ]) {
      const { status, body } = await her(method ?? '', `/v1/keys/${foreign.id}${path}`)
      assert.equal(status, 404)
      assert.equal(body.code, 'key.not_found')
    }
    assert.equal((await her('PATCH', `/v1/keys/${own.id}`, { scopes: ['invoices:read'] })).status, 200)
    const loosened = await her('PATCH', `/v1/keys/${own.id}`, { scopes: null })
    assert.equal(loosened.status, 403)
    assert.equal(loosened.body.code, 'key.policy_forbidden')
    const { status, headers, body } = await her('PUT', '/v1/roles/mine', { permissions: ['*'] })
    assert.equal(status, 403)
    assert.equal(body.code, 'right.missing')
    assert.match(headers.get('www-authenticate') ?? '', /error="insufficient_scope"/)
    const listed = (await her('GET', '/v1/keys?limit=1000')).body.keys
    assert.ok(listed.length > 0)
    for (const key of listed) assert.equal(key.owner, 'ada')
    assert.equal((await her('DELETE', '/v1/session')).status, 204)
    assert.equal((await her('GET', '/v1/whoami')).status, 401)
  })

  it('judges addresses by what a trusted proxy says of the client', async () => {
    const { key } = await issue({ addresses: ['192.0.2.0/24'] })
    const from = (forwarded: string) =>
      askNative(server, 'GET', '/v1/whoami', { token: key, headers: { 'x-forwarded-for': forwarded } })
    assert.equal((await from('192.0.2.7')).status, 200)
    assert.equal((await from('192.0.2.7, 198.51.100.1')).status, 403)
    assert.equal((await from('garbage')).body.code, 'token.forbidden')
  })

  it('refuses malformed, unknown, revoked, disabled and expired keys in the very same words', async () => {
    const [revoked, disabled, shortLived] = [await issue(), await issue(), await issue({ ttl: 1 })]
    await ask('DELETE', `/v1/keys/${revoked.id}`)
    await ask('POST', `/v1/keys/${disabled.id}/disable`)
    while ((await ask('GET', `/v1/keys/${shortLived.id}`)).body.state !== 'expired');
    const unknown = `${revoked.key.slice(0, -1)}${revoked.key.endsWith('0') ? '1' : '0'}`
    const answers = new Set<string>()
    for (const token of ['nonsense', unknown, revoked.key, disabled.key, shortLived.key]) {
      const { status, text, headers } = await askNative(server, 'GET', '/v1/whoami', {
        token,
        headers: { 'x-request-id': 'same' },
      })
      answers.add(JSON.stringify([status, text, headers.get('www-authenticate')]))
    }
    assert.equal(answers.size, 1)
    assert.match([...answers][0] ?? '', /401.*token\.invalid.*invalid_token.*/)
  })

  it('takes permissions of ones own making, but no misspelt ones of Latchkey itself', async () => {
    const permissions = ['document:read', 'index:read', 'admin:read', 'cluster:view', 'debug:on', 'x:y']
    const role = await ask('PUT', '/v1/roles/own-words', { permissions: [...permissions, 'keys:verify'] })
    assert.equal(role.status, 201)
    await ask('PUT', '/v1/owners/wordy', { roles: ['own-words'] })
    const { key } = await issue({ owner: 'wordy' })
    const { body } = await ask('POST', '/v1/verify', { key, permissions })
    assert.equal(body.code, 'VALID')
    for (const permission of ['keys:rotate', 'security:getUsr', 'auth:logon', 'server:metric']) {
      const refused = await ask('PUT', '/v1/roles/misspelt', { permissions: [permission] })
      assert.deepEqual([refused.status, refused.body.code], [400, 'role.unknown_action'])
    }
  })

  it('lets nobody take the rights of administrators away, or remove a protected role', async () => {
    for (const permissions of [['invoices:read'], ['keys:*', 'security:*']]) {
      const { status, body } = await ask('PUT', '/v1/roles/admin', { permissions })
      assert.deepEqual([status, body.code], [409, 'role.protected'])
      assert.match(body.detail, /make a role of another name/)
    }
    assert.equal((await ask('PUT', '/v1/roles/admin', { permissions: ['*'] })).status, 200)
    for (const id of ['admin', 'default', 'anonymous']) {
      const { status, body } = await ask('DELETE', `/v1/roles/${id}`)
      assert.deepEqual([status, body.code], [409, 'role.protected'])
    }
  })

  it('removes an owner with its keys, and a role only when nobody has it', async () => {
    await ask('PUT', '/v1/roles/temporary', { permissions: ['*'] })
    await ask('PUT', '/v1/owners/eve', { roles: ['temporary'] })
    const { key } = await issue({ owner: 'eve' })
    assert.deepEqual((await ask('DELETE', '/v1/roles/temporary')).body.code, 'profile.in_use')
    assert.equal((await ask('DELETE', '/v1/owners/eve')).status, 204)
    assert.ok(!(await isGood(key)))
    assert.equal((await ask('DELETE', '/v1/roles/temporary')).status, 204)
    assert.equal((await ask('GET', '/v1/roles/temporary')).status, 404)
    assert.equal((await ask('GET', '/v1/owners/eve')).status, 404)
  })
})
