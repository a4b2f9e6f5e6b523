import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ApiKey } from '../../../core/keys/api-key.ts'
import { KnoxRefusal } from '../knox-request.ts'
import { requestFor } from '../testing/request-for.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import { createAuthService } from './auth-service.ts'

function service(
  params: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
) {
  return createAuthService(
    { role: 'KNOX-AUTH-SERVICE', urls: [], params: new Map(Object.entries(params)) },
    't.xml',
    {
      tokenFor: (variable) => environment[variable],
      scopesOf: async ({ policy }) => policy?.scopes?.filter((scope) => scope !== 'payments:approve'),
    },
  )
}

const GUEST = { name: 'guest', effective: 'mapped', groups: ['a', 'b'], impersonated: false }

async function ask(
  asked: ReturnType<typeof service>,
  path: string,
  { method = 'GET', principal = GUEST }: { readonly method?: string; readonly principal?: typeof GUEST } = {},
) {
  return Promise.resolve()
    .then(() => asked.answer(requestFor(method, path), principal))
    .then(
      ({ status, headers, body }) => ({ status, headers, body: String(body) }),
      (error: unknown) => {
        assert.ok(error instanceof KnoxRefusal)
        return { status: error.status, headers: error.headers, body: error.shown }
      },
    )
}

describe('KNOX-AUTH-SERVICE', () => {
  it('tells the authenticated name and the groups, in an empty answer', async () => {
    for (const path of ['/auth/api/v1/pre', '/auth/api/v1/extauthz']) {
      assert.deepEqual(await ask(service(), path), {
        status: 200,
        headers: { 'Cache-Control': 'no-store', 'X-Knox-Actor-ID': 'guest', 'X-Knox-Actor-Groups-1': 'a,b' },
        body: '',
      })
    }
  })

  it('tells of the key what its scopes come to, where it is told to tell of keys', async () => {
    const asked = service({ 'auth.header.key.details': 'true' })
    const headersWith = async (policy: object) => {
      const principal = { ...GUEST, key: { id: 'k1', policy } as unknown as ApiKey }
      return (await ask(asked, '/auth/api/v1/pre', { principal })).headers
    }
    const narrowed = await headersWith({ scopes: ['payments:approve', 'invoices:read'] })
    assert.deepEqual([narrowed['X-Knox-Key-ID'], narrowed['X-Knox-Key-Scopes']], ['k1', 'invoices:read'])
    assert.equal('X-Knox-Key-Scopes' in (await headersWith({})), false)
  })

  it('uses the headers that it is told to, and only groups that match', async () => {
    const params = {
      'preauth.auth.header.actor.id.name': 'x-knox-actor-username',
      'preauth.auth.header.actor.groups.prefix': 'x-knox-actor-groups',
      'preauth.group.filter.pattern': '[^\\s]+',
    }
    const principal = { ...GUEST, groups: ['a', 'has blank', 'c'] }
    const { headers } = await ask(service(params), '/auth/api/v1/pre', { principal })
    assert.deepEqual([headers['x-knox-actor-username'], headers['x-knox-actor-groups-1']], ['guest', 'a,c'])
    const none = await ask(service(), '/auth/api/v1/pre', { principal: { ...GUEST, groups: [] } })
    assert.deepEqual(Object.keys(none.headers), ['Cache-Control', 'X-Knox-Actor-ID'])
  })

  it('splits many groups over headers, by characters or bytes; a long one has a header of its own', async () => {
    const groups = ['aaaa', 'bbbb', 'cccccccccccc', 'd']
    const lines = async (params: Readonly<Record<string, string>>, given = groups) => {
      const { headers } = await ask(service(params), '/auth/api/v1/pre', {
        principal: { ...GUEST, groups: given },
      })
      return Object.entries(headers)
        .filter(([name]) => name.startsWith('X-Knox-Actor-Groups-'))
        .map(([, value]) => value)
    }
    assert.deepEqual(await lines({ 'preauth.auth.header.groups.length.limit': '9' }), [
      'aaaa,bbbb',
      'cccccccccccc',
      'd',
    ])
    assert.deepEqual(await lines({ 'preauth.auth.header.groups.size.limit': '8' }), [
      'aaaa',
      'bbbb',
      'cccccccccccc',
      'd',
    ])
    const many = Array.from({ length: 500 }, (_, n) => `group-${n}`)
    const printed = await lines({}, many)
    assert.ok(printed.every((line) => line.length <= 1_000))
    assert.deepEqual(printed.join(',').split(','), many)
  })

  it('never lets a name become another header', async () => {
    const principal = { ...GUEST, name: 'a\r\nX-Evil: 1\u00e9%' }
    const { headers } = await ask(service(), '/auth/api/v1/pre', { principal })
    assert.equal(headers['X-Knox-Actor-ID'], 'a%0D%0AX-Evil: 1%C3%A9%25')
  })

  it('takes further path behind extauthz only when told to', async () => {
    const path = '/auth/api/v1/extauthz/any/where'
    assert.equal((await ask(service(), path)).status, 404)
    assert.equal((await ask(service({ 'ignore.additional.path': 'true' }), path)).status, 200)
    for (const other of ['/auth/api/v1/pre/x', '/auth/api/v1/other', '/auth/api/v1', '/auth/api']) {
      assert.equal((await ask(service({ 'ignore.additional.path': 'true' }), other)).status, 404)
    }
  })

  it('takes the methods of Knox', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      assert.equal((await ask(service(), '/auth/api/v1/pre', { method })).status, 200)
    }
    for (const method of ['HEAD', 'OPTIONS']) {
      assert.equal((await ask(service(), '/auth/api/v1/extauthz', { method })).status, 200)
      assert.equal((await ask(service(), '/auth/api/v1/pre', { method })).status, 405)
    }
    assert.equal((await ask(service(), '/auth/api/v1/bearer', { method: 'POST' })).status, 405)
  })

  it('hands out the token of the environment, or says which variable is missing', async () => {
    const bearer = '/auth/api/v1/bearer'
    const { headers } = await ask(service({}, { BEARER_AUTH_TOKEN: 't1' }), bearer)
    assert.equal(headers['Authorization'], 'Bearer t1')
    const custom = service({ 'auth.bearer.token.env': 'MINE' }, { MINE: 't2' })
    assert.equal((await ask(custom, bearer)).headers['Authorization'], 'Bearer t2')
    assert.deepEqual(await ask(service(), bearer), {
      status: 500,
      headers: {},
      body: "Token environment variable 'BEARER_AUTH_TOKEN' is not set",
    })
  })

  it('is refused at start when a parameter cannot be understood', () => {
    for (const params of [
      { 'preauth.group.filter.pattern': '(' },
      { 'preauth.auth.header.actor.id.name': 'a b' },
      { 'preauth.auth.header.groups.length.limit': 'x' },
    ]) {
      assert.throws(() => service(params), TopologyProblem)
    }
  })
})
