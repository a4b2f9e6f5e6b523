import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { expiresInSeconds, lifeOf, parseDuration, printLifetime } from './lifespan.ts'

describe('a duration', () => {
  it('is read as Java reads it', () => {
    const cases: [string, number][] = [
      ['P1D', 86_400_000],
      ['P1DT2H3M4.5S', 93_784_500],
      ['pt1h', 3_600_000],
      ['PT0S', 0],
      ['PT-5S', -5_000],
      ['-PT5S', -5_000],
      ['-PT-5S', 5_000],
      ['+P1D', 86_400_000],
      ['PT0.5S', 500],
      ['PT-0.5S', -500],
      ['PT1.S', 1_000],
      ['PT1,25S', 1_250],
      ['P1DT0H0M', 86_400_000],
      ['PT36H', 129_600_000],
    ]
    for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text)
  })

  it('is refused as Java refuses it', () => {
    for (const text of [
      '',
      'P',
      'PT',
      'P1Y',
      'P1M',
      'P1W',
      '1h',
      ' PT1H',
      'PT1H ',
      'P1DT',
      'PT1H1D',
      'PTS',
      'P1.5D',
      'PT1..5S',
    ]) {
      assert.equal(parseDuration(text), undefined, text)
    }
  })

  it('is read back whatever its parts', () => {
    fc.assert(
      fc.property(fc.nat(9_999), fc.nat(99), fc.nat(99), fc.nat(99), (d, h, m, s) => {
        assert.equal(parseDuration(`P${d}DT${h}H${m}M${s}S`), (((d * 24 + h) * 60 + m) * 60 + s) * 1_000)
      }),
    )
  })
})

describe('the life of a token', () => {
  it('is the time to live, or what was asked for below it', () => {
    const cases: [string | undefined, number | undefined, number | undefined][] = [
      [undefined, undefined, undefined],
      ['', undefined, undefined],
      ['PT1H', undefined, 3_600_000],
      [undefined, 74_000, 74_000],
      ['PT1M', 74_000, 60_000],
      ['PT0.5S', 74_000, 500],
      ['P1D', 74_000, 74_000],
    ]
    for (const [lifespan, ttlMs, ms] of cases) assert.deepEqual(lifeOf(lifespan, ttlMs), { ok: true, ms })
  })

  it('is never one that Knox would issue dead, negative, or not at all', () => {
    for (const lifespan of [
      'P1Y',
      '1h',
      ' PT1H',
      'PT0S',
      'PT-2S',
      '-P1D',
      'P106751991168D',
      'x'.repeat(100),
    ]) {
      for (const ttlMs of [undefined, 74_000]) {
        const life = lifeOf(lifespan, ttlMs)
        assert.ok(!life.ok && life.problem.startsWith('Invalid lifespan "'), lifespan)
      }
    }
  })

  it('is told in whole seconds, and not at all when it has no end', () => {
    assert.equal(expiresInSeconds(1_000, 75_000), 74)
    assert.equal(expiresInSeconds(0, 500), 0)
    assert.equal(expiresInSeconds(0, undefined), undefined)
  })

  it('is printed for people as Knox prints it', () => {
    assert.equal(printLifetime(undefined), 'Unlimited lifetime')
    assert.equal(printLifetime(74_000), '1 minutes 14 seconds')
    assert.equal(printLifetime(90_061_000), '1 days 1 hours 1 minutes 1 seconds')
    assert.equal(printLifetime(3_600_000), '1 hours ')
    assert.equal(printLifetime(0), '')
  })
})
