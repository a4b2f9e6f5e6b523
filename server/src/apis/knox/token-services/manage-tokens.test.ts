import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { aManager } from '../../../core/contract/knox-tokens.ts'
import type { CoreSettings } from '../../../core/core-settings.ts'
import type { KeyId, UserId } from '../../../core/ids.ts'
import type { HttpReply } from '../../../transports/http/http-message.ts'
import type { Principal } from '../principal.ts'
import { type OpenTokenService, openTokenService, principal } from '../testing/open-token-service.ts'
import { BATCH_MAX } from './manage-tokens.ts'

const KEY = '/apikey/api/v1/auth/key'
const TOKEN = '/knoxtoken/api/v2/token'
const UNKNOWN = '4e0c548b-6568-4061-a3dc-62908087650a'
const SHOWN = '4e0c548b...62908087650a'
const JSON_TYPE = { 'content-type': 'application/json' }

const DAY = 86_400_000

/** What was answered, as it is read off the wire. */
const wire = ({ status, body }: HttpReply): readonly [number, string] => [status, String(body)]

const refused = (status: number, flag: string, error: string, code: number): readonly [number, string] => [
  status,
  `{\n  "${flag}": "false",\n  "error": "${error}",\n  "code": ${code}\n}\n`,
]
const REVOKED = [200, '{\n  "revoked": "true"\n}\n']
const ENABLED = [200, '{\n  "setEnabledFlag": "true",\n  "isEnabled": "true"\n}\n']
const DISABLED = [200, '{\n  "setEnabledFlag": "true",\n  "isEnabled": "false"\n}\n']

type Opened = OpenTokenService & {
  /** Issues a key and answers its id. */
  issue(as?: Principal, query?: string): Promise<string>
  /** Asks, and answers what is read off the wire. */
  change(method: string, resource: string, body: string, as?: Principal): Promise<readonly [number, string]>
}

async function openKeys(
  t: TestContext,
  params: Readonly<Record<string, string>> = {},
  settings: Partial<CoreSettings> = {},
): Promise<Opened> {
  const opened = await openTokenService(t, 'APIKEY', { params, settings })
  return {
    ...opened,
    issue: async (as = principal('guest'), query = '') =>
      String((await opened.json('POST', KEY + query, { as }))['key_id']),
    change: async (method, resource, body, as = principal('guest')) =>
      wire(await opened.ask(method, `${KEY}/${resource}`, { as, body, headers: JSON_TYPE })),
  }
}

describe('the end of a token', () => {
  test('comes by its id, once, in the bytes of Knox', async (t) => {
    const { issue, change } = await openKeys(t)
    const id = await issue()
    assert.deepEqual(await change('DELETE', 'revoke', id.toUpperCase()), REVOKED)
    const shown = `${id.split('-')[0]}...${id.split('-')[4]}`
    assert.deepEqual(
      await change('DELETE', 'revoke', id),
      refused(400, 'revoked', `Unknown token: ${shown}`, 50),
    )
  })

  test('comes by its text, and by nothing that is neither id nor token', async (t) => {
    const { json, ask } = await openTokenService(t, 'KNOXTOKEN')
    const { access_token: jwt } = await json('POST', TOKEN)
    assert.deepEqual(wire(await ask('DELETE', `${TOKEN}/revoke`, { body: String(jwt) })), REVOKED)
    const error = 'Invalid token: neither the id of a token nor a serialized token'
    for (const body of ['', ` ${UNKNOWN}`, `${UNKNOWN}\n`, `"${UNKNOWN}"`, 'x'.repeat(10_000)]) {
      assert.deepEqual(
        wire(await ask('DELETE', `${TOKEN}/revoke`, { body })),
        refused(400, 'revoked', error, 40),
      )
    }
    // Java reads shorter parts as well.
    assert.deepEqual(
      wire(await ask('DELETE', `${TOKEN}/revoke`, { body: '1-1-1-1-1' })),
      refused(400, 'revoked', 'Unknown token: null', 50),
    )
  })

  test('is for who has or made it, and for those who are listed: others are told, and leave a trace', async (t) => {
    const { issue, change, authority } = await openKeys(t, {
      'apikey.knox.token.renewer.whitelist': 'larry, moe',
      'apikey.knox.token.renewer.group.whitelist': 'ops',
    })
    const made = principal('guest', { effective: 'sam', impersonated: true })
    const allowed: readonly Principal[] = [
      principal('sam'),
      principal('guest'),
      principal('moe'),
      principal('x', { groups: ['other', 'ops'] }),
    ]
    for (const as of allowed) {
      assert.deepEqual(await change('DELETE', 'revoke', await issue(made), as), REVOKED, as.name)
    }
    const id = await issue(made)
    const stranger = principal('eve', { groups: ['others'] })
    assert.deepEqual(
      await change('DELETE', 'revoke', id, stranger),
      refused(403, 'revoked', 'Caller (eve) not authorized to revoke tokens.', 20),
    )
    assert.notEqual(await authority.managedTokens.get(id as KeyId), undefined)
    await authority.housekeeping.finish()
    const trace = authority.audited.find(
      ({ outcome, subject }) => outcome === 'refused' && subject === `key:${id}`,
    )
    assert.deepEqual([trace?.action, trace?.actor, trace?.reason], ['key.delete', 'eve', 'right.missing'])
  })

  test('comes by itself long after it expired, and never to one without expiry (testEvictExpiredTokens)', async (t) => {
    const { issue, change, ask, authority } = await openKeys(t, {}, { knoxExpiredKeptMs: DAY })
    const brief = await issue(principal('guest'), '?lifespan=PT1S')
    const eternal = await issue()
    const shown = `${brief.split('-')[0]}...${brief.split('-')[4]}`
    const listed = async () => {
      const { tokens } = JSON.parse(String((await ask('GET', `${KEY}/getUserTokens`)).body))
      return tokens.map(({ tokenId }: { tokenId: string }) => tokenId)
    }
    await authority.housekeeping.runOnce()
    authority.clock.passMs(DAY)
    await authority.housekeeping.runOnce()
    // Within the grace it may still be looked at and switched.
    assert.deepEqual(await listed(), [brief, eternal])
    assert.deepEqual(await change('PUT', 'disable', brief), DISABLED)
    authority.clock.passMs(DAY)
    await authority.housekeeping.runOnce()
    assert.deepEqual(await listed(), [eternal])
    assert.deepEqual(
      await change('PUT', 'enable', brief),
      refused(400, 'setEnabledFlag', `Unknown token: ${shown}`, 50),
    )
    assert.deepEqual(await change('PUT', 'disable', eternal), DISABLED)
  })

  test('comes to keys that other languages issued, whatever their ids', async (t) => {
    const { change, authority } = await openKeys(t)
    const caller = await authority.userWith('guest')
    await authority.keys.issueFor(caller, { id: 'Cron' as KeyId, owner: 'guest' as UserId, description: '' })
    assert.deepEqual(await change('PUT', 'disable', 'Cron'), DISABLED)
    assert.deepEqual(await change('PUT', 'enable', 'Cron'), ENABLED)
    assert.deepEqual(await change('DELETE', 'revoke', 'Cron'), REVOKED)
    assert.equal(await authority.managedTokens.get('Cron' as KeyId), undefined)
  })
})

describe('a token is switched off and on', () => {
  test('in the bytes of Knox, which tells that it is so already', async (t) => {
    const { issue, change } = await openKeys(t)
    const id = await issue()
    const enabled = refused(400, 'setEnabledFlag', 'Token is already enabled', 70)
    assert.deepEqual(await change('PUT', 'enable', id), enabled)
    assert.deepEqual(await change('PUT', 'disable', id), DISABLED)
    const disabled = refused(400, 'setEnabledFlag', 'Token is already disabled', 60)
    assert.deepEqual(await change('PUT', 'disable', id), disabled)
    assert.deepEqual(await change('PUT', 'enable', id), ENABLED)
    for (const verb of ['enable', 'disable']) {
      assert.deepEqual(
        await change('PUT', verb, UNKNOWN),
        refused(400, 'setEnabledFlag', `Unknown token: ${SHOWN}`, 50),
      )
      assert.deepEqual(
        await change('PUT', verb, 'x'.repeat(10_000)),
        refused(400, 'setEnabledFlag', 'Unknown token: null', 50),
      )
    }
  })

  test('by who may end it, and nobody else: Knox lets everybody', async (t) => {
    const { issue, change, authority } = await openKeys(t)
    const id = await issue()
    for (const verb of ['enable', 'disable']) {
      assert.deepEqual(
        await change('PUT', verb, id, principal('eve')),
        refused(403, 'setEnabledFlag', `Caller (eve) not authorized to ${verb} tokens.`, 20),
      )
    }
    assert.equal((await authority.managedTokens.get(id as KeyId))?.disabled, undefined)
  })

  test('not on by its holder when somebody with more rights switched it off', async (t) => {
    const { issue, change } = await openKeys(t, { 'apikey.knox.token.renewer.whitelist': 'boss' })
    const id = await issue()
    assert.deepEqual(await change('PUT', 'disable', id, principal('boss')), DISABLED)
    assert.deepEqual(
      await change('PUT', 'enable', id),
      refused(403, 'setEnabledFlag', 'Caller (guest) not authorized to enable tokens.', 20),
    )
    assert.deepEqual(await change('PUT', 'enable', id, principal('boss')), ENABLED)
  })
})

describe('many tokens at once', () => {
  test('are all tried, and the answer is that of the last that failed', async (t) => {
    const { issue, change, authority } = await openKeys(t)
    const ids = [await issue(), await issue(), await issue()]
    const unknown = refused(400, 'setEnabledFlag', `Unknown token: ${SHOWN}`, 50)
    assert.deepEqual(await change('PUT', 'disableTokens', JSON.stringify([ids[0], UNKNOWN, ids[1]])), unknown)
    const isDisabled = async (id = '') =>
      (await authority.managedTokens.get(id as KeyId))?.disabled !== undefined
    assert.deepEqual(await Promise.all(ids.map(isDisabled)), [true, true, false])
    // That it is so already is no failure here.
    assert.deepEqual(await change('PUT', 'disableTokens', JSON.stringify(ids)), DISABLED)
    assert.deepEqual(await change('PUT', 'enableTokens', JSON.stringify(ids)), ENABLED)
    assert.deepEqual(await change('DELETE', 'revokeTokens', JSON.stringify(ids)), REVOKED)
    assert.deepEqual((await authority.managedTokens.list({}, aManager())).tokens, [])
  })

  test('must be a JSON array of ids that is not too long, where Knox fails', async (t) => {
    const { change } = await openKeys(t)
    const tooMany = JSON.stringify(Array.from({ length: BATCH_MAX + 1 }, () => UNKNOWN))
    for (const [method, resource] of [
      ['DELETE', 'revokeTokens'],
      ['PUT', 'enableTokens'],
      ['PUT', 'disableTokens'],
    ] as const) {
      for (const body of ['', 'null', '{}', '[1]', '["a"', tooMany]) {
        const [status, text] = await change(method, resource, body)
        assert.equal(status, 400)
        assert.match(JSON.parse(text).error, /^Invalid body: /)
      }
      assert.deepEqual(await change(method, resource, '[]'), [204, ''])
    }
  })

  test('are switched only by a body that says it is JSON', async (t) => {
    const { ask } = await openTokenService(t, 'APIKEY')
    const sent = (headers: Record<string, string>) =>
      ask('PUT', `${KEY}/enableTokens`, { body: '[]', headers }).then(
        ({ status }) => status,
        (error: { status: number }) => error.status,
      )
    assert.equal(await sent({}), 415)
    assert.equal(await sent({ 'content-type': 'application/x-www-form-urlencoded' }), 415)
    assert.equal(await sent({ 'content-type': 'Application/JSON; charset=utf-8' }), 204)
  })
})

describe('a token is renewed', () => {
  const renewers = { 'knox.token.renewer.whitelist': 'guest' }
  const openJwts = (t: TestContext, params: Readonly<Record<string, string>> = {}) =>
    openTokenService(t, 'KNOXTOKEN', { params: { ...renewers, ...params } })
  const renew = async ({ ask }: OpenTokenService, body: unknown, as = principal('guest')) =>
    wire(await ask('PUT', `${TOKEN}/renew`, { as, body: String(body) }))

  test('by its text or id, from now on and not from its end', async (t) => {
    const opened = await openJwts(t)
    const { access_token: jwt, token_id: id } = await opened.json('POST', TOKEN)
    for (const body of [jwt, id]) {
      opened.authority.clock.passMs(1_000)
      const expires = opened.authority.clock.now() + DAY
      assert.deepEqual(await renew(opened, body), [
        200,
        `{\n  "renewed": "true",\n  "expires": "${expires}"\n}\n`,
      ])
      assert.equal((await opened.authority.managedTokens.get(id as KeyId))?.expiresAt, expires)
    }
  })

  test('only by those who are listed, the holder not among them', async (t) => {
    const opened = await openTokenService(t, 'KNOXTOKEN', {
      params: {
        'knox.token.renewer.whitelist': 'larry, moe,  curly, shemp',
        'knox.token.renewer.group.whitelist': 'ops',
      },
    })
    const { token_id: id } = await opened.json('POST', TOKEN)
    assert.deepEqual(
      await renew(opened, id),
      refused(403, 'renewed', 'Caller (guest) not authorized to renew tokens.', 20),
    )
    assert.equal((await renew(opened, id, principal('shemp')))[0], 200)
    assert.equal((await renew(opened, id, principal('x', { groups: ['ops'] })))[0], 200)
    assert.equal((await renew(opened, id, principal('x', { groups: ['op'] })))[0], 403)
  })

  test('not when it is over, never ends, is not known, or is none', async (t) => {
    const opened = await openJwts(t, { 'knox.token.ttl': '1' })
    const { token_id: id } = await opened.json('POST', TOKEN)
    opened.authority.clock.passMs(1)
    const over = refused(400, 'renewed', 'Expired tokens must not be renewed.', 90)
    assert.deepEqual(await renew(opened, id), over)
    assert.deepEqual(await renew(opened, UNKNOWN), refused(400, 'renewed', `Unknown token: ${SHOWN}`, 30))
    const error = 'Invalid token: neither the id of a token nor a serialized token'
    assert.deepEqual(await renew(opened, 'nonsense'), refused(400, 'renewed', error, 40))
    const eternal = await openJwts(t, { 'knox.token.ttl': '-1' })
    assert.deepEqual(await renew(eternal, (await eternal.json('POST', TOKEN))['token_id']), over)
  })

  test('not beyond its longest life, unless that has no end', async (t) => {
    const lifeOf = async (maxLifetime: string) => {
      const opened = await openJwts(t, {
        'knox.token.ttl': String(3 * DAY),
        'knox.token.exp.max-lifetime': maxLifetime,
      })
      const { token_id: id } = await opened.json('POST', TOKEN)
      return { opened, id }
    }
    const bounded = await lifeOf(String(2 * DAY))
    bounded.opened.authority.clock.passMs(DAY - 30_001)
    assert.equal((await renew(bounded.opened, bounded.id))[0], 200)
    bounded.opened.authority.clock.passMs(1)
    assert.deepEqual(
      await renew(bounded.opened, bounded.id),
      refused(400, 'renewed', 'The renewal limit for the token has been exceeded', 30),
    )
    const unbounded = await lifeOf('-1')
    for (let count = 0; count < 20; count++) {
      unbounded.opened.authority.clock.passMs(DAY - 1)
      assert.equal((await renew(unbounded.opened, unbounded.id))[0], 200)
    }
  })
})

describe('where tokens are not managed', () => {
  const params = { 'knox.token.exp.server-managed': 'false' }

  test('they cannot be ended or switched, in the words of Knox', async (t) => {
    const { ask } = await openTokenService(t, 'KNOXTOKEN', { params })
    const change = async (method: string, resource: string) =>
      wire(await ask(method, `${TOKEN}/${resource}`, { body: UNKNOWN }))
    assert.deepEqual(
      await change('DELETE', 'revoke'),
      refused(400, 'revoked', 'Token revocation support is not configured', 10),
    )
    for (const verb of ['enable', 'disable']) {
      const error = `Unable to ${verb} tokens because token management is not configured`
      assert.deepEqual(await change('PUT', verb), refused(400, 'setEnabledFlag', error, 10))
    }
    assert.deepEqual(wire(await ask('GET', `${TOKEN}/getUserTokens`)), [
      503,
      '{\n  "error": "Token management is not configured"\n}\n',
    ])
  })

  test('renewal answers how long they live by themselves', async (t) => {
    const { ask, json, authority } = await openTokenService(t, 'KNOXTOKEN', { params })
    const { access_token: jwt } = await json('POST', TOKEN)
    const renew = async (body: string) => wire(await ask('PUT', `${TOKEN}/renew`, { body }))
    const expires = authority.clock.now() + 30_000
    assert.deepEqual(await renew(String(jwt)), [
      200,
      `{\n  "renewed": "true",\n  "expires": "${expires}"\n}\n`,
    ])
    assert.equal((await renew(UNKNOWN))[0], 400)
  })
})
