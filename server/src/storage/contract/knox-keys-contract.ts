import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey, RevokedKey } from '../../core/keys/api-key.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { KeyFilter, KeyStore, OwnerRoom } from '../../core/ports/key-store.ts'
import type { Storage } from '../../core/ports/storage.ts'
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

/** A key of Knox's family. */
export function aKnoxKey(id: string, owner: string, more: Partial<ApiKey> = {}): ApiKey {
  return aKey(id, owner, { family: 'knox', knox: { type: 'API_KEY' }, ...more })
}

/** The promises of `KeyStore` about keys of Knox's family. */
export function describeKnoxKeys(withStorage: WithStorage): void {
  describe("keys of Knox's family", () => {
    describeOwners(withStorage)
    describeRoom(withStorage)
    describeMakingRoom(withStorage)
    describeNamesakes(withStorage)
    describeListing(withStorage)
    describeEviction(withStorage)
  })
}

function describeOwners(withStorage: WithStorage): void {
  test(
    'come back whole, and belong to whomever they say, user or not',
    withStorage(async ({ keys }) => {
      const key = aKnoxKey('k', 'nobody-here', {
        knox: { type: 'CLIENT_ID', maxLifetimeAt: 9_000, thirdPartyApp: false },
        metadata: { team: 'a' },
        policy: { scopes: ['a:b'] },
      })
      assert.equal(await keys.insertKnox(key, undefined, CREATED), undefined)
      assert.deepEqual(await keys.findById(key.id), key)
      assert.deepEqual(await keys.lookUp(key.fingerprint), { key })
      await refusal(
        keys.insertKnox({ ...key, fingerprint: fingerprintOf('x') }, undefined, CREATED),
        'key.id_taken',
      )
    }),
  )

  test(
    'are rotated, revoked and restored as all others, without their owner being a user',
    withStorage(async ({ keys }) => {
      const key = aKnoxKey('k', 'nobody-here')
      await keys.insertKnox(key, undefined, CREATED)
      const to = { replaces: key.fingerprint, fingerprint: fingerprintOf('new') }
      const rotated = await keys.rotate(key.id, to, anEvent('key.rotate'))
      assert.deepEqual(rotated, { ...key, fingerprint: to.fingerprint })
      assert.deepEqual(await revokeKey(keys, 'k'), rotated)
      assert.deepEqual((await keys.findRevoked(key.id))?.key, rotated)
      assert.deepEqual(
        await keys.restore(key.id, { revokedSince: 0, perOwnerMax: 0 }, anEvent('key.restore')),
        rotated,
      )
    }),
  )

  test(
    'share limits of their owner, user or not',
    withStorage(async ({ keys }) => {
      const limits = [{ name: 'all', limit: 5, windowMs: 1_000, automatic: true }]
      const [ann, event] = [userId('ann'), anEvent('owner.limits')]
      await refusal(keys.setOwnerLimits(ann, limits, event), 'user.not_found')
      const key = aKnoxKey('k', 'ann')
      await keys.insertKnox(key, undefined, CREATED)
      await keys.setOwnerLimits(ann, limits, event)
      assert.deepEqual(await keys.lookUp(key.fingerprint), { key, ownerLimits: limits })
      await keys.setOwnerLimits(ann, [], event)
      assert.deepEqual(await keys.lookUp(key.fingerprint), { key })
    }),
  )

  test(
    'neither count nor are refused where the number of keys of a user is limited',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const { keys } = storage
      for (const n of numbers(3)) await keys.insertKnox(aKnoxKey(`t${n}`, 'ann'), undefined, CREATED)
      await keys.insert(aKey('k0', 'ann'), 1, CREATED)
      await refusal(keys.insert(aKey('k1', 'ann'), 1, CREATED), 'key.owner_full')
      await keys.insert(aKnoxKey('t3', 'ann'), 1, CREATED)
      await revokeKey(keys, 'k0')
      await revokeKey(keys, 't0')
      await keys.insert(aKey('k1', 'ann'), 1, CREATED)
      assert.equal(await keys.countByOwner(userId('ann')), 4)
      await storage.users.remove(userId('ann'), anEvent('user.delete'))
      assert.equal(await keys.countByOwner(userId('ann')), 0)
      assert.equal((await keys.findRevoked(keyId('t1')))?.revocation.reason, 'cessationOfOperation')
    }),
  )
}

function describeRoom(withStorage: WithStorage): void {
  test(
    'of 64 at once no more than there is room for are stored',
    withStorage(async ({ keys }) => {
      const inserts = numbers(64).map((n) => keys.insertKnox(aKnoxKey(`k${n}`, 'ann'), { max: 10 }, CREATED))
      const { fulfilled, codes } = await outcomes(inserts)
      assert.deepEqual([fulfilled, [...codes]], [10, ['key.owner_full']])
      assert.equal(await keys.countByOwner(userId('ann')), 10)
      assert.equal(await keys.insertKnox(aKnoxKey('b', 'bob'), { max: 1 }, CREATED), undefined)
    }),
  )

  test(
    'that expired, keys of other families and those of others take no room; disabled ones do',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const { keys } = storage
      await keys.insert(aKey('native', 'ann'), undefined, CREATED)
      await keys.insertKnox(aKnoxKey('expired', 'ann', { expiresAt: 2_000 }), { max: 1 }, CREATED)
      await keys.insertKnox(aKnoxKey('of-bob', 'bob'), { max: 1 }, CREATED)
      const disabled = aKnoxKey('disabled', 'ann', { disabled: { at: 1, by: TESTER }, expiresAt: 2_001 })
      await keys.insertKnox(disabled, { max: 1 }, CREATED)
      const full = await refusal(keys.insertKnox(aKnoxKey('k', 'ann'), { max: 1 }, CREATED), 'key.owner_full')
      assert.deepEqual(full.facts, { owner: 'ann', count: 1, max: 1 })
    }),
  )

  test(
    'are none when there is to be none, whatever could make room',
    withStorage(async ({ keys }) => {
      await keys.insertKnox(aKnoxKey('k', 'ann'), undefined, CREATED)
      for (const max of [0, -2]) {
        await refusal(keys.insertKnox(aKnoxKey('l', 'ann'), { max }, CREATED), 'key.owner_full')
        await refusal(keys.insertKnox(aKnoxKey('l', 'ann'), replacing(max), CREATED), 'key.owner_full')
      }
      assert.equal(await keys.countByOwner(userId('ann')), 1)
    }),
  )
}

/** A user here, and two mere names that are spelt alike. */
const KINDS = [{ ownerTrust: 'all' }, { ownerTrust: 'none' }, {}] as const

function describeNamesakes(withStorage: WithStorage): void {
  const aKeyOf = (id: string, kind: (typeof KINDS)[number], createdAt = 10) =>
    aKnoxKey(id, 'ann', { knox: { type: 'API_KEY', ...kind }, record: { createdBy: TESTER, createdAt } })

  test(
    'of a user take no room of a mere name that is spelt alike, nor make any',
    withStorage(async ({ keys }) => {
      const [user, none, ordinary] = KINDS
      await keys.insertKnox(aKeyOf('user', user, 1), { max: 1 }, CREATED)
      await keys.insertKnox(aKeyOf('name', ordinary, 2), { max: 1 }, CREATED)
      for (const kind of KINDS) {
        await refusal(keys.insertKnox(aKeyOf('more', kind), { max: 1 }, CREATED), 'key.owner_full')
      }
      assert.equal((await keys.insertKnox(aKeyOf('name 2', none), replacing(1), CREATED))?.id, 'name')
      assert.equal((await keys.insertKnox(aKeyOf('user 2', user), replacing(1), CREATED))?.id, 'user')
      assert.deepEqual(await idsOf(keys, { owner: userId('ann') }), ['name 2', 'user 2'])
    }),
  )

  test(
    'of both at once are as many of each as there is room for',
    withStorage(async ({ keys }) => {
      const inserts = numbers(63).map((n) =>
        keys.insertKnox(aKeyOf(`k${n}`, KINDS[n % 3] ?? {}), { max: 5 }, CREATED),
      )
      const { fulfilled, codes } = await outcomes(inserts)
      assert.deepEqual([fulfilled, [...codes]], [10, ['key.owner_full']])
      assert.equal(await keys.countByOwner(userId('ann')), 10)
    }),
  )
}

function replacing(max: number): OwnerRoom {
  return {
    max,
    replaceOldest: {
      revocation: aRevocation({ reason: 'superseded' }),
      eventOf: ({ id }) => anEvent('key.delete', `gone ${id}`),
    },
  }
}

function describeMakingRoom(withStorage: WithStorage): void {
  test(
    'make room by the end of the one created first, which is remembered as revoked',
    withStorage(async (storage) => {
      const { keys } = storage
      for (const [id, createdAt] of [
        ['late', 30],
        ['early', 10],
        ['expired', 5],
        ['early-too', 10],
      ] as const) {
        const more = {
          record: { createdBy: TESTER, createdAt },
          ...(id === 'expired' && { expiresAt: 1_000 }),
        }
        await keys.insertKnox(aKnoxKey(id, 'ann', more), undefined, CREATED)
      }
      const replaced = await keys.insertKnox(aKnoxKey('new', 'ann'), replacing(3), CREATED)
      assert.equal(replaced?.id, 'early')
      const found = await keys.lookUp(fingerprintOf('key of early'))
      assert.deepEqual(found, { key: replaced, revocation: aRevocation({ reason: 'superseded' }) })
      assert.deepEqual(await auditSubjects(storage, 'key.delete'), ['gone early'])
      assert.equal(await keys.countByOwner(userId('ann')), 4)
      // Never more than one, also when there are too many.
      assert.equal((await keys.insertKnox(aKnoxKey('next', 'ann'), replacing(1), CREATED))?.id, 'early-too')
      assert.equal(await keys.countByOwner(userId('ann')), 4)
    }),
  )

  test(
    'replace exactly one each, however many come at once',
    withStorage(async (storage) => {
      const { keys } = storage
      const inserts = numbers(64).map((n) =>
        keys.insertKnox(aKnoxKey(`k${n}`, 'ann'), replacing(10), CREATED),
      )
      const replaced = (await Promise.all(inserts)).filter((key) => key !== undefined)
      assert.equal(replaced.length, 54)
      assert.equal(new Set(replaced.map((key) => key.id)).size, 54)
      assert.equal(await keys.countByOwner(userId('ann')), 10)
      assert.equal((await auditSubjects(storage, 'key.delete')).length, 54)
    }),
  )
}

async function idsOf(keys: KeyStore, filter: Partial<KeyFilter>, limit = 1_000): Promise<readonly string[]> {
  const ids: string[] = []
  let after: string | undefined
  do {
    const page = await keys.list({ now: 5_000, ...filter }, { limit, ...(after !== undefined && { after }) })
    ids.push(...page.keys.map(idOf))
    after = page.next
  } while (after !== undefined)
  return ids
}

function idOf(listed: ApiKey | RevokedKey): string {
  return 'key' in listed ? listed.key.id : listed.id
}

async function insertThoseOfAnnAndBob(storage: Storage): Promise<void> {
  await withUsers(storage, 'ann', 'bob')
  const by = (name: string) => ({ record: { createdBy: userId(name), createdAt: 1_000 } })
  const { keys } = storage
  await keys.insertKnox(aKnoxKey('ann-ann', 'ann', by('ann')), undefined, CREATED)
  await keys.insertKnox(
    aKnoxKey('bob-ann', 'bob', { ...by('ann'), metadata: { env: 'a' } }),
    undefined,
    CREATED,
  )
  await keys.insertKnox(aKnoxKey('bob-bob', 'bob', by('bob')), undefined, CREATED)
  await keys.insert(aKey('native-bob-ann', 'bob', by('ann')), undefined, CREATED)
  await keys.insert(aKey('native-ann-bob', 'ann', by('bob')), undefined, CREATED)
  await keys.insertKnox(
    aKnoxKey('guest-ann', 'guest', { ...by('ann'), metadata: { env: 'b' } }),
    undefined,
    CREATED,
  )
}

function describeListing(withStorage: WithStorage): void {
  test(
    'are listed by who made them for others, and together with all keys that it has itself',
    withStorage(async (storage) => {
      await insertThoseOfAnnAndBob(storage)
      const { keys } = storage
      const ann = userId('ann')
      for (const limit of [1, 2, 1_000]) {
        assert.deepEqual(await idsOf(keys, { createdForOthersBy: ann }, limit), ['bob-ann', 'guest-ann'])
        assert.deepEqual(await idsOf(keys, { ownerOrCreator: ann }, limit), [
          'ann-ann',
          'bob-ann',
          'native-ann-bob',
          'guest-ann',
        ])
        const both = { createdForOthersBy: ann, owner: userId('bob') }
        assert.deepEqual(await idsOf(keys, both, limit), ['bob-ann'])
        assert.deepEqual(await idsOf(keys, { ownerOrCreator: ann, state: 'disabled' }, limit), [])
      }
      assert.deepEqual(await idsOf(keys, { ownerOrCreator: userId('nobody') }), [])
    }),
  )

  test(
    'are listed by any of several values of their metadata',
    withStorage(async ({ keys }) => {
      const metadata = {
        a: { env: 'dev', n: 1 },
        b: { env: 'prod' },
        c: { team: "o'x" },
        d: { env: 7 },
        e: {},
      }
      for (const [id, more] of Object.entries(metadata)) {
        await keys.insertKnox(aKnoxKey(id, 'ann', { metadata: more }), undefined, CREATED)
      }
      await keys.insertKnox(aKnoxKey('none', 'ann'), undefined, CREATED)
      const find = (anyMetadata: Record<string, readonly string[]>) => idsOf(keys, { anyMetadata })
      assert.deepEqual(await find({ env: ['dev'] }), ['a'])
      assert.deepEqual(await find({ env: ['dev', 'prod', 'test'] }), ['a', 'b'])
      assert.deepEqual(await find({ env: ['prod'], team: ["o'x"] }), ['b', 'c'])
      assert.deepEqual(await find({ env: ['*'] }), ['a', 'b', 'd'])
      assert.deepEqual(await find({ env: ['DEV', ''], ENV: ['*'], n: ['1'] }), [])
      for (const nothing of [{}, { env: [] }]) assert.deepEqual(await find(nothing), [])
      const many = numbers(2_000).map((n) => `v${n}`)
      assert.deepEqual(await find({ env: [...many, 'dev'] }), ['a'])
    }),
  )
}

function describeEviction(withStorage: WithStorage): void {
  test(
    'that expired long ago are forgotten with all that belongs to them, and no other key is',
    withStorage(async (storage) => {
      await withUsers(storage, 'ann')
      const { keys } = storage
      const long = { expiresAt: 1_999, policy: { credits: { initial: 5 } } }
      await keys.insertKnox(aKnoxKey('long-ago', 'ann', long), undefined, CREATED)
      await keys.insertKnox(aKnoxKey('lately', 'ann', { expiresAt: 2_000 }), undefined, CREATED)
      await keys.insertKnox(aKnoxKey('never', 'ann'), undefined, CREATED)
      await keys.insert(aKey('native', 'ann', { expiresAt: 1 }), undefined, CREATED)
      await keys.noteUses([
        { id: keyId('long-ago'), since: 9e12, days: new Map([[1, { accepted: 1, refused: 0 }]]) },
      ])
      assert.notEqual(await keys.lookUp(fingerprintOf('key of long-ago')), undefined)

      const purge = { now: 3_000, revokedBefore: 0, usedBefore: 0 }
      await keys.purge(purge)
      assert.equal(await keys.countByOwner(userId('ann')), 4)
      await keys.purge({ ...purge, knoxExpiredBefore: 2_000 })
      assert.deepEqual(await idsOf(keys, { owner: userId('ann') }), ['lately', 'never', 'native'])
      assert.equal(await keys.lookUp(fingerprintOf('key of long-ago')), undefined)
      assert.equal(await keys.findRevoked(keyId('long-ago')), undefined)
      assert.equal(await keys.countByOwner(userId('ann')), 3)
      await keys.insertKnox(aKnoxKey('long-ago', 'ann'), undefined, CREATED)
      assert.deepEqual(await keys.usage(keyId('long-ago'), 9), [])
      assert.equal(await keys.credits(keyId('long-ago'), 0), undefined)
    }),
  )

  test(
    'are forgotten a batch at a time, until none is left',
    withStorage(async ({ keys }) => {
      const all = numbers(1_100).map((n) =>
        keys.insertKnox(aKnoxKey(`k${n}`, 'ann', { expiresAt: 1 }), undefined, CREATED),
      )
      await Promise.all([...all, keys.insertKnox(aKnoxKey('never', 'ann'), undefined, CREATED)])
      const purge = { now: 3_000, revokedBefore: 0, usedBefore: 0, knoxExpiredBefore: 2 }
      for (const _ of numbers(4)) await keys.purge(purge)
      assert.deepEqual(await idsOf(keys, {}), ['never'])
    }),
  )
}
