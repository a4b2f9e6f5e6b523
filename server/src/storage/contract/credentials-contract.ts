import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  anEvent,
  auditSubjects,
  numbers,
  outcomes,
  refusal,
  someCredentials,
  userId,
  withUsers,
} from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('credentials.create', 'ann')
const UPDATED = anEvent('credentials.update', 'ann')
const DELETED = anEvent('credentials.delete', 'ann')

/** The promises of `UserStore` about credentials. */
export function describeCredentials(withStorage: WithStorage): void {
  describe('credentials', () => {
    describeCreating(withStorage)
    describeUpdating(withStorage)
    describeHashing(withStorage)
    describeRemoving(withStorage)
  })
}

function describeCreating(withStorage: WithStorage): void {
  test(
    'credentials are found by owner and by the exact username',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const credentials = someCredentials('ann', { username: 'Ann' })
      await storage.users.createCredentials(credentials, CREATED)
      assert.deepEqual(await storage.users.findCredentials(credentials.owner), credentials)
      assert.deepEqual(await storage.users.findCredentialsByUsername('Ann'), credentials)
      for (const other of ['ann', 'ANN', 'Ann ', '']) {
        assert.equal(await storage.users.findCredentialsByUsername(other), undefined)
      }
      assert.deepEqual(await auditSubjects(storage, 'credentials.create'), ['ann'])
    }),
  )

  test(
    'of 64 users that take one username at once exactly one gets it',
    withStorage(async (storage) => {
      const owners = numbers(64).map((n) => `u${n}`)
      await withUsers(storage, ...owners)
      const creations = owners.map((owner) =>
        storage.users.createCredentials(someCredentials(owner, { username: 'same' }), CREATED),
      )
      const { fulfilled, codes } = await outcomes(creations)
      assert.equal(fulfilled, 1)
      assert.deepEqual([...codes], ['credentials.username_taken'])
      assert.equal((await auditSubjects(storage, 'credentials.create')).length, 1)
    }),
  )

  test(
    'credentials need a user that has none',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const { users } = storage
      await refusal(users.createCredentials(someCredentials('nobody'), CREATED), 'user.not_found')
      await users.createCredentials(someCredentials('ann'), CREATED)
      const second = someCredentials('ann', { username: 'other' })
      await refusal(users.createCredentials(second, CREATED), 'credentials.already_exist')
      assert.deepEqual(await users.findCredentials(userId('ann')), someCredentials('ann'))
      assert.equal(await users.findCredentialsByUsername('other'), undefined)
    }),
  )
}

function describeUpdating(withStorage: WithStorage): void {
  test(
    'updated credentials are found under the new username only',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      await storage.users.createCredentials(someCredentials('ann', { username: 'old' }), CREATED)
      const next = someCredentials('ann', { username: 'new', passwordHash: 'other' })
      const change = { username: 'new', passwordHash: 'other' }
      assert.deepEqual(await storage.users.updateCredentials(next.owner, change, UPDATED), next)
      assert.deepEqual(await storage.users.findCredentialsByUsername('new'), next)
      assert.equal(await storage.users.findCredentialsByUsername('old'), undefined)
      assert.deepEqual(await auditSubjects(storage, 'credentials.update'), ['ann'])
    }),
  )

  test(
    'updates of different parts at once both count',
    withStorage(async (storage) => {
      const { users } = storage
      const owner = userId('ann')
      await withUsers(storage, 'ann')
      await users.createCredentials(someCredentials('ann', { username: 'old', passwordHash: 'old' }), CREATED)
      await Promise.all([
        users.updateCredentials(owner, { passwordHash: 'new' }, UPDATED),
        users.updateCredentials(owner, { username: 'new' }, UPDATED),
      ])
      const next = someCredentials('ann', { username: 'new', passwordHash: 'new' })
      assert.deepEqual(await users.findCredentials(owner), next)
    }),
  )

  test(
    'an update needs credentials that are stored, and a username that nobody else has',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann', 'bob')
      const { users } = storage
      await refusal(
        users.updateCredentials(userId('ann'), { username: 'x' }, UPDATED),
        'credentials.not_found',
      )
      await users.createCredentials(someCredentials('ann'), CREATED)
      await users.createCredentials(someCredentials('bob'), CREATED)
      const stolen = { username: 'login-of-bob', passwordHash: 'x' }
      await refusal(users.updateCredentials(userId('ann'), stolen, UPDATED), 'credentials.username_taken')
      assert.deepEqual(await users.findCredentials(userId('ann')), someCredentials('ann'))
      assert.deepEqual(await auditSubjects(storage, 'credentials.update'), [])
    }),
  )
}

function describeHashing(withStorage: WithStorage): void {
  test(
    'a new hash is stored only while the old one is still there',
    withStorage(async (storage) => {
      const { users } = storage
      await withUsers(storage, 'ann')
      const owner = userId('ann')
      await users.createCredentials(someCredentials('ann', { passwordHash: 'first' }), CREATED)
      await users.replacePasswordHash(owner, 'first', 'second')
      assert.equal((await users.findCredentials(owner))?.passwordHash, 'second')
      await users.replacePasswordHash(owner, 'first', 'third')
      assert.equal((await users.findCredentials(owner))?.passwordHash, 'second')
      await users.replacePasswordHash(userId('nobody'), 'first', 'third')
    }),
  )
}

function describeRemoving(withStorage: WithStorage): void {
  test(
    'removed credentials are gone, their username free, and their user still there',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann', 'bob')
      const { users } = storage
      await users.createCredentials(someCredentials('ann', { username: 'same' }), CREATED)
      await users.removeCredentials(userId('ann'), DELETED)
      assert.equal(await users.findCredentials(userId('ann')), undefined)
      assert.equal((await users.find(userId('ann')))?.id, 'ann')
      await refusal(users.removeCredentials(userId('ann'), DELETED), 'credentials.not_found')
      await users.createCredentials(someCredentials('bob', { username: 'same' }), CREATED)
      assert.deepEqual(await auditSubjects(storage, 'credentials.delete'), ['ann'])
    }),
  )
}
