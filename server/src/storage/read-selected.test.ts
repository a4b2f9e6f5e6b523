import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codePointCount, compareCodePoints } from '../query/code-point-order.ts'
import { encodePostings } from './postings.ts'
import { readSelected } from './read-selected.ts'
import { ChunkWriter, wholeList } from './term-chunk.ts'

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\uffee', '😀'), minLength: 1, maxLength: 5 })

const selection = fc.record(
  {
    from: fc.oneof(fc.constant(''), word),
    before: fc.oneof(fc.constant('\u{10ffff}'), word),
    contains: word,
    lengths: fc.tuple(fc.nat(4), fc.nat(6)),
  },
  { requiredKeys: ['from', 'before'] },
)

test('stops at the terms that a selection is about, with the number of their documents', () => {
  const words = fc.uniqueArray(word, { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(words, selection, fc.oneof(fc.constant(''), word), (all, selected, after) => {
      const terms = all.toSorted(compareCodePoints)
      const writer = new ChunkWriter(Number.POSITIVE_INFINITY)
      const postings = (count: number) =>
        Array.from({ length: count }, (_, n) => ({ document: n + 1, length: 1, positions: [0] }))
      for (const [n, term] of terms.entries()) writer.add(term, [wholeList(encodePostings(postings(n + 1)))])
      const [chunk] = writer.finish()
      assert.ok(chunk !== undefined)

      const found: (readonly [string, number])[] = []
      readSelected(chunk, selected, after, ({ term, documents }) => found.push([term, documents]))
      const { from, before, contains = '', lengths: [least, most] = [0, 9] } = selected
      const expected = [...terms.entries()].filter(
        ([, term]) =>
          compareCodePoints(term, from) >= 0 &&
          compareCodePoints(term, before) < 0 &&
          compareCodePoints(term, after) > 0 &&
          term.includes(contains) &&
          codePointCount(term) >= least &&
          codePointCount(term) <= most,
      )
      assert.deepEqual(
        found,
        expected.map(([n, term]) => [term, n + 1]),
      )
    }),
  )
})
