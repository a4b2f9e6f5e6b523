/** Takes from shared limits as often as it is told, and says how often it was admitted. */
import { parentPort, workerData } from 'node:worker_threads'
import type { CountedLimit } from '../../core/keys/rate-limits.ts'
import { createSharedRateCounters } from '../shared-rate-counters.ts'

/** What the thread is told. */
export type Takes = {
  readonly memory: SharedArrayBuffer
  readonly thread: number
  readonly limits: readonly CountedLimit[]
  readonly times: number
  readonly now: number
  /** Threads count themselves in here, and begin when all are there. */
  readonly gate: SharedArrayBuffer
  readonly threads: number
}

const { memory, thread, limits, times, now, gate, threads } = workerData as Takes
const counters = createSharedRateCounters(memory, thread)
const arrived = new Int32Array(gate)
Atomics.add(arrived, 0, 1)
Atomics.notify(arrived, 0)
for (let there = Atomics.load(arrived, 0); there < threads; there = Atomics.load(arrived, 0)) {
  Atomics.wait(arrived, 0, there)
}
let admitted = 0
for (let count = 0; count < times; count++) {
  if (counters.take(limits, 1, now).admitted) admitted += 1
}
parentPort?.postMessage(admitted)
