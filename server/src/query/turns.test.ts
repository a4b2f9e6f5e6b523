import assert from 'node:assert/strict'
import { test } from 'node:test'
import { yieldIfLong } from './turns.ts'

/** Computes until it is time to give others their turn. */
function computeUntilDue(): Promise<void> {
  for (;;) {
    const turn = yieldIfLong()
    if (turn !== undefined) return turn
  }
}

test('work that goes on gives the event loop its turn, and goes on afterwards', {
  timeout: 60_000,
}, async () => {
  let turns = 0
  let isOver = false
  const count = () => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  for (let piece = 0; piece < 5; piece += 1) await computeUntilDue()
  isOver = true
  assert.ok(turns >= 4, `${turns} turns`)
})

test('of several that wait, one goes on in each turn, in the order in which they asked', {
  timeout: 60_000,
}, async () => {
  await computeUntilDue()
  // All of them ask in one turn, after the last one has lasted long enough.
  const wentOn: string[] = []
  const first = computeUntilDue()
  const others = ['b', 'c', 'd'].map(async (name) => {
    await yieldIfLong()
    wentOn.push(name)
    const turn = new Promise((resolve) => setImmediate(resolve))
    const before = wentOn.length
    await Promise.resolve()
    assert.equal(wentOn.length, before, 'another went on in the same turn')
    await turn
  })
  await first
  wentOn.unshift('a')
  await Promise.all(others)
  assert.deepEqual(wentOn, ['a', 'b', 'c', 'd'])
})
