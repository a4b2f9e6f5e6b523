import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createScrolls, type ScrollLimits } from './scrolls.ts'

function harness(limits: ScrollLimits = { openMax: 10, sizeMax: 1000 }) {
  let now = 0
  let issued = 0
  const randomness = { bytes: (count: number) => new Uint8Array(count), uuid: () => `scroll-${++issued}` }
  const scrolls = createScrolls({ now: () => now }, randomness, limits)
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
  it('answer the rest page by page, in order, then nothing, always with the total of the search', () => {
    const { scrolls, open } = harness()
    const id = open(['c', 'd', 'e'])
    assert.deepEqual(scrolls.next('users', id, 100), { hits: ['c', 'd'], total: 5 })
    assert.deepEqual(scrolls.next('users', id, 100), { hits: ['e'], total: 5 })
    assert.deepEqual(scrolls.next('users', id, 100), { hits: [], total: 5 })
  })

  it('show what was found, not what became of it', () => {
    const { scrolls, open } = harness()
    const user = { name: 'before' }
    const id = open([user])
    user.name = 'after'
    assert.deepEqual(scrolls.next('users', id, 100).hits, [{ name: 'before' }])
  })

  it('end when their time is over, and live on for as long as each page asks', () => {
    const { scrolls, open, advance } = harness()
    const id = open(['a', 'b', 'c', 'd'], 1, 100)
    advance(99)
    scrolls.next('users', id, 50)
    advance(49)
    scrolls.next('users', id, 50)
    advance(50)
    assert.throws(() => scrolls.next('users', id, 50), NOT_FOUND)
  })

  it('do not know ids that were never issued, nor those of another kind', () => {
    const { scrolls, open } = harness()
    const id = open(['a'])
    assert.throws(() => scrolls.next('users', 'nonsense', 100), NOT_FOUND)
    assert.throws(() => scrolls.next('profiles', id, 100), NOT_FOUND)
    assert.deepEqual(scrolls.next('users', id, 100).hits, ['a'])
  })

  it('refuse one more than may be open, until one has expired', () => {
    const { open, advance } = harness({ openMax: 2, sizeMax: 1000 })
    open(['a'])
    open(['b'])
    assert.throws(() => open(['c']), TOO_MANY)
    advance(100)
    assert.doesNotThrow(() => open(['c']))
  })

  it('refuse more than may be held in memory, and give it back when they expire', () => {
    // `"aaaaaaaa"` is 10 characters of JSON.
    const { open, advance } = harness({ openMax: 10, sizeMax: 25 })
    open(['aaaaaaaa', 'aaaaaaaa'])
    assert.throws(() => open(['aaaaaaaa']), TOO_MANY)
    assert.doesNotThrow(() => open(['aaa']))
    advance(100)
    assert.doesNotThrow(() => open(['aaaaaaaa', 'aaaaaaaa']))
  })
})
