import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { openTestAuthority } from '../../core/contract/test-authority.ts'
import type { ScrollLimits } from '../../core/ports/scroll-store.ts'
import { createScrolls } from './scrolls.ts'

async function harness(t: TestContext, limits: ScrollLimits = { openMax: 10, sizeMax: 1000 }) {
  let now = 0
  let issued = 0
  const randomness = { bytes: (count: number) => new Uint8Array(count), uuid: () => `scroll-${++issued}` }
  const { storage } = await openTestAuthority(t)
  const scrolls = createScrolls(storage.scrolls, { now: () => now }, randomness, limits)
  return {
    scrolls,
    open: (rest: readonly unknown[], pageSize = 2, ttlMs = 100) =>
      scrolls.open({ kind: 'users', rest, total: rest.length + 2, pageSize, ttlMs }),
    advance: (ms: number) => {
      now += ms
    },
  }
}

const NOT_FOUND = { code: 'scroll.not_found' }
const TOO_MANY = { code: 'scroll.too_many' }

describe('scrolls', () => {
  it('answer the rest page by page, in order, then nothing, always with the total of the search', async (t) => {
    const { scrolls, open } = await harness(t)
    const id = await open(['c', 'd', 'e'])
    assert.deepEqual(await scrolls.next('users', id, 100), { hits: ['c', 'd'], total: 5 })
    assert.deepEqual(await scrolls.next('users', id, 100), { hits: ['e'], total: 5 })
    assert.deepEqual(await scrolls.next('users', id, 100), { hits: [], total: 5 })
  })

  it('show what was found, not what became of it', async (t) => {
    const { scrolls, open } = await harness(t)
    const user = { name: 'before' }
    const id = await open([user])
    user.name = 'after'
    assert.deepEqual((await scrolls.next('users', id, 100)).hits, [{ name: 'before' }])
  })

  it('end when their time is over, and live on for as long as each page asks', async (t) => {
    const { scrolls, open, advance } = await harness(t)
    const id = await open(['a', 'b', 'c', 'd'], 1, 100)
    advance(99)
    await scrolls.next('users', id, 50)
    advance(49)
    await scrolls.next('users', id, 50)
    advance(50)
    await assert.rejects(scrolls.next('users', id, 50), NOT_FOUND)
  })

  it('do not know ids that were never issued, nor those of another kind', async (t) => {
    const { scrolls, open } = await harness(t)
    const id = await open(['a'])
    await assert.rejects(scrolls.next('users', 'nonsense', 100), NOT_FOUND)
    await assert.rejects(scrolls.next('profiles', id, 100), NOT_FOUND)
    assert.deepEqual((await scrolls.next('users', id, 100)).hits, ['a'])
  })

  it('refuse one more than may be open, until one has expired', async (t) => {
    const { open, advance } = await harness(t, { openMax: 2, sizeMax: 1000 })
    await open(['a'])
    await open(['b'])
    await assert.rejects(open(['c']), TOO_MANY)
    advance(100)
    await assert.doesNotReject(open(['c']))
  })

  it('refuse more than may be kept, and give it back when they expire', async (t) => {
    // `["aaaaaaaa","aaaaaaaa"]` is 23 characters of JSON.
    const { open, advance } = await harness(t, { openMax: 10, sizeMax: 30 })
    await open(['aaaaaaaa', 'aaaaaaaa'])
    await assert.rejects(open(['aaaaaaaa']), TOO_MANY)
    await assert.doesNotReject(open(['aaa']))
    advance(100)
    await assert.doesNotReject(open(['aaaaaaaa', 'aaaaaaaa']))
  })
})
