import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MessageLane } from './message-lane.ts'

/** A lane whose messages are finished by hand, with a record of all that happened. */
function laneByHand(inFlightMax: number, waitingMax: number) {
  const events: string[] = []
  const running = new Map<string, () => void>()
  const lane = new MessageLane({
    inFlightMax,
    waitingMax,
    run: (text) => {
      events.push(`run ${text}`)
      if (text === 'fail') return Promise.reject(new Error('failed'))
      return new Promise((resolve) => running.set(text, resolve))
    },
    pause: () => events.push('pause'),
    resume: () => events.push('resume'),
    overflow: () => events.push('overflow'),
    failed: (error) => events.push(`failed ${error instanceof Error ? error.message : ''}`),
  })
  const finish = async (text: string): Promise<void> => {
    running.get(text)?.()
    await nextTurn()
  }
  return { lane, events, finish }
}

test('runs no more at once than allowed, and the rest in the order of arrival', async () => {
  const { lane, events, finish } = laneByHand(2, 10)
  for (const text of ['a', 'b', 'c', 'd']) lane.take(text)
  assert.deepEqual(events, ['run a', 'run b', 'pause'])
  await finish('b')
  await finish('a')
  await finish('c')
  await finish('d')
  assert.deepEqual(events, ['run a', 'run b', 'pause', 'run c', 'run d', 'resume'])
})

test('asks for the end of a connection that sends more than may wait', () => {
  const { lane, events } = laneByHand(1, 2)
  for (const text of ['a', 'b', 'c', 'd']) lane.take(text)
  assert.deepEqual(events, ['run a', 'pause', 'overflow'])
})

test('goes on after a handler that failed', async () => {
  const { lane, events, finish } = laneByHand(1, 2)
  lane.take('fail')
  lane.take('b')
  await nextTurn()
  assert.deepEqual(events, ['run fail', 'pause', 'failed failed', 'run b'])
  await finish('b')
})

test('draining answers all that was taken, and takes no more', async () => {
  const { lane, events, finish } = laneByHand(1, 2)
  lane.take('a')
  lane.take('b')
  let drained = false
  const done = lane.drain().then(() => {
    drained = true
  })
  lane.take('c')
  await finish('a')
  assert.equal(drained, false)
  await finish('b')
  await done
  assert.deepEqual(events, ['run a', 'pause', 'run b'])
  await lane.drain()
})

test('forgets what waits once closed', async () => {
  const { lane, events, finish } = laneByHand(1, 2)
  lane.take('a')
  lane.take('b')
  lane.close()
  await finish('a')
  assert.deepEqual(events, ['run a', 'pause'])
})
