import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DateParts, matchDatePattern, parseDatePattern, printDatePattern } from './date-patterns.ts'
import { assertRefuses } from './testing/refusal.ts'

const HOUR = 3_600_000

function match(pattern: string, text: string): DateParts | undefined {
  return matchDatePattern(parseDatePattern(pattern), text)
}

test('letters read what they read in Java', () => {
  const day = { year: 2024, month: 1, day: 5 }
  for (const [pattern, text, parts] of [
    ['yyyy-MM-dd', '2024-01-05', day],
    ['uuuu-MM-dd', '2024-01-05', day],
    ['y-M-d', '2024-1-5', day],
    ['y-M-d', '2024-01-05', day],
    ['yy/MM/dd', '24/01/05', day],
    ['yyyyMMdd', '20240105', day],
    ['yMMdd', '20240105', day],
    ['yMMdd', '0120240105', { ...day, year: 12_024 }],
    ['dd MMM yyyy', '05 Jan 2024', day],
    ['MMMM d, yyyy', 'January 5, 2024', day],
    ['MMMM', 'May', { month: 5 }],
    ['HH:mm:ss.SSS', '10:11:12.345', { hour: 10, minute: 11, second: 12, millisecond: 345 }],
    ['HHmmssSSS', '101112345', { hour: 10, minute: 11, second: 12, millisecond: 345 }],
    ['H:m:s', '7:5:3', { hour: 7, minute: 5, second: 3 }],
    ['s.S', '3.5', { second: 3, millisecond: 500 }],
    ['s.SS', '3.05', { second: 3, millisecond: 50 }],
    ['s.SSSSSSSSS', '3.123999999', { second: 3, millisecond: 123 }],
    ['sSSS', '12345', { second: 12, millisecond: 345 }],
    ['hh:mm a', '03:04 PM', { hour: 15, minute: 4 }],
    ['h a', '12 AM', { hour: 0 }],
    ['h a', '12 PM', { hour: 12 }],
    ['h a', '11 AM', { hour: 11 }],
    ['a', 'PM', {}],
    ['hh', '03', {}],
    ['HH h a', '03 05 PM'.replace('05', '5'), { hour: 3 }],
    ['X', 'Z', { offset: 0 }],
    ['X', '+01', { offset: HOUR }],
    ['X', '-0130', { offset: -1.5 * HOUR }],
    ['XX', '+0130', { offset: 1.5 * HOUR }],
    ['XXX', '+01:30', { offset: 1.5 * HOUR }],
    ['XXX', 'Z', { offset: 0 }],
    ['x', '+01', { offset: HOUR }],
    ['Z', '+0130', { offset: 1.5 * HOUR }],
    ['ZZZ', '-0130', { offset: -1.5 * HOUR }],
    ['ZZZZZ', 'Z', { offset: 0 }],
    ['ZZZZZ', '-01:00', { offset: -HOUR }],
    ["yyyy'T'", '2024T', { year: 2024 }],
    ["yyyy''MM", "2024'01", { year: 2024, month: 1 }],
    ["'it''s' yyyy", "it's 2024", { year: 2024 }],
    ['yyyy[-MM[-dd]]', '2024', { year: 2024 }],
    ['yyyy[-MM[-dd]]', '2024-01', { year: 2024, month: 1 }],
    ['yyyy[-MM[-dd]]', '2024-01-05', day],
    ['yyyy[-MM', '2024-01', { year: 2024, month: 1 }],
    ['yyyy[ HH:mm] X', '2024 Z', { year: 2024, offset: 0 }],
  ] as const) {
    assert.deepEqual(match(pattern, text), parts, `${pattern} on ${text}`)
  }
})

test('what is not of the form of the pattern is not read', () => {
  for (const [pattern, text] of [
    ['yyyy-MM-dd', '2024-1-05'],
    ['yyyy-MM-dd', '24-01-05'],
    ['yyyy-MM-dd', '12024-01-05'],
    ['yyyy-MM-dd', '2024-01-05x'],
    ['yyyy-MM-dd', 'x2024-01-05'],
    ['yyyy-MM-dd', ''],
    ['yyyyMMdd', '2024105'],
    ['yyyyMMdd', '202401055'],
    ['y', ''],
    ['y', 'x'],
    ['y', '1234567890'],
    ['yMMdd', '0105'],
    ['yy', '2024'],
    ['M', '1234567890'],
    ['MMM', 'january'],
    ['MMM', 'Foo'],
    ['SSS', '12'],
    ['S', '12'],
    ['a', 'am'],
    ['h a', '0 AM'],
    ['h a', '13 PM'],
    ['X', '+1'],
    ['X', '+01:30'],
    ['XX', '+01'],
    ['XX', '+01:30'],
    ['XXX', '+0130'],
    ['XXX', '+01:60'],
    ['XXX', '+19:00'],
    ['x', 'Z'],
    ['Z', 'Z'],
    ['yyyy[-MM]', '2024-'],
    ["'T'", 't'],
  ] as const) {
    assert.equal(match(pattern, text), undefined, `${pattern} on ${text}`)
  }
})

test('other patterns are refused', () => {
  for (const [pattern, reason] of [
    ['yyyy-bb', 'Unknown pattern letter: b'],
    ['yyyy]', 'Pattern invalid as it contains ] without previous ['],
    ["yyyy'T", "Pattern ends with an incomplete string literal: yyyy'T"],
    ["'a''", "Pattern ends with an incomplete string literal: 'a''"],
    ['{yyyy}', "Pattern includes reserved character: '{'"],
    ['yyyy#', "Pattern includes reserved character: '#'"],
    ['yyyyyyyyyy', 'Too many pattern letters: y'],
    ['MMMMM', 'Too many pattern letters: M'],
    ['ddd', 'Too many pattern letters: d'],
    ['HHH', 'Too many pattern letters: H'],
    ['hhh', 'Too many pattern letters: h'],
    ['mmm', 'Too many pattern letters: m'],
    ['sss', 'Too many pattern letters: s'],
    ['SSSSSSSSSS', 'Too many pattern letters: S'],
    ['aa', 'Too many pattern letters: a'],
    ['XXXX', 'Too many pattern letters: X'],
    ['xxxx', 'Too many pattern letters: x'],
    ['ZZZZ', 'Too many pattern letters: Z'],
    ['ZZZZZZ', 'Too many pattern letters: Z'],
    ['['.repeat(12), 'Pattern is nested more than 10 levels deep'],
  ] as const) {
    assertRefuses(() => parseDatePattern(pattern), 'malformed', `Invalid format: [${pattern}]: ${reason}`)
  }
  assert.doesNotThrow(() => parseDatePattern('['.repeat(10)))
})

const DATE = { year: 2024, month: 1, day: 5, hour: 0, minute: 4, second: 9, millisecond: 7, offset: 0 }

test('dates are printed in the same letters', () => {
  for (const [pattern, text] of [
    ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", '2024-01-05T00:04:09.007Z'],
    ['yy y M d H m s', '24 2024 1 5 0 4 9'],
    ['MMM MMMM', 'Jan January'],
    ['S SS SSSSSS', '0 00 007000'],
    ['h hh a', '12 12 AM'],
    ['X XX XXX x Z ZZZZZ', 'Z Z Z +00 +0000 Z'],
    ["''yyyy'' 'it''s'", "'2024' it's"],
    ['yyyy[-MM[-dd]]', '2024-01-05'],
  ] as const) {
    assert.equal(printDatePattern(parseDatePattern(pattern), DATE), text)
  }
  const other = { ...DATE, year: -44, hour: 13, offset: -5.5 * HOUR }
  assert.equal(
    printDatePattern(parseDatePattern('yyyy h a X XX XXX'), other),
    '-0044 1 PM -0530 -0530 -05:30',
  )
  assert.equal(printDatePattern(parseDatePattern('X h a'), { ...DATE, hour: 12, offset: HOUR }), '+01 12 PM')
})

test('what is printed can be read', () => {
  const date = fc.record({
    year: fc.integer({ min: 2000, max: 2099 }),
    month: fc.integer({ min: 1, max: 12 }),
    day: fc.integer({ min: 1, max: 28 }),
    hour: fc.nat(23),
    minute: fc.nat(59),
    second: fc.nat(59),
    millisecond: fc.nat(999),
    offset: fc.integer({ min: -18 * 60, max: 18 * 60 }).map((minutes) => minutes * 60_000),
  })
  const patterns = fc.constantFrom(
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    'yyyyMMddHHmmssSSSXX',
    'd MMM yy, h:m:s.SSS a Z',
    'MMMM dd y HH mm ss SSSSSS ZZZZZ',
  )
  fc.assert(
    fc.property(date, patterns, (parts, text) => {
      const pattern = parseDatePattern(text)
      assert.deepEqual(matchDatePattern(pattern, printDatePattern(pattern, parts)), { ...parts })
    }),
  )
})
