import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isTimeZone, WEEKDAYS, windowAllows } from './time-window.ts'

const at = (iso: string): number => Date.parse(iso)

const weekday = fc.constantFrom(...WEEKDAYS)
const window = fc.record(
  {
    days: fc.uniqueArray(weekday, { minLength: 1 }),
    from: fc.nat({ max: 1_439 }),
    to: fc.nat({ max: 1_440 }),
    timeZone: fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'Pacific/Apia',
    ),
  },
  { requiredKeys: [] },
)

/** What the calendar on the wall says there. */
function wallClock(now: number, timeZone = 'UTC'): { readonly weekday: string; readonly minute: number } {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(now)
  const part = (type: string): string => parts.find((candidate) => candidate.type === type)?.value ?? ''
  return {
    weekday: part('weekday').toLowerCase(),
    minute: Number(part('hour')) * 60 + Number(part('minute')),
  }
}

describe('windowAllows', () => {
  test('agrees with the calendar on the wall, in every zone, over every change of clocks', () => {
    const order = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
    fc.assert(
      fc.property(
        window,
        fc.integer({ min: at('2015-01-01T00:00Z'), max: at('2035-01-01T00:00Z') }),
        (given, now) => {
          const { weekday: today, minute } = wallClock(now, given.timeZone)
          const yesterday = order[(order.indexOf(today) + 6) % 7] ?? ''
          const opens = (name: string): boolean =>
            given.days === undefined || given.days.some((day) => day === name)
          const { from = 0, to = 1_440 } = given
          const expected =
            from <= to
              ? minute >= from && minute < to && opens(today)
              : (minute >= from && opens(today)) || (minute < to && opens(yesterday))
          assert.equal(windowAllows(given, now), expected)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('opens at its first instant and closes at its last', () => {
    const office = { days: ['mon'], from: 9 * 60, to: 17 * 60, timeZone: 'Europe/Berlin' } as const
    assert.ok(!windowAllows(office, at('2026-06-01T06:59:59.999Z')))
    assert.ok(windowAllows(office, at('2026-06-01T07:00:00.000Z')))
    assert.ok(windowAllows(office, at('2026-06-01T14:59:59.999Z')))
    assert.ok(!windowAllows(office, at('2026-06-01T15:00:00.000Z')))
    assert.ok(!windowAllows(office, at('2026-06-02T10:00:00.000Z')))
  })

  test('keeps to the clock on the wall when it is set forward and back', () => {
    const early = { from: 150, to: 180, timeZone: 'Europe/Berlin' }
    // 02:30 to 03:00 does not exist on this day, and comes twice on that one.
    for (let minute = 0; minute < 1_440; minute++) {
      assert.ok(!windowAllows(early, at('2026-03-29T00:00Z') + minute * 60_000 - 3_600_000))
    }
    const isOpen = (minute: number): boolean => windowAllows(early, at('2026-10-24T22:00Z') + minute * 60_000)
    assert.equal(Array.from({ length: 1_440 }, (_, minute) => isOpen(minute)).filter(Boolean).length, 60)
  })

  test('over midnight, belongs to the day on which it began', () => {
    const night = { days: ['fri'], from: 22 * 60, to: 6 * 60 } as const
    assert.ok(!windowAllows(night, at('2026-06-05T05:00Z')))
    assert.ok(windowAllows(night, at('2026-06-05T22:00Z')))
    assert.ok(windowAllows(night, at('2026-06-06T05:59Z')))
    assert.ok(!windowAllows(night, at('2026-06-06T06:00Z')))
    assert.ok(!windowAllows(night, at('2026-06-06T22:00Z')))
  })

  test('starts at `notBefore`, whatever the time of day', () => {
    const window = { notBefore: 1_000, from: 0, to: 1 }
    assert.ok(!windowAllows(window, 999))
    assert.ok(windowAllows(window, 1_000))
    assert.ok(!windowAllows(window, 60_000))
    assert.ok(windowAllows({ notBefore: 1_000 }, 60_000))
    assert.ok(windowAllows({}, 0))
  })

  test('is never open in a zone that nobody knows', () => {
    assert.ok(!windowAllows({ from: 0, timeZone: 'Mars/Olympus' }, 0))
    assert.ok(!windowAllows({ days: [...WEEKDAYS], timeZone: '' }, 0))
  })

  test('is never open when it ends as it begins', () => {
    for (let minute = 0; minute < 1_440; minute++)
      assert.ok(!windowAllows({ from: 600, to: 600 }, minute * 60_000))
  })
})

describe('isTimeZone', () => {
  test('takes names of the IANA data base only', () => {
    for (const name of ['UTC', 'Europe/Paris', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'GMT']) {
      assert.ok(isTimeZone(name), name)
      assert.ok(windowAllows({ from: 0, timeZone: name }, 0), name)
    }
    for (const name of [
      '',
      'Europe',
      'Europe/Nowhere',
      '+01:00',
      'UTC+1',
      'Z',
      'local',
      'Europe/Paris ',
      `a${'/a'.repeat(50)}`,
    ]) {
      assert.ok(!isTimeZone(name), name)
    }
  })
})
