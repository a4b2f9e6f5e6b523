import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KeyId } from '../ids.ts'
import { createUseTable } from './use-table.ts'

const DAY_MS = 86_400_000
const id = (n: number) => `k${n}` as KeyId

describe('counts of use', () => {
  test('are those of their key, also when the place that was given is that of another by now', () => {
    const table = createUseTable(10)
    const place = { usesAt: -1 }
    table.accepted(id(1), 5, place)
    table.accepted(id(1), 6, place)
    const [taken] = table.takeKeys([id(1)])
    assert.deepEqual(taken?.days, new Map([[0, { accepted: 2, refused: 0 }]]))
    table.accepted(id(2), 7)
    table.accepted(id(1), 8, place)
    table.accepted(id(1), 9, { usesAt: 1_000_000 })
    assert.deepEqual(table.takeKeys([id(2)])[0]?.days, new Map([[0, { accepted: 1, refused: 0 }]]))
    assert.deepEqual(table.takeKeys([id(1)])[0]?.days, new Map([[0, { accepted: 2, refused: 0 }]]))
    assert.equal(table.size, 0)
  })

  test('come in the order of the first uses, and are no more than there may be', () => {
    const table = createUseTable(3_000)
    for (let n = 0; n < 4_000; n++) table.accepted(id(n), n)
    assert.equal(table.size, 3_000)
    const taken = table.take(1_000, (since) => since < 700)
    assert.deepEqual(
      taken.map((uses) => uses.id),
      Array.from({ length: 700 }, (_, n) => id(n)),
    )
    assert.equal(table.lastUsedAt(id(699)), undefined)
    assert.equal(table.lastUsedAt(id(700)), 700)
  })

  test('stay with their days when they are put back, or the clock is set back over midnight', () => {
    const table = createUseTable(10)
    table.accepted(id(1), DAY_MS - 1)
    const [early] = table.takeKeys([id(1)])
    table.refused(id(1), DAY_MS)
    table.accepted(id(1), DAY_MS - 2)
    table.accepted(id(1), DAY_MS + 3)
    assert.ok(early)
    table.putBack(early)
    table.accepted(id(1), DAY_MS + 2)
    const [uses = assert.fail()] = table.takeKeys([id(1)])
    assert.equal(uses.since, DAY_MS - 1)
    assert.equal(uses.lastUsedAt, DAY_MS + 3)
    assert.deepEqual(
      uses.days,
      new Map([
        [0, { accepted: 2, refused: 0 }],
        [1, { accepted: 2, refused: 1 }],
      ]),
    )
  })

  test('begin with the first of them also when that one is put back into others of a later day', () => {
    const table = createUseTable(10)
    table.accepted(id(1), DAY_MS - 1)
    const [early = assert.fail()] = table.takeKeys([id(1)])
    table.accepted(id(1), DAY_MS + 3)
    table.putBack(early)
    table.accepted(id(1), DAY_MS + 4)
    const counts = (accepted: number) => ({ accepted, refused: 0 })
    assert.deepEqual(table.takeKeys([id(1), id(2)]), [
      {
        id: id(1),
        since: DAY_MS - 1,
        lastUsedAt: DAY_MS + 4,
        days: new Map([
          [0, counts(1)],
          [1, counts(2)],
        ]),
      },
    ])
  })

  test('that were refused are no last use', () => {
    const table = createUseTable(10)
    table.refused(id(1), 5)
    assert.equal(table.lastUsedAt(id(1)), undefined)
    assert.deepEqual(table.takeKeys([id(1)]), [
      { id: id(1), since: 5, days: new Map([[0, { accepted: 0, refused: 1 }]]) },
    ])
  })
})
