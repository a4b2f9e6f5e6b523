import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { INSTANT_MAX } from '../record.ts'
import type { Refill } from './policy.ts'
import { type BudgetState, refilled } from './refill.ts'

const at = (iso: string): number => Date.parse(iso)
const CREATED = at('2026-01-15T10:30:00Z')
const EMPTY: BudgetState = { remaining: 0, refilledAt: CREATED }

function refillOf(refill: Refill, state: BudgetState, now: number) {
  return refilled({ initial: 5, refill }, CREATED, state, now)
}

const refill: fc.Arbitrary<Refill> = fc.oneof(
  fc.constant<Refill>({ amount: 7, interval: 'daily' }),
  fc.integer({ min: 1, max: 31 }).map((day): Refill => ({ amount: 7, interval: 'monthly', day })),
  fc.integer({ min: 1_000, max: 4e10 }).map((everyMs): Refill => ({ amount: 7, interval: 'every', everyMs })),
)
const instant = fc.integer({ min: CREATED, max: at('2060-01-01T00:00Z') })

describe('refilled', () => {
  test('never changes a budget without a refill', () => {
    assert.deepEqual(refilled({ initial: 5 }, CREATED, EMPTY, INSTANT_MAX), EMPTY)
  })

  test('fills up daily, at midnight UTC', () => {
    const daily: Refill = { amount: 10, interval: 'daily' }
    const midnight = at('2026-01-16T00:00:00Z')
    assert.deepEqual(refillOf(daily, EMPTY, midnight - 1), { ...EMPTY, refillAt: midnight })
    const full = { remaining: 10, refilledAt: midnight }
    const next = { refillAt: at('2026-01-17T00:00:00Z') }
    assert.deepEqual(refillOf(daily, EMPTY, midnight), { ...full, ...next })
    assert.deepEqual(refillOf(daily, { ...full, remaining: 3 }, midnight + 1), {
      ...full,
      remaining: 3,
      ...next,
    })
  })

  test('fills up monthly on a day, or the last one of a shorter month', () => {
    const monthly = (day: number): Refill => ({ amount: 10, interval: 'monthly', day })
    const turns = (day: number): readonly string[] => {
      const dates: string[] = []
      let { refillAt } = refillOf(monthly(day), EMPTY, CREATED)
      while (refillAt !== undefined && dates.length < 14) {
        dates.push(new Date(refillAt).toISOString().slice(0, 10))
        assert.equal(refillAt % 86_400_000, 0)
        ;({ refillAt } = refillOf(monthly(day), EMPTY, refillAt))
      }
      return dates
    }
    assert.deepEqual(turns(31).slice(0, 5), [
      '2026-01-31',
      '2026-02-28',
      '2026-03-31',
      '2026-04-30',
      '2026-05-31',
    ])
    assert.deepEqual(turns(1).slice(0, 2), ['2026-02-01', '2026-03-01'])
    assert.deepEqual(turns(15).slice(-3), ['2027-01-15', '2027-02-15', '2027-03-15'])
    const leap = refillOf(monthly(30), EMPTY, at('2028-02-10T00:00Z'))
    assert.equal(leap.refillAt, at('2028-02-29T00:00Z'))
    assert.equal(leap.refilledAt, at('2028-01-30T00:00Z'))
  })

  test('fills up every so often, counted from the creation of the key', () => {
    const every: Refill = { amount: 10, interval: 'every', everyMs: 60_000 }
    assert.deepEqual(refillOf(every, EMPTY, CREATED + 59_999), { ...EMPTY, refillAt: CREATED + 60_000 })
    assert.deepEqual(refillOf(every, EMPTY, CREATED + 60_000), {
      remaining: 10,
      refilledAt: CREATED + 60_000,
      refillAt: CREATED + 120_000,
    })
  })

  test('fills up to the amount, from more as from less, and once for many turns that were missed', () => {
    fc.assert(
      fc.property(refill, instant, fc.nat({ max: 100 }), (given, now, remaining) => {
        const result = refillOf(given, { remaining, refilledAt: CREATED }, now)
        assert.equal(result.remaining, result.refilledAt > CREATED ? 7 : remaining)
        assert.ok(result.refilledAt <= now)
      }),
    )
  })

  test('says when it is filled up next: not a millisecond before, and then at once', () => {
    fc.assert(
      fc.property(refill, instant, (given, now) => {
        const spent = { ...refillOf(given, EMPTY, now), remaining: 0 }
        const { refillAt = Number.NaN } = spent
        assert.ok(refillAt > now)
        assert.equal(refillOf(given, spent, refillAt - 1).remaining, 0)
        assert.equal(refillOf(given, spent, refillAt).remaining, 7)
      }),
    )
  })

  test('answers the same when asked again', () => {
    fc.assert(
      fc.property(refill, instant, (given, now) => {
        const once = refillOf(given, EMPTY, now)
        assert.deepEqual(refillOf(given, once, now), once)
      }),
    )
  })

  test('never fills up twice for one turn, when the clock goes back and forth', () => {
    fc.assert(
      fc.property(refill, instant, fc.array(instant, { maxLength: 5 }), (given, latest, earlier) => {
        let state: BudgetState = { ...refillOf(given, EMPTY, latest), remaining: 0 }
        for (const now of [...earlier.map((each) => Math.min(each, latest)), latest]) {
          const next = refillOf(given, state, now)
          assert.equal(next.remaining, 0)
          assert.equal(next.refilledAt, state.refilledAt)
          assert.ok(next.refillAt === undefined || next.refillAt > next.refilledAt)
          state = next
        }
      }),
    )
  })

  test('says nothing of a next time that no clock will show', () => {
    const every: Refill = { amount: 10, interval: 'every', everyMs: 1_000 }
    assert.equal(refillOf(every, EMPTY, INSTANT_MAX).refillAt, undefined)
  })
})
