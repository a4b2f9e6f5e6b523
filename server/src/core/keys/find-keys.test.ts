import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MATCH_ALL } from '../../query/filter.ts'
import { openTestAuthority } from '../contract/test-authority.ts'
import type { UserId } from '../ids.ts'

describe('finding keys', () => {
  test('answers the owner`s only, page by page in the order of creation, with the true total', async (t) => {
    const authority = await openTestAuthority(t)
    const bob = await authority.userWith('bob')
    await authority.keys.issueForSelf(await authority.userWith('eve'), { description: 'hers' })
    for (let n = 0; n < 12; n++) await authority.keys.issueForSelf(bob, { description: `${n}`, ttlMs: n + 1 })
    authority.clock.passMs(5)
    const find = (owner: string, from: number) =>
      authority.keys.find(owner as UserId, { query: MATCH_ALL, from, size: 10 })
    const first = await find('bob', 0)
    const second = await find('bob', 10)
    assert.deepEqual(
      [...first.hits, ...second.hits].map(({ description }) => description),
      Array.from({ length: 12 }, (_, n) => `${n}`),
    )
    assert.deepEqual([first.total, second.total, first.hits.length], [12, 12, 10])
    assert.deepEqual((await find('nobody', 0)).hits, [])
  })

  test('knows the anonymous user by both of its names', async (t) => {
    const authority = await openTestAuthority(t)
    const { issued } = await authority.keys.issueForSelf(authority.nobody, { description: 'd' })
    for (const owner of ['-1', 'anonymous']) {
      const page = await authority.keys.find(owner as UserId, { query: MATCH_ALL, from: 0, size: 10 })
      assert.deepEqual(page.hits, [issued])
    }
  })
})
