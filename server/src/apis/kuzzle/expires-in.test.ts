import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonValue } from '../../core/json.ts'
import { parseExpiresIn, parseKeyTtl } from './expires-in.ts'

const DAY = 86_400_000

const ACCEPTED: readonly (readonly [JsonValue, number])[] = [
  [86_400_000, DAY],
  ['86400000', DAY],
  [42, 42],
  ['42', 42],
  [1, 1],
  ['30d', 30 * DAY],
  ['6d', 6 * DAY],
  ['10h', 36_000_000],
  ['1 d', DAY],
  ['2 days', 2 * DAY],
  ['1W', 7 * DAY],
  ['100w', 700 * DAY],
  ['1y', 365.25 * DAY],
  ['.5h', 1_800_000],
  ['1.5s', 1_500],
  ['6m', 360_000],
  ['1M', 60_000],
  ['500', 500],
  [1.5, 2],
]

const REFUSED: readonly JsonValue[] = [
  'abc',
  '1e3',
  '6 months',
  '1mo',
  '1h30m',
  ' 1d',
  '1d ',
  '+5',
  '0',
  '0d',
  `${'9'.repeat(100)}d`,
  true,
  false,
  {},
  [],
  [1],
  -5,
  '-5',
  '-1d',
  '-1ms',
  '-1.0',
  0.5,
  '0.2ms',
  Number.POSITIVE_INFINITY,
  Number.NaN,
]

describe('expiresIn', () => {
  it('is a number of milliseconds or a time span', () => {
    for (const [given, ms] of ACCEPTED) assert.equal(parseExpiresIn(given), ms, JSON.stringify(given))
  })

  it('means nothing when absent, null, empty or zero', () => {
    for (const given of [undefined, null, '', 0]) assert.equal(parseExpiresIn(given), undefined)
  })

  it('means "never" as -1 and "-1", and for API keys when absent too', () => {
    for (const given of [-1, '-1']) assert.equal(parseExpiresIn(given), -1)
    for (const given of [-1, '-1', undefined, null, '', 0]) assert.equal(parseKeyTtl(given), undefined)
  })

  it('that would make a dead or ill-defined key is refused', () => {
    for (const given of REFUSED) {
      assert.throws(() => parseExpiresIn(given), { id: 'api.assert.invalid_argument' }, JSON.stringify(given))
    }
  })
})
