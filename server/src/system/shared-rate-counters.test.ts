import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { COUNTING_EPOCH, type CountedLimit, createRateCounters } from '../core/keys/rate-limits.ts'
import { SharedLock } from './shared-lock.ts'
import { createSharedRateCounters, createSharedRates, releaseSharedRates } from './shared-rate-counters.ts'
import type { Takes } from './testing/take-worker.ts'

const NOW = COUNTING_EPOCH + 1_000_000
const limitOf = (name: string, limit: number, windowMs = 60_000): CountedLimit => ({
  counter: `key:k1:${name}`,
  limit: { name, limit, windowMs },
})

describe('counters that threads share', () => {
  const step = fc.record({
    what: fc.constantFrom('take', 'preview', 'giveBack'),
    names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 0, maxLength: 3 }),
    cost: fc.nat(4),
    passMs: fc.nat(20_000),
  })

  test('answer like those of one process, whatever is done with them', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const own = createRateCounters({ countersMax: 1_000 })
        const shared = createSharedRateCounters(createSharedRates(1_000), 1)
        let now = NOW
        let taken:
          | { limits: readonly CountedLimit[]; cost: number; outcome: ReturnType<typeof own.take> }
          | undefined
        for (const { what, names, cost, passMs } of steps) {
          now += passMs
          const limits = names.map((name) => limitOf(name, name.charCodeAt(0) - 95))
          if (what === 'giveBack') {
            if (taken?.outcome.admitted !== true) continue
            own.giveBack(taken.limits, taken.cost, taken.outcome, now)
            shared.giveBack(taken.limits, taken.cost, taken.outcome, now)
            taken = undefined
            continue
          }
          const outcome = own[what === 'take' ? 'take' : 'preview'](limits, cost, now)
          assert.deepEqual(shared[what === 'take' ? 'take' : 'preview'](limits, cost, now), outcome)
          if (what === 'take') taken = { limits, cost, outcome }
        }
      }),
    )
  })

  test('refuse nobody for want of memory: the counter that would be unused first makes room', () => {
    const shared = createSharedRateCounters(createSharedRates(16), 1)
    const busy = limitOf('busy', 1_000)
    for (let use = 0; use < 900; use++) shared.take([busy], 1, NOW)
    for (let other = 0; other < 200; other++) {
      assert.ok(shared.take([limitOf(`other-${other}`, 10)], 1, NOW + other).admitted)
    }
    assert.equal(shared.preview([busy], 150, NOW + 200).admitted, false, 'the busiest is not forgotten')
  })
})

async function takeInThreads(
  threads: number,
  limitsOf: (thread: number) => readonly CountedLimit[],
  memory = createSharedRates(),
): Promise<readonly number[]> {
  const gate = new SharedArrayBuffer(4)
  const workers = Array.from({ length: threads }, (_, index) => {
    const data: Takes = {
      memory,
      thread: index + 1,
      limits: limitsOf(index),
      times: 5_000,
      now: NOW,
      gate,
      threads,
    }
    return new Worker(new URL('./testing/take-worker.ts', import.meta.url), {
      workerData: data,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
  })
  const answers = await Promise.all(workers.map((worker) => once(worker, 'message')))
  await Promise.all(workers.map((worker) => worker.terminate()))
  return answers.map(([admitted]) => Number(admitted))
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

describe('four threads at once', { timeout: 120_000 }, () => {
  test('are admitted exactly as often as the limit says', async () => {
    assert.equal(sum(await takeInThreads(4, () => [limitOf('a', 1_000)])), 1_000)
  })

  test('count against all limits of a use or against none', async () => {
    const memory = createSharedRates()
    const narrow = limitOf('narrow', 300)
    const wide = limitOf('wide', 10_000)
    // In both orders, and for half of the threads together with a limit that is soon used up.
    const admitted = await takeInThreads(
      4,
      (thread) => (thread === 0 ? [wide] : thread === 1 ? [narrow, wide] : [wide, narrow]),
      memory,
    )
    assert.equal(sum(admitted.slice(1)), 300)
    const [state] = createSharedRateCounters(memory, 9).preview([wide], 0, NOW).states
    assert.equal(state?.remaining, 10_000 - sum(admitted))
  })
})

test('a thread that died with the lock in its hands does not hold it for ever', () => {
  const memory = createSharedRates(16)
  const dead = new SharedLock(new Int32Array(memory, 0, 4), 7)
  const failing = (): never => {
    // As if it ended here: nobody lets go of the lock.
    throw new Error('died')
  }
  assert.throws(() => dead.hold(failing), /died/)
  const words = new Int32Array(memory, 0, 4)
  Atomics.store(words, 0, 7)
  releaseSharedRates(memory, 8)
  assert.equal(Atomics.load(words, 0), 7, 'another thread that ended did not hold it')
  releaseSharedRates(memory, 7)
  assert.ok(createSharedRateCounters(memory, 1).take([limitOf('a', 1)], 1, NOW).admitted)
})
