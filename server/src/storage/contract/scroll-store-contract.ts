import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { numbers } from './records.ts'
import type { WithStorage } from './with-storage.ts'

const LIMITS = { openMax: 3, sizeMax: 1_000 }

function results(id: string, pages: readonly string[] = ['["a"]', '["b"]'], expiresAt = 2_000) {
  return { id, kind: 'users', total: 9, pages, expiresAt }
}

const at = (now: number) => ({ now, expiresAt: now + 1_000 })

/** The promises of `ScrollStore`. */
export function describeScrollStore(withStorage: WithStorage): void {
  describe('results that are walked through', () => {
    test(
      'are answered page by page, each page to one of any number of callers at once',
      withStorage(async ({ scrolls }) => {
        const pages = numbers(16).map((n) => `["${n}"]`)
        assert.equal(await scrolls.open(results('one', pages), LIMITS, 1_000), true)
        const found = await Promise.all(numbers(16).map(() => scrolls.next('users', 'one', at(1_000))))
        assert.deepEqual(new Set(found.map((page) => page?.hits)), new Set(pages))
        assert.deepEqual(await scrolls.next('users', 'one', at(1_000)), { hits: '[]', total: 9 })
      }),
    )

    test(
      'are unknown to another kind, once they expired, and when there never were any',
      withStorage(async ({ scrolls }) => {
        await scrolls.open(results('one'), LIMITS, 1_000)
        assert.equal(await scrolls.next('profiles', 'one', at(1_000)), undefined)
        assert.equal(await scrolls.next('users', 'another', at(1_000)), undefined)
        assert.deepEqual(await scrolls.next('users', 'one', at(1_999)), { hits: '["a"]', total: 9 })
        assert.deepEqual(await scrolls.next('users', 'one', at(2_998)), { hits: '["b"]', total: 9 })
        assert.equal(await scrolls.next('users', 'one', at(3_998)), undefined)
      }),
    )

    test(
      'are as many and as large as they may be, those that expired not counted',
      withStorage(async ({ scrolls }) => {
        for (const id of ['a', 'b', 'c']) assert.equal(await scrolls.open(results(id), LIMITS, 1_000), true)
        assert.equal(await scrolls.open(results('d'), LIMITS, 1_000), false)
        assert.equal(await scrolls.next('users', 'd', at(1_000)), undefined)
        assert.equal(await scrolls.open(results('d', ['x'.repeat(900)], 9_000), LIMITS, 2_000), true)
        assert.equal(await scrolls.open(results('e', ['x'.repeat(101)], 9_000), LIMITS, 2_000), false)
        assert.equal(await scrolls.open(results('e', ['x'.repeat(100)], 9_000), LIMITS, 2_000), true)
      }),
    )

    test(
      'are forgotten some at a time once they expired',
      withStorage(async ({ scrolls }) => {
        for (const id of ['a', 'b']) await scrolls.open(results(id), LIMITS, 1_000)
        await scrolls.open(results('c', ['["c"]'], 9_000), LIMITS, 1_000)
        assert.equal(await scrolls.purgeExpired(2_000, 1), 1)
        assert.equal(await scrolls.purgeExpired(2_000, 5), 1)
        assert.equal(await scrolls.purgeExpired(2_000, 5), 0)
        assert.deepEqual(await scrolls.next('users', 'c', at(2_000)), { hits: '["c"]', total: 9 })
      }),
    )

    test(
      'hold every character',
      withStorage(async ({ scrolls }) => {
        const hits = JSON.stringify(['ü \u0001 \u2028 😀'])
        await scrolls.open(results('one', [`${hits}\u0000\u0001`]), LIMITS, 1_000)
        assert.equal((await scrolls.next('users', 'one', at(1_000)))?.hits, `${hits}\u0000\u0001`)
      }),
    )
  })
}
