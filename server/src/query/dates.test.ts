import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDateFormat } from './date-formats.ts'
import { type DateContext, type DateSide, parseDateBound, parseStoredDate } from './dates.ts'
import { assertRefuses } from './testing/refusal.ts'
import { parseTimeZone, UTC } from './time-zones.ts'

const NOW = 1_749_988_800_000

function bound(
  value: string | number,
  side: DateSide = 'start',
  context: Omit<DateContext, 'now'> = {},
): string {
  return new Date(parseDateBound(value, side, { now: NOW, ...context })).toISOString()
}

function failure(value: string, format = 'strict_date_optional_time||epoch_millis'): string {
  const text = `failed to parse date field [${value}] with format [${format}]`
  return `${text}: [${text}]`
}

test('a date stands for all of the unit that was written, down from the hour', () => {
  for (const [text, start, end] of [
    ['2024', '2024-01-01T00:00:00.000Z', '2024-01-01T23:59:59.999Z'],
    ['2024-03', '2024-03-01T00:00:00.000Z', '2024-03-01T23:59:59.999Z'],
    ['2024-03-31', '2024-03-31T00:00:00.000Z', '2024-03-31T23:59:59.999Z'],
    ['2024-03-31T', '2024-03-31T00:00:00.000Z', '2024-03-31T23:59:59.999Z'],
    ['2024-03-31T10', '2024-03-31T10:00:00.000Z', '2024-03-31T10:59:59.999Z'],
    ['2024-03-31T10:11', '2024-03-31T10:11:00.000Z', '2024-03-31T10:11:59.999Z'],
    ['2024-03-31T10:11:12', '2024-03-31T10:11:12.000Z', '2024-03-31T10:11:12.999Z'],
    ['2024-03-31T10:11:12.5', '2024-03-31T10:11:12.500Z', '2024-03-31T10:11:12.500Z'],
    ['2024-03-31T10:11:12,123456789', '2024-03-31T10:11:12.123Z', '2024-03-31T10:11:12.123Z'],
    ['2024-03-31T10Z', '2024-03-31T10:00:00.000Z', '2024-03-31T10:59:59.999Z'],
    ['2024-03-31T10:11+01', '2024-03-31T09:11:00.000Z', '2024-03-31T09:11:59.999Z'],
    ['2024-03-31T10:11:12-0130', '2024-03-31T11:41:12.000Z', '2024-03-31T11:41:12.999Z'],
    ['2024-03-31T10:11:12.000+05:45', '2024-03-31T04:26:12.000Z', '2024-03-31T04:26:12.000Z'],
    ['1749988800000', '2025-06-15T12:00:00.000Z', '2025-06-15T12:00:00.000Z'],
    ['1749988800000.7', '2025-06-15T12:00:00.000Z', '2025-06-15T12:00:00.000Z'],
    ['-1', '1969-12-31T23:59:59.999Z', '1969-12-31T23:59:59.999Z'],
    ['24', '1970-01-01T00:00:00.024Z', '1970-01-01T00:00:00.024Z'],
    ['20240', '1970-01-01T00:00:20.240Z', '1970-01-01T00:00:20.240Z'],
  ] as const) {
    assert.equal(bound(text, 'start'), start, text)
    assert.equal(bound(text, 'end'), end, text)
  }
})

test('a number is epoch milliseconds on both sides, unless there is a format', () => {
  assert.equal(parseDateBound(2024, 'start', { now: NOW }), 2024)
  assert.equal(parseDateBound(2024, 'end', { now: NOW }), 2024)
  assert.equal(parseDateBound(1.9, 'end', { now: NOW }), 1)
  assert.equal(parseDateBound(-1.5, 'end', { now: NOW }), -2)
  assert.equal(bound(2024, 'start', { format: 'yyyy' }), '2024-01-01T00:00:00.000Z')
  assert.equal(bound(1_735_689_600, 'start', { format: 'epoch_second' }), '2025-01-01T00:00:00.000Z')
  assert.equal(bound(1_735_689_600, 'end', { format: 'epoch_second' }), '2025-01-01T00:00:00.999Z')
  assert.equal(bound('1735689600.25', 'end', { format: 'epoch_second' }), '2025-01-01T00:00:00.250Z')
  assert.equal(bound('1735689600.1', 'start', { format: 'epoch_second' }), '2025-01-01T00:00:00.100Z')
})

test('now and date math', () => {
  assert.equal(bound('now'), '2025-06-15T12:00:00.000Z')
  assert.equal(bound('now', 'end'), '2025-06-15T12:00:00.000Z')
  assert.equal(bound('now-1d/d'), '2025-06-14T00:00:00.000Z')
  assert.equal(bound('now/w', 'end'), '2025-06-15T23:59:59.999Z')
  assert.equal(bound('2024-01-15||+1M/M'), '2024-02-01T00:00:00.000Z')
  assert.equal(bound('2024-03-15||/M', 'end'), '2024-03-31T23:59:59.999Z')
  assert.equal(bound('2024-03-15||', 'end'), '2024-03-15T00:00:00.000Z')
  assert.equal(bound('2024-03-15||+1h', 'end'), '2024-03-15T01:00:00.000Z')
  assert.equal(bound('1749988800000||/d'), '2025-06-15T00:00:00.000Z')
  assertRefuses(() => bound('nowhere'), 'malformed', 'operator not supported for date math [here]')
})

test('a zone applies to dates without one and to rounding, not to now and not to numbers', () => {
  const timeZone = '+01:00'
  assert.equal(bound('2025-01-01', 'start', { timeZone }), '2024-12-31T23:00:00.000Z')
  assert.equal(bound('2025-01-01', 'end', { timeZone }), '2025-01-01T22:59:59.999Z')
  assert.equal(bound('2025-01-01T00:00Z', 'start', { timeZone }), '2025-01-01T00:00:00.000Z')
  assert.equal(bound('2025-01-01T00:00+03:00', 'start', { timeZone }), '2024-12-31T21:00:00.000Z')
  assert.equal(bound('now', 'start', { timeZone }), '2025-06-15T12:00:00.000Z')
  assert.equal(bound('now/d', 'start', { timeZone }), '2025-06-14T23:00:00.000Z')
  assert.equal(bound('1749988800000', 'start', { timeZone }), '2025-06-15T12:00:00.000Z')
  assert.equal(bound('2025-03-30T02:30', 'start', { timeZone: 'Europe/Paris' }), '2025-03-30T01:30:00.000Z')
  assertRefuses(
    () => bound('2025', 'start', { timeZone: 'Mars/Base' }),
    'malformed',
    'failed to create query: Unknown time-zone ID: Mars/Base',
  )
})

test('other formats take the place of the usual ones, tried in turn', () => {
  for (const [format, text, expected] of [
    ['yyyy-MM', '2024-03', '2024-03-01T00:00:00.000Z'],
    ['dd/MM/yyyy||yyyy', '2024', '2024-01-01T00:00:00.000Z'],
    ['dd/MM/yyyy||yyyy', '15/03/2024', '2024-03-15T00:00:00.000Z'],
    ['8yyyy', '2024', '2024-01-01T00:00:00.000Z'],
    ['HH:mm', '10:11', '1970-01-01T10:11:00.000Z'],
    ['strict_date_optional_time', '2024-03-05', '2024-03-05T00:00:00.000Z'],
    ['date_optional_time', '2024-3-5T7:5', '2024-03-05T07:05:00.000Z'],
    ['date_optional_time', '12024-03-05', '+012024-03-05T00:00:00.000Z'],
    ['epoch_millis', '5', '1970-01-01T00:00:00.005Z'],
    ['strict_date', '2024-03-05', '2024-03-05T00:00:00.000Z'],
    ['date', '2024-3-5', '2024-03-05T00:00:00.000Z'],
    ['year_month_day', '2024-3-5', '2024-03-05T00:00:00.000Z'],
    ['strict_year_month', '2024-03', '2024-03-01T00:00:00.000Z'],
    ['year_month', '2024-3', '2024-03-01T00:00:00.000Z'],
    ['year', '2024', '2024-01-01T00:00:00.000Z'],
    ['strict_year', '2024', '2024-01-01T00:00:00.000Z'],
    ['date_time', '2024-3-5T7:5:4.5+01:00', '2024-03-05T06:05:04.500Z'],
    ['strict_date_time', '2024-03-05T07:05:04.500Z', '2024-03-05T07:05:04.500Z'],
    ['date_time_no_millis', '2024-03-05T07:05:04Z', '2024-03-05T07:05:04.000Z'],
    ['date_hour_minute_second', '2024-03-05T07:05:04', '2024-03-05T07:05:04.000Z'],
    ['date_hour_minute', '2024-03-05T07:05', '2024-03-05T07:05:00.000Z'],
    ['date_hour', '2024-03-05T07', '2024-03-05T07:00:00.000Z'],
    ['basic_date', '20240305', '2024-03-05T00:00:00.000Z'],
    ['basic_date_time', '20240305T070504.500Z', '2024-03-05T07:05:04.500Z'],
    ['basic_date_time_no_millis', '20240305T070504+0100', '2024-03-05T06:05:04.000Z'],
  ] as const) {
    assert.equal(bound(text, 'start', { format }), expected, `${format} on ${text}`)
  }
})

test('what is no date in any of the formats is refused', () => {
  for (const text of [
    'abc',
    '2024-1-1',
    '24-01-01',
    '2024-13-01',
    '2024-00-01',
    '2024-01-00',
    '2024-02-30',
    '2023-02-29',
    '2024-04-31',
    '2024-01-01T24',
    '2024-01-01T10:60',
    '2024-01-01T10:11:60',
    '2024-01-01T1',
    '2024-01-01 10:00',
    '2024-01-01T10:11:12.',
    '2024-01-01T10:11:12.1234567890',
    '2024-01-01T10+25',
    '2024-01-01T10:11x',
    'x2024-01-01',
    '1e3',
    '--1',
    '12345678901234567890',
    ' 2024',
  ]) {
    assertRefuses(() => bound(text), 'malformed', failure(text))
  }
  for (const [format, text] of [
    ['strict_date', '2024-3-5'],
    ['strict_date', '2024-03-05T10:00'],
    ['strict_date_time', '2024-03-05T07:05:04Z'],
    ['strict_date_time', '2024-03-05T07:05:04.5'],
    ['date_time_no_millis', '2024-03-05T07:05:04'],
    ['strict_date_optional_time', '5'],
    ['strict_year', '12024'],
    ['basic_date', '2024-03-05'],
    ['epoch_second', '1.1234567890'],
    ['yyyy-MM-dd', '2024-02-30'],
    ['HH:mm', '24:00'],
  ] as const) {
    assertRefuses(() => bound(text, 'start', { format }), 'malformed', failure(text, format))
  }
  assertRefuses(() => bound('x||+1d'), 'malformed', failure('x'))
  assertRefuses(() => bound(''), 'malformed', 'cannot parse empty datetime')
  assertRefuses(() => bound('||+1d'), 'malformed', 'cannot parse empty datetime')
})

test('formats that are none are refused', () => {
  assertRefuses(
    () => parseDateFormat('yyyy-bb'),
    'malformed',
    'Invalid format: [yyyy-bb]: Unknown pattern letter: b',
  )
  assertRefuses(() => parseDateFormat('yyyy||'), 'malformed', 'No date pattern provided')
  assertRefuses(
    () => parseDateFormat('toString'),
    'malformed',
    'Invalid format: [toString]: Unknown pattern letter: t',
  )
  const many = Array.from({ length: 21 }, () => 'yyyy').join('||')
  assertRefuses(() => parseDateFormat(many), 'malformed', `Invalid format: [${many}]: more than 20 formats`)
  assert.equal(parseDateFormat(many.slice(6)).text, many.slice(6))
})

test('instants are printed in the first of the formats', () => {
  const print = (format: string, zone = UTC) => parseDateFormat(format).print(NOW + 7, zone)
  const paris = parseTimeZone('Europe/Paris')
  assert.equal(print('strict_date_optional_time||epoch_millis'), '2025-06-15T12:00:00.007Z')
  assert.equal(print('date_optional_time', paris), '2025-06-15T14:00:00.007+02:00')
  assert.equal(print('yyyy-MM-dd||yyyy'), '2025-06-15')
  assert.equal(print('epoch_millis'), '1749988800007')
  assert.equal(print('epoch_second'), '1749988800.007')
  assert.equal(print('date'), '2025-06-15')
  assert.equal(print('strict_year_month'), '2025-06')
  assert.equal(print('year_month_day'), '2025-06-15')
  assert.equal(print('year'), '2025')
  assert.equal(print('date_time', paris), '2025-06-15T14:00:00.007+02:00')
  assert.equal(print('date_time_no_millis'), '2025-06-15T12:00:00Z')
  assert.equal(print('date_hour_minute_second'), '2025-06-15T12:00:00')
  assert.equal(print('date_hour_minute'), '2025-06-15T12:00')
  assert.equal(print('date_hour'), '2025-06-15T12')
  assert.equal(print('basic_date'), '20250615')
  assert.equal(print('basic_date_time'), '20250615T120000.007Z')
  assert.equal(print('basic_date_time_no_millis'), '20250615T120000Z')
})

test('an instant that is printed is read as the same instant', () => {
  const dates = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  const formats = fc.constantFrom(
    'strict_date_optional_time',
    'epoch_millis',
    'date_time',
    "yyyy-MM-dd'T'HHmmss.SSSXX",
  )
  const zones = fc.constantFrom('UTC', '-03:30', 'Asia/Kathmandu').map(parseTimeZone)
  fc.assert(
    fc.property(dates, formats, zones, (date, format, zone) => {
      // Before the zones were made, offsets have seconds, which no format shows.
      fc.pre(date.getTime() > 0 || zone === UTC)
      const text = parseDateFormat(format).print(date.getTime(), zone)
      assert.equal(parseDateBound(text, 'start', { now: NOW, format }), date.getTime())
    }),
  )
})

test('stored dates are numbers of milliseconds, or texts in the usual formats', () => {
  for (const [value, expected] of [
    [NOW, NOW],
    [1.7, 1],
    ['2024', 1_704_067_200_000],
    ['2024-01-01T00:00:00+01:00', 1_704_063_600_000],
    ['1749988800000', NOW],
    ['-1', -1],
    ['now', undefined],
    ['2024||+1d', undefined],
    ['', undefined],
    ['x', undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [null, undefined],
    [true, undefined],
    [{}, undefined],
  ] as const) {
    assert.equal(parseStoredDate(value), expected, String(value))
  }
})
