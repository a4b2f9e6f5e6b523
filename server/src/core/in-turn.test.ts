import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createInTurn } from './in-turn.ts'

test('works of one name run one after the other, also after one that failed', async () => {
  const inTurn = createInTurn()
  const events: string[] = []
  const work = (name: string, fails: boolean) => async () => {
    events.push(`${name} begins`)
    await new Promise(setImmediate)
    events.push(`${name} ends`)
    if (fails) throw new Error(name)
    return name
  }
  const results = await Promise.allSettled([
    inTurn('x', work('first', true)),
    inTurn('x', work('second', false)),
    inTurn('y', work('other', false)),
  ])
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed')),
    ['failed', 'second', 'other'],
  )
  const ofX = events.filter((event) => !event.startsWith('other'))
  assert.deepEqual(ofX, ['first begins', 'first ends', 'second begins', 'second ends'])
  assert.ok(events.indexOf('other begins') < events.indexOf('first ends'))
})
