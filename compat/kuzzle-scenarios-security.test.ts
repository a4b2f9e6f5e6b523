import assert from 'node:assert/strict'
import { it } from 'node:test'
import { describeScenarios, idsOf, type Json } from './kuzzle-world.ts'

const EVERYTHING = { '*': { actions: { '*': true } } }
const DEFAULT_POLICY = [{ roleId: 'default' }]

/** Names of controllers and their actions as a role holds them. */
const rights = (controller: string, actions: Readonly<Record<string, boolean>>) => ({
  controllers: { [controller]: { actions } },
})

describeScenarios("Kuzzle's scenarios of other users' API keys", ({ act, createUser, isGood }) => {
  const create = (userId: string, description: string, args = {}) =>
    act('security', 'createApiKey', { userId, expiresIn: -1, body: { description }, ...args })
  const shown = ({ _id, _source }: Json) => {
    assert.equal(typeof _id, 'string')
    assert.match(_source.fingerprint, /^[0-9a-f]{64}$/)
    const { userId, ttl, expiresAt, description } = _source
    return { userId, ttl, expiresAt, description }
  }
  const permanent = (userId: string, description: string) => ({ userId, ttl: -1, expiresAt: -1, description })

  it('a key made for a user is its, works, and is found with its fingerprint', async () => {
    await createUser('My')
    const created = await create('My', 'Le Huong', { refresh: 'wait_for' })
    assert.deepEqual(shown(created), permanent('My', 'Le Huong'))
    assert.equal(await isGood(created._source.token), true)
    const { hits } = await act('security', 'searchApiKeys', { userId: 'My' })
    assert.deepEqual(hits.map(shown), [permanent('My', 'Le Huong')])
  })

  it('two keys made for a user in the same moment are two', async () => {
    await createUser('My')
    const first = await create('My', 'Le Huong', { refresh: 'wait_for' })
    const second = await create('My', 'Foobar', { refresh: 'wait_for' })
    assert.notEqual(first._source.token, second._source.token)
    const { hits } = await act('security', 'searchApiKeys', { userId: 'My' })
    assert.deepEqual(hits.map(shown), [permanent('My', 'Le Huong'), permanent('My', 'Foobar')])
  })

  it('a search finds keys of the named user only, in both query languages', async () => {
    await createUser('My')
    await create('My', 'Le Huong')
    for (const name of ['Sigfox API key', 'Lora API key', 'Lora API key 2']) await create('test-admin', name)
    const words = await act('security', 'searchApiKeys', {
      userId: 'test-admin',
      body: { match: { description: 'Lora' } },
    })
    assert.deepEqual(words.hits.map(shown), [
      permanent('test-admin', 'Lora API key'),
      permanent('test-admin', 'Lora API key 2'),
    ])
    const owned = await act('security', 'searchApiKeys', {
      userId: 'My',
      body: { equals: { userId: 'My' } },
      lang: 'koncorde',
    })
    assert.deepEqual(owned.hits.map(shown), [permanent('My', 'Le Huong')])
  })

  it('a key that an administrator deletes is gone and refused', async () => {
    const created = await create('test-admin', 'My Le Huong', { _id: 'SGN-HCM' })
    await act('security', 'deleteApiKey', { userId: 'test-admin', _id: 'SGN-HCM', refresh: 'wait_for' })
    assert.deepEqual(await act('security', 'searchApiKeys', { userId: 'test-admin' }), { hits: [], total: 0 })
    assert.equal(await isGood(created._source.token), false)
  })
})

describeScenarios("Kuzzle's scenarios of roles", ({ act, refusal }) => {
  const byController = async (...controllers: readonly string[]) =>
    [...idsOf(await act('security', 'searchRoles', { body: { controllers } }))].sort()
  const actionsOf = async (role: string, controller: string) =>
    (await act('security', 'getRole', { _id: role }))._source.controllers[controller]?.actions

  it('roles and profiles are found by their tags, in the order of their creation', async () => {
    for (const _id of ['kite-surf-1', 'kite-surf-2']) {
      const tags = ['kite-surf']
      await act('security', 'createRole', { _id, body: { tags, controllers: EVERYTHING } })
      await act('security', 'createProfile', { _id, body: { tags, policies: DEFAULT_POLICY } })
    }
    const body = { query: { term: { tags: 'kite-surf' } } }
    for (const search of ['searchRoles', 'searchProfiles']) {
      assert.deepEqual(idsOf(await act('security', search, { body })), ['kite-surf-1', 'kite-surf-2'])
    }
  })

  it('an update replaces the whole role', async () => {
    await act('security', 'updateRole', { _id: 'default', body: rights('auth', { login: true }) })
    await act('security', 'updateRole', { _id: 'default', body: rights('document', { create: true }) })
    assert.equal(await actionsOf('default', 'auth'), undefined)
  })

  it('an administrator can ask what somebody may do', async () => {
    const controllers = {
      auth: { actions: { login: true, checkRights: true } },
      document: { actions: { create: false, update: true } },
    }
    await act('security', 'updateRole', { _id: 'default', body: { controllers } })
    const mayDo = (action: string) =>
      act('security', 'checkRights', { userId: 'default-user', body: { controller: 'document', action } })
    assert.deepEqual(await mayDo('create'), { allowed: false })
    assert.deepEqual(await mayDo('update'), { allowed: true })
  })

  it('rights to controllers and actions that do not exist are refused', async () => {
    const create = (controller: string, action: string) =>
      refusal('security', 'createRole', { _id: 'test-role', body: rights(controller, { [action]: true }) })
    assert.equal((await create('invalid-controller', 'create')).id, 'security.role.unknown_controller')
    assert.equal((await create('document', 'invalid_action')).id, 'security.role.unknown_action')
  })

  it('a role lives from its creation to its deletion, and is found by its controllers meanwhile', async () => {
    const native = ['admin', 'anonymous', 'default']
    assert.deepEqual(await byController('document'), native)
    const body = rights('document', { create: true, update: true })
    await act('security', 'createRole', { _id: 'test-role', body })
    assert.deepEqual(await actionsOf('test-role', 'document'), { create: true, update: true })
    assert.deepEqual(await byController('document'), [...native, 'test-role'])
    const changed = rights('document', { create: false, update: false })
    await act('security', 'updateRole', { _id: 'test-role', body: changed })
    assert.deepEqual(await actionsOf('test-role', 'document'), { create: false, update: false })
    await act('security', 'deleteRole', { _id: 'test-role', refresh: 'wait_for' })
    assert.deepEqual(await byController('document'), native)
    assert.equal((await refusal('security', 'getRole', { _id: 'test-role' })).id, 'security.role.not_found')

    const ids = ['test-role', 'test-role-2', 'test-role-3']
    for (const _id of ids) await act('security', 'createRole', { _id, body })
    assert.deepEqual(idsOf(await act('security', 'mGetRoles', { body: { ids } })), ids)
    assert.deepEqual(await byController('document'), [...native, ...ids])
    assert.deepEqual(await byController('document', 'auth', 'security'), [...native, ...ids])
  })

  it('rights to the controller of a plugin that is not there are only taken by force', async () => {
    const controller = 'functional-test-plugin/non-existing-controller'
    const _id = 'test-role-plugin'
    const write = { _id, body: rights(controller, { manage: true }) }
    assert.equal((await refusal('security', 'createRole', write)).id, 'security.role.unknown_controller')
    await act('security', 'createRole', { ...write, force: true })
    assert.deepEqual(await byController(controller), ['admin', 'anonymous', 'default', _id])
    const change = { _id, body: rights(controller, { manage: false }) }
    assert.equal((await refusal('security', 'updateRole', change)).id, 'security.role.unknown_controller')
    await act('security', 'updateRole', { ...change, force: true })
    assert.deepEqual(await actionsOf(_id, controller), { manage: false })
  })
})

describeScenarios("Kuzzle's scenarios of profiles", ({ act, refusal, createUser }) => {
  const createProfile = (_id: string) => {
    const restrictedTo = [{ index: 'example', collections: ['one', 'two'] }]
    return act('security', 'createProfile', {
      _id,
      body: { policies: [{ roleId: 'test-role', restrictedTo }] },
    })
  }
  const createRole = () =>
    act('security', 'createRole', { _id: 'test-role', body: rights('document', { '*': true }) })

  it('a profile that nobody has can be deleted, and then its role', async () => {
    await createRole()
    await createProfile('test-profile')
    await act('security', 'deleteProfile', { _id: 'test-profile', refresh: 'wait_for' })
    await act('security', 'deleteRole', { _id: 'test-role', refresh: 'wait_for' })
  })

  it('a profile that somebody has cannot be deleted, nor can its role', async () => {
    await createRole()
    await createProfile('test-profile')
    await createUser('test-user', ['test-profile'])
    const profile = await refusal('security', 'deleteProfile', { _id: 'test-profile' })
    assert.deepEqual([profile.status, profile.id], [412, 'security.profile.in_use'])
    const role = await refusal('security', 'deleteRole', { _id: 'test-role' })
    assert.deepEqual([role.status, role.id], [412, 'security.role.in_use'])
    await act('security', 'deleteUser', { _id: 'test-user', refresh: 'wait_for' })
    await act('security', 'deleteProfile', { _id: 'test-profile', refresh: 'wait_for' })
    await act('security', 'deleteRole', { _id: 'test-role', refresh: 'wait_for' })
  })

  it('a profile can be taken from everybody who has it; who has no other becomes anonymous', async () => {
    await createRole()
    for (const id of ['base-profile', 'to-be-removed-profile']) await createProfile(id)
    await createUser('test-user', ['base-profile', 'to-be-removed-profile'])
    await createUser('test-user-two', ['to-be-removed-profile'])
    await act('security', 'deleteProfile', {
      _id: 'to-be-removed-profile',
      onAssignedUsers: 'remove',
      refresh: 'wait_for',
    })
    const profilesOf = async (_id: string) => (await act('security', 'getUser', { _id }))._source.profileIds
    assert.deepEqual(await profilesOf('test-user'), ['base-profile'])
    assert.deepEqual(await profilesOf('test-user-two'), ['anonymous'])
  })
})

describeScenarios("Kuzzle's scenarios of users", ({ act, refusal, createUser }) => {
  it('a new user is searched for at once; only collections of security can be refreshed', async () => {
    const body = { content: { profileIds: ['default'] } }
    await act('security', 'createUser', { _id: 'aschen', refresh: false, body })
    await act('security', 'refresh', { collection: 'users' })
    const everybody = await act('security', 'searchUsers', { body: { sort: '_id' } })
    assert.deepEqual(idsOf(everybody), ['aschen', 'default-user', 'test-admin'])
    const error = await refusal('security', 'refresh', { collection: 'frontend-security' })
    assert.equal(error.id, 'api.assert.unexpected_argument')
    assert.equal(error.status, 400)
  })

  it('several users are read at once, named in a text or in a list', async () => {
    const ids = ['test-user', 'test-user2']
    for (const id of ids) await createUser(id)
    for (const args of [{ ids: ids.join(',') }, { body: { ids } }]) {
      assert.deepEqual(idsOf(await act('security', 'mGetUsers', args)), ids)
    }
  })

  it('an upsert creates with the default values, and changes without them', async () => {
    const upsert = (content: object, defaults: object) =>
      act('security', 'upsertUser', { _id: 'test-user', body: { content, default: defaults } })
    const profileIds = ['default']
    const created = await upsert({ profileIds, name: 'Alyx' }, { name: 'Vance', city: 'City 17' })
    assert.deepEqual([created._source.name, created._source.city], ['Alyx', 'City 17'])
    const changed = await upsert({ profileIds, name: 'Gordon' }, { city: 'Xen', planet: 'Earth' })
    const { name, city, planet } = changed._source
    assert.deepEqual({ name, city, planet }, { name: 'Gordon', city: 'City 17', planet: undefined })
  })

  it('users are found by their ids, and the total does not depend on the page', async () => {
    const ids = ['test-user', 'test-user2']
    await createUser('test-user')
    await createUser('test-user2', ['admin'])
    const search = (args: Readonly<Record<string, unknown>>) => act('security', 'searchUsers', args)
    const terms = { body: { query: { terms: { _id: ids } } } }
    const found = await search(terms)
    assert.deepEqual([idsOf(found), found.total], [ids, 2])
    const beyond = await search({ ...terms, from: 2, size: 10 })
    assert.deepEqual([beyond.hits, beyond.total], [[], 2])
    const koncorde = await search({ body: { query: { ids: { values: ids } } }, lang: 'koncorde' })
    assert.deepEqual([idsOf(koncorde), koncorde.total], [ids, 2])
  })

  it('the ways to log in are listed for users, for the anonymous one, and refused for nobody', async () => {
    await createUser('test-user')
    const strategies = (_id: string) => act('security', 'getUserStrategies', { _id })
    assert.deepEqual((await strategies('test-user')).strategies, ['local'])
    assert.deepEqual((await strategies('-1')).strategies, [])
    const error = await refusal('security', 'getUserStrategies', { _id: 'fake-user-id' })
    assert.equal(error.id, 'security.user.not_found')
  })
})

describeScenarios("Kuzzle's scenarios of the first administrator", (world) => {
  const { act, logIn, forgetToken, refusal } = world
  const createFirstAdmin = async (args = {}) => {
    await act('admin', 'resetSecurity')
    forgetToken()
    for (const [controller, actions] of [
      ['document', { delete: true, get: true }],
      ['auth', { login: true }],
    ] as const) {
      await act('security', 'updateRole', { _id: 'default', body: rights(controller, actions) })
    }
    const credentials = { local: { username: 'first-admin', password: 'password' } }
    const body = { credentials, content: {} }
    const created = await act('security', 'createFirstAdmin', { _id: 'first-admin', body, ...args })
    assert.deepEqual(created._source.profileIds, ['admin'])
    await logIn('first-admin')
  }

  it('it is created by anybody, logs in, and there is no second one', async () => {
    await createFirstAdmin()
    const body = { content: {}, credentials: {} }
    const error = await refusal('security', 'createFirstAdmin', { _id: 'second', body })
    assert.deepEqual([error.status, error.id], [412, 'api.process.admin_exists'])
  })

  it('with reset it ends the default rights, which leaves users and strangers as little as in Kuzzle', async () => {
    await createFirstAdmin({ reset: true })
    const controllersOf = async (_id: string) =>
      (await act('security', 'getRole', { _id }))._source.controllers
    const allow = (...names: readonly string[]) => ({
      actions: Object.fromEntries(names.map((name) => [name, true])),
    })
    assert.deepEqual(await controllersOf('default'), {
      auth: allow('checkToken', 'getCurrentUser', 'getMyRights', 'logout', 'updateSelf'),
      server: allow('publicApi'),
    })
    assert.deepEqual(await controllersOf('anonymous'), {
      auth: allow('checkToken', 'getCurrentUser', 'getMyRights', 'login'),
      server: allow('openapi', 'publicApi'),
    })
    assert.deepEqual(await controllersOf('admin'), EVERYTHING)
  })
})
