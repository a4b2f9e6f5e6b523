import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PostingList, PostingListBuilder } from '../../query/indexed/posting-list.ts'
import { numbers } from '../contract/records.ts'
import { ListMemory } from './list-memory.ts'

function listOf(documents: number): PostingList {
  const builder = new PostingListBuilder(false)
  for (const n of numbers(documents)) builder.add(n + 1, 3, [0])
  return builder.build()
}

test('what a segment has of a word is remembered, with and without places', () => {
  const memory = new ListMemory(1_000)
  const list = listOf(3)
  memory.set('a', 'word', list)
  assert.equal(memory.get('a', 'word', false), list)
  assert.equal(memory.get('a', 'word', true), undefined)
  assert.equal(memory.get('b', 'word', false), undefined)
})

test('what was not asked for longest is forgotten when there is too much', () => {
  const memory = new ListMemory(1_000)
  for (const segment of ['a', 'b', 'c']) memory.set(segment, 'word', listOf(200))
  memory.get('a', 'word', false)
  memory.set('d', 'word', listOf(200))
  const left = ['a', 'b', 'c', 'd'].filter((segment) => memory.get(segment, 'word', false) !== undefined)
  assert.deepEqual(left, ['a', 'c', 'd'])
  memory.set('e', 'word', listOf(2_000))
  assert.equal(memory.get('e', 'word', false), undefined)
  assert.equal(memory.get('d', 'word', false), undefined)
})
