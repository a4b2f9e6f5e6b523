import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePostings, encodePostings, type Posting } from './posting-block.ts'

const ascending = (max: number) =>
  fc.uniqueArray(fc.nat(max), { minLength: 1, maxLength: 20 }).map((list) => list.toSorted((a, b) => a - b))

const postings: fc.Arbitrary<readonly Posting[]> = ascending(Number.MAX_SAFE_INTEGER).chain((documents) =>
  fc.tuple(
    ...documents.map((document) =>
      fc.record(
        { document: fc.constant(document), length: fc.nat(100_000), positions: ascending(100_000) },
        { noNullPrototype: true },
      ),
    ),
  ),
)

test('a block gives back the postings that it was made of', () => {
  fc.assert(
    fc.property(postings, (list) => {
      const first = list[0]?.document ?? 0
      assert.deepEqual(decodePostings({ first, bytes: encodePostings(first, list) }), list)
    }),
  )
})

test('postings can be added behind a block without reading it', () => {
  fc.assert(
    fc.property(postings, fc.nat(), (list, at) => {
      const first = list[0]?.document ?? 0
      const middle = Math.max(1, at % list.length)
      const head = encodePostings(first, list.slice(0, middle))
      const tail = encodePostings(list[middle - 1]?.document ?? 0, list.slice(middle))
      assert.deepEqual(decodePostings({ first, bytes: Buffer.concat([head, tail]) }), list)
    }),
  )
})

test('a document with one word among few takes five bytes or fewer', () => {
  const list = [{ document: 1_000_000, length: 8, positions: [3] }]
  assert.ok(encodePostings(999_900, list).length <= 5)
})
