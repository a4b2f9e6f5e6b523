import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { aManager } from '../../../core/contract/knox-tokens.ts'
import type { KeyId, UserId } from '../../../core/ids.ts'
import type { JsonObject } from '../../../core/json.ts'
import type { Principal } from '../principal.ts'
import { openTokenService, principal } from '../testing/open-token-service.ts'

const KEY = '/apikey/api/v1/auth/key'
const LIST = `${KEY}/getUserTokens`

async function openKeys(t: TestContext) {
  const opened = await openTokenService(t, 'APIKEY', {
    params: { 'apikey.knox.token.limit.per.user': '-1' },
  })
  const issue = async (as: string | Principal, query = ''): Promise<string> => {
    opened.authority.clock.passMs(1)
    const by = typeof as === 'string' ? principal(as) : as
    return String((await opened.json('POST', KEY + query, { as: by }))['key_id'])
  }
  const tokensIn = ({ tokens }: JsonObject): readonly JsonObject[] => {
    assert.ok(Array.isArray(tokens))
    return tokens as readonly JsonObject[]
  }
  return {
    ...opened,
    issue,
    tokensIn,
    /** Ids of what is listed. */
    list: async (as: string, query = '') =>
      tokensIn(await opened.json('GET', LIST + query, { as: principal(as) })).map(({ tokenId }) => tokenId),
  }
}

describe('the list of tokens', () => {
  test('shows a key as Knox does, and nothing of its secret', async (t) => {
    const { issue, ask, authority } = await openKeys(t)
    const id = await issue('guest', '?comment=c&md_team=red&lifespan=PT1H')
    const other = await issue(principal('guest', { effective: 'sam', impersonated: true }))
    const now = authority.clock.now()
    const first = now - 1
    const date = (ms: number) => new Date(ms).toISOString().replace('Z', '+0000')
    const week = 7 * 86_400_000
    const { status, body } = await ask('GET', `${LIST}?userNameOrCreatedBy=guest`)
    assert.equal(status, 200)
    assert.equal(
      body,
      JSON.stringify({
        tokens: [
          {
            tokenId: id,
            issueTime: date(first),
            expiration: date(first + 3_600_000),
            maxLifetime: date(first + week),
            metadata: {
              userName: 'guest',
              comment: 'c',
              enabled: true,
              createdBy: null,
              lastUsedAt: null,
              type: 'API_KEY',
              thirdPartyApp: true,
              customMetadataMap: { team: 'red' },
            },
            issueTimeLong: first,
            expirationLong: first + 3_600_000,
            maxLifetimeLong: first + week,
          },
          {
            tokenId: other,
            issueTime: date(now),
            expiration: 'Never',
            maxLifetime: date(now + week),
            metadata: {
              userName: 'sam',
              comment: null,
              enabled: true,
              createdBy: 'guest',
              lastUsedAt: null,
              type: 'API_KEY',
              thirdPartyApp: true,
              customMetadataMap: {},
            },
            issueTimeLong: now,
            expirationLong: -1,
            maxLifetimeLong: now + week,
          },
        ],
      }),
    )
  })

  test('says that renewal has no end, that a token is off, and when it was used', async (t) => {
    const opened = await openTokenService(t, 'APIKEY', {
      params: { 'apikey.knox.token.exp.max-lifetime': '-1' },
    })
    const { key_id: id, api_key: key } = await opened.json('POST', KEY)
    const { managedTokens, clock } = opened.authority
    clock.passMs(5)
    assert.equal((await managedTokens.verify(String(key), { cost: 1 })).verdict.refusal, undefined)
    const usedAt = clock.now()
    await managedTokens.setEnabled(id as KeyId, false, aManager())
    const { tokens } = await opened.json('GET', LIST)
    const [token] = tokens as readonly JsonObject[]
    assert.deepEqual([token?.['maxLifetime'], token?.['maxLifetimeLong']], ['Unbounded', -1])
    const metadata = token?.['metadata'] as JsonObject
    assert.deepEqual([metadata['enabled'], metadata['lastUsedAt']], [false, usedAt / 1_000])
  })

  test('is of the caller when nobody is named: Knox answers all or none, by its store', async (t) => {
    const { issue, list } = await openKeys(t)
    const id = await issue('guest')
    await issue('sam')
    assert.deepEqual(await list('guest'), [id])
    assert.deepEqual(await list('nobody'), [])
  })

  test('is of those who are named, the widest question coming first', async (t) => {
    const { issue, list } = await openKeys(t)
    const own = await issue('guest')
    const made = await issue(principal('guest', { effective: 'sam', impersonated: true }))
    const sams = await issue('sam')
    const questions: readonly [query: string, ids: readonly string[]][] = [
      ['?allTokens=true&userName=guest', [own, made, sams]],
      ['?userNameOrCreatedBy=guest&createdBy=sam&userName=sam', [own, made]],
      ['?createdBy=guest&userName=sam', [made]],
      ['?userName=guest', [own]],
      ['?userName=sam', [made, sams]],
      ['?allTokens=false&userName=sam', [made, sams]],
    ]
    for (const [query, ids] of questions) assert.deepEqual(await list('admin', query), ids, query)
  })

  test('shows others only to those who are named for it: Knox shows everybody everything', async (t) => {
    const { issue, ask, authority, list } = await openKeys(t)
    const id = await issue('guest')
    for (const query of [
      '?allTokens=true',
      '?userName=guest',
      '?userNameOrCreatedBy=guest',
      '?createdBy=guest',
    ]) {
      const reply = await ask('GET', LIST + query, { as: principal('eve') })
      assert.deepEqual(
        [reply.status, reply.body],
        [403, '{\n  "error": "Caller (eve) not authorized to see the tokens of others.",\n  "code": 20\n}\n'],
        query,
      )
    }
    assert.deepEqual(await list('admin', '?userName=guest'), [id])
    await authority.housekeeping.finish()
    const trace = authority.audited.find(({ action }) => action === 'key.list')
    assert.deepEqual(
      [trace?.outcome, trace?.actor, trace?.subject, trace?.reason],
      ['refused', 'eve', 'user:*', 'right.missing'],
    )
  })

  test('is narrowed by metadata: any of the values of any of the names', async (t) => {
    const { issue, list } = await openKeys(t)
    const red = await issue('guest', '?md_team=red')
    const blue = await issue('guest', '?md_team=blue&md_zone=eu')
    const us = await issue('guest', '?md_zone=us')
    await issue('guest')
    const filters: readonly [query: string, ids: readonly string[]][] = [
      ['?md_team=red', [red]],
      ['?md_team=red&md_team=blue', [red, blue]],
      ['?md_team=red&md_zone=us', [red, us]],
      ['?md_team=*', [red, blue]],
      ['?md_team=green', []],
      ['?md_other=*', []],
    ]
    for (const [query, ids] of filters) assert.deepEqual(await list('guest', query), ids, query)
  })

  test('holds what expired, and keys that other languages issued', async (t) => {
    const { issue, list, authority } = await openKeys(t)
    const id = await issue('guest', '?lifespan=PT1S')
    authority.clock.passMs(2_000)
    const caller = await authority.userWith('guest')
    await authority.keys.issueFor(caller, { id: 'cron' as KeyId, owner: 'guest' as UserId, description: '' })
    assert.deepEqual(await list('guest'), [id, 'cron'])
  })

  test('comes whole, however long, or page by page', async (t) => {
    const { issue, json, tokensIn, ask, authority } = await openKeys(t)
    const ids: string[] = []
    for (let count = 0; count < 5; count++) ids.push(await issue('guest'))
    const seen: unknown[] = []
    let next: unknown
    do {
      const page: JsonObject = await json(
        'GET',
        `${LIST}?limit=2${next === undefined ? '' : `&after=${next}`}`,
      )
      const tokens = tokensIn(page)
      assert.ok(tokens.length >= 1 && tokens.length <= 2)
      seen.push(...tokens.map(({ tokenId }) => tokenId))
      next = page['next']
    } while (next !== undefined)
    assert.deepEqual(seen, ids)
    for (const query of ['?limit=0', '?limit=x', '?limit=', '?limit=10001', '?after=nonsense']) {
      assert.equal((await ask('GET', LIST + query)).status, 400, query)
    }
    // More than the store gives at once.
    const more = 1_200
    const origin = authority.nobody.origin
    const request = {
      owner: 'many' as UserId,
      createdBy: 'many' as UserId,
      shown: undefined,
      type: 'API_KEY',
      comment: '',
    } as const
    await Promise.all(Array.from({ length: more }, () => authority.managedTokens.issue(request, origin)))
    const all = await json('GET', LIST, { as: principal('many') })
    assert.deepEqual([tokensIn(all).length, all['next']], [more, undefined])
  })

  test('has full pages, whatever lies between of the user who is only called like the caller', async (t) => {
    const { issue, json, tokensIn } = await openKeys(t)
    const stranger = principal('guest', { trust: 'none' })
    const user = principal('guest', { trust: 'all' })
    const ids: string[] = []
    for (const as of [user, user, stranger, user, user, user, stranger, stranger, user]) {
      const id = await issue(as)
      if (as === stranger) ids.push(id)
    }
    const page = async (query: string) => {
      const answer = await json('GET', LIST + query, { as: stranger })
      return { ids: tokensIn(answer).map(({ tokenId }) => tokenId), next: answer['next'] }
    }
    const first = await page('?limit=2')
    assert.deepEqual(first.ids, ids.slice(0, 2))
    const second = await page(`?limit=2&after=${first.next}`)
    assert.deepEqual(second, { ids: ids.slice(2), next: undefined })
    assert.deepEqual((await page('')).ids, ids)
  })
})
