import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openTestAuthority } from '../contract/test-authority.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { KeyUses } from '../ports/key-store.ts'
import { USAGE_FLUSH_MS } from './api-key.ts'
import {
  createUsageCounter,
  KEYS_WRITTEN_AT_END_MAX,
  KEYS_WRITTEN_PER_RUN,
  USAGE_RUN_MS,
  USED_KEYS_MAX,
} from './usage-counter.ts'

const DAY_MS = 86_400_000
const a = 'a' as KeyId
const b = 'b' as KeyId

/** A counter whose store takes what it is given, or fails. */
function openCounter(flushMs?: number) {
  const written: KeyUses[] = []
  let fails = false
  const noteUses = async (uses: readonly KeyUses[]): Promise<void> => {
    if (fails) throw new Error('the disk is full')
    written.push(...uses)
  }
  const counter = createUsageCounter({ noteUses }, flushMs)
  return {
    counter,
    written,
    fail: (yes: boolean) => {
      fails = yes
    },
  }
}

describe('uses of keys', () => {
  test('are written together, by day', async () => {
    const { counter, written } = openCounter()
    counter.accepted(a, 5)
    counter.accepted(a, DAY_MS - 1)
    counter.refused(a, DAY_MS)
    counter.accepted(a, DAY_MS + 7)
    await counter.writeAll()
    const days = new Map([
      [0, { accepted: 2, refused: 0 }],
      [1, { accepted: 1, refused: 1 }],
    ])
    assert.deepEqual(written, [{ id: a, since: 5, lastUsedAt: DAY_MS + 7, days }])
    await counter.writeAll()
    assert.equal(written.length, 1)
  })

  test('that were refused do not move the last use', async () => {
    const { counter, written } = openCounter()
    counter.refused(b, 9)
    assert.equal(counter.lastUsedAt(b), undefined)
    await counter.writeAll()
    assert.deepEqual(written, [{ id: b, since: 9, days: new Map([[0, { accepted: 0, refused: 1 }]]) }])
  })

  test('are not lost when the store fails, and known while they are being written', async () => {
    const { counter, written, fail } = openCounter()
    counter.accepted(a, 10)
    fail(true)
    const writing = counter.writeAll()
    assert.equal(counter.lastUsedAt(a), 10)
    counter.accepted(a, DAY_MS + 20)
    await assert.rejects(writing, /disk is full/)
    fail(false)
    await counter.writeAll()
    const days = new Map([
      [0, { accepted: 1, refused: 0 }],
      [1, { accepted: 1, refused: 0 }],
    ])
    assert.deepEqual(written, [{ id: a, since: 10, lastUsedAt: DAY_MS + 20, days }])
  })

  test('are written a bounded number of keys at a time, those first that wait longest', async () => {
    const { counter, written } = openCounter()
    const many = Array.from({ length: 2 * KEYS_WRITTEN_PER_RUN }, (_, n) => `k${n}` as KeyId)
    for (const [n, id] of many.entries()) counter.accepted(id, n)
    for (const id of many) counter.accepted(id, many.length)
    const due = many.length + USAGE_FLUSH_MS
    await counter.writeDue(due)
    assert.deepEqual(
      written.map(({ id }) => id),
      many.slice(0, KEYS_WRITTEN_PER_RUN),
    )
    await counter.writeKeys([many.at(-1) ?? a, b])
    assert.equal(written.at(-1)?.id, many.at(-1))
    await counter.writeDue(due)
    await counter.writeAll()
    assert.equal(written.length, many.length)
  })

  test('are written as often as somebody wants', async () => {
    const { counter, written } = openCounter(60_000)
    counter.accepted(a, 0)
    await counter.writeDue(60_000 - USAGE_RUN_MS - 1)
    assert.equal(written.length, 0)
    await counter.writeDue(60_000 - USAGE_RUN_MS)
    assert.equal(written.length, 1)
  })

  test('of more keys than can be held are left out, and of those that are held none is', async () => {
    const { counter, written } = openCounter()
    for (let n = 0; n < USED_KEYS_MAX + 10; n++) counter.accepted(`k${n}` as KeyId, n)
    counter.accepted('k0' as KeyId, USED_KEYS_MAX)
    await counter.writeAll()
    assert.equal(written.length, KEYS_WRITTEN_AT_END_MAX)
    assert.deepEqual([written[0]?.id, written[0]?.lastUsedAt], ['k0', USED_KEYS_MAX])
    assert.equal(counter.lastUsedAt(`k${USED_KEYS_MAX - 1}` as KeyId), USED_KEYS_MAX - 1)
    assert.equal(counter.lastUsedAt(`k${USED_KEYS_MAX}` as KeyId), undefined)
  })

  test('reach the store within the documented time, and at the latest when it is closed', async (t) => {
    const authority = await openTestAuthority(t)
    const root = await authority.userWith('root', 'admin')
    const request = { owner: 'root' as UserId, description: 'd', id: a }
    const { token } = await authority.keys.issueFor(root, request)
    const stored = async () => (await authority.storage.keys.findById(a))?.lastUsedAt
    await authority.housekeeping.runOnce()
    const usedAt = authority.clock.now()
    await authority.verification.check(token.reveal(), {})
    authority.clock.passMs(USAGE_FLUSH_MS - USAGE_RUN_MS - 1)
    await authority.housekeeping.runOnce()
    assert.equal(await stored(), undefined)
    assert.equal((await authority.lifeCycle.get(root, a)).key.lastUsedAt, usedAt)
    authority.clock.passMs(1)
    await authority.housekeeping.runOnce()
    assert.equal(await stored(), usedAt)
    const later = authority.clock.now()
    await authority.verification.check(token.reveal(), {})
    await authority.housekeeping.finish()
    assert.equal(await stored(), later)
    assert.deepEqual(await authority.lifeCycle.usage(root, a, 10), [
      { day: Math.floor(later / DAY_MS), accepted: 2, refused: 0 },
    ])
  })
})
