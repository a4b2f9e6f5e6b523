import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aheadAfter, createClockMemory, createStoreClock } from './store-clock.ts'

const HOUR_MS = 3_600_000

test('tells the time of the store, however wrong the clock of this machine is', () => {
  for (const wrongBy of [-HOUR_MS, -1, 0, HOUR_MS]) {
    let time = 1_000_000_000_000
    const clock = createStoreClock(createClockMemory(), { now: () => time + wrongBy })
    const sentAt = time + wrongBy
    time += 3
    const storeAt = time
    time += 4
    clock.compare({ sentAt, storeAt, heardAt: time + wrongBy })
    assert.ok(Math.abs(clock.now() - time) <= 7, `${clock.now() - time} ms off`)
    assert.equal(Number.isInteger(clock.now()), true)
  }
})

test('is off by no more than the last answer took, whatever was known before', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
      fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
      fc.nat(5_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (before, really, tookMs, part) => {
        const sentAt = 1_000_000_000_000
        const storeAt = sentAt + tookMs * part + really
        const after = aheadAfter(before, { sentAt, storeAt, heardAt: sentAt + tookMs })
        assert.ok(Math.abs(after - really) <= tookMs + 1)
      },
    ),
  )
})

test('leaves clocks alone that may well be in step', () => {
  assert.equal(aheadAfter(0, { sentAt: 1_000, storeAt: 1_004.6, heardAt: 1_009 }), 0)
  assert.equal(aheadAfter(5, { sentAt: 1_000, storeAt: 1_008, heardAt: 1_009 }), 5)
})

test('threads that share its memory agree', () => {
  const memory = createClockMemory()
  const [one, other] = [createStoreClock(memory), createStoreClock(memory)]
  const now = Date.now()
  one.compare({ sentAt: now, storeAt: now + HOUR_MS, heardAt: now })
  assert.equal(other.aheadMs(), HOUR_MS)
})
