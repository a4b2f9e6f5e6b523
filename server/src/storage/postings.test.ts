import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodePostings, encodePostings, LIST_END, type Posting } from './postings.ts'

const ascending = (least: number, max: number) =>
  fc
    .uniqueArray(fc.integer({ min: least, max }), { minLength: 1, maxLength: 20 })
    .map((list) => list.toSorted((a, b) => a - b))

const postings: fc.Arbitrary<readonly Posting[]> = ascending(1, Number.MAX_SAFE_INTEGER).chain((documents) =>
  fc.tuple(
    ...documents.map((document) =>
      fc.record(
        { document: fc.constant(document), length: fc.nat(100_000), positions: ascending(0, 100_000) },
        { noNullPrototype: true },
      ),
    ),
  ),
)

test('bytes give back the postings that they were made of', () => {
  fc.assert(
    fc.property(postings, (list) => {
      const { documents, bytes } = encodePostings(list)
      assert.equal(documents, list.length)
      assert.deepEqual(decodePostings(bytes), list)
    }),
  )
})

test('lists become one without being read, and are found among other bytes', () => {
  fc.assert(
    fc.property(postings, fc.nat(), fc.nat(10), (list, at, before) => {
      const middle = Math.max(1, at % list.length)
      const head = encodePostings(list.slice(0, middle)).bytes
      const tail = encodePostings(list.slice(middle)).bytes
      const others = new Uint8Array(before).fill(7)
      const bytes = Buffer.concat([others, head, Uint8Array.of(LIST_END), tail, others])
      assert.deepEqual(decodePostings(bytes, before, bytes.length - before), list)
    }),
  )
})

test('a key with one word among few takes six bytes or fewer', () => {
  const { bytes } = encodePostings([{ document: 2_000_000, length: 8, positions: [3] }])
  assert.ok(bytes.length <= 6)
})
