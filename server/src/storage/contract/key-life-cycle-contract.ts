import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import { rotateOn } from './key-rotation-contract.ts'
import {
  aKey,
  anEvent,
  aRevocation,
  auditSubjects,
  keyId,
  numbers,
  outcomes,
  refusal,
  revokeKey,
  TESTER,
  userId,
  withUsers,
} from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('key.create', 'key')
const UPDATED = anEvent('key.update', 'key')
const RESTORED = anEvent('key.restore', 'key')
const DELETED = anEvent('key.delete', 'key')
const FOREVER = { revokedSince: 0 }

/** The promises of `KeyStore` about keys that change and end. */
export function describeKeyLifeCycle(withStorage: WithStorage): void {
  describe('the life of keys', () => {
    describeUpdating(withStorage)
    describeRevoking(withStorage)
    describeRestoring(withStorage)
    describeOwnersThatGo(withStorage)
    describeOwnerLimits(withStorage)
    describePurge(withStorage)
  })
}

function describeUpdating(withStorage: WithStorage): void {
  test(
    'a key becomes what the change makes of it; what tells keys apart stays',
    withStorage(async (storage) => {
      const { keys } = storage
      const key = aKey('k', '-1', {
        goodFrom: 1,
        lastUsedAt: 2,
        previous: [{ fingerprint: fingerprintOf('old'), goodUntil: 3 }],
        metadata: { a: 1 },
      })
      await keys.insert(key, undefined, CREATED)
      const wanted = aKey('other', 'somebody', {
        description: 'new',
        expiresAt: 5_000,
        ttlMs: 4_000,
        policy: { scopes: ['a:b'] },
        disabled: { at: 1, by: TESTER },
        record: { ...key.record, updatedBy: userId('b'), updatedAt: 3 },
      })
      const { id, owner, fingerprint } = key
      const expected = {
        ...wanted,
        ...{ id, owner, fingerprint, goodFrom: 1, lastUsedAt: 2 },
        previous: [{ fingerprint: fingerprintOf('old'), goodUntil: 3 }],
      }
      assert.deepEqual(await keys.update(id, () => wanted, UPDATED), expected)
      assert.deepEqual(await keys.findById(id), expected)
      assert.equal(await keys.countByOwner(owner), 1)
      assert.deepEqual(await auditSubjects(storage, 'key.update'), ['key'])
    }),
  )

  test(
    'of many updates at once none is lost',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1', { metadata: { n: 0 } }), undefined, CREATED)
      const addOne = (key: ApiKey): ApiKey => ({ ...key, metadata: { n: Number(key.metadata?.['n']) + 1 } })
      await Promise.all(numbers(64).map(() => keys.update(keyId('k'), addOne, UPDATED)))
      assert.deepEqual((await keys.findById(keyId('k')))?.metadata, { n: 64 })
    }),
  )

  test(
    'a change that throws changes nothing, and there is none of a key that does not exist',
    withStorage(async (storage) => {
      const { keys } = storage
      const key = aKey('k', '-1')
      await keys.insert(key, undefined, CREATED)
      const change = () => {
        throw new Error('no')
      }
      await assert.rejects(keys.update(key.id, change, UPDATED), /^Error: no$/)
      assert.deepEqual(await keys.findById(key.id), key)
      assert.equal(await keys.update(keyId('none'), change, UPDATED), undefined)
      assert.deepEqual(await auditSubjects(storage, 'key.update'), [])
    }),
  )
}

function describeRevoking(withStorage: WithStorage): void {
  test(
    'a revoked key is answered once, is no key any more, and is remembered with the reason',
    withStorage(async (storage) => {
      const { keys } = storage
      const key = aKey('k', '-1', { ttlMs: 5, expiresAt: 6, policy: { scopes: [] }, metadata: { a: 1 } })
      const revocation = aRevocation({ reason: 'superseded', comment: 'by k2' })
      await keys.insert(key, undefined, CREATED)
      assert.deepEqual(await keys.revoke(key.id, { revocation }, DELETED), key)
      assert.equal(await keys.findById(key.id), undefined)
      assert.deepEqual(await keys.findRevoked(key.id), { key, revocation })
      assert.deepEqual(await keys.lookUp(key.fingerprint), { key, revocation })
      assert.equal(await keys.revoke(key.id, { revocation }, DELETED), undefined)
      assert.equal(await keys.findRevoked(keyId('none')), undefined)
      assert.equal((await auditSubjects(storage, 'key.delete')).length, 1)
    }),
  )

  test(
    'all secrets that were good when a key was revoked lead to its revocation',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      for (const n of numbers(2)) await rotateOn(keys, n, 5_000)
      const secrets = ['key of k', 'secret 1', 'secret 2'].map(fingerprintOf)
      for (const secret of secrets) assert.equal((await keys.lookUp(secret))?.revocation, undefined)
      const revoked = await revokeKey(keys, 'k')
      for (const secret of secrets) {
        const { key, revocation } = (await keys.lookUp(secret)) ?? {}
        assert.deepEqual({ key, revocation }, { key: revoked, revocation: aRevocation() })
      }
    }),
  )

  test(
    "somebody else's key is not revoked",
    withStorage(async (storage) => {
      await withUsers(storage, 'ann', 'bob')
      const key = aKey('of-ann', 'ann')
      await storage.keys.insert(key, undefined, CREATED)
      assert.equal(await revokeKey(storage.keys, key.id, 'bob'), undefined)
      assert.deepEqual(await storage.keys.findById(key.id), key)
      assert.deepEqual(await auditSubjects(storage, 'key.delete'), [])
      assert.deepEqual(await revokeKey(storage.keys, key.id, 'ann'), key)
    }),
  )

  test(
    'of 64 revocations of one key at once exactly one gets it',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      const revoked = await Promise.all(numbers(64).map(() => revokeKey(keys, 'k')))
      assert.equal(revoked.filter((key) => key !== undefined).length, 1)
      assert.equal(await keys.countByOwner(userId('-1')), 0)
    }),
  )

  test(
    'the id of a revoked key may be used again, and then the one revoked last is remembered by it',
    withStorage(async ({ keys }) => {
      const [one, two] = ['one', 'two'].map((n) => aKey('k', '-1', { fingerprint: fingerprintOf(n) }))
      assert.ok(one !== undefined && two !== undefined)
      for (const key of [one, two]) {
        await keys.insert(key, undefined, CREATED)
        await revokeKey(keys, key.id)
        assert.deepEqual((await keys.findRevoked(key.id))?.key, key)
      }
      for (const key of [one, two]) assert.deepEqual((await keys.lookUp(key.fingerprint))?.key, key)
    }),
  )
}

function describeRestoring(withStorage: WithStorage): void {
  test(
    'a restored key is what it was, with all its secrets, what is left of its budget, and its counts',
    withStorage(async (storage) => {
      const { keys } = storage
      await withUsers(storage, 'ann')
      const key = aKey('k', 'ann', {
        policy: { scopes: ['a:*'], credits: { initial: 10 } },
        metadata: { a: 1 },
      })
      await keys.insert(key, undefined, CREATED)
      await rotateOn(keys, 0, 5_000)
      await keys.spend(key.id, 4, 2_000)
      await keys.noteUses([
        { id: key.id, since: 3_000, lastUsedAt: 3_000, days: new Map([[7, { accepted: 2, refused: 1 }]]) },
      ])
      const before = await keys.findById(key.id)
      assert.equal(before?.lastUsedAt, 3_000)
      await revokeKey(keys, key.id)
      assert.equal(await keys.credits(key.id, 2_000), undefined)
      assert.deepEqual(await keys.usage(key.id, 9), [{ day: 7, accepted: 2, refused: 1 }])

      assert.deepEqual(await keys.restore(key.id, FOREVER, RESTORED), before)
      assert.deepEqual(await keys.findById(key.id), before)
      assert.deepEqual(await keys.lookUp(fingerprintOf('secret 1')), { key: before })
      assert.deepEqual(await keys.lookUp(key.fingerprint), { key: before, goodUntil: 5_000 })
      assert.equal((await keys.credits(key.id, 2_000))?.remaining, 6)
      assert.deepEqual(await keys.usage(key.id, 9), [{ day: 7, accepted: 2, refused: 1 }])
      assert.equal(await keys.countByOwner(key.owner), 1)
      assert.equal(await keys.findRevoked(key.id), undefined)
      assert.deepEqual(await auditSubjects(storage, 'key.restore'), ['key'])
    }),
  )

  test(
    'a key is restored once, and only when it was revoked late enough',
    withStorage(async (storage) => {
      const { keys } = storage
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      assert.equal(await keys.restore(keyId('k'), FOREVER, RESTORED), undefined)
      await keys.revoke(keyId('k'), { revocation: aRevocation({ at: 5_000 }) }, DELETED)
      assert.equal(await keys.restore(keyId('k'), { revokedSince: 5_001 }, RESTORED), undefined)
      const restored = numbers(16).map(() => keys.restore(keyId('k'), { revokedSince: 5_000 }, RESTORED))
      assert.equal((await Promise.allSettled(restored)).filter(isFulfilledWithKey).length, 1)
      assert.equal(await keys.countByOwner(userId('-1')), 1)
      assert.equal((await auditSubjects(storage, 'key.restore')).length, 1)
    }),
  )

  test(
    'a key is not restored over another one, above the limit of its owner, or without its owner',
    withStorage(async (storage) => {
      const { keys } = storage
      await withUsers(storage, 'ann')
      await keys.insert(aKey('k', 'ann'), undefined, CREATED)
      await revokeKey(keys, 'k')
      await keys.insert(aKey('other', 'ann'), undefined, CREATED)
      const bounds = { ...FOREVER, perOwnerMax: 1 }
      await refusal(keys.restore(keyId('k'), bounds, RESTORED), 'key.owner_full')
      await keys.insert(aKey('k', '-1', { fingerprint: fingerprintOf('new') }), undefined, CREATED)
      await refusal(keys.restore(keyId('k'), FOREVER, RESTORED), 'key.id_taken')
      await storage.users.remove(userId('ann'), anEvent('user.delete'))
      await refusal(keys.restore(keyId('other'), FOREVER, RESTORED), 'user.not_found')
      assert.notEqual(await keys.findRevoked(keyId('k')), undefined)
      assert.deepEqual(await auditSubjects(storage, 'key.restore'), [])
    }),
  )
}

function isFulfilledWithKey(settled: PromiseSettledResult<ApiKey | undefined>): boolean {
  return settled.status === 'fulfilled' && settled.value !== undefined
}

function describeOwnersThatGo(withStorage: WithStorage): void {
  const event = anEvent('user.delete', 'user', { at: 4_000 })
  const revocation = { at: 4_000, by: TESTER, reason: 'cessationOfOperation' }

  test(
    'the keys of a user that is removed are revoked with all their secrets',
    withStorage(async (storage) => {
      const { keys, users } = storage
      await withUsers(storage, 'ann', 'bob')
      for (const [id, owner] of [
        ['k', 'ann'],
        ['k2', 'ann'],
        ['b', 'bob'],
      ] as const) {
        await keys.insert(aKey(id, owner), undefined, CREATED)
      }
      await rotateOn(keys, 0, 5_000)
      const secrets = ['key of k', 'secret 1', 'key of k2'].map(fingerprintOf)
      for (const secret of secrets) assert.equal((await keys.lookUp(secret))?.revocation, undefined)

      const { endedTokens } = await users.remove(userId('ann'), event)
      assert.deepEqual([...endedTokens].sort(), secrets.toSorted())
      for (const secret of secrets) assert.deepEqual((await keys.lookUp(secret))?.revocation, revocation)
      assert.equal((await keys.lookUp(fingerprintOf('key of b')))?.revocation, undefined)
    }),
  )

  test(
    'so are all keys when all users are removed, and limits of owners end',
    withStorage(async (storage) => {
      const { keys, users } = storage
      await withUsers(storage, 'ann')
      await keys.insert(aKey('k', 'ann'), undefined, CREATED)
      await keys.insert(aKey('anonymous', '-1'), undefined, CREATED)
      await rotateOn(keys, 0, 5_000)
      await keys.setOwnerLimits(userId('ann'), [{ name: 'a', limit: 1, windowMs: 1 }], UPDATED)
      const secrets = ['key of k', 'secret 1', 'key of anonymous'].map(fingerprintOf)
      for (const secret of secrets) assert.equal((await keys.lookUp(secret))?.revocation, undefined)

      const { endedTokens } = await users.removeAll(event)
      assert.deepEqual([...endedTokens].sort(), secrets.toSorted())
      for (const secret of secrets) assert.deepEqual((await keys.lookUp(secret))?.revocation, revocation)
      assert.deepEqual(await keys.ownerLimits(userId('ann')), [])
    }),
  )
}

function describeOwnerLimits(withStorage: WithStorage): void {
  test(
    'limits of an owner are what was set last, and end with the owner',
    withStorage(async (storage) => {
      const { keys } = storage
      await withUsers(storage, 'ann')
      const [ann, limits] = [userId('ann'), [{ name: 'a', limit: 1, windowMs: 1, automatic: false }]]
      const event = anEvent('owner.limits', 'owner')
      assert.deepEqual(await keys.ownerLimits(ann), [])
      await keys.setOwnerLimits(ann, [{ name: 'b', limit: 2, windowMs: 2 }], event)
      await keys.setOwnerLimits(ann, limits, event)
      assert.deepEqual(await keys.ownerLimits(ann), limits)
      await refusal(keys.setOwnerLimits(userId('nobody'), limits, event), 'user.not_found')
      await keys.setOwnerLimits(userId('-1'), limits, event)
      assert.deepEqual(await keys.ownerLimits(userId('-1')), limits)
      await storage.users.remove(ann, anEvent('user.delete'))
      assert.deepEqual(await keys.ownerLimits(ann), [])
      assert.equal((await auditSubjects(storage, 'owner.limits')).length, 3)
    }),
  )
}

function describePurge(withStorage: WithStorage): void {
  const day = 86_400_000

  test(
    'a purge forgets secrets that ended, keys revoked long ago and old counts, and nothing else',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1', { policy: { credits: { initial: 9 } } }), undefined, CREATED)
      for (const [n, goodUntil] of [5_000, 6_000].entries()) await rotateOn(keys, n, goodUntil)
      for (const [id, at] of [
        ['early', 5_000],
        ['late', 5_001],
      ] as const) {
        await keys.insert(aKey(id, '-1'), undefined, CREATED)
        await keys.revoke(keyId(id), { revocation: aRevocation({ at }) }, DELETED)
      }
      const uses = [3, 4, 5].map((n) => [n, { accepted: n, refused: 0 }] as const)
      await keys.noteUses([{ id: keyId('k'), since: 1_000, lastUsedAt: 1_000, days: new Map(uses) }])
      const secrets = ['key of k', 'secret 1', 'key of early', 'key of late'].map(fingerprintOf)
      for (const secret of secrets) assert.notEqual(await keys.lookUp(secret), undefined)

      await keys.purge({ now: 5_000, revokedBefore: 5_001, usedBefore: 4 * day + 1 })
      assert.equal(await keys.lookUp(fingerprintOf('key of k')), undefined)
      const previous = [{ fingerprint: fingerprintOf('secret 1'), goodUntil: 6_000 }]
      assert.deepEqual((await keys.findById(keyId('k')))?.previous, previous)
      assert.deepEqual((await keys.lookUp(fingerprintOf('secret 2')))?.key.previous, previous)
      assert.equal((await keys.lookUp(fingerprintOf('secret 1')))?.goodUntil, 6_000)
      assert.equal(await keys.findRevoked(keyId('early')), undefined)
      assert.equal(await keys.lookUp(fingerprintOf('key of early')), undefined)
      assert.notEqual((await keys.lookUp(fingerprintOf('key of late')))?.revocation, undefined)
      assert.deepEqual(
        (await keys.usage(keyId('k'), 9)).map((use) => use.day),
        [5, 4],
      )
      assert.equal((await keys.credits(keyId('k'), 1))?.remaining, 9)
    }),
  )

  test(
    'purging again and again forgets everything, however much there is',
    withStorage(async (storage) => {
      const { keys } = storage
      const all = numbers(700).map((n) => aKey(`k${n}`, '-1'))
      await Promise.all(all.map((key) => keys.insert(key, undefined, CREATED)))
      const { fulfilled } = await outcomes(all.map((key) => revokeKey(keys, key.id)))
      assert.equal(fulfilled, 700)
      const bounds = { now: 0, revokedBefore: 2_001, usedBefore: 0 }
      for (const _ of numbers(2)) await keys.purge(bounds)
      const left = await keys.list({ state: 'revoked', now: 0 }, { limit: 1_000 })
      assert.deepEqual(left, { keys: [] })
    }),
  )
}
