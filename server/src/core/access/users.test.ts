import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openTestAuthority, TEST_ORIGIN } from '../contract/test-authority.ts'
import type { ProfileId, UserId } from '../ids.ts'
import type { UserRequest } from '../key-authority.ts'

const bob = 'bob' as UserId
const profiles = (...ids: readonly string[]) => ids as readonly ProfileId[]
const request = (changed: Partial<UserRequest> = {}): UserRequest => ({
  idKind: 'human',
  profileIds: profiles('default'),
  content: {},
  credentials: {},
  ...changed,
})
const local = (username: string, password = 'p') => ({ local: { username, password } })

describe('creating a user', () => {
  test('stores it with its credentials, and its password only as a hash', async (t) => {
    const authority = await openTestAuthority(t)
    const asked = request({ id: bob, content: { name: 'Bob' }, credentials: local('bob', 'canary-p') })
    const user = await authority.users.create(authority.nobody, asked)
    assert.deepEqual(user, {
      id: 'bob',
      profileIds: ['default'],
      content: { name: 'Bob' },
      record: { createdBy: '-1', createdAt: authority.clock.now() },
    })
    assert.deepEqual(await authority.users.get(bob), user)
    const stored = await authority.storage.users.findCredentials(bob)
    assert.match(stored?.passwordHash ?? '', /^\$argon2id\$/)
    assert.doesNotMatch(JSON.stringify([stored, authority.audited]), /canary/)
    assert.deepEqual(await authority.credentials.get('local', bob), { username: 'bob', owner: 'bob' })
    assert.deepEqual(await authority.credentials.strategiesOf(bob), ['local'])
  })

  test('makes up an id that can be read out, or a UUID', async (t) => {
    const authority = await openTestAuthority(t)
    const human = await authority.users.create(authority.nobody, request())
    assert.match(human.id, /^kuid-[a-z]+-[a-z]+-\d{1,5}$/)
    const uuid = await authority.users.create(authority.nobody, request({ idKind: 'uuid' }))
    assert.match(uuid.id, /^kuid-[0-9a-f]{8}-/)
  })

  test('is refused, and leaves nothing, for each thing that is wrong', async (t) => {
    const authority = await openTestAuthority(t)
    await authority.users.create(
      authority.nobody,
      request({ id: 'eve' as UserId, credentials: local('eve') }),
    )
    const wrong: readonly (readonly [Partial<UserRequest>, string])[] = [
      [{ id: 'eve' as UserId }, 'user.already_exists'],
      [{ id: '-1' as UserId }, 'user.already_exists'],
      [{ id: 'anonymous' as UserId }, 'user.already_exists'],
      [{ id: '' as UserId }, 'id.invalid'],
      [{ profileIds: [] }, 'user.no_profile'],
      [{ profileIds: profiles('missing') }, 'profile.not_found'],
      [{ credentials: { oauth: {} } }, 'credentials.unknown_strategy'],
      [{ credentials: { local: { username: 'bob' } } }, 'credentials.invalid'],
      [{ credentials: local('eve') }, 'credentials.username_taken'],
    ]
    for (const [changed, code] of wrong) {
      const asked = request({ id: bob, credentials: local('bob'), ...changed })
      await assert.rejects(authority.users.create(authority.nobody, asked), { code }, code)
      await assert.rejects(authority.users.get(bob), { code: 'user.not_found' })
    }
    await authority.users.create(authority.nobody, request({ id: bob, credentials: local('bob') }))
  })

  test('with restricted rights gives the configured profiles', async (t) => {
    const authority = await openTestAuthority(t, { restrictedProfileIds: profiles('default', 'anonymous') })
    const user = await authority.users.createRestricted(authority.nobody, request())
    assert.deepEqual(user.profileIds, ['default', 'anonymous'])
  })
})

describe('creating the first administrator', () => {
  test('succeeds exactly once, however many ask at the same time', async (t) => {
    const authority = await openTestAuthority(t)
    assert.equal(await authority.users.adminExists(), false)
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, (_, n) =>
        authority.users.createFirstAdmin(authority.nobody, {
          ...request({ id: `admin${n}` as UserId, credentials: local(`admin${n}`) }),
          restrictRights: false,
        }),
      ),
    )
    const refused = results.filter((result) => result.status === 'rejected')
    assert.equal(refused.length, 5)
    for (const { reason } of refused) assert.equal(reason.code, 'admin.exists')
    assert.equal(await authority.users.adminExists(), true)
  })

  test('with restricted rights writes those of Kuzzle`s security.standard', async (t) => {
    const authority = await openTestAuthority(t, { openStart: true })
    const asked = { ...request({ id: 'root' as UserId }), restrictRights: true }
    const admin = await authority.users.createFirstAdmin(authority.nobody, asked)
    assert.deepEqual(admin.profileIds, ['admin'])
    const rightsOf = async (profileId: string) => {
      const entries = await authority.profiles.rights(profileId as ProfileId)
      return entries.map(({ controller, action, value }) => `${controller}:${action} ${value}`).sort()
    }
    assert.deepEqual(await rightsOf('anonymous'), [
      'auth:checkToken allowed',
      'auth:getCurrentUser allowed',
      'auth:getMyRights allowed',
      'auth:login allowed',
      'server:openapi allowed',
      'server:publicApi allowed',
    ])
    assert.deepEqual(await rightsOf('default'), [
      'auth:checkToken allowed',
      'auth:getCurrentUser allowed',
      'auth:getMyRights allowed',
      'auth:logout allowed',
      'auth:updateSelf allowed',
      'server:publicApi allowed',
    ])
    assert.deepEqual(await rightsOf('admin'), ['*:* allowed'])
    const limitOf = async (id: string) => (await authority.profiles.get(id as ProfileId)).rateLimit
    assert.deepEqual(
      [await limitOf('admin'), await limitOf('default'), await limitOf('anonymous')],
      [0, 10, 200],
    )
  })
})

describe('changing a user', () => {
  test('merges its content deeply and replaces its profiles when they are given', async (t) => {
    const authority = await openTestAuthority(t)
    const content = { name: 'Bob', address: { city: 'Rome', tags: [1] } }
    await authority.users.create(authority.nobody, request({ id: bob, content }))
    authority.clock.passMs(5)
    const updated = await authority.users.update(authority.nobody, bob, {
      content: { address: { tags: [2] } },
      profileIds: profiles('anonymous', 'anonymous'),
    })
    assert.deepEqual(updated.content, { name: 'Bob', address: { city: 'Rome', tags: [2] } })
    assert.deepEqual(updated.profileIds, ['anonymous'])
    assert.equal(updated.record.updatedAt, authority.clock.now())
    assert.equal(updated.record.updatedBy, '-1')
    const event = authority.audited.findLast(({ action }) => action === 'user.update')
    assert.deepEqual(event?.details, { profileIds: { before: ['default'], after: ['anonymous'] } })
  })

  test('loses none of many changes that are made at the same time', async (t) => {
    const authority = await openTestAuthority(t)
    await authority.users.create(authority.nobody, request({ id: bob }))
    const members = Array.from({ length: 20 }, (_, n) => `m${n}`)
    await Promise.all(
      members.map((name) => authority.users.update(authority.nobody, bob, { content: { [name]: 1 } })),
    )
    assert.deepEqual(Object.keys((await authority.users.get(bob)).content).sort(), members.sort())
  })

  test('replaces everything, creates or updates, and refuses what is wrong', async (t) => {
    const authority = await openTestAuthority(t)
    const { users, nobody } = authority
    const change = { content: { a: 1 }, profileIds: profiles('default') }
    await assert.rejects(users.update(nobody, bob, { content: {} }), { code: 'user.not_found' })
    await assert.rejects(users.replace(nobody, bob, change), { code: 'user.not_found' })
    const upsert = { ...change, defaults: { a: 0, b: 0 }, credentials: local('bob') }
    assert.deepEqual((await users.upsert(nobody, bob, upsert)).content, { a: 1, b: 0 })
    assert.deepEqual((await users.upsert(nobody, bob, { ...upsert, content: { c: 1 } })).content, {
      a: 1,
      b: 0,
      c: 1,
    })
    assert.deepEqual((await users.replace(nobody, bob, { ...change, content: { z: 1 } })).content, { z: 1 })
    await assert.rejects(users.update(nobody, bob, { content: {}, profileIds: [] }), {
      code: 'user.no_profile',
    })
    await assert.rejects(users.update(nobody, bob, { content: {}, profileIds: profiles('missing') }), {
      code: 'profile.not_found',
    })
    for (const id of ['-1', 'anonymous'].map((id) => id as UserId)) {
      await assert.rejects(users.update(nobody, id, { content: {} }), { code: 'user.anonymous_immutable' })
      await assert.rejects(users.replace(nobody, id, change), { code: 'user.anonymous_immutable' })
      await assert.rejects(users.remove(nobody, id), { code: 'user.anonymous_immutable' })
      const login = authority.credentials.create(nobody, 'local', id, { username: 'nobody', password: 'p' })
      await assert.rejects(login, { code: 'user.anonymous_immutable' })
      assert.deepEqual((await users.get(id)).content, { name: 'Anonymous' })
    }
  })
})

describe('removing a user', () => {
  test('ends all its keys and sessions, whatever their number, and its login', async (t) => {
    const authority = await openTestAuthority(t)
    const caller = await authority.userWith('bob')
    await authority.credentials.create(authority.nobody, 'local', bob, { username: 'bob', password: 'p' })
    // More than the 200 beyond which Kuzzle fails half-way and leaves the keys good.
    const keys = await Promise.all(
      Array.from({ length: 250 }, () => authority.keys.issueForSelf(caller, { description: 'd' })),
    )
    const session = await authority.sessions.createToken(caller, { singleUse: false })
    await authority.users.remove(authority.nobody, bob)
    for (const { token } of [...keys, session]) {
      assert.equal((await authority.tokens.verify(token.reveal(), TEST_ORIGIN)).valid, false)
    }
    const ended = new Set(authority.ended)
    for (const { issued } of [...keys, session]) assert.ok(ended.has(issued.fingerprint))
    assert.equal(ended.size, 251)
    assert.equal(await authority.credentials.exist('local', bob), false)
    // A user of the same name starts with nothing.
    await authority.userWith('bob')
    assert.equal(await authority.storage.keys.countByOwner(bob), 0)
  })

  test('in a batch removes what it can and says why the rest stayed', async (t) => {
    const authority = await openTestAuthority(t)
    await authority.userWith('bob')
    await authority.userWith('eve')
    const ids = ['bob', 'nobody', 'eve', '-1'].map((id) => id as UserId)
    const result = await authority.users.removeMany(authority.nobody, ids)
    assert.deepEqual(result.deleted, ['bob', 'eve'])
    assert.deepEqual(
      result.errors.map(({ id, error }) => [id, error.code]),
      [
        ['nobody', 'user.not_found'],
        ['-1', 'user.anonymous_immutable'],
      ],
    )
  })
})

describe('credentials', () => {
  test('are created, changed, validated, found and removed', async (t) => {
    const authority = await openTestAuthority(t)
    const { credentials, nobody, sessions } = authority
    await authority.userWith('bob')
    await authority.userWith('eve')
    const eve = 'eve' as UserId
    const logIn = (username: string, password: string) =>
      sessions.login({ strategy: 'local', username, password }, TEST_ORIGIN)
    assert.deepEqual(credentials.fields('local'), ['username', 'password'])
    await credentials.create(nobody, 'local', bob, { username: 'bob', password: 'one' })
    await assert.rejects(credentials.create(nobody, 'local', bob, { username: 'bob2', password: 'x' }), {
      code: 'credentials.already_exist',
    })
    await assert.rejects(credentials.create(nobody, 'local', eve, { username: 'bob', password: 'x' }), {
      code: 'credentials.username_taken',
    })
    await assert.rejects(credentials.validate('local', eve, { username: 'bob', password: 'x' }), {
      code: 'credentials.username_taken',
    })
    await credentials.validate('local', bob, { username: 'bob', password: 'x' })
    await credentials.validate('local', undefined, { username: 'free', password: 'x' })
    await credentials.update(nobody, 'local', bob, { password: 'two' })
    await assert.rejects(logIn('bob', 'one'), { code: 'login.failed' })
    await logIn('bob', 'two')
    await credentials.update(nobody, 'local', bob, { username: 'robert' })
    await logIn('robert', 'two')
    assert.deepEqual(await credentials.getByUsername('local', 'robert'), { username: 'robert', owner: 'bob' })
    await assert.rejects(credentials.getByUsername('local', 'bob'), { code: 'credentials.not_found' })
    await credentials.remove(nobody, 'local', bob)
    await assert.rejects(logIn('robert', 'two'), { code: 'login.failed' })
    await assert.rejects(credentials.get('local', bob), { code: 'credentials.not_found' })
    await assert.rejects(credentials.update(nobody, 'local', bob, { password: 'x' }), {
      code: 'credentials.not_found',
    })
    assert.deepEqual(await credentials.strategiesOf(bob), [])
  })

  test('never get an old password back by a change of the username at the same time, in another process', async (t) => {
    const authority = await openTestAuthority(t)
    const other = await openTestAuthority(t, {}, authority.storage)
    const { credentials, nobody } = authority
    await authority.userWith('bob')
    await credentials.create(nobody, 'local', bob, { username: 'bob', password: 'old' })
    await Promise.all([
      credentials.update(nobody, 'local', bob, { password: 'new' }),
      other.credentials.update(nobody, 'local', bob, { username: 'robert' }),
    ])
    await authority.sessions.login({ strategy: 'local', username: 'robert', password: 'new' }, TEST_ORIGIN)
  })

  test('of unknown strategies are refused everywhere', async (t) => {
    const { credentials, nobody } = await openTestAuthority(t)
    const unknown = { code: 'credentials.unknown_strategy' }
    assert.throws(() => credentials.fields('oauth'), unknown)
    await assert.rejects(credentials.create(nobody, 'oauth', bob, {}), unknown)
    await assert.rejects(credentials.update(nobody, 'oauth', bob, {}), unknown)
    await assert.rejects(credentials.validate('oauth', bob, {}), unknown)
    await assert.rejects(credentials.remove(nobody, 'oauth', bob), unknown)
    await assert.rejects(credentials.exist('oauth', bob), unknown)
    await assert.rejects(credentials.get('oauth', bob), unknown)
    await assert.rejects(credentials.getByUsername('oauth', 'b'), unknown)
  })
})
