import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { KeyUses } from '../../core/ports/key-store.ts'
import { aKey, anEvent, keyId, numbers, revokeKey, TESTER } from './records.ts'
import type { WithStorage } from './with-storage.ts'

const CREATED = anEvent('key.create', 'key')

function uses(id: string, lastUsedAt: number | undefined, ...days: readonly (readonly number[])[]): KeyUses {
  return {
    id: keyId(id),
    since: lastUsedAt ?? 0,
    ...(lastUsedAt !== undefined && { lastUsedAt }),
    days: new Map(days.map(([day = 0, accepted = 0, refused = 0]) => [day, { accepted, refused }])),
  }
}

/** A key that was created before all uses. */
function oldKey(id: string, more: Partial<ApiKey> = {}): ApiKey {
  return aKey(id, '-1', { record: { createdBy: TESTER, createdAt: 0 }, ...more })
}

/** The promises of `KeyStore` about counts of use. */
export function describeUsage(withStorage: WithStorage): void {
  describe('use', () => {
    test(
      'uses add up by day, and are answered latest first',
      withStorage(async ({ keys }) => {
        for (const id of ['a', 'b']) await keys.insert(oldKey(id), undefined, CREATED)
        await keys.noteUses([uses('a', 5, [1, 2, 3], [2, 1, 0]), uses('b', 5, [1, 9, 9])])
        await keys.noteUses([uses('a', 6, [2, 10, 1], [3, 0, 1])])
        assert.deepEqual(await keys.usage(keyId('a'), 2), [
          { day: 3, accepted: 0, refused: 1 },
          { day: 2, accepted: 11, refused: 1 },
        ])
        assert.deepEqual((await keys.usage(keyId('a'), 9)).at(-1), { day: 1, accepted: 2, refused: 3 })
        assert.deepEqual(await keys.usage(keyId('never'), 9), [])
      }),
    )

    test(
      'the last use moves on, never back, and not for uses that were refused',
      withStorage(async ({ keys }) => {
        const lastUse = async () => (await keys.findById(keyId('k')))?.lastUsedAt
        await keys.insert(oldKey('k'), undefined, CREATED)
        await keys.noteUses([uses('k', undefined, [1, 0, 1])])
        assert.equal(await lastUse(), undefined)
        for (const [at, expected] of [
          [5, 5],
          [9, 9],
          [7, 9],
          [undefined, 9],
        ] as const) {
          await keys.noteUses([uses('k', at, [1, 0, 1])])
          assert.equal(await lastUse(), expected)
        }
        assert.deepEqual(await keys.usage(keyId('k'), 1), [{ day: 1, accepted: 0, refused: 5 }])
      }),
    )

    test(
      'the last use stays with a key that is changed, revoked and restored, and listings go by it',
      withStorage(async ({ keys }) => {
        for (const id of ['k', 'other']) await keys.insert(oldKey(id), undefined, CREATED)
        await keys.noteUses([uses('k', 9_000, [1, 1, 0])])
        const unused = async (state?: 'revoked') =>
          (
            await keys.list(
              { now: 20_000, unusedSince: 9_000, ...(state !== undefined && { state }) },
              { limit: 9 },
            )
          ).keys.map((found) => ('key' in found ? found.key.id : found.id))
        assert.deepEqual(await unused(), ['other'])
        await revokeKey(keys, 'k')
        assert.equal((await keys.findRevoked(keyId('k')))?.key.lastUsedAt, 9_000)
        assert.deepEqual(await unused('revoked'), [])
        await keys.restore(keyId('k'), { revokedSince: 0 }, anEvent('key.restore', 'k'))
        assert.equal((await keys.findById(keyId('k')))?.lastUsedAt, 9_000)
        await keys.noteUses([uses('k', 9_500, [1, 1, 0])])
        assert.equal((await keys.findById(keyId('k')))?.lastUsedAt, 9_500)
        assert.deepEqual(await unused(), ['other'])
      }),
    )

    test(
      'uses of keys that are gone, or never were, are left out',
      withStorage(async ({ keys }) => {
        for (const id of ['gone', 'here']) await keys.insert(oldKey(id), undefined, CREATED)
        await revokeKey(keys, 'gone')
        await keys.noteUses([
          uses('gone', 5, [1, 1, 1]),
          uses('never', 5, [1, 1, 1]),
          uses('here', 5, [1, 1, 1]),
        ])
        assert.deepEqual(await keys.usage(keyId('gone'), 9), [])
        assert.equal((await keys.usage(keyId('here'), 9)).length, 1)
        await keys.noteUses([])
      }),
    )

    test(
      'uses from before a key was created are those of another of that id, and leave it alone',
      withStorage(async ({ keys }) => {
        const policy = { idleTimeoutMs: 10 }
        const record = { createdBy: TESTER, createdAt: 1_000 }
        await keys.insert(oldKey('k', { record, policy }), undefined, CREATED)
        await keys.noteUses([uses('k', 999, [0, 3, 1])])
        assert.equal((await keys.findById(keyId('k')))?.lastUsedAt, undefined)
        assert.deepEqual(await keys.usage(keyId('k'), 9), [])
        // Of both keys, one after the other: whose the counts are cannot be told, but whose the last use is.
        await keys.noteUses([{ ...uses('k', 1_001, [0, 3, 1]), since: 999 }])
        assert.equal((await keys.findById(keyId('k')))?.lastUsedAt, 1_001)
        assert.deepEqual(await keys.usage(keyId('k'), 9), [])
        await keys.noteUses([uses('k', 1_000, [0, 2, 0])])
        assert.equal((await keys.findById(keyId('k')))?.lastUsedAt, 1_001)
        assert.deepEqual(await keys.usage(keyId('k'), 9), [{ day: 0, accepted: 2, refused: 0 }])
      }),
    )

    test(
      'the uses of thousands of keys are all counted, also when many write at once',
      withStorage(async ({ keys }) => {
        const all = numbers(1_000).map((n) => `k${n}`)
        await Promise.all(all.map((id) => keys.insert(oldKey(id), undefined, CREATED)))
        const note = () => keys.noteUses(all.map((id, n) => uses(id, n + 1, [1, 1, 0])))
        await Promise.all([note(), note(), note()])
        for (const [n, id] of all.entries()) {
          assert.deepEqual(await keys.usage(keyId(id), 9), [{ day: 1, accepted: 3, refused: 0 }])
          assert.equal((await keys.findById(keyId(id)))?.lastUsedAt, n + 1)
        }
      }),
    )

    test(
      'the last use is seen by look-ups of keys with an idle timeout',
      withStorage(async ({ keys }) => {
        const key = oldKey('k', { policy: { idleTimeoutMs: 10 } })
        await keys.insert(key, undefined, CREATED)
        for (const at of [5, 9, 12]) {
          await keys.lookUp(key.fingerprint)
          await keys.noteUses([uses('k', at)])
          assert.equal((await keys.lookUp(key.fingerprint))?.key.lastUsedAt, at)
        }
      }),
    )
  })
}
