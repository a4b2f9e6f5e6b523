import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../../core/keys/api-key.ts'
import { type Fingerprint, fingerprintOf } from '../../core/keys/fingerprint.ts'
import type { KeyStore, NewSecret } from '../../core/ports/key-store.ts'
import { aKey, anEvent, auditSubjects, keyId, numbers, refusal } from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('key.create', 'key')
const ROTATED = anEvent('key.rotate', 'key')

/** The promises of `KeyStore.rotate`. */
export function describeKeyRotation(withStorage: WithStorage): void {
  describe('rotations of keys', () => {
    describeRotating(withStorage)
    describeOverlap(withStorage)
  })
}

function toSecret(name: string, more: Partial<NewSecret> = {}): NewSecret {
  return { replaces: fingerprintOf('key of k'), fingerprint: fingerprintOf(name), ...more }
}

function describeRotating(withStorage: WithStorage): void {
  test(
    'after a rotation the new secret leads to the same key, and the old one until its time is over',
    withStorage(async (storage) => {
      const { keys } = storage
      const key = aKey('k', '-1', { family: 'native', hint: 'lk_old', lastUsedAt: 9, metadata: { a: 1 } })
      await keys.insert(key, undefined, CREATED)
      const to = toSecret('new', { hint: 'lk_new', previousGoodUntil: 5_000 })
      const rotated = {
        ...key,
        fingerprint: to.fingerprint,
        hint: 'lk_new',
        previous: [{ fingerprint: key.fingerprint, goodUntil: 5_000 }],
      }
      assert.deepEqual(await keys.rotate(key.id, to, ROTATED), rotated)
      assert.deepEqual(await keys.findById(key.id), rotated)
      assert.deepEqual(await keys.lookUp(to.fingerprint), { key: rotated })
      assert.deepEqual(await keys.lookUp(key.fingerprint), { key: rotated, goodUntil: 5_000 })
      assert.equal(await keys.countByOwner(key.owner), 1)
      assert.deepEqual(await auditSubjects(storage, 'key.rotate'), ['key'])
    }),
  )

  test(
    'a secret that is to be good later says so, also once it was replaced',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      const later = toSecret('later', { goodFrom: 7_000, previousGoodUntil: 8_000 })
      const rotated = await keys.rotate(keyId('k'), later, ROTATED)
      assert.equal(rotated?.goodFrom, 7_000)
      assert.equal((await keys.lookUp(later.fingerprint))?.goodFrom, 7_000)
      const now = toSecret('now', { replaces: later.fingerprint, previousGoodUntil: 9_000 })
      assert.equal((await keys.rotate(keyId('k'), now, ROTATED))?.goodFrom, undefined)
      const { goodFrom, goodUntil } = (await keys.lookUp(later.fingerprint)) ?? {}
      assert.deepEqual([goodFrom, goodUntil], [7_000, 9_000])
    }),
  )

  test(
    'without overlap the old secret is known no longer',
    withStorage(async ({ keys }) => {
      const key = aKey('k', '-1')
      await keys.insert(key, undefined, CREATED)
      assert.notEqual(await keys.lookUp(key.fingerprint), undefined)
      assert.equal((await keys.rotate(key.id, toSecret('new'), ROTATED))?.previous, undefined)
      assert.equal(await keys.lookUp(key.fingerprint), undefined)
    }),
  )

  test(
    'of many rotations of one secret at once exactly one succeeds',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      const rotations = numbers(16).map((n) => keys.rotate(keyId('k'), toSecret(`new ${n}`), ROTATED))
      const rotated = (await Promise.all(rotations)).filter((key) => key !== undefined)
      assert.equal(rotated.length, 1)
      assert.deepEqual(await keys.findById(keyId('k')), rotated[0])
      assert.equal(await keys.rotate(keyId('none'), toSecret('x'), ROTATED), undefined)
    }),
  )
}

/** Gives key `k` the secret `secret n+1` instead of `secret n`; its first one, for 0, is that of `aKey`. */
export function rotateOn(
  keys: KeyStore,
  n: number,
  goodUntil: number | undefined,
  at = 2_000,
): Promise<ApiKey | undefined> {
  const replaces = n === 0 ? fingerprintOf('key of k') : fingerprintOf(`secret ${n}`)
  const to = {
    replaces,
    fingerprint: fingerprintOf(`secret ${n + 1}`),
    ...(goodUntil !== undefined && { previousGoodUntil: goodUntil }),
  }
  return keys.rotate(keyId('k'), to, anEvent('key.rotate', 'key', { at }))
}

function describeOverlap(withStorage: WithStorage): void {
  test(
    'three earlier secrets may be good at once, newest first; one that ended makes room for another',
    withStorage(async (storage) => {
      const { keys } = storage
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      for (const n of numbers(3)) await rotateOn(keys, n, 5_000 + n)
      const [first, second, third] = ['key of k', 'secret 1', 'secret 2'].map(fingerprintOf)
      const before = await keys.findById(keyId('k'))
      assert.deepEqual(before?.previous, [
        { fingerprint: third, goodUntil: 5_002 },
        { fingerprint: second, goodUntil: 5_001 },
        { fingerprint: first, goodUntil: 5_000 },
      ])
      const full = await refusal(rotateOn(keys, 3, 6_000, 4_999), 'key.rotating')
      assert.deepEqual(full.facts, { id: 'k', count: 3 })
      assert.deepEqual(await keys.findById(keyId('k')), before)

      const after = await rotateOn(keys, 3, 6_000, 5_000)
      assert.deepEqual(
        after?.previous?.map((secret) => secret.goodUntil),
        [6_000, 5_002, 5_001],
      )
      assert.equal(await keys.lookUp(first ?? ('' as Fingerprint)), undefined)
      assert.equal((await auditSubjects(storage, 'key.rotate')).length, 4)
    }),
  )

  test(
    'all earlier secrets end with the one that is replaced, unless they end before; at once needs no room',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      for (const n of numbers(3)) await rotateOn(keys, n, 5_000 + n)
      const goods = async (names: readonly string[]) =>
        Promise.all(names.map(async (name) => (await keys.lookUp(fingerprintOf(name)))?.goodUntil))
      const all = ['key of k', 'secret 1', 'secret 2', 'secret 3']
      assert.deepEqual(await goods(all), [5_000, 5_001, 5_002, undefined])

      const shorter = await rotateOn(keys, 3, 5_001, 5_000)
      assert.deepEqual(
        shorter?.previous?.map(({ goodUntil }) => goodUntil),
        [5_001, 5_001, 5_001],
      )
      assert.deepEqual(await keys.findById(keyId('k')), shorter)
      assert.deepEqual(await goods(all), [undefined, 5_001, 5_001, 5_001])
      assert.equal((await rotateOn(keys, 4, undefined, 5_000))?.previous, undefined)
      for (const name of [...all, 'secret 4']) assert.equal(await keys.lookUp(fingerprintOf(name)), undefined)
    }),
  )

  test(
    'a planned secret that is called off is known no longer, and the one before it is replaced',
    withStorage(async ({ keys }) => {
      await keys.insert(aKey('k', '-1'), undefined, CREATED)
      await rotateOn(keys, 0, 6_000)
      const plan = { goodFrom: 8_000, previousGoodUntil: 9_000, replaces: fingerprintOf('secret 1') }
      const planned = toSecret('planned', plan)
      const called = async () =>
        (await keys.rotate(keyId('k'), planned, ROTATED))?.previous?.map((one) => one.goodUntil)
      assert.deepEqual(await called(), [9_000, 6_000])
      assert.equal((await keys.lookUp(planned.fingerprint))?.goodFrom, 8_000)
      const to = { replaces: planned.fingerprint, previousGoodUntil: 10_000, cancelsPlan: true } as const
      const rotated = await keys.rotate(keyId('k'), toSecret('new', to), ROTATED)
      assert.equal(rotated?.goodFrom, undefined)
      assert.deepEqual(rotated?.previous, [
        { fingerprint: fingerprintOf('secret 1'), goodUntil: 10_000 },
        { fingerprint: fingerprintOf('key of k'), goodUntil: 6_000 },
      ])
      assert.equal(await keys.lookUp(planned.fingerprint), undefined)
      assert.deepEqual(await keys.lookUp(fingerprintOf('secret 1')), { key: rotated, goodUntil: 10_000 })
      assert.deepEqual(await keys.lookUp(fingerprintOf('new')), { key: rotated })
      assert.equal(await keys.rotate(keyId('k'), toSecret('late', to), ROTATED), undefined)
    }),
  )
}
