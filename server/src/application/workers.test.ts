import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createChangeMemory } from '../storage/thread-changes.ts'
import { createSharedRates } from '../system/shared-rate-counters.ts'
import { createClockMemory } from '../system/store-clock.ts'
import type { Log } from './log.ts'
import { StartError } from './start-error.ts'
import type { WorkerStart } from './worker-start.ts'
import { openWorkers } from './workers.ts'

const ENTRY = new URL('./testing/mortal-thread.ts', import.meta.url)

function startOf(rates: SharedArrayBuffer, lives: SharedArrayBuffer): (thread: number) => WorkerStart {
  return (thread) => ({
    settings: {},
    thread,
    host: '',
    port: 0,
    rates,
    clockMemory: createClockMemory(),
    changeMemory: createChangeMemory(),
    metrics: [lives],
    tunnel: { path: '', secret: new Uint8Array(0) },
    connectionsMax: 1,
  })
}

function logTo(messages: string[]): Log {
  const note = (_facts: unknown, message: string): void => void messages.push(message)
  return { fatal: note, error: note, warn: note, info: note, debug: note, flush: () => {} }
}

test('a thread that dies is started again, its locks are let go of, and the log tells of it', async () => {
  const rates = createSharedRates(16)
  const lives = new SharedArrayBuffer(64)
  const words = new Int32Array(lives)
  const messages: string[] = []
  const workers = await openWorkers(2, startOf(rates, lives), logTo(messages), ENTRY)
  const bothLiveAgain = (): boolean => words[1] === 2 && words[2] === 2
  for (let turns = 0; turns < 1_000 && !bothLiveAgain(); turns++) await sleep(20)
  assert.ok(bothLiveAgain(), 'each had a second life')
  assert.equal(new Int32Array(rates)[0], 0, 'nobody holds the lock')
  assert.deepEqual(
    messages,
    Array.from({ length: 2 }, () => 'A worker thread ended; it is started again'),
  )
  await workers.close()
})

test('threads that cannot start are a reason not to start at all', async () => {
  const lives = new SharedArrayBuffer(64)
  new Int32Array(lives)[0] = 1
  await assert.rejects(
    openWorkers(2, startOf(createSharedRates(16), lives), logTo([]), ENTRY),
    (error: unknown) => error instanceof StartError && error.message === 'there is no room for it',
  )
})
