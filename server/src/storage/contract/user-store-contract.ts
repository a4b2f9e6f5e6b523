import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  aKey,
  anEvent,
  aProfile,
  aSession,
  aUser,
  auditSubjects,
  numbers,
  outcomes,
  profileId,
  refusal,
  someCredentials,
  TESTER,
  userId,
  withUsers,
} from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('user.create', 'user')
const UPDATED = anEvent('user.update', 'user')
const DELETED = anEvent('user.delete', 'user')

/** The promises of `UserStore` but those about credentials. */
export function describeUserStore(withStorage: WithStorage): void {
  describe('users', () => {
    describeCreating(withStorage)
    describeFinding(withStorage)
    describeUpdating(withStorage)
    describeRemoving(withStorage)
    describeRemovingAll(withStorage)
  })
}

function describeCreating(withStorage: WithStorage): void {
  test(
    'a user is stored with its credentials, and both are found as they were given',
    withStorage(async (storage) => {
      await withUsers(storage)
      await storage.access.putProfile(aProfile('second', ['base']), 'refuse', anEvent('profile.create'))
      const user = aUser('ann', {
        profileIds: [profileId('second'), profileId('default')],
        content: { 'a.b': [1, null, { __proto__x: '\u0000' }], name: '\ud83d\ude00' },
        record: { createdBy: TESTER, createdAt: 5, updatedBy: TESTER, updatedAt: 6 },
      })
      await storage.users.create(user, [someCredentials('ann')], CREATED)
      assert.deepEqual(await storage.users.find(user.id), user)
      assert.deepEqual(await storage.users.findCredentials(user.id), someCredentials('ann'))
    }),
  )

  test(
    'of 64 creations with one id at once exactly one wins, and only its audit event stays',
    withStorage(async (storage) => {
      await withUsers(storage)
      const creations = numbers(64).map((n) =>
        storage.users.create(aUser('ann', { content: { n } }), [], CREATED),
      )
      const { fulfilled, codes } = await outcomes(creations)
      assert.equal(fulfilled, 1)
      assert.deepEqual([...codes], ['user.already_exists'])
      assert.equal((await auditSubjects(storage, 'user.create')).length, 1)
    }),
  )

  test(
    'a user whose profile is not stored is refused whole',
    withStorage(async (storage) => {
      await withUsers(storage)
      const user = aUser('ann', { profileIds: [profileId('default'), profileId('none')] })
      const error = await refusal(
        storage.users.create(user, [someCredentials('ann')], CREATED),
        'profile.not_found',
      )
      assert.equal(error.facts['id'], 'none')
      assert.equal(await storage.users.find(user.id), undefined)
      assert.equal(await storage.users.findCredentials(user.id), undefined)
      assert.deepEqual(await auditSubjects(storage, 'user.create'), [])
    }),
  )

  test(
    'a user whose username is taken is refused whole',
    withStorage(async (storage) => {
      await withUsers(storage)
      await storage.users.create(aUser('ann'), [someCredentials('ann', { username: 'same' })], CREATED)
      const bob = storage.users.create(aUser('bob'), [someCredentials('bob', { username: 'same' })], CREATED)
      await refusal(bob, 'credentials.username_taken')
      assert.equal(await storage.users.find(userId('bob')), undefined)
      assert.equal((await storage.users.findCredentialsByUsername('same'))?.owner, 'ann')
    }),
  )

  test(
    'a user gets credentials of one strategy once only',
    withStorage(async (storage) => {
      await withUsers(storage)
      const twice = [someCredentials('ann'), someCredentials('ann', { username: 'other' })]
      await refusal(storage.users.create(aUser('ann'), twice, CREATED), 'credentials.orphaned')
      assert.equal(await storage.users.find(userId('ann')), undefined)
    }),
  )

  test(
    'of 64 first administrators at once exactly one is created',
    withStorage(async (storage) => {
      await withUsers(storage)
      const admin = profileId('admin')
      await storage.access.putProfile(aProfile('admin', ['base']), 'refuse', anEvent('profile.create'))
      const creations = numbers(64).map((n) =>
        storage.users.create(aUser(`u${n}`, { profileIds: [admin] }), [], CREATED, admin),
      )
      const { fulfilled, codes } = await outcomes(creations)
      assert.equal(fulfilled, 1)
      assert.deepEqual([...codes], ['admin.exists'])
      assert.equal((await storage.users.findMany(numbers(64).map((n) => userId(`u${n}`)))).length, 1)
    }),
  )
}

function describeFinding(withStorage: WithStorage): void {
  test(
    'users are found in the order asked, without repeats and without those that do not exist',
    withStorage(async (storage) => {
      await withUsers(storage, 'a', 'b', 'c')
      const found = await storage.users.findMany(['c', 'nobody', 'a', 'c'].map(userId))
      assert.deepEqual(
        found.map((user) => user.id),
        ['c', 'a'],
      )
      assert.deepEqual(await storage.users.findMany([]), [])
      assert.equal(await storage.users.find(userId('nobody')), undefined)
    }),
  )

  test(
    'whether a profile is held follows every change of its users',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      await storage.access.putProfile(aProfile('p', ['base']), 'refuse', anEvent('profile.create'))
      const isHeld = () => storage.users.existsWithProfile(profileId('p'))
      const give = (ids: readonly string[]) =>
        storage.users.update(userId('ann'), (user) => ({ ...user, profileIds: ids.map(profileId) }), UPDATED)
      assert.equal(await isHeld(), false)
      await give(['default', 'p', 'p'])
      assert.equal(await isHeld(), true)
      await give(['default'])
      assert.equal(await isHeld(), false)
      await give(['p'])
      await storage.users.remove(userId('ann'), DELETED)
      assert.equal(await isHeld(), false)
    }),
  )
}

function describeUpdating(withStorage: WithStorage): void {
  test(
    'no update is lost when 64 add to one user at once',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const increments = numbers(64).map(() =>
        storage.users.update(
          userId('ann'),
          (user) => ({ ...user, content: { n: Number(user.content['n'] ?? 0) + 1 } }),
          UPDATED,
        ),
      )
      const answers = await Promise.all(increments)
      assert.deepEqual((await storage.users.find(userId('ann')))?.content, { n: 64 })
      assert.deepEqual(new Set(answers.map((user) => user.content['n'])).size, 64)
    }),
  )

  test(
    'an update answers what is stored afterwards',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const updated = await storage.users.update(
        userId('ann'),
        (user) => ({
          ...user,
          content: { x: 1 },
          record: { ...user.record, updatedBy: TESTER, updatedAt: 7 },
        }),
        UPDATED,
      )
      assert.deepEqual(updated, await storage.users.find(userId('ann')))
      assert.deepEqual(updated.record, {
        createdBy: TESTER,
        createdAt: 1_000,
        updatedBy: TESTER,
        updatedAt: 7,
      })
    }),
  )

  test(
    'a refused update changes nothing and leaves no audit event',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const before = await storage.users.find(userId('ann'))
      const ours = new RangeError('no')
      const { users } = storage
      await refusal(
        users.update(userId('nobody'), (user) => user, UPDATED),
        'user.not_found',
      )
      await refusal(
        users.update(userId('ann'), (user) => ({ ...user, profileIds: [profileId('none')] }), UPDATED),
        'profile.not_found',
      )
      const thrown = users.update(
        userId('ann'),
        () => {
          throw ours
        },
        UPDATED,
      )
      await assert.rejects(thrown, (error) => error === ours)
      assert.deepEqual(await users.find(userId('ann')), before)
      assert.deepEqual(await auditSubjects(storage, 'user.update'), [])
    }),
  )
}

function describeRemoving(withStorage: WithStorage): void {
  test(
    'with a user go its credentials, sessions and more than a thousand keys, and nothing of others',
    withStorage(async (storage) => {
      await withUsers(storage, 'bob')
      await storage.users.create(aUser('ann'), [someCredentials('ann')], CREATED)
      const keys = numbers(1_100).map((n) => aKey(`k${n}`, 'ann'))
      const sessions = numbers(3).map((n) => aSession(`s${n}`, 'ann'))
      const others = aKey('of-bob', 'bob')
      const created = anEvent('key.create')
      await Promise.all([...keys, others].map((key) => storage.keys.insert(key, undefined, created)))
      for (const session of sessions) await storage.sessions.insert(session, anEvent('session.login'))

      const { user, endedTokens } = await storage.users.remove(userId('ann'), DELETED)

      assert.deepEqual(user, aUser('ann'))
      const expected = [...keys, ...sessions].map((token) => token.fingerprint)
      assert.deepEqual([...endedTokens].sort(), expected.sort())
      assert.equal(await storage.users.find(userId('ann')), undefined)
      assert.equal(await storage.users.findCredentials(userId('ann')), undefined)
      assert.equal(await storage.keys.countByOwner(userId('ann')), 0)
      for (const key of keys) assert.equal(await storage.keys.findById(key.id), undefined)
      for (const session of sessions) {
        assert.equal(await storage.sessions.findByFingerprint(session.fingerprint), undefined)
      }
      assert.deepEqual(await storage.keys.findById(others.id), others)
      assert.deepEqual(await auditSubjects(storage, 'user.delete'), ['user'])
    }),
  )

  test(
    'keys written at the moment their owner goes do not outlive it, even when its id is given again',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const insert = (n: number) =>
        storage.keys.insert(aKey(`k${n}`, 'ann'), undefined, anEvent('key.create'))
      const before = numbers(20).map(insert)
      const removal = storage.users.remove(userId('ann'), DELETED)
      const after = numbers(20).map((n) => insert(20 + n))
      const { codes } = await outcomes([...before, removal, ...after])
      assert.ok([...codes].every((code) => code === 'user.not_found'))
      await storage.users.create(aUser('ann'), [], CREATED)
      assert.equal(await storage.keys.countByOwner(userId('ann')), 0)
      for (const n of numbers(40))
        assert.equal(await storage.keys.findById(aKey(`k${n}`, 'ann').id), undefined)
    }),
  )

  test(
    'a user that does not exist, and the anonymous one, cannot be removed',
    withStorage(async (storage) => {
      const key = aKey('k', '-1')
      await storage.keys.insert(key, undefined, anEvent('key.create'))
      await refusal(storage.users.remove(userId('nobody'), DELETED), 'user.not_found')
      await refusal(storage.users.remove(userId('-1'), DELETED), 'user.not_found')
      assert.deepEqual(await storage.keys.findById(key.id), key)
    }),
  )
}

function describeRemovingAll(withStorage: WithStorage): void {
  test(
    'with all users goes everything that belongs to users, the anonymous one included',
    withStorage(async (storage) => {
      await withUsers(storage, 'bob')
      await storage.users.create(aUser('ann'), [someCredentials('ann')], CREATED)
      const keys = [aKey('a', 'ann'), aKey('b', '-1')]
      const session = aSession('s', '-1')
      for (const key of keys) await storage.keys.insert(key, 1, anEvent('key.create'))
      await storage.sessions.insert(session, anEvent('session.login'))

      const { count, endedTokens } = await storage.users.removeAll(DELETED)

      assert.equal(count, 2)
      const expected = [...keys, session].map((token) => token.fingerprint)
      assert.deepEqual([...endedTokens].sort(), expected.sort())
      assert.deepEqual(await storage.users.findMany([userId('ann'), userId('bob')]), [])
      assert.equal(await storage.users.findCredentialsByUsername('login-of-ann'), undefined)
      assert.equal(await storage.users.existsWithProfile(profileId('default')), false)
      for (const { id } of keys) assert.equal(await storage.keys.findById(id), undefined)
      await storage.keys.insert(aKey('c', '-1'), 1, anEvent('key.create'))
      assert.deepEqual(await auditSubjects(storage, 'user.delete'), ['user'])
    }),
  )

  test(
    'roles, profiles and what happened survive the removal of all users',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const profile = await storage.access.findProfile(profileId('default'))
      const events = await storage.audit.list(0, 100)
      await storage.users.removeAll(DELETED)
      assert.equal(await storage.access.findProfile(profileId('default')), profile)
      assert.deepEqual((await storage.audit.list(0, 100)).slice(0, -1), events)
    }),
  )
}
