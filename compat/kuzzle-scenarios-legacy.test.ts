import assert from 'node:assert/strict'
import { it } from 'node:test'
import { describeScenarios, idsOf, type Json } from './kuzzle-world.ts'

const EVERYTHING = { '*': { actions: { '*': true } } }

describeScenarios("Kuzzle's older scenarios of users", ({ act, refusal, createUser, logIn, isGood }) => {
  const source = async (_id: string) => (await act('security', 'getUser', { _id }))._source

  it('the routes of every action are public', async () => {
    const api = await act('server', 'publicApi')
    assert.deepEqual(api.auth.createApiKey, {
      controller: 'auth',
      action: 'createApiKey',
      http: [{ path: '/api-keys/_create', url: '/api-keys/_create', verb: 'POST' }],
    })
    for (const controller of ['admin', 'auth', 'security', 'server']) {
      for (const [name, { action, http }] of Object.entries<Json>(api[controller])) {
        assert.equal(action, name)
        for (const route of http) assert.match(route.verb, /^(?:GET|POST|PUT|DELETE)$/)
      }
    }
  })

  it('a restricted user gets the restricted profiles, and cannot ask for others', async () => {
    const create = (content: object) => ({ _id: 'limited', body: { content, credentials: {} } })
    const error = await refusal('security', 'createRestrictedUser', create({ profileIds: ['admin'] }))
    assert.equal(error.id, 'api.assert.forbidden_argument')
    const user = await act('security', 'createRestrictedUser', create({ name: 'Limited' }))
    assert.deepEqual(user._source.profileIds, ['default'])
    assert.equal(user._source.name, 'Limited')
  })

  it('a user is created, read, found, changed, replaced and deleted', async () => {
    await createUser('useradmin', ['admin'])
    await createUser('user2')
    assert.deepEqual((await source('useradmin')).profileIds, ['admin'])
    const byProfile = (profile: string) =>
      act('security', 'searchUsers', { body: { query: { terms: { profileIds: [profile] } } } })
    assert.deepEqual(idsOf(await byProfile('admin')), ['test-admin', 'useradmin'])
    await act('security', 'updateUser', { _id: 'user2', body: { foo: 'bar', profileIds: ['admin'] } })
    assert.equal((await source('user2')).foo, 'bar')
    assert.equal((await byProfile('admin')).total, 3)
    await act('security', 'replaceUser', { _id: 'user2', body: { profileIds: ['default'], bar: 'foo' } })
    const { foo, bar } = await source('user2')
    assert.deepEqual({ foo, bar }, { foo: undefined, bar: 'foo' })
    await act('security', 'deleteUser', { _id: 'user2' })
    const error = await refusal('security', 'getUser', { _id: 'user2' })
    assert.equal(error.id, 'security.user.not_found')
    const { hits } = await act('security', 'mGetUsers', { body: { ids: ['useradmin', 'user2'] } })
    assert.deepEqual(
      hits.map(({ _id }: Json) => _id),
      ['useradmin'],
    )
  })

  it('a generated id is a name for people, or a UUID for who asks', async () => {
    const body = { content: { profileIds: ['default'] } }
    assert.match((await act('security', 'createUser', { body }))._id, /^kuid-[a-z]+-[a-z]+-\d+$/)
    const unique = await act('security', 'createUser', { kuid: 'uuid', body })
    assert.match(unique._id, /^kuid-[0-9a-f]{8}-[0-9a-f-]{27}$/)
  })

  it('many users are deleted at once; who was not there is named', async () => {
    await createUser('one')
    await createUser('two')
    const error = await refusal('security', 'mDeleteUsers', { body: { ids: ['one', 'ghost', 'two'] } })
    assert.deepEqual([error.status, error.id, error.count], [206, 'services.storage.incomplete_delete', 1])
    assert.match(error.message, /ghost/)
    for (const id of ['one', 'two']) {
      assert.equal((await refusal('security', 'getUser', { _id: id })).status, 404)
    }
  })

  it('revoking tokens ends sessions and spares API keys', async () => {
    await createUser('leaver')
    const { jwt } = await act('auth', 'login', {
      strategy: 'local',
      body: { username: 'leaver', password: 'password' },
    })
    const key = await act('security', 'createApiKey', { userId: 'leaver', body: { description: 'k' } })
    await act('security', 'revokeTokens', { _id: 'leaver' })
    assert.equal(await isGood(jwt), false)
    assert.equal(await isGood(key._source.token), true)
  })

  it('a deleted user leaves no key behind, not even for a namesake, however many there were', async () => {
    await createUser('melis')
    const keys: string[] = []
    for (let count = 0; count < 210; count += 1) {
      const body = { description: `key ${count}` }
      keys.push((await act('security', 'createApiKey', { userId: 'melis', body }))._source.token)
    }
    assert.equal(await isGood(keys[209] ?? ''), true)
    await act('security', 'deleteUser', { _id: 'melis' })
    await createUser('melis')
    for (const key of [keys[0], keys[10], keys[209]]) assert.equal(await isGood(key ?? ''), false)
    assert.equal((await act('security', 'searchApiKeys', { userId: 'melis' })).total, 0)
  })

  it('rights of a user and of its profile are the same list', async () => {
    const controllers = { auth: { actions: { login: true, logout: false } } }
    await act('security', 'createRole', { _id: 'visitor', body: { controllers } })
    const policies = [{ roleId: 'visitor' }]
    await act('security', 'createProfile', { _id: 'visitor', body: { policies } })
    await createUser('guest', ['visitor'])
    const place = { index: '*', collection: '*' }
    const expected = {
      hits: [
        { controller: 'auth', action: 'login', ...place, value: 'allowed' },
        { controller: 'auth', action: 'logout', ...place, value: 'denied' },
      ],
      total: 2,
    }
    assert.deepEqual(await act('security', 'getUserRights', { _id: 'guest' }), expected)
    assert.deepEqual(await act('security', 'getProfileRights', { _id: 'visitor' }), expected)
  })

  it('an administrator looks after the credentials of others', async () => {
    const body = { content: { profileIds: ['default'] } }
    await act('security', 'createUser', { _id: 'nocred', body })
    const on = (action: string, args = {}) =>
      act('security', action, { strategy: 'local', _id: 'nocred', ...args })
    assert.equal(await on('hasCredentials'), false)
    const credentials = { username: 'nocred', password: 'testpwd1' }
    assert.equal(await on('validateCredentials', { body: credentials }), true)
    const created = await on('createCredentials', { body: credentials })
    assert.deepEqual(created, { username: 'nocred', kuid: 'nocred' })
    assert.deepEqual(await on('updateCredentials', { body: { username: 'renamed' } }), {
      username: 'renamed',
      kuid: 'nocred',
    })
    assert.deepEqual(await act('security', 'getCredentialsById', { strategy: 'local', _id: 'renamed' }), {
      username: 'renamed',
      kuid: 'nocred',
    })
    const query = { term: { username: 'renamed' } }
    const found = await act('security', 'searchUsersByCredentials', { strategy: 'local', body: { query } })
    assert.deepEqual(found, { hits: [{ username: 'renamed', kuid: 'nocred' }], total: 1 })
    assert.deepEqual(await on('deleteCredentials'), { acknowledged: true })
    assert.equal(await on('hasCredentials'), false)
    assert.deepEqual(await act('security', 'getAllCredentialFields'), { local: ['username', 'password'] })
    assert.deepEqual(await act('auth', 'getStrategies'), ['local'])
  })

  it('users look after their own credentials', async () => {
    await createUser('keeper')
    await logIn('keeper')
    const on = (action: string, args = {}) => act('auth', action, { strategy: 'local', ...args })
    assert.equal(await on('credentialsExist'), true)
    assert.deepEqual(await on('getMyCredentials'), { username: 'keeper', kuid: 'keeper' })
    const changed = await on('updateMyCredentials', { body: { password: 'another' } })
    assert.deepEqual(changed, { username: 'keeper', kuid: 'keeper' })
    const old = { strategy: 'local', body: { username: 'keeper', password: 'password' } }
    assert.equal((await refusal('auth', 'login', old)).id, 'plugin.strategy.missing_user')
    assert.deepEqual(await on('deleteMyCredentials'), { acknowledged: true })
    assert.equal(await on('credentialsExist'), false)
    const fresh = { username: 'keeper', password: 'password' }
    assert.equal(await on('validateMyCredentials', { body: fresh }), true)
    await on('createMyCredentials', { body: fresh })
    await logIn('test-admin')
  })
})

describeScenarios("Kuzzle's older scenarios of profiles and mappings", ({ act, refusal }) => {
  it('a profile needs roles that exist; without any it gets the role of everybody', async () => {
    const policies = [{ roleId: 'no-such-role' }]
    const unknown = await refusal('security', 'createProfile', { _id: 'invalid', body: { policies } })
    assert.equal(unknown.id, 'security.role.not_found')
    const empty = await act('security', 'createProfile', { _id: 'empty', body: { policies: [] } })
    assert.deepEqual(empty._source.policies, [{ roleId: 'default' }])
  })

  it('profiles are found by their roles, page by page, and changed in part', async () => {
    for (const _id of ['role1', 'role2']) {
      await act('security', 'createRole', { _id, body: { controllers: EVERYTHING } })
    }
    await act('security', 'createProfile', { _id: 'one', body: { policies: [{ roleId: 'role1' }] } })
    await act('security', 'createProfile', { _id: 'two', body: { policies: [{ roleId: 'role2' }] } })
    const withRoles = async (...roles: readonly string[]) =>
      idsOf(await act('security', 'searchProfiles', { body: { roles } }))
    assert.deepEqual(await withRoles('role1'), ['one'])
    assert.deepEqual(await withRoles('undefined-role'), [])
    const policies = [{ roleId: 'role2' }, { roleId: 'role1' }]
    await act('security', 'updateProfile', { _id: 'two', body: { policies } })
    assert.deepEqual(await withRoles('role1'), ['one', 'two'])

    const first = await act('security', 'searchProfiles', { scroll: '10s', size: 3 })
    assert.equal(first.hits.length, 3)
    const second = await act('security', 'scrollProfiles', { scrollId: first.scrollId, scroll: '10s' })
    assert.deepEqual([second.hits.length, second.total], [2, 5])
    assert.equal(new Set([...idsOf(first), ...idsOf(second)]).size, 5)
  })

  for (const [kind, create, search, body] of [
    ['User', 'createUser', 'searchUsers', { content: { profileIds: ['default'], bar: 'some words' } }],
    ['Profile', 'createProfile', 'searchProfiles', { policies: [], bar: 'some words' }],
    ['Role', 'createRole', 'searchRoles', { controllers: EVERYTHING, bar: 'some words' }],
  ] as const) {
    it(`a member of a ${kind.toLowerCase()} can be searched once it is mapped`, async () => {
      const added = { properties: { bar: { type: 'text' } } }
      const updated = await act('security', `update${kind}Mapping`, { body: added })
      assert.deepEqual(updated.properties.bar, { type: 'text' })
      const { mapping } = await act('security', `get${kind}Mapping`)
      assert.deepEqual(mapping.bar, { type: 'text' })
      await act('security', create, { _id: 'mapped', body })
      const found = await act('security', search, { body: { query: { match: { bar: 'words' } } } })
      assert.deepEqual(idsOf(found), ['mapped'])
    })
  }
})
