import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { calendarDay, DAY_MS, dayNumber, daysInMonth } from './calendar.ts'

const dates = fc.date({ noInvalidDate: true })

test('days are numbered as the clock numbers them', () => {
  fc.assert(
    fc.property(dates, (date) => {
      const day = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
      const number = Math.floor(date.getTime() / DAY_MS)
      assert.equal(dayNumber(day), number)
      assert.deepEqual(calendarDay(number), day)
    }),
    { numRuns: 2000 },
  )
})

test('days beyond those that the clock knows still have numbers', () => {
  for (const year of [-999_999, 1_000_000]) {
    const number = dayNumber({ year, month: 2, day: 28 })
    assert.deepEqual(calendarDay(number), { year, month: 2, day: 28 })
    assert.notDeepEqual(calendarDay(number + 1), { year, month: 2, day: 28 })
  }
})

test('months have their days, February one more every fourth year but three centuries of four', () => {
  const lengths = (year: number) => Array.from({ length: 12 }, (_, index) => daysInMonth(year, index + 1))
  assert.deepEqual(lengths(2023), [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
  assert.deepEqual(
    [2024, 1900, 2000, 2100, 0].map((year) => daysInMonth(year, 2)),
    [29, 28, 29, 28, 29],
  )
})
