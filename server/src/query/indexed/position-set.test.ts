import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PositionSet } from './position-set.ts'

const positions = fc.array(fc.oneof(fc.nat(100), fc.nat(200_000), fc.nat(Number.MAX_SAFE_INTEGER)))

function setOf(list: readonly number[]): PositionSet {
  const set = new PositionSet()
  for (const position of list) set.add(position)
  return set
}

const ascending = (list: Iterable<number>) => [...new Set(list)].sort((a, b) => a - b)

const listOf = (set: PositionSet) => [...set.slices(10)].flat()

test('a set has what was added, once and in ascending order', () => {
  fc.assert(
    fc.property(positions, positions, (list, others) => {
      const set = setOf(list)
      assert.deepEqual(listOf(set), ascending(list))
      assert.equal(set.size, new Set(list).size)
      for (const position of others) assert.equal(set.has(position), list.includes(position))
    }),
  )
})

test('intersection and union are those of sets, and change neither of them', () => {
  fc.assert(
    fc.property(positions, positions, (a, b) => {
      const [left, right] = [setOf(a), setOf(b)]
      assert.deepEqual(
        listOf(PositionSet.intersection(left, right)),
        ascending(a.filter((one) => b.includes(one))),
      )
      assert.deepEqual(listOf(PositionSet.union([left, right])), ascending([...a, ...b]))
      assert.deepEqual([listOf(left), listOf(right)], [ascending(a), ascending(b)])
    }),
  )
})
