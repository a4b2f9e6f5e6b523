import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FoundKey } from '../../core/keys/api-key.ts'
import { type Fingerprint, fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { KeyStore } from '../../core/ports/key-store.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, aRevocation, keyId, numbers, revokeKey, userId, withUsers } from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('key.create', 'key')
const UPDATED = anEvent('key.update', 'key')

/** The promises of `KeyStore.lookUp`. */
export function describeKeyLookUp(withStorage: WithStorage): void {
  describe('looking keys up', () => {
    describeIdentity(withStorage)
    describeFreshness(withStorage)
    describeRange(withStorage)
  })
}

async function found(keys: KeyStore, fingerprint: Fingerprint): Promise<FoundKey> {
  const answer = await keys.lookUp(fingerprint)
  assert.ok(answer !== undefined, 'nothing was found')
  return answer
}

function describeIdentity(withStorage: WithStorage): void {
  test(
    'a key is the identical, frozen object as long as nothing about it changes',
    withStorage(async ({ keys }) => {
      const key = aKey('k', '-1', { policy: { credits: { initial: 10 } } })
      await keys.insert(key, undefined, CREATED)
      const first = await found(keys, key.fingerprint)
      assert.deepEqual(first, { key })
      assert.ok(Object.isFrozen(first) && Object.isFrozen(first.key))

      await keys.insert(aKey('other', '-1'), undefined, CREATED)
      await revokeKey(keys, 'other')
      await keys.spend(key.id, 3, 2_000)
      await keys.noteUses([{ id: key.id, since: 2_000, lastUsedAt: 2_000, days: new Map() }])
      await keys.purge({ now: 3_000, revokedBefore: 3_000, usedBefore: 0 })
      assert.equal(await keys.lookUp(key.fingerprint), first)
    }),
  )

  const changes: Readonly<Record<string, (storage: Storage) => Promise<unknown>>> = {
    'an update': ({ keys }) => keys.update(keyId('k'), (key) => ({ ...key, description: 'new' }), UPDATED),
    'a rotation': ({ keys }) =>
      keys.rotate(
        keyId('k'),
        {
          replaces: aKey('k', 'ann').fingerprint,
          fingerprint: fingerprintOf('new'),
          previousGoodUntil: 9_000,
        },
        anEvent('key.rotate'),
      ),
    'its revocation': ({ keys }) => revokeKey(keys, 'k'),
    'limits of its owner': ({ keys }) =>
      keys.setOwnerLimits(userId('ann'), [{ name: 'all', limit: 1, windowMs: 1 }], anEvent('owner.limits')),
    'the removal of its owner': ({ users }) => users.remove(userId('ann'), anEvent('user.delete')),
    'the removal of all users': ({ users }) => users.removeAll(anEvent('user.delete')),
    'a use, when it has an idle timeout': ({ keys }) =>
      keys.noteUses([{ id: keyId('k'), since: 5_000, lastUsedAt: 5_000, days: new Map() }]),
  }
  for (const [change, make] of Object.entries(changes)) {
    test(
      `after ${change} a key is another object at once, and the old one is what it was`,
      withStorage(async (storage) => {
        await withUsers(storage, 'ann')
        const key = aKey('k', 'ann', { policy: { idleTimeoutMs: 10_000 } })
        await storage.keys.insert(key, undefined, CREATED)
        const before = await found(storage.keys, key.fingerprint)
        await make(storage)
        const after = await found(storage.keys, key.fingerprint)
        assert.notDeepEqual(after, before)
        assert.deepEqual(before, { key })
        assert.equal(await storage.keys.lookUp(key.fingerprint), after)
      }),
    )
  }
}

function describeFreshness(withStorage: WithStorage): void {
  test(
    'a fingerprint that led to nothing leads to its key as soon as that is stored',
    withStorage(async ({ keys }) => {
      for (const n of numbers(20)) {
        const key = aKey(`k${n}`, '-1')
        assert.equal(await keys.lookUp(key.fingerprint), undefined)
        await keys.insert(key, undefined, CREATED)
        assert.deepEqual(await keys.lookUp(key.fingerprint), { key })
      }
    }),
  )

  test(
    'a revoked key is found as such, and as good again once it is restored',
    withStorage(async ({ keys }) => {
      const key = aKey('k', '-1')
      await keys.insert(key, undefined, CREATED)
      for (const at of numbers(20)) {
        assert.deepEqual(await keys.lookUp(key.fingerprint), { key })
        const revocation = aRevocation({ at, reason: 'keyCompromise', comment: 'on the web' })
        await keys.revoke(key.id, { revocation }, anEvent('key.delete'))
        assert.deepEqual(await keys.lookUp(key.fingerprint), { key, revocation })
        await keys.restore(key.id, { revokedSince: 0 }, anEvent('key.restore'))
      }
    }),
  )

  test(
    'the first use of a secret after its revocation was acknowledged finds the revocation, in any order of events',
    withStorage(async ({ keys }) => {
      const many = numbers(200).map((n) => aKey(`k${n}`, '-1'))
      await Promise.all(many.map((key) => keys.insert(key, undefined, CREATED)))
      const revocations = many.map(async (key) => {
        assert.equal((await found(keys, key.fingerprint)).revocation, undefined)
        await revokeKey(keys, key.id)
        assert.notEqual((await found(keys, key.fingerprint)).revocation, undefined)
      })
      await Promise.all(revocations)
    }),
  )

  test(
    'limits of the owner come with each of its keys, until they end',
    withStorage(async (storage) => {
      const { keys } = storage
      await withUsers(storage, 'ann', 'bob')
      const [one, two, other] = [aKey('a1', 'ann'), aKey('a2', 'ann'), aKey('b', 'bob')]
      for (const key of [one, two, other]) await keys.insert(key, undefined, CREATED)
      const limits = [{ name: 'all', limit: 10, windowMs: 1_000 }]
      const foreign = await found(keys, other.fingerprint)
      await keys.lookUp(one.fingerprint)
      await keys.setOwnerLimits(userId('ann'), limits, anEvent('owner.limits'))
      for (const key of [one, two]) {
        assert.deepEqual(await keys.lookUp(key.fingerprint), { key, ownerLimits: limits })
      }
      assert.equal(await keys.lookUp(other.fingerprint), foreign)
      await keys.setOwnerLimits(userId('ann'), [], anEvent('owner.limits'))
      for (const key of [one, two]) assert.deepEqual(await keys.lookUp(key.fingerprint), { key })
    }),
  )
}

function describeRange(withStorage: WithStorage): void {
  test(
    'fingerprints are found by how they begin: those of keys and of earlier secrets, not of revoked keys',
    withStorage(async ({ keys }) => {
      const beginning = (digits: string, more: string) => digits.padEnd(63, '0').concat(more) as Fingerprint
      const stored = {
        first: '00000'.padEnd(64, '0') as Fingerprint,
        one: beginning('abcde', '1'),
        last: 'abcde'.padEnd(64, 'f') as Fingerprint,
        before: 'abcdd'.padEnd(64, 'f') as Fingerprint,
        after: 'abcdf'.padEnd(64, '0') as Fingerprint,
        revoked: beginning('abcde', '2'),
      }
      for (const [id, fingerprint] of Object.entries(stored)) {
        await keys.insert({ ...aKey(id, '-1'), fingerprint }, undefined, CREATED)
      }
      const next = beginning('abcde', '3')
      await keys.rotate(
        keyId('before'),
        { replaces: stored.before, fingerprint: next, previousGoodUntil: 9_000 },
        anEvent('key.rotate'),
      )
      await revokeKey(keys, 'revoked')
      const from = async (digits: string, max = 100) => [...(await keys.fingerprintsFrom(digits, max))].sort()
      assert.deepEqual(await from('abcde'), [stored.one, next, stored.last].sort())
      assert.deepEqual(await from('abcdd'), [stored.before], 'an earlier secret')
      assert.deepEqual(await from('00000'), [stored.first])
      assert.deepEqual(await from('12345'), [])
      assert.equal((await from('a')).length, 5)
      assert.equal((await from('a', 2)).length, 2)
    }),
  )
}
