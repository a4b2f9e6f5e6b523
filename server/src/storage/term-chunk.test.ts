import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { compareCodePoints } from '../query/code-point-order.ts'
import { decodePostings, encodePostings, type Posting } from './postings.ts'
import {
  addToChunk,
  bytesOf,
  CHUNK_BYTES_MAX,
  ChunkReader,
  ChunkWriter,
  findTerm,
  type PackedChunk,
  removeFromChunk,
  type TermChunk,
  wholeList,
} from './term-chunk.ts'

type Terms = ReadonlyMap<string, readonly Posting[]>

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\uffee', '😀'), minLength: 1, maxLength: 8 })

const documents = fc
  .uniqueArray(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 60 })
  .map((list) => list.toSorted((a, b) => a - b).map(aPosting))

/** At least one term, in code-point order. */
const terms: fc.Arbitrary<Terms> = fc
  .dictionary(word, documents, { minKeys: 1, maxKeys: 30 })
  .map((byTerm) => new Map(Object.entries(byTerm).toSorted(([a], [b]) => compareCodePoints(a, b))))

function aPosting(document: number): Posting {
  return { document, length: 3 + (document % 9), positions: [document % 3] }
}

/** Each list in parts of a few documents. */
function pack(byTerm: Terms, bytesMax: number): readonly PackedChunk[] {
  const writer = new ChunkWriter(bytesMax)
  for (const [term, postings] of byTerm) {
    const starts = [...postings.keys()].filter((index) => index % 7 === 0)
    writer.add(
      term,
      starts.map((start) => wholeList(encodePostings(postings.slice(start, start + 7)))),
    )
  }
  return writer.finish()
}

function unpack(chunks: readonly TermChunk[]): Terms {
  const byTerm = new Map<string, readonly Posting[]>()
  for (const chunk of chunks) {
    const reader = new ChunkReader(chunk)
    while (reader.next()) {
      const { bytes, from, to } = reader.part
      const postings = decodePostings(bytes, from, to)
      assert.equal(reader.documents, postings.length)
      byTerm.set(reader.term, [...(byTerm.get(reader.term) ?? []), ...postings])
    }
  }
  return byTerm
}

function assertFoundByTheirBounds(chunks: readonly PackedChunk[]): void {
  for (const chunk of chunks) {
    const byTerm = [...unpack([chunk])]
    assert.equal(chunk.firstTerm, byTerm[0]?.[0])
    assert.equal(chunk.lastTerm, byTerm.at(-1)?.[0])
    assert.equal(chunk.lastDocument, byTerm.at(-1)?.[1].at(-1)?.document)
    assert.equal(chunk.bytes, bytesOf(chunk))
  }
}

describe('chunks of terms', () => {
  test('give back the terms and postings that they were made of, whatever their size', () => {
    fc.assert(
      fc.property(terms, fc.integer({ min: 1, max: 2_000 }), (byTerm, bytesMax) => {
        const chunks = pack(byTerm, bytesMax)
        assert.deepEqual(unpack(chunks), byTerm)
        assertFoundByTheirBounds(chunks)
      }),
    )
  })

  test('are as large as asked for, unless a single part is larger', () => {
    fc.assert(
      fc.property(terms, fc.integer({ min: 200, max: 2_000 }), (byTerm, bytesMax) => {
        for (const chunk of pack(byTerm, bytesMax)) assert.ok(chunk.bytes <= bytesMax, `${chunk.bytes}`)
      }),
    )
  })

  test('tell where a term occurs, and of no others', () => {
    fc.assert(
      fc.property(terms, word, (byTerm, other) => {
        const [chunk] = pack(byTerm, Number.POSITIVE_INFINITY)
        assert.ok(chunk !== undefined)
        for (const term of [other, ...byTerm.keys()]) {
          const found = findTerm(chunk, term)
          const postings = found && decodePostings(found.bytes, found.from, found.to)
          assert.deepEqual(postings, byTerm.get(term))
        }
      }),
    )
  })

  test('have no term that is two of theirs, or none', () => {
    const byTerm = new Map(['a', 'b'].map((term) => [term, [aPosting(1)]]))
    const [chunk] = pack(byTerm, Number.POSITIVE_INFINITY)
    assert.ok(chunk !== undefined)
    for (const term of ['a\nb', '', '\n', 'a\n']) assert.equal(findTerm(chunk, term), undefined)
  })

  test('lose one document of one term', () => {
    fc.assert(
      fc.property(terms, fc.nat(), fc.nat(), (byTerm, someTerm, someDocument) => {
        const [chunk] = pack(byTerm, Number.POSITIVE_INFINITY)
        const [term = '', postings = []] = [...byTerm][someTerm % byTerm.size] ?? []
        const removed = postings[someDocument % postings.length]?.document ?? 0
        assert.ok(chunk !== undefined)

        const result = removeFromChunk(chunk, term, removed)
        const left = postings.filter(({ document }) => document !== removed)
        const expected = new Map(byTerm).set(term, left)
        if (left.length === 0) expected.delete(term)
        assert.ok(result !== undefined)
        const chunks = result.left === undefined ? [] : [result.left]
        assert.deepEqual(unpack(chunks), expected)
        assertFoundByTheirBounds(chunks)
        assert.equal(removeFromChunk(chunk, term, 5_001), undefined)
        assert.equal(removeFromChunk(chunk, 'c', removed), undefined)
      }),
    )
  })

  test('take a document more, also of a term that they do not have, and stay small', () => {
    fc.assert(
      fc.property(
        terms,
        word,
        fc.integer({ min: 5_001, max: 6_000 }),
        fc.boolean(),
        (byTerm, other, n, old) => {
          const [chunk] = pack(byTerm, Number.POSITIVE_INFINITY)
          const term = old ? ([...byTerm.keys()][n % byTerm.size] ?? other) : other
          assert.ok(chunk !== undefined)
          const chunks = addToChunk(chunk, term, aPosting(n))
          const expected = [...byTerm].filter(([known]) => known !== term)
          expected.push([term, [...(byTerm.get(term) ?? []), aPosting(n)]])
          expected.sort(([a], [b]) => compareCodePoints(a, b))
          assert.deepEqual(unpack(chunks), new Map(expected))
          assertFoundByTheirBounds(chunks)
          for (const { bytes } of chunks) assert.ok(bytes <= CHUNK_BYTES_MAX)
        },
      ),
    )
  })

  test('take a document between others, until a list is cut in two', () => {
    let chunks: readonly PackedChunk[] = pack(new Map([['a', [aPosting(5_000)]]]), CHUNK_BYTES_MAX)
    const added = Array.from({ length: 2_000 }, (_, n) => 1 + ((n * 7) % 4_001))
    for (const document of added) {
      const [first, ...others] = chunks
      assert.ok(first !== undefined)
      if (document > first.lastDocument) continue
      chunks = [...addToChunk(first, 'a', aPosting(document)), ...others]
    }
    assert.ok(chunks.length > 1)
    for (const { bytes } of chunks) assert.ok(bytes <= CHUNK_BYTES_MAX)
    const found =
      unpack(chunks)
        .get('a')
        ?.map(({ document }) => document) ?? []
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    )
  })
})
