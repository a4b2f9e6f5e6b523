import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { CoreSettings } from '../core-settings.ts'
import type { ProfileId, RoleId, UserId } from '../ids.ts'
import type { ProfileRequest, RoleRequest } from '../key-authority.ts'
import type { Caller } from './caller.ts'

const may = (authority: TestAuthority, caller: Caller, right: string) => {
  const [controller = '', action = ''] = right.split(':')
  return authority.tokens.isAllowed(caller, { controller, action })
}
const FIRST_ADMIN = 'security:createFirstAdmin'
const remote = (caller: Caller): Caller => ({ ...caller, origin: TEST_ORIGIN })
const role = (controllers: RoleRequest['controllers']): RoleRequest => ({ controllers, content: {} })
const policies = (...roleIds: readonly string[]): ProfileRequest => ({
  policies: roleIds.map((roleId) => ({ roleId: roleId as RoleId })),
  content: {},
})
const roleId = (id: string) => id as RoleId
const profileId = (id: string) => id as ProfileId

describe('an open start', () => {
  test('lets everybody on this host do everything, and others what a closed start lets strangers do', async (t) => {
    const authority = await openTestAuthority(t, { openStart: true })
    for (const right of ['security:createUser', 'server:getConfig', FIRST_ADMIN, 'auth:login']) {
      assert.equal(await may(authority, authority.nobody, right), true, right)
      assert.equal(await may(authority, remote(authority.nobody), right), right === 'auth:login', right)
    }
  })

  test('does not narrow the rights of those who show who they are', async (t) => {
    const authority = await openTestAuthority(t, { openStart: true })
    assert.equal(await may(authority, await authority.userWith('bob'), 'security:createUser'), true)
  })
})

describe('a closed start', () => {
  test('lets strangers log in and look around, and nothing else', async (t) => {
    const authority = await openTestAuthority(t)
    const stranger = remote(authority.nobody)
    const allowed = [
      ...['checkToken', 'getCurrentUser', 'getMyRights', 'getStrategies', 'login'].map(
        (name) => `auth:${name}`,
      ),
      ...['adminExists', 'healthCheck', 'info', 'now', 'openapi', 'publicApi'].map(
        (name) => `server:${name}`,
      ),
    ]
    for (const right of allowed) assert.equal(await may(authority, stranger, right), true, right)
    const rights = await authority.users.rights(stranger.user)
    assert.equal(rights.length, allowed.length)
    for (const right of ['auth:createApiKey', 'security:createUser', 'server:getConfig', FIRST_ADMIN]) {
      assert.equal(await may(authority, stranger, right), false, right)
    }
  })

  test('lets users manage their own keys, and nobody else`s', async (t) => {
    const authority = await openTestAuthority(t)
    const bob = await authority.userWith('bob')
    for (const name of [
      'createApiKey',
      'searchApiKeys',
      'deleteApiKey',
      'refreshToken',
      'logout',
      'updateSelf',
    ]) {
      assert.equal(await may(authority, bob, `auth:${name}`), true, name)
    }
    assert.equal(await may(authority, bob, 'security:createApiKey'), false)
    assert.equal(
      await may(authority, await authority.userWith('root', 'admin'), 'security:createApiKey'),
      true,
    )
  })

  test('lets the creation of the first administrator be asked for from this host only, and without a token only', async (t) => {
    const authority = await openTestAuthority(t)
    const { nobody } = authority
    assert.equal(await may(authority, nobody, FIRST_ADMIN), true)
    assert.equal(await may(authority, remote(nobody), FIRST_ADMIN), false)
    const { issued } = await authority.keys.issueForSelf(nobody, { description: 'a key of nobody' })
    assert.equal(await may(authority, { ...nobody, token: { kind: 'key', key: issued } }, FIRST_ADMIN), false)
    const bob = await authority.userWith('bob')
    assert.equal(await may(authority, { ...bob, origin: nobody.origin }, FIRST_ADMIN), false)
    await authority.userWith('root', 'admin')
    assert.equal(await may(authority, nobody, FIRST_ADMIN), true, 'the use case says that there is one')
  })
})

describe('the rights in force', () => {
  test('follow a change of role, profile or user from the next question on', async (t) => {
    const authority = await openTestAuthority(t)
    const { roles, profiles, users, nobody } = authority
    await roles.create(nobody, roleId('r'), role({ server: { actions: { now: true } } }), false)
    await profiles.create(nobody, profileId('p'), policies('r'))
    const bob = await authority.userWith('bob', 'p')
    assert.equal(await may(authority, bob, 'server:now'), true)
    await roles.update(nobody, roleId('r'), role({ server: { actions: { info: true } } }), false)
    assert.equal(await may(authority, bob, 'server:now'), false)
    assert.equal(await may(authority, bob, 'server:info'), true)
    await profiles.update(nobody, profileId('p'), policies('default'))
    assert.equal(await may(authority, bob, 'server:info'), false)
    const user = await users.update(nobody, 'bob' as UserId, {
      content: {},
      profileIds: [profileId('admin')],
    })
    assert.equal(await authority.tokens.mayUser(user, { controller: 'any', action: 'thing' }), true)
  })

  test('are an administrator`s alone in failsafe mode, but for logging in', async (t) => {
    const settings: Partial<CoreSettings> = { failsafeMode: true, openStart: true }
    const authority = await openTestAuthority(t, settings)
    assert.equal(await may(authority, authority.nobody, 'auth:login'), true)
    assert.equal(await may(authority, authority.nobody, 'server:now'), false)
    assert.equal(await may(authority, authority.nobody, FIRST_ADMIN), true)
    assert.equal(await may(authority, await authority.userWith('bob'), 'auth:getCurrentUser'), false)
    assert.equal(await may(authority, await authority.userWith('root', 'admin'), 'server:now'), true)
  })

  test('are counted per second against the most permissive profile', async (t) => {
    const authority = await openTestAuthority(t)
    const { profiles, tokens, nobody } = authority
    const limited = (rateLimit: number) => ({ ...policies('default'), rateLimit })
    await profiles.create(nobody, profileId('two'), limited(2))
    await profiles.create(nobody, profileId('three'), limited(3))
    const { user } = await authority.userWith('bob', 'two')
    const many = { code: 'request.too_many' }
    for (let n = 0; n < 2; n++) await tokens.countRequest(user)
    await assert.rejects(tokens.countRequest(user), many)
    authority.clock.passMs(1_000)
    const both = { ...user, profileIds: [profileId('two'), profileId('three')] }
    for (let n = 0; n < 3; n++) await tokens.countRequest(both)
    await assert.rejects(tokens.countRequest(both), many)
    await tokens.countRequest({ ...user, profileIds: [profileId('two'), profileId('admin')] })
  })
})

describe('roles', () => {
  test('are created, replaced, updated and removed, each with its rights before and after', async (t) => {
    const authority = await openTestAuthority(t)
    const { roles, nobody } = authority
    const one = { server: { actions: { now: true } } }
    const two = { auth: { actions: { login: true } } }
    const created = await roles.create(nobody, roleId('r'), { ...role(one), tags: ['t'] }, false)
    assert.deepEqual(await roles.get(roleId('r')), created)
    await assert.rejects(roles.create(nobody, roleId('r'), role(one), false), { code: 'role.already_exists' })
    authority.clock.passMs(1)
    const replaced = await roles.createOrReplace(nobody, roleId('r'), role(two), false)
    assert.equal(replaced.tags, undefined)
    assert.equal((await roles.get(roleId('r'))).record.createdAt, created.record.createdAt)
    const updated = await roles.update(nobody, roleId('r'), { ...role(one), content: { note: 1 } }, false)
    assert.deepEqual([updated.controllers, updated.content], [one, { note: 1 }])
    await roles.remove(nobody, roleId('r'))
    await assert.rejects(roles.get(roleId('r')), { code: 'role.not_found' })
    const changes = authority.audited.filter(({ subject }) => subject === 'role:r')
    assert.deepEqual(
      changes.map(({ action, details }) => [action, details?.['before'], details?.['after']]),
      [
        ['role.create', null, one],
        ['role.replace', one, two],
        ['role.update', two, one],
        ['role.delete', one, undefined],
      ],
    )
  })

  test('refuse what is wrong', async (t) => {
    const authority = await openTestAuthority(t)
    const { roles, nobody } = authority
    const rights = { server: { actions: { now: true } } }
    await assert.rejects(roles.update(nobody, roleId('none'), role({}), false), { code: 'role.not_found' })
    await assert.rejects(roles.create(nobody, roleId('r'), role({}), false), { code: 'role.invalid' })
    await assert.rejects(roles.create(nobody, roleId('_search'), role(rights), false), { code: 'id.invalid' })
    await assert.rejects(roles.remove(nobody, roleId('none')), { code: 'role.not_found' })
    for (const id of ['admin', 'default', 'anonymous']) {
      await assert.rejects(roles.remove(nobody, roleId(id)), { code: 'role.protected' })
    }
    await assert.rejects(roles.createOrReplace(nobody, roleId('anonymous'), role(rights), false), {
      code: 'role.login_required',
    })
    await roles.update(nobody, roleId('anonymous'), role({ auth: { actions: { '*': true } } }), false)
    await roles.create(nobody, roleId('used'), role(rights), false)
    await authority.profiles.create(nobody, profileId('p'), policies('used'))
    const removed = await roles.removeMany(nobody, [roleId('used'), roleId('none')])
    assert.deepEqual(
      removed.errors.map(({ error }) => error.code),
      ['role.in_use', 'role.not_found'],
    )
    await assert.rejects(roles.getMany([roleId('used'), roleId('none')]), { code: 'role.not_found' })
  })

  test('may name unknown controllers by force', async (t) => {
    const authority = await openTestAuthority(t)
    const rights = role({ iot: { actions: { track: true } } })
    await assert.rejects(authority.roles.create(authority.nobody, roleId('r'), rights, false), {
      code: 'role.unknown_controller',
    })
    assert.deepEqual(
      (await authority.roles.create(authority.nobody, roleId('r'), rights, true)).controllers,
      rights.controllers,
    )
  })
})

describe('profiles', () => {
  test('are merged by an update, member by member', async (t) => {
    const authority = await openTestAuthority(t)
    const { profiles, nobody } = authority
    await profiles.create(nobody, profileId('p'), {
      ...policies('default'),
      rateLimit: 5,
      tags: ['t'],
      content: { a: 1, b: 1 },
    })
    const updated = await profiles.update(nobody, profileId('p'), { rateLimit: 7, content: { b: 2 } })
    assert.deepEqual(
      [updated.policies, updated.rateLimit, updated.tags, updated.content],
      [[{ roleId: 'default' }], 7, ['t'], { a: 1, b: 2 }],
    )
    assert.deepEqual((await profiles.update(nobody, profileId('p'), { policies: [] })).policies, [
      { roleId: 'default' },
    ])
  })

  test('refuse what is wrong', async (t) => {
    const authority = await openTestAuthority(t)
    const { profiles, nobody } = authority
    await assert.rejects(profiles.create(nobody, profileId('p'), policies('none')), {
      code: 'role.not_found',
    })
    await assert.rejects(profiles.create(nobody, profileId('admin'), policies('admin')), {
      code: 'profile.already_exists',
    })
    await assert.rejects(profiles.update(nobody, profileId('none'), {}), { code: 'profile.not_found' })
    await assert.rejects(profiles.update(nobody, profileId('anonymous'), policies('default')), {
      code: 'profile.anonymous_role_required',
    })
    await assert.rejects(profiles.create(nobody, profileId('p'), { ...policies('default'), rateLimit: -1 }), {
      code: 'profile.invalid',
    })
    await assert.rejects(profiles.remove(nobody, profileId('default'), 'unassign'), {
      code: 'profile.protected',
    })
    await assert.rejects(profiles.rights(profileId('none')), { code: 'profile.not_found' })
  })

  test('in use are kept, or taken from their users, of whom none is left without any', async (t) => {
    const authority = await openTestAuthority(t)
    const { profiles, nobody } = authority
    await profiles.create(nobody, profileId('p'), policies('default'))
    await authority.userWith('bob', 'p')
    await assert.rejects(profiles.remove(nobody, profileId('p'), 'refuse'), { code: 'profile.in_use' })
    await profiles.remove(nobody, profileId('p'), 'unassign')
    assert.deepEqual((await authority.users.get('bob' as UserId)).profileIds, ['anonymous'])
  })
})
