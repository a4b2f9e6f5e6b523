import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addUnits, applyDateMath, type DateUnit, roundDown } from './date-math.ts'
import { assertRefuses } from './testing/refusal.ts'
import { parseTimeZone, UTC } from './time-zones.ts'

const NOW = Date.parse('2025-06-15T12:34:56.789Z')

function calculate(math: string, side: 'start' | 'end' = 'start', zone = 'UTC', from = NOW): string {
  return new Date(applyDateMath(math, from, side, parseTimeZone(zone))).toISOString()
}

test('units are added and subtracted, one when no number is given', () => {
  for (const [math, expected] of [
    ['', '2025-06-15T12:34:56.789Z'],
    ['+1y', '2026-06-15T12:34:56.789Z'],
    ['-y', '2024-06-15T12:34:56.789Z'],
    ['+2M', '2025-08-15T12:34:56.789Z'],
    ['-12M', '2024-06-15T12:34:56.789Z'],
    ['-7M', '2024-11-15T12:34:56.789Z'],
    ['+w', '2025-06-22T12:34:56.789Z'],
    ['-30d', '2025-05-16T12:34:56.789Z'],
    ['+36h', '2025-06-17T00:34:56.789Z'],
    ['-H', '2025-06-15T11:34:56.789Z'],
    ['+90m', '2025-06-15T14:04:56.789Z'],
    ['-57s', '2025-06-15T12:33:59.789Z'],
    ['+1M-1d+2h', '2025-07-14T14:34:56.789Z'],
    ['+0d', '2025-06-15T12:34:56.789Z'],
  ] as const) {
    assert.equal(calculate(math), expected, math)
  }
})

test('a month later is the last day of a shorter month', () => {
  const january = Date.parse('2024-01-31T00:00:00Z')
  assert.equal(calculate('+1M', 'start', 'UTC', january), '2024-02-29T00:00:00.000Z')
  assert.equal(calculate('+13M', 'start', 'UTC', january), '2025-02-28T00:00:00.000Z')
  assert.equal(calculate('+3M', 'start', 'UTC', january), '2024-04-30T00:00:00.000Z')
  assert.equal(
    calculate('-y', 'start', 'UTC', Date.parse('2024-02-29T00:00:00Z')),
    '2023-02-28T00:00:00.000Z',
  )
})

test('rounding goes down, or to the last millisecond of the unit', () => {
  for (const [math, start, end] of [
    ['/y', '2025-01-01T00:00:00.000Z', '2025-12-31T23:59:59.999Z'],
    ['/M', '2025-06-01T00:00:00.000Z', '2025-06-30T23:59:59.999Z'],
    ['/w', '2025-06-09T00:00:00.000Z', '2025-06-15T23:59:59.999Z'],
    ['/d', '2025-06-15T00:00:00.000Z', '2025-06-15T23:59:59.999Z'],
    ['/h', '2025-06-15T12:00:00.000Z', '2025-06-15T12:59:59.999Z'],
    ['/H', '2025-06-15T12:00:00.000Z', '2025-06-15T12:59:59.999Z'],
    ['/m', '2025-06-15T12:34:00.000Z', '2025-06-15T12:34:59.999Z'],
    ['/s', '2025-06-15T12:34:56.000Z', '2025-06-15T12:34:56.999Z'],
    ['/1d', '2025-06-15T00:00:00.000Z', '2025-06-15T23:59:59.999Z'],
    ['-1d/d', '2025-06-14T00:00:00.000Z', '2025-06-14T23:59:59.999Z'],
    ['/d+1h', '2025-06-15T01:00:00.000Z', '2025-06-16T00:59:59.999Z'],
  ] as const) {
    assert.equal(calculate(math, 'start'), start, math)
    assert.equal(calculate(math, 'end'), end, math)
  }
})

test('days and longer units are those of the zone', () => {
  assert.equal(calculate('/d', 'start', 'America/New_York'), '2025-06-15T04:00:00.000Z')
  assert.equal(calculate('/d', 'end', '+05:30'), '2025-06-15T18:29:59.999Z')
  const before = Date.parse('2025-03-29T11:30:00Z')
  assert.equal(calculate('+1d', 'start', 'Europe/Paris', before), '2025-03-30T10:30:00.000Z')
  assert.equal(calculate('+24h', 'start', 'Europe/Paris', before), '2025-03-30T11:30:00.000Z')
  const inSecondHour = Date.parse('2025-10-26T01:30:00Z')
  assert.equal(calculate('/h', 'start', 'Europe/Paris', inSecondHour), '2025-10-26T01:00:00.000Z')
  assert.equal(calculate('/h', 'start', '+05:30'), '2025-06-15T12:30:00.000Z')
})

test('quarters start in January, April, July and October', () => {
  for (const [month, start] of [
    ['01', '01'],
    ['03', '01'],
    ['04', '04'],
    ['06', '04'],
    ['09', '07'],
    ['12', '10'],
  ]) {
    const rounded = roundDown(Date.parse(`2025-${month}-20T10:00:00Z`), 'quarter', UTC)
    assert.equal(new Date(rounded).toISOString(), `2025-${start}-01T00:00:00.000Z`)
  }
  assert.equal(new Date(addUnits(NOW, 'quarter', 3, UTC)).toISOString(), '2026-03-15T12:34:56.789Z')
})

const instants = fc.date({ min: new Date('1900-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })

test('arithmetic agrees with that of the clock', () => {
  fc.assert(
    fc.property(instants, fc.integer({ min: -500, max: 500 }), (date, count) => {
      const at = date.getTime()
      const [days, hours] = [new Date(at), new Date(at)]
      days.setUTCDate(days.getUTCDate() + count)
      hours.setUTCHours(hours.getUTCHours() + count)
      assert.equal(addUnits(at, 'day', count, UTC), days.getTime())
      assert.equal(addUnits(at, 'week', count, UTC), at + count * 7 * 86_400_000)
      assert.equal(addUnits(at, 'hour', count, UTC), hours.getTime())
      const year = new Date(at)
      year.setUTCFullYear(year.getUTCFullYear() + count)
      if (date.getUTCMonth() !== 1 || date.getUTCDate() !== 29)
        assert.equal(addUnits(at, 'year', count, UTC), year.getTime())
    }),
  )
})

test('a rounded instant starts a unit that holds the instant', () => {
  const units = fc.constantFrom<DateUnit[]>(
    'year',
    'quarter',
    'month',
    'week',
    'day',
    'hour',
    'minute',
    'second',
  )
  const zones = fc.constantFrom('UTC', '+05:30', 'Europe/Paris', 'America/New_York').map(parseTimeZone)
  fc.assert(
    fc.property(instants, units, zones, (date, unit, zone) => {
      const at = date.getTime()
      const start = roundDown(at, unit, zone)
      assert.ok(start <= at && at < addUnits(start, unit, 1, zone))
      assert.equal(roundDown(start, unit, zone), start)
      assert.equal(roundDown(addUnits(start, unit, 1, zone) - 1, unit, zone), start)
    }),
  )
})

test('weeks start on Monday', () => {
  fc.assert(
    fc.property(instants, (date) => {
      assert.equal(new Date(roundDown(date.getTime(), 'week', UTC)).getUTCDay(), 1)
    }),
  )
})

test('anything else is refused', () => {
  for (const [math, message] of [
    ['-1q', 'unit [q] not supported for date math [-1q]'],
    ['d', 'operator not supported for date math [d]'],
    [' +1d', 'operator not supported for date math [ +1d]'],
    ['+1d x', 'operator not supported for date math [+1d x]'],
    ['+', 'truncated date math [+]'],
    ['+1', 'truncated date math [+1]'],
    ['/', 'truncated date math [/]'],
    ['+1d-', 'truncated date math [+1d-]'],
    ['/2d', 'rounding `/` can only be used on single unit types [/2d]'],
    ['+ 1d', 'unit [ ] not supported for date math [+ 1d]'],
    ['+2147483648d', 'For input string: "2147483648"'],
    ['+1d'.repeat(101), `date math has more than 100 operations [${'+1d'.repeat(101)}]`],
  ] as const) {
    assertRefuses(() => applyDateMath(math, NOW, 'start', UTC), 'malformed', message)
  }
  assert.equal(applyDateMath('+1d-1d'.repeat(50), NOW, 'start', UTC), NOW)
  assert.equal(applyDateMath('+2147483647s', 0, 'start', UTC), 2_147_483_647_000)
})
