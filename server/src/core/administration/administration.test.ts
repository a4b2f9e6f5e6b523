import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { SEARCHABLE_FIELDS } from '../../query/fields.ts'
import { openTestAuthority, TEST_ORIGIN, type TestAuthority } from '../contract/test-authority.ts'
import type { ProfileId, RoleId, UserId } from '../ids.ts'
import type { Securities } from '../key-authority.ts'
import { SIGNING_SECRET_NAME } from '../keys/signing-secret.ts'

const anonymousMay = (authority: TestAuthority, action: string) =>
  authority.tokens.mayUser(authority.nobody.user, { controller: 'security', action })
const everything = { '*': { actions: { '*': true } } }

describe('preparing a store', () => {
  test('creates what must be there once, however often and by however many processes', async (t) => {
    const first = await openTestAuthority(t)
    const before = first.audited.length
    assert.equal(before, 6)
    await Promise.all([first.administration.prepareStore(), first.administration.prepareStore()])
    const second = await openTestAuthority(t, {}, first.storage)
    assert.equal(first.audited.length, before)
    assert.equal(second.audited.length, 0)
  })

  test('keeps one signing secret for all processes, and uses the configured one instead', async (t) => {
    const first = await openTestAuthority(t)
    const stored = await first.storage.config.read(SIGNING_SECRET_NAME)
    assert.match(String(stored?.['seed']), /^[0-9a-f]{128}$/)
    await openTestAuthority(t, {}, first.storage)
    assert.deepEqual(await first.storage.config.read(SIGNING_SECRET_NAME), stored)
    const configured = await openTestAuthority(t, { tokenSecret: 'configured' })
    assert.equal(await configured.storage.config.read(SIGNING_SECRET_NAME), undefined)
    assert.doesNotMatch(JSON.stringify(first.audited), new RegExp(String(stored?.['seed'])))
  })

  test('opens everything to everybody only where that is asked for', async (t) => {
    assert.equal(await anonymousMay(await openTestAuthority(t), 'createUser'), false)
    assert.equal(await anonymousMay(await openTestAuthority(t, { openStart: true }), 'createUser'), true)
  })

  test('closes an open store that is started without that switch, also when it has an administrator', async (t) => {
    const open = await openTestAuthority(t, { openStart: true })
    await open.userWith('root', 'admin')
    const closed = await openTestAuthority(t, {}, open.storage)
    assert.equal(await anonymousMay(closed, 'createUser'), false)
    assert.deepEqual((await closed.roles.get('admin' as RoleId)).controllers, everything)
  })

  test('opens a closed store only while it has no administrator', async (t) => {
    const closed = await openTestAuthority(t)
    assert.equal(
      await anonymousMay(await openTestAuthority(t, { openStart: true }, closed.storage), 'createUser'),
      true,
    )
    const taken = await openTestAuthority(t)
    await taken.userWith('root', 'admin')
    assert.equal(
      await anonymousMay(await openTestAuthority(t, { openStart: true }, taken.storage), 'createUser'),
      false,
    )
  })

  test('leaves alone what somebody changed', async (t) => {
    const first = await openTestAuthority(t)
    const request = { controllers: everything, content: {} }
    await first.roles.update(first.nobody, 'anonymous' as RoleId, request, false)
    assert.equal(await anonymousMay(await openTestAuthority(t, {}, first.storage), 'createUser'), true)
    const restricted = await openTestAuthority(t, { openStart: true })
    await restricted.administration.restrictDefaultRights(restricted.nobody)
    const again = await openTestAuthority(t, { openStart: true }, restricted.storage)
    assert.equal(await anonymousMay(again, 'createUser'), false)
  })
})

describe('resetting security', () => {
  test('deletes everything, the keys of the anonymous user included, and starts over', async (t) => {
    const authority = await openTestAuthority(t)
    const { administration, keys, nobody, profiles, roles, users } = authority
    const admin = await authority.userWith('root', 'admin')
    const owners = [admin, await authority.userWith('bob'), nobody]
    const issued = await Promise.all(owners.map((caller) => keys.issueForSelf(caller, { description: 'd' })))
    const request = { controllers: everything, content: {} }
    await roles.create(nobody, 'r' as RoleId, request, false)
    await roles.update(nobody, 'anonymous' as RoleId, request, false)
    await profiles.create(nobody, 'p' as ProfileId, { policies: [{ roleId: 'r' as RoleId }], content: {} })

    const counts = await administration.resetSecurity(admin)
    assert.deepEqual(counts, { deletedUsers: 2, deletedProfiles: 4, deletedRoles: 4 })
    for (const { token } of issued) {
      assert.equal((await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid, false)
    }
    assert.equal(authority.ended.length, 3)
    assert.equal(await users.adminExists(), false)
    await assert.rejects(profiles.get('p' as ProfileId), { code: 'profile.not_found' })
    assert.equal(await anonymousMay(authority, 'createUser'), false)
    await authority.userWith('bob')
  })
})

describe('recovering the administrator', () => {
  const ADA = { username: 'ada', password: 'new password' }
  const logIn = ({ sessions }: TestAuthority, login = ADA) =>
    sessions.login({ strategy: 'local', ttlMs: 60_000, ...login }, TEST_ORIGIN)
  const mayAll = async ({ tokens, users }: TestAuthority, id: string) =>
    tokens.mayUser(await users.get(id as UserId), { controller: 'security', action: 'createUser' })
  const recoveries = ({ audited }: TestAuthority) =>
    audited.filter(({ action }) => action === 'admin.recover').map(({ subject }) => subject)

  async function openBroken(t: TestContext): Promise<TestAuthority> {
    const authority = await openTestAuthority(t)
    const { nobody, profiles, roles } = authority
    await authority.userWith('root', 'admin')
    const request = { controllers: { a: { actions: { b: true } } }, tags: ['kept'], content: {} }
    await roles.update(nobody, 'admin' as RoleId, request, true)
    await profiles.update(nobody, 'admin' as ProfileId, { policies: [{ roleId: 'default' as RoleId }] })
    assert.equal(await mayAll(authority, 'root'), false)
    return authority
  }

  test('gives role and profile their rights back and creates a user, with a trace of each', async (t) => {
    const authority = await openBroken(t)
    const user = await authority.administration.recoverAdministrator(authority.nobody, ADA)
    assert.deepEqual([user.id, user.profileIds], ['ada', ['admin']])
    assert.equal(await mayAll(authority, 'ada'), true)
    assert.equal(await mayAll(authority, 'root'), true)
    await logIn(authority)
    const role = await authority.roles.get('admin' as RoleId)
    assert.deepEqual([role.controllers, role.tags], [everything, ['kept']])
    assert.deepEqual(recoveries(authority), ['role:admin', 'profile:admin', 'user:ada'])
    assert.doesNotMatch(JSON.stringify(authority.audited), /new password/)
    await authority.administration.recoverAdministrator(authority.nobody, ADA)
    await logIn(authority)
  })

  test('makes an administrator of the user that has the username, or else the id', async (t) => {
    for (const [id, username] of [
      ['kuid-1', 'ada'],
      ['ada', 'another'],
      ['ada', undefined],
    ] as const) {
      const authority = await openBroken(t)
      const { administration, nobody } = authority
      await authority.users.create(nobody, {
        id: id as UserId,
        idKind: 'human',
        profileIds: ['default' as ProfileId],
        content: { kept: true },
        credentials: username === undefined ? {} : { local: { username, password: 'old' } },
      })
      const user = await administration.recoverAdministrator(nobody, ADA)
      assert.deepEqual([user.id, user.profileIds, user.content], [id, ['default', 'admin'], { kept: true }])
      assert.equal(await mayAll(authority, id), true)
      const { issued } = await logIn(authority)
      assert.equal(issued.owner, id)
      await assert.rejects(logIn(authority, { username: 'ada', password: 'old' }), { code: 'login.failed' })
    }
  })

  test('changes nothing when name or password cannot be used', async (t) => {
    const authority = await openBroken(t)
    const refused = [
      [{ username: 'ada', password: '' }, 'credentials.invalid'],
      [{ username: '_search', password: 'x' }, 'id.invalid'],
      [{ username: 'anonymous', password: 'x' }, 'user.anonymous_immutable'],
    ] as const
    for (const [login, code] of refused) {
      await assert.rejects(authority.administration.recoverAdministrator(authority.nobody, login), { code })
    }
    assert.deepEqual(recoveries(authority), [])
    assert.equal(await mayAll(authority, 'root'), false)
  })
})

describe('loading roles, profiles and users', () => {
  const securities: Securities = {
    roles: { r: { controllers: { server: { actions: { now: true } } }, content: {} } },
    profiles: { p: { policies: [{ roleId: 'r' as RoleId }], content: {} } },
    users: {
      bob: {
        profileIds: ['p' as ProfileId],
        content: { n: 1 },
        credentials: { local: { username: 'bob', password: 'x' } },
      },
    },
  }
  const load = (
    { administration, nobody }: TestAuthority,
    existingUsers: 'fail' | 'skip' | 'overwrite',
    changed: Partial<Securities> = {},
  ) => administration.loadSecurities(nobody, { ...securities, ...changed }, { force: false, existingUsers })

  test('creates all, and a user that logs in', async (t) => {
    const authority = await openTestAuthority(t)
    await load(authority, 'fail')
    const request = { strategy: 'local', username: 'bob', password: 'x' }
    assert.equal((await authority.sessions.login(request, TEST_ORIGIN)).issued.owner, 'bob')
    const event = authority.audited.findLast(({ action }) => action === 'rights.load')
    assert.deepEqual(event?.details, { roles: ['r'], profiles: ['p'], users: ['bob'], existingUsers: 'fail' })
  })

  test('changes nothing when users exist and may not be overwritten', async (t) => {
    const authority = await openTestAuthority(t)
    await authority.userWith('bob')
    await assert.rejects(load(authority, 'fail'), {
      code: 'user.overwrite_forbidden',
      facts: { ids: ['bob'] },
    })
    await assert.rejects(authority.roles.get('r' as RoleId), { code: 'role.not_found' })
  })

  test('skips or overwrites users that exist', async (t) => {
    const authority = await openTestAuthority(t)
    const bob = await authority.userWith('bob')
    const { issued } = await authority.keys.issueForSelf(bob, { description: 'd' })
    await load(authority, 'skip')
    assert.deepEqual((await authority.users.get('bob' as UserId)).content, {})
    await load(authority, 'overwrite')
    await load(authority, 'overwrite')
    assert.deepEqual((await authority.users.get('bob' as UserId)).content, { n: 1 })
    assert.deepEqual(authority.ended, [issued.fingerprint])
  })

  test('checks all before it writes any', async (t) => {
    const authority = await openTestAuthority(t)
    const bob = securities.users['bob']
    assert.ok(bob)
    const wrong: readonly (readonly [Partial<Securities>, string])[] = [
      [{ profiles: { p: { policies: [], rateLimit: -1, content: {} } } }, 'profile.invalid'],
      [{ users: { bob: { ...bob, credentials: { local: {} } } } }, 'credentials.invalid'],
      [{ users: { bob: { ...bob, profileIds: [] } } }, 'user.no_profile'],
      [{ users: { '-1': bob } }, 'user.anonymous_immutable'],
    ]
    for (const [changed, code] of wrong) {
      await assert.rejects(load(authority, 'fail', changed), { code })
      await assert.rejects(authority.roles.get('r' as RoleId), { code: 'role.not_found' })
    }
  })
})

describe('searchable fields', () => {
  test('are the built-in ones until some are added, which a later process knows too', async (t) => {
    const authority = await openTestAuthority(t)
    const { administration, nobody, storage } = authority
    assert.equal(await administration.mapping('users'), SEARCHABLE_FIELDS.users)
    const added = await administration.extendMapping(nobody, 'users', {
      properties: { age: { type: 'long' } },
    })
    assert.deepEqual(added.properties['age'], { type: 'long' })
    assert.deepEqual(added.properties['profileIds'], { type: 'keyword' })
    assert.equal(await administration.mapping('users'), added)
    await administration.extendMapping(nobody, 'users', { properties: { city: { type: 'text' } } })
    const later = await openTestAuthority(t, {}, storage)
    assert.deepEqual(Object.keys((await later.administration.mapping('users')).properties).sort(), [
      '_kuzzle_info',
      'age',
      'city',
      'profileIds',
    ])
    assert.equal(await administration.mapping('roles'), SEARCHABLE_FIELDS.roles)
  })

  test('lose none of many that are added at the same time, by several processes', async (t) => {
    const authority = await openTestAuthority(t)
    const { administration, nobody } = authority
    const other = await openTestAuthority(t, {}, authority.storage)
    const names = Array.from({ length: 10 }, (_, n) => `f${n}`)
    await Promise.all(
      names.map((name, n) =>
        (n % 2 === 0 ? administration : other.administration).extendMapping(nobody, 'profiles', {
          properties: { [name]: { type: 'keyword' } },
        }),
      ),
    )
    const { properties } = await administration.mapping('profiles')
    for (const name of names) assert.deepEqual(properties[name], { type: 'keyword' })
  })

  test('never change their type', async (t) => {
    const { administration, nobody } = await openTestAuthority(t)
    const change = { properties: { profileIds: { type: 'text' } } } as const
    await assert.rejects(administration.extendMapping(nobody, 'users', change), { code: 'mapping.invalid' })
  })
})
