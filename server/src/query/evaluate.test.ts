import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { numberTest, termTest } from './evaluate.ts'
import { StepBudget } from './step-budget.ts'

test('a pattern gives the same verdict however many terms were tested before, and tests few of them twice', () => {
  let tested = 0
  const matcher = {
    matches: (term: string) => {
      tested += 1
      return term.endsWith('7')
    },
  }
  const query = { kind: 'pattern', field: 'f', matcher, literalPrefix: '', contains: '', boost: 1 } as const
  const accepts = termTest(query, new StepBudget(1))
  for (let round = 0; round < 3; round += 1) {
    for (let n = 0; n < 100; n += 1) assert.equal(accepts(`term ${n}`), n % 10 === 7)
  }
  assert.equal(tested, 100)
  for (let n = 0; n < 25_000; n += 1) assert.equal(accepts(`term ${n}`), n % 10 === 7)
  for (let n = 0; n < 25_000; n += 1) assert.equal(accepts(`term ${n}`), n % 10 === 7)
})

test('a number is in one of many ranges when one of them holds it', () => {
  const ends = fc.uniqueArray(fc.integer({ min: -20, max: 20 }), { maxLength: 12 })
  fc.assert(
    fc.property(ends, fc.integer({ min: -22, max: 22 }), (numbers, value) => {
      const sorted = numbers.toSorted((a, b) => a - b)
      const ranges = sorted.flatMap((first, index): [number, number][] => {
        const last = sorted[index + 1]
        return index % 2 === 0 && last !== undefined ? [[first, last]] : []
      })
      const isIn = numberTest({ kind: 'numberRanges', field: 'f', ranges, boost: 1 })
      assert.equal(
        isIn(value),
        ranges.some(([first, last]) => first <= value && value <= last),
      )
    }),
    { numRuns: 1000 },
  )
})
