import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { duration, instant, printTimeOfDay, timeOfDay } from './time-schemas.ts'

describe('durations', () => {
  it('are milliseconds, or ISO 8601 without months and years', () => {
    const same: [unknown, number][] = [
      [0, 0],
      [90_000, 90_000],
      ['PT0S', 0],
      ['PT90S', 90_000],
      ['PT5M', 300_000],
      ['P30D', 30 * 86_400_000],
      ['P1W', 7 * 86_400_000],
      ['P1DT12H30M5S', 131_405_000],
    ]
    for (const [given, ms] of same) assert.equal(duration.parse(given), ms, String(given))
  })

  it('of any other form are refused', () => {
    const wrong = [
      '',
      'P',
      'PT',
      'P1Y',
      'P1M',
      'P1DT',
      '30d',
      'P-1D',
      'p1d',
      'PT1.5S',
      ' P1D',
      'P1D ',
      -1,
      1.5,
      NaN,
    ]
    for (const given of [...wrong, Number.MAX_SAFE_INTEGER, null, true, {}, ['P1D']]) {
      assert.equal(duration.safeParse(given).success, false, String(given))
    }
  })

  it('never become longer than time itself, however many digits there are', () => {
    assert.equal(duration.safeParse('P999999999W').success, false)
  })
})

describe('instants', () => {
  it('are milliseconds since 1970, or ISO 8601 with an offset', () => {
    assert.equal(instant.parse(1_700_000_000_000), 1_700_000_000_000)
    assert.equal(instant.parse('2030-01-31T12:00:00Z'), Date.UTC(2030, 0, 31, 12))
    assert.equal(instant.parse('2030-01-31T12:00:00.5+02:00'), Date.UTC(2030, 0, 31, 10, 0, 0, 500))
  })

  it('without an offset, before 1970, or that are none, are refused', () => {
    const wrong = ['2030-01-31', '2030-01-31T12:00:00', '1969-12-31T23:59:59Z', '2030-02-30T00:00:00Z', '']
    for (const given of [...wrong, -1, 0.5, 8_640_000_000_000_001, null]) {
      assert.equal(instant.safeParse(given).success, false, String(given))
    }
  })
})

describe('times of day', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.nat(1_440), (minutes) => {
        assert.equal(timeOfDay.parse(printTimeOfDay(minutes)), minutes)
        assert.equal(timeOfDay.parse(minutes), minutes)
      }),
    )
  })

  it('that no clock shows are refused', () => {
    for (const given of ['24:01', '25:00', '9:00', '09:60', '', 1_441, -1]) {
      assert.equal(timeOfDay.safeParse(given).success, false, String(given))
    }
  })
})
