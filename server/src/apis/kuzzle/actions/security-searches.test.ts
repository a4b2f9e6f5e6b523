import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { openSecurityClient } from '../testing/security-client.ts'

const { api, done, refused, ask } = await openSecurityClient({ documentsFetchCount: 20 })

type Hits = { readonly hits: readonly { readonly _id: string }[] }

const idsOf = ({ hits }: Hits) => hits.map((hit) => hit._id)

before(async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const controllers = { [name < 'c' ? 'auth' : 'server']: { actions: { '*': true } } }
    await done('createRole', { _id: `role-${name}`, body: { controllers, tags: [name] } })
    await done('createProfile', {
      _id: `profile-${name}`,
      body: { policies: [{ roleId: `role-${name}` }], tags: [name] },
    })
    await done('createUser', {
      _id: `user-${name}`,
      body: { content: { profileIds: [`profile-${name}`], secret: `of ${name}` } },
    })
  }
})

const USERS = ['user-a', 'user-b', 'user-c', 'user-d', 'user-e']
const onlyThese = { terms: { _id: USERS } }

describe('security:searchUsers', () => {
  it('finds users in both languages, in creation order, with the total of all pages', async () => {
    const all = await ask('POST', '/users/_search', { query: onlyThese })
    assert.deepEqual(idsOf(all.body.result), USERS)
    assert.equal(all.body.result.total, 5)
    assert.equal('scrollId' in all.body.result, false)
    const page = await ask('POST', '/users/_search?from=1&size=2', { query: onlyThese })
    assert.deepEqual(idsOf(page.body.result), ['user-b', 'user-c'])
    assert.equal(page.body.result.total, 5)
    const koncorde = await done('searchUsers', {
      lang: 'koncorde',
      body: { query: { ids: { values: ['user-b'] } } },
    })
    assert.deepEqual(idsOf(koncorde), ['user-b'])
    assert.equal((await done('searchUsers', {})).total, 6)
    assert.equal((await done('searchUsers', { lang: 'koncorde', body: {} })).total, 6)
  })

  it('sorts, and goes on after a given hit', async () => {
    const body = { query: onlyThese, sort: [{ profileIds: 'desc' }], search_after: ['profile-d'] }
    assert.deepEqual(idsOf(await done('searchUsers', { size: 2, body })), ['user-c', 'user-b'])
  })

  it('answers only what is asked of each user, but always its profiles', async () => {
    const query = { ids: { values: ['user-a'] } }
    const { hits } = await done('searchUsers', { body: { query, _source: ['secret'] } })
    assert.deepEqual(hits, [{ _id: 'user-a', _source: { secret: 'of a', profileIds: [] } }])
  })

  it('refuses what Kuzzle refuses, in its words', async () => {
    await refused('searchUsers', { size: 21 }, { status: 413, id: 'services.storage.get_limit_exceeded' })
    await refused('searchUsers', { size: '5x' }, { status: 400, id: 'api.assert.invalid_type' })
    await refused('searchUsers', { from: -1 }, { status: 400, id: 'services.storage.unexpected_bad_request' })
    await refused('searchUsers', { lang: 'sql' }, { status: 400, id: 'api.assert.invalid_argument' })
    await refused(
      'searchUsers',
      { body: { min_score: 1 } },
      {
        status: 400,
        id: 'services.storage.invalid_search_query',
        message: 'The argument "min_score" is not allowed at this level of a search query.',
      },
    )
    await refused(
      'searchUsers',
      { body: { query: { nonsense: {} } } },
      {
        status: 400,
        id: 'services.storage.unknown_query_keyword',
      },
    )
    await refused(
      'searchUsers',
      { body: { query: { term: { script: { source: '1' } } } } },
      {
        status: 400,
        id: 'services.storage.invalid_query_keyword',
      },
    )
    await refused('searchUsers', { body: [] }, { status: 400, id: 'api.assert.invalid_type' })
    await refused('searchUsers', { scroll: 5 }, { status: 400, id: 'api.assert.invalid_type' })
    await refused('searchUsers', { scroll: 'soon' }, { status: 400, id: 'api.assert.invalid_argument' })
    await refused(
      'searchUsers',
      { scroll: '61s' },
      {
        status: 400,
        id: 'services.storage.scroll_duration_too_great',
        message: 'Scroll duration "61s" is too great.',
      },
    )
  })

  it('refuses what cannot be scrolled through', async () => {
    const bad = { status: 400, id: 'services.storage.unexpected_bad_request' }
    await refused('searchUsers', { scroll: '5s', from: 1 }, bad)
    await refused('searchUsers', { scroll: '5s', size: 0 }, bad)
    await refused('searchUsers', { scroll: '5s', body: { collapse: { field: 'profileIds' } } }, bad)
    await refused('searchUsers', { scroll: '5s', body: { sort: ['_id'], search_after: ['a'] } }, bad)
  })
})

describe('security:scrollUsers', () => {
  it('walks through what was found, whatever happens to it meanwhile, over any carrier', async () => {
    const body = { query: { terms: { profileIds: ['profile-d', 'profile-e', 'profile-c'] } } }
    const first = await done('searchUsers', { scroll: '10s', size: 1, body })
    assert.deepEqual(idsOf(first), ['user-c'])
    assert.equal(first.total, 3)
    await done('updateUser', { _id: 'user-d', body: { secret: 'changed' } })

    const second = await ask('GET', `/users/_scroll/${first.scrollId}?scroll=10s`)
    assert.deepEqual(idsOf(second.body.result), ['user-d'])
    assert.equal(second.body.result.hits[0]._source.secret, 'of d')
    assert.equal(second.body.result.total, 3)
    const third = await done('scrollUsers', { scrollId: second.body.result.scrollId })
    assert.deepEqual(idsOf(third), ['user-e'])
    assert.deepEqual(await done('scrollUsers', { scrollId: third.scrollId }), {
      hits: [],
      total: 3,
      scrollId: third.scrollId,
    })
  })

  it('lives as long as the last page asked for, 15 s when it did not say', async () => {
    const { scrollId } = await done('searchUsers', { scroll: '1m', size: 1, body: {} })
    api.authority.clock.passMs(59_999)
    await done('scrollUsers', { scrollId })
    api.authority.clock.passMs(14_999)
    await done('scrollUsers', { scrollId })
    api.authority.clock.passMs(15_000)
    await refused(
      'scrollUsers',
      { scrollId },
      {
        status: 404,
        id: 'services.storage.unknown_scroll_id',
        message: 'Non-existing or expired scroll identifier.',
      },
    )
  })

  it('refuses unknown ids, those of profiles, no id, and too long a time', async () => {
    const unknown = { status: 404, id: 'services.storage.unknown_scroll_id' }
    await refused('scrollUsers', { scrollId: 'none' }, unknown)
    const { scrollId } = await done('searchProfiles', { scroll: '10s', size: 1 })
    await refused('scrollUsers', { scrollId }, unknown)
    assert.equal((await done('scrollProfiles', { scrollId })).hits.length, 1)
    assert.equal((await ask('GET', `/profiles/_scroll/${scrollId}`)).status, 200)
    await refused('scrollUsers', {}, { status: 400, id: 'api.assert.missing_argument' })
    await refused(
      'scrollUsers',
      { scrollId, scroll: '2m' },
      {
        status: 400,
        id: 'services.storage.scroll_duration_too_great',
      },
    )
  })
})

describe('security:searchProfiles', () => {
  it('finds profiles by query, or by role in the older form', async () => {
    const byTag = await ask('POST', '/profiles/_search', { query: { term: { tags: 'b' } } })
    assert.deepEqual(idsOf(byTag.body.result), ['profile-b'])
    const byRole = await done('searchProfiles', { body: { roles: ['role-a', 'role-c'] } })
    assert.deepEqual(idsOf(byRole), ['profile-a', 'profile-c'])
    assert.equal((await done('searchProfiles', { body: { roles: [] } })).total, 8)
    assert.equal((await done('searchProfiles', { size: 2 })).hits.length, 2)
  })

  it('answers aggregations', async () => {
    const body = { query: { terms: { tags: ['a', 'b'] } }, aggs: { tags: { terms: { field: 'tags' } } } }
    const { aggregations } = await done('searchProfiles', { body })
    assert.deepEqual(aggregations.tags.buckets, [
      { key: 'a', doc_count: 1 },
      { key: 'b', doc_count: 1 },
    ])
  })

  it('refuses both forms at once, and roles that are no list', async () => {
    const query = { match_all: {} }
    await refused(
      'searchProfiles',
      { body: { roles: ['r'], query } },
      {
        status: 400,
        message:
          'You cannot specifify both "roles" and "query". Prefer the usage of "query" property with a search query.',
      },
    )
    await refused(
      'searchProfiles',
      { body: { roles: 'r' } },
      {
        status: 400,
        id: 'api.assert.invalid_type',
        message: 'Wrong type for argument "body.roles" (expected: array)',
      },
    )
    await refused('searchProfiles', { size: 21 }, { status: 413, id: 'services.storage.get_limit_exceeded' })
  })
})

describe('security:searchRoles', () => {
  it('finds roles by query, or by controller in the older form, which counts `*` as every controller', async () => {
    const byTag = await ask('POST', '/roles/_search', { query: { terms: { tags: ['d', 'e'] } } })
    assert.deepEqual(idsOf(byTag.body.result), ['role-d', 'role-e'])
    const byController = await done('searchRoles', { body: { controllers: ['security'] } })
    assert.deepEqual(idsOf(byController), ['admin'])
    const page = await done('searchRoles', { body: { controllers: ['server'] }, from: 1, size: 2 })
    const all = await done('searchRoles', { body: { controllers: ['server'] } })
    assert.deepEqual(idsOf(page), idsOf(all).slice(1, 3))
    assert.equal(page.total, all.hits.length)
    assert.ok(idsOf(all).includes('role-c') && idsOf(all).includes('admin') && !idsOf(all).includes('role-a'))
    assert.equal((await done('searchRoles', { body: { controllers: [] } })).total, 8)
  })

  it('refuses both forms at once, and controllers that are no list', async () => {
    await refused(
      'searchRoles',
      { body: { controllers: ['auth'], query: { match_all: {} } } },
      {
        status: 400,
        message:
          'You cannot specifify both "controllers" and "query". Prefer the usage of "query" property with a search query.',
      },
    )
    await refused(
      'searchRoles',
      { body: { controllers: {} } },
      { status: 400, id: 'api.assert.invalid_type' },
    )
    await refused('searchRoles', { size: 21 }, { status: 413, id: 'services.storage.get_limit_exceeded' })
  })
})
