import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefuses } from './testing/refusal.ts'
import { localToInstant, parseOffset, parseTimeZone, printOffset, UTC } from './time-zones.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The instant at which a zone is asked for its offset, unless the test says otherwise. */
const JUNE = Date.parse('2025-06-15T12:00:00Z')

test('zones are names of UTC, offsets, and regions', () => {
  for (const [name, offset] of [
    ['Z', 0],
    ['UTC', 0],
    ['GMT', 0],
    ['UT', 0],
    ['+1', HOUR],
    ['+01', HOUR],
    ['-01', -HOUR],
    ['+0130', 90 * MINUTE],
    ['+05:45', 345 * MINUTE],
    ['UTC+1', HOUR],
    ['GMT-02:00', -2 * HOUR],
    ['UT+3', 3 * HOUR],
    ['+18:00', 18 * HOUR],
    ['Europe/Paris', 2 * HOUR],
    ['America/New_York', -4 * HOUR],
    ['America/Argentina/Buenos_Aires', -3 * HOUR],
    ['Asia/Kathmandu', 345 * MINUTE],
    ['Etc/GMT+3', -3 * HOUR],
  ] as const) {
    assert.equal(parseTimeZone(name).offsetAt(JUNE) + 0, offset, name)
  }
})

test('regions have summer time', () => {
  const paris = parseTimeZone('Europe/Paris')
  assert.equal(paris.offsetAt(Date.parse('2025-03-30T00:59:59.999Z')), HOUR)
  assert.equal(paris.offsetAt(Date.parse('2025-03-30T01:00:00Z')), 2 * HOUR)
})

test('offsets from before the zones were made have seconds', () => {
  assert.equal(
    parseTimeZone('Europe/Paris').offsetAt(Date.parse('1890-01-01T00:00:00Z')),
    9 * MINUTE + 21_000,
  )
})

test('instants beyond the calendar have the offset at its end', () => {
  assert.equal(parseTimeZone('Asia/Kathmandu').offsetAt(1e300), 345 * MINUTE)
  assert.equal(typeof parseTimeZone('Asia/Kathmandu').offsetAt(-1e300), 'number')
})

test('many regions can be used one after the other', () => {
  const names = Intl.supportedValuesOf('timeZone').slice(0, 130)
  for (const name of [...names, ...names.slice(0, 3)]) {
    assert.equal(typeof parseTimeZone(name).offsetAt(JUNE), 'number')
  }
  assert.equal(parseTimeZone('Europe/Paris'), parseTimeZone('Europe/Paris'))
})

test('unknown zones are refused', () => {
  for (const name of [
    '',
    'Mars/Base',
    '+',
    '+19',
    '+18:01',
    '-12:60',
    '+1:00',
    '+123',
    '+1x',
    'UTCx',
    '1',
    'Europe/Paris x',
    '../etc',
  ]) {
    assertRefuses(
      () => parseTimeZone(name),
      'malformed',
      `failed to create query: Unknown time-zone ID: ${name}`,
    )
  }
})

test('offsets are printed as they are parsed', () => {
  assert.equal(printOffset(0), '+00:00')
  assert.equal(printOffset(-330 * MINUTE), '-05:30')
  assert.equal(printOffset(18 * HOUR), '+18:00')
  for (const minutes of [-1080, -61, -1, 1, 59, 600, 1080]) {
    assert.equal(parseOffset(printOffset(minutes * MINUTE)), minutes * MINUTE)
  }
  assert.equal(parseOffset('x+01:00'), undefined)
  assert.equal(parseOffset('+01:00x'), undefined)
})

test('a local time is an instant', () => {
  const paris = parseTimeZone('Europe/Paris')
  const local = (text: string) => Date.parse(`${text}Z`)
  assert.equal(localToInstant(local('2025-06-15T12:00'), UTC), JUNE)
  assert.equal(localToInstant(local('2025-06-15T14:00'), paris), JUNE)
  assert.equal(localToInstant(local('2025-03-30T01:59'), paris), Date.parse('2025-03-30T00:59Z'))
  assert.equal(localToInstant(local('2025-03-30T03:00'), paris), Date.parse('2025-03-30T01:00Z'))
})

test('a local time that is skipped moves forward by what is skipped', () => {
  const paris = parseTimeZone('Europe/Paris')
  assert.equal(localToInstant(Date.parse('2025-03-30T02:30Z'), paris), Date.parse('2025-03-30T01:30Z'))
})

test('of a local time that comes twice it is the first, or the one with the preferred offset', () => {
  const paris = parseTimeZone('Europe/Paris')
  const twice = Date.parse('2025-10-26T02:30Z')
  assert.equal(localToInstant(twice, paris), Date.parse('2025-10-26T00:30Z'))
  assert.equal(localToInstant(twice, paris, 2 * HOUR), Date.parse('2025-10-26T00:30Z'))
  assert.equal(localToInstant(twice, paris, HOUR), Date.parse('2025-10-26T01:30Z'))
  assert.equal(localToInstant(twice, paris, 5 * HOUR), Date.parse('2025-10-26T00:30Z'))
})
