import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MERGED_SEGMENTS, segmentsToMerge } from './merge-plan.ts'

/** Adds so many segments of one size, each time merging what is to be merged; tells what that wrote. */
function grow(size: number, count: number, shrink: (segments: number[]) => void = () => undefined) {
  const segments: number[] = []
  let written = 0
  let most = 0
  for (let n = 0; n < count; n++) {
    segments.push(size)
    written += size
    shrink(segments)
    for (let start = segmentsToMerge(segments); start !== undefined; start = segmentsToMerge(segments)) {
      const merged = segments.slice(start, start + MERGED_SEGMENTS).reduce((sum, bytes) => sum + bytes, 0)
      segments.splice(start, MERGED_SEGMENTS, ...(merged > 0 ? [merged] : []))
      written += merged
    }
    most = Math.max(most, segments.length)
  }
  return { segments, written, most }
}

describe('merging segments', () => {
  test('leaves few, and writes each byte four times at most', () => {
    const count = 40_000
    for (const size of [1_000, 2_000, 10_000, 32_768, 40_000]) {
      const { segments, written, most } = grow(size, count)
      assert.ok(written <= 4 * size * count)
      assert.ok(segments.every((bytes) => bytes <= 16 * 524_288))
      // What is left as it is has more than half a MiB.
      assert.ok(most <= 3 * MERGED_SEGMENTS + (size * count) / 524_288, `${most} segments of ${size} bytes`)
    }
  })

  test('writes each byte three times at most when batches have usual sizes', () => {
    const { written } = grow(10_000, 40_000)
    assert.ok(written <= 3 * 10_000 * 40_000)
  })

  test('leaves few also of those from which almost everything is removed', () => {
    const { segments, most } = grow(10_000, 20_000, (all) => {
      // What is older than the newest loses nearly everything.
      for (let index = 0; index < all.length - 20; index++)
        all[index] = Math.min(all[index] ?? 0, 600_000 * (index % 2))
    })
    assert.ok(segments.length < 200, `${segments.length}`)
    assert.ok(most < 200, `${most}`)
  })

  test('waits until there are enough of a size', () => {
    const small = new Array<number>(15).fill(1_000)
    const middle = new Array<number>(15).fill(100_000)
    const large = new Array<number>(40).fill(1_000_000)
    assert.equal(segmentsToMerge([...large, ...middle, ...small]), undefined)
    assert.equal(segmentsToMerge([...large, ...middle, 100_000, ...small]), 40)
    assert.equal(segmentsToMerge([...large, ...middle, ...small, 1_000]), 55)
    assert.equal(segmentsToMerge([...small, 1_000_000, ...small]), undefined)
  })

  test('takes unlike neighbours when there are very many', () => {
    const mixed = Array.from({ length: 64 }, (_, index) => (index % 2 === 0 ? 1_000 : 100_000))
    assert.equal(segmentsToMerge([1_000_000, ...mixed]), 1)
    assert.equal(segmentsToMerge(mixed.slice(1)), undefined)
  })
})
