import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { minimumShouldMatch } from './minimum-should-match.ts'
import { assertRefuses } from './testing/refusal.ts'

const EXAMPLES: readonly (readonly [spec: string | number, optionalCount: number, expected: number])[] = [
  [3, 5, 3],
  ['3', 5, 3],
  [' +3 ', 5, 3],
  [7, 5, 7],
  [0, 5, 0],
  ['-1', 5, 4],
  [-5, 5, 0],
  [-6, 5, 0],
  ['75%', 4, 3],
  ['75%', 5, 3],
  ['100%', 3, 3],
  ['0%', 3, 0],
  ['-25%', 4, 3],
  ['-25%', 5, 4],
  ['-25%', 3, 3],
  ['-200%', 3, 0],
  ['150%', 4, 6],
  ['67%', 3, 2],
  ['2<75%', 1, 1],
  ['2<75%', 2, 2],
  ['2<75%', 3, 2],
  ['2<75%', 8, 6],
  ['2<-25% 9<-3', 2, 2],
  ['2<-25% 9<-3', 4, 3],
  ['2<-25% 9<-3', 9, 7],
  ['2<-25% 9<-3', 10, 7],
  ['2 < -25%  9 <-3', 10, 7],
  ['3<90%', 4, 3],
  ['2\t<\t1', 5, 1],
]

test('counts as Elasticsearch documents each form', () => {
  for (const [spec, optionalCount, expected] of EXAMPLES) {
    assert.equal(minimumShouldMatch(spec, optionalCount), expected, `${spec} of ${optionalCount}`)
  }
})

test('percentages are calculated in 32-bit arithmetic', () => {
  assert.equal(minimumShouldMatch('29%', 100), 29)
  assert.equal(minimumShouldMatch('-29%', 100), 71)
  assert.equal(minimumShouldMatch('30%', 10), 3)
  assert.equal(minimumShouldMatch('2147483647%', 3), 21_474_836)
})

test('anything else is refused with the number that could not be read', () => {
  for (const [spec, part] of [
    ['abc', 'abc'],
    ['', ''],
    ['1.5', '1.5'],
    [1.5, '1.5'],
    ['%', ''],
    ['a%', 'a'],
    ['5%5', '5%'],
    ['x<3', 'x'],
    ['2<', ''],
    ['2<x', 'x'],
    ['2147483648', '2147483648'],
    ['-2147483649', '-2147483649'],
    ['99999999999', '99999999999'],
    ['3 4', '3 4'],
  ] as const) {
    assertRefuses(
      () => minimumShouldMatch(spec, 5),
      'malformed',
      `failed to create query: For input string: "${part}"`,
    )
  }
})

test('a condition without rule is refused', () => {
  assertRefuses(
    () => minimumShouldMatch('1<3 2', 5),
    'malformed',
    'failed to create query: For input string: "1<3 2"',
  )
  assert.equal(minimumShouldMatch('1<3 9', 5), 3)
})

test('the largest numbers are read', () => {
  assert.equal(minimumShouldMatch('2147483647', 5), 2_147_483_647)
  assert.equal(minimumShouldMatch('-2147483648', 5), 0)
})

test('the count is never negative, and a plain count does not depend on how many there are', () => {
  fc.assert(
    fc.property(fc.integer({ min: -2000, max: 2000 }), fc.nat(1024), (count, optionalCount) => {
      const expected = count < 0 ? Math.max(0, optionalCount + count) : count
      assert.equal(minimumShouldMatch(count, optionalCount), expected)
      assert.ok(minimumShouldMatch(`${count}%`, optionalCount) >= 0)
    }),
  )
})
