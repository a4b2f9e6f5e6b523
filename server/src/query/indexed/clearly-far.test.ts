import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileFuzzy, type Edits } from '../fuzzy.ts'
import { isClearlyFar } from './clearly-far.ts'

const word = fc.string({
  unit: fc.constantFrom('a', 'b', 'c', 'd', 'é', '😀', '😁', '🀄'),
  minLength: 1,
  maxLength: 7,
})

test('no term that is near enough is clearly far', () => {
  const edits = fc.constantFrom<Edits>(1, 2)
  fc.assert(
    fc.property(word, word, edits, fc.boolean(), (one, other, editsMax, transpositions) => {
      const { distance } = compileFuzzy(one, { edits: editsMax, prefixLength: 0, transpositions })
      if (isClearlyFar(one, editsMax)(other)) assert.equal(distance(other), undefined)
    }),
    { numRuns: 2_000 },
  )
})

test('terms with more characters of their own than edits are clearly far', () => {
  const isFar = isClearlyFar('zepelin', 2)
  for (const term of ['sn1234567', 'production', 'z😀😁🀄']) assert.ok(isFar(term), term)
  for (const term of ['zeppelin', 'nilepez', 'zepel😀😁', '']) assert.ok(!isFar(term), term)
})
