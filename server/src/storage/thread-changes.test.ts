import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createChangeMemory, ThreadChanges } from './thread-changes.ts'

function twoThreads(before = 0): { readonly one: ThreadChanges; readonly other: ThreadChanges } {
  const memory = createChangeMemory()
  new Int32Array(memory)[0] = before
  return { one: new ThreadChanges(memory), other: new ThreadChanges(memory) }
}

test('a change of one thread leaves the others behind until they heard of it', () => {
  const { one, other } = twoThreads()
  one.count()
  assert.deepEqual([one.isBehind(), other.isBehind()], [false, true])
  const { counted } = other
  other.hear(counted)
  assert.equal(other.isBehind(), false)
})

test('an answer does not tell of what was changed after the question was sent', () => {
  const { one, other } = twoThreads()
  const { counted } = other
  one.count()
  other.hear(counted)
  assert.ok(other.isBehind())
})

test('a change of its own hides from no thread what another one changed before', () => {
  const { one, other } = twoThreads()
  one.count()
  other.count()
  assert.deepEqual([one.isBehind(), other.isBehind()], [true, true])
})

test('an old answer does not undo what is known', () => {
  const { one } = twoThreads()
  const { counted } = one
  one.count()
  one.hear(counted)
  assert.equal(one.isBehind(), false)
})

test('the count may go round', () => {
  const { one, other } = twoThreads(2 ** 31 - 1)
  one.count()
  one.count()
  assert.deepEqual([one.isBehind(), other.isBehind()], [false, true])
  other.hear(other.counted)
  assert.equal(other.isBehind(), false)
})
