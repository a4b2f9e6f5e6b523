import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RUNNING_MAX_MS } from '../../core/ports/idempotency-store.ts'
import { numbers } from './records.ts'
import type { WithStorage } from './with-storage.ts'

function anEntry(more: { caller?: string; key?: string; requestDigest?: string; at?: number } = {}) {
  const entry = { caller: 'ann', key: 'once', requestDigest: 'digest', at: 1_000, ...more }
  return { ...entry, keptUntil: entry.at + 100_000 }
}

/** The promises of `IdempotencyStore`. */
export function describeIdempotency(withStorage: WithStorage): void {
  describe('requests that are made again', () => {
    test(
      'are new once, then running, then done',
      withStorage(async ({ idempotency }) => {
        assert.deepEqual(await idempotency.reserve(anEntry()), { kind: 'new' })
        assert.deepEqual(await idempotency.reserve(anEntry()), { kind: 'running' })
        await idempotency.finish('ann', 'once', 'key-1')
        assert.deepEqual(await idempotency.reserve(anEntry()), { kind: 'done', resource: 'key-1' })
        await idempotency.release('ann', 'once')
        await idempotency.finish('ann', 'once', 'key-2')
        assert.deepEqual(await idempotency.reserve(anEntry()), { kind: 'done', resource: 'key-1' })
      }),
    )

    test(
      'are new for exactly one of 64 at once',
      withStorage(async ({ idempotency }) => {
        const all = await Promise.all(numbers(64).map(() => idempotency.reserve(anEntry())))
        assert.equal(all.filter(({ kind }) => kind === 'new').length, 1)
        assert.equal(all.filter(({ kind }) => kind === 'running').length, 63)
      }),
    )

    test(
      'must be the same requests, whether the first one is done or not',
      withStorage(async ({ idempotency }) => {
        await idempotency.reserve(anEntry())
        const other = anEntry({ requestDigest: 'other' })
        assert.deepEqual(await idempotency.reserve(other), { kind: 'mismatch' })
        await idempotency.finish('ann', 'once', 'key-1')
        assert.deepEqual(await idempotency.reserve(other), { kind: 'mismatch' })
      }),
    )

    test(
      'are told apart by caller and key, whatever text these are',
      withStorage(async ({ idempotency }) => {
        for (const [caller, key] of [
          ['ann', 'once'],
          ['bob', 'once'],
          ['ann', 'twice'],
          ['', "'; --"],
        ]) {
          const entry = anEntry({ caller: caller ?? '', key: key ?? '' })
          assert.deepEqual(await idempotency.reserve(entry), { kind: 'new' })
        }
      }),
    )

    test(
      'are new again when the first one failed, or its server died',
      withStorage(async ({ idempotency }) => {
        await idempotency.reserve(anEntry())
        await idempotency.release('ann', 'once')
        assert.deepEqual(await idempotency.reserve(anEntry()), { kind: 'new' })
        const late = { at: 1_000 + RUNNING_MAX_MS }
        assert.deepEqual(await idempotency.reserve(anEntry({ at: late.at - 1 })), { kind: 'running' })
        assert.deepEqual(await idempotency.reserve(anEntry(late)), { kind: 'new' })
        assert.deepEqual(await idempotency.reserve(anEntry(late)), { kind: 'running' })
      }),
    )

    test(
      'are new again after the time that they are remembered, and not before',
      withStorage(async ({ idempotency }) => {
        await idempotency.reserve(anEntry())
        await idempotency.finish('ann', 'once', 'key-1')
        assert.equal((await idempotency.reserve(anEntry({ at: 100_999 }))).kind, 'done')
        assert.equal((await idempotency.reserve(anEntry({ at: 101_000 }))).kind, 'new')
      }),
    )

    test(
      'are forgotten when their time is over, so many at a time',
      withStorage(async ({ idempotency }) => {
        for (const n of numbers(5)) await idempotency.reserve(anEntry({ key: `k${n}`, at: n }))
        assert.equal(await idempotency.purgeExpired(100_003, 3), 3)
        assert.equal(await idempotency.purgeExpired(100_003, 3), 1)
        assert.equal(await idempotency.purgeExpired(100_003, 3), 0)
        assert.equal((await idempotency.reserve(anEntry({ key: 'k4', at: 4 }))).kind, 'running')
      }),
    )
  })
}
