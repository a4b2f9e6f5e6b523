import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aManager } from '../../../core/contract/knox-tokens.ts'
import { KnoxRefusal } from '../knox-request.ts'
import { openTokenService } from '../testing/open-token-service.ts'

const KEY = '/apikey/api/v1/auth/key'
const CREDENTIALS = '/clientid/api/v1/oauth/credentials'

async function refusalOf(work: Promise<unknown>): Promise<readonly [number, string | undefined]> {
  const error: unknown = await work.then(
    (reply) => assert.fail(`it was answered: ${JSON.stringify(reply)}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof KnoxRefusal, String(error))
  return [error.status, error.headers['Allow']]
}

describe('where token services are', () => {
  test('each has the paths of Knox, with a slash at the end or without, and no others', async (t) => {
    const bases: readonly [role: string, base: string][] = [
      ['APIKEY', KEY],
      ['CLIENTID', CREDENTIALS],
      ['KNOXTOKEN', '/knoxtoken/api/v1/token'],
      ['KNOXTOKEN', '/knoxtoken/api/v2/token'],
      ['KNOXTOKEN', '/oauth/v1/token'],
      ['KNOXTOKEN', '/any/v1/oauth/tokens'],
    ]
    for (const [role, base] of bases) {
      const { ask, service } = await openTokenService(t, role)
      for (const path of [base, `${base}/`]) {
        assert.equal(service.matches(path), true, path)
        assert.equal((await ask('POST', path)).status, 200, path)
      }
      if (base.includes('/api/')) {
        assert.equal((await ask('GET', `${base}/getTssStatus/`)).status, 200, base)
        for (const below of ['/token', '/oauth', '/unknown', '/constructor', '/getTssStatus/x', 'x']) {
          assert.deepEqual(await refusalOf(ask('POST', base + below)), [404, undefined], base + below)
        }
      }
    }
    const { service } = await openTokenService(t, 'APIKEY')
    for (const path of ['/', '/apikey', '/apikey/v1', '/knoxtoken/api/v1/token', '/oauth/v1/token']) {
      assert.equal(service.matches(path), false, path)
    }
  })

  test('GET issues keys only where that is switched on, and HEAD never: a link that is followed makes none', async (t) => {
    for (const [role, base] of [
      ['APIKEY', KEY],
      ['CLIENTID', CREDENTIALS],
    ] as const) {
      const { ask, authority } = await openTokenService(t, role)
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        assert.deepEqual(await refusalOf(ask(method, base)), [405, 'POST'])
      }
      assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
      const likeKnox = await openTokenService(t, role, { parts: { issuesByGet: true } })
      assert.equal((await likeKnox.ask('GET', base)).status, 200)
      assert.deepEqual(await refusalOf(likeKnox.ask('HEAD', base)), [405, 'POST, GET'])
    }
    // Knox's shell and page ask for JSON Web Tokens by GET.
    const { ask } = await openTokenService(t, 'KNOXTOKEN')
    assert.equal((await ask('GET', '/knoxtoken/api/v1/token')).status, 200)
    assert.deepEqual(await refusalOf(ask('HEAD', '/knoxtoken/api/v1/token')), [405, 'POST, GET'])
  })

  test('renew and revoke are answered by the methods of both versions, and by no others', async (t) => {
    for (const base of ['/knoxtoken/api/v1/token', '/knoxtoken/api/v2/token']) {
      const { ask } = await openTokenService(t, 'KNOXTOKEN')
      for (const method of ['POST', 'PUT']) {
        assert.equal((await ask(method, `${base}/renew`, { body: 'x' })).status, 403)
      }
      for (const method of ['POST', 'DELETE']) {
        assert.equal((await ask(method, `${base}/revoke`, { body: 'x' })).status, 400)
      }
      assert.deepEqual(await refusalOf(ask('DELETE', `${base}/renew`)), [405, 'PUT, POST'])
      assert.deepEqual(await refusalOf(ask('PUT', `${base}/revoke`)), [405, 'DELETE, POST'])
      assert.deepEqual(await refusalOf(ask('GET', `${base}/enable`)), [405, 'PUT'])
      assert.deepEqual(await refusalOf(ask('PUT', `${base}/revokeTokens`)), [405, 'DELETE, POST'])
      assert.deepEqual(await refusalOf(ask('POST', `${base}/getUserTokens`)), [405, 'GET'])
    }
  })

  test('the key set is open, and is where clients of each version look for it', async (t) => {
    const sets: readonly [role: string, path: string][] = [
      ['APIKEY', '/apikey/api/v1/auth/jwks.json'],
      ['CLIENTID', '/clientid/api/v1/oauth/jwks.json'],
      ['KNOXTOKEN', '/knoxtoken/api/v1/jwks.json'],
      ['KNOXTOKEN', '/knoxtoken/api/v2/jwks.json'],
    ]
    for (const [role, path] of sets) {
      const { service, json } = await openTokenService(t, role)
      assert.deepEqual([service.matches(path), service.isOpen?.(path)], [true, true], path)
      const { keys } = await json('GET', path)
      assert.ok(Array.isArray(keys) && keys.length === 1)
    }
    const { service } = await openTokenService(t, 'APIKEY')
    assert.equal(service.isOpen?.(KEY), false)
  })
})

describe('getTssStatus', () => {
  const statusOf = async (...opened: Parameters<typeof openTokenService>) =>
    String((await (await openTokenService(...opened)).ask('GET', `${KEY}/getTssStatus`)).body)

  test('says what Knox says, byte for byte', async (t) => {
    assert.equal(
      await statusOf(t, 'APIKEY', { params: { 'apikey.knox.token.ttl': '74000' } }),
      `{
  "tokenManagementEnabled" : "true",
  "maximumLifetimeText" : "1 minutes 14 seconds",
  "maximumLifetimeSeconds" : "74",
  "lifespanInputEnabled" : "true",
  "impersonationEnabled" : "false",
  "configuredTssBackend" : "JDBCTokenStateService",
  "allowedTssForTokengen" : "true",
  "actualTssBackend" : "JDBCTokenStateService"
}`,
    )
  })

  test('tells of life without end, of impersonation, of life that may not be chosen, and of stores that are wanted', async (t) => {
    const params = {
      'apikey.knox.token.lifespan.input.enabled': 'false',
      'apikey.knox.token.exp.tokengen.allowed.tss.backends': 'AliasBasedTokenStateService, Other',
    }
    const identity = { 'hadoop.proxyuser.impersonation.enabled': 'true' }
    const status = JSON.parse(await statusOf(t, 'APIKEY', { params, identity }))
    assert.deepEqual(
      [status.maximumLifetimeText, status.maximumLifetimeSeconds],
      ['Unlimited lifetime', '-1'],
    )
    assert.deepEqual([status.lifespanInputEnabled, status.impersonationEnabled], ['false', 'true'])
    assert.equal(status.allowedTssForTokengen, 'false')
  })

  test('says less where tokens are not managed', async (t) => {
    const { ask } = await openTokenService(t, 'KNOXTOKEN', {
      params: { 'knox.token.exp.server-managed': 'false' },
    })
    assert.equal(
      (await ask('GET', '/knoxtoken/api/v2/token/getTssStatus')).body,
      '{\n  "tokenManagementEnabled" : "false",\n  "lifespanInputEnabled" : "true",\n  "impersonationEnabled" : "false"\n}',
    )
  })
})
