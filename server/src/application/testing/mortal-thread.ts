/**
 * A thread that counts its lives in the memory that it is given for metrics, in the word of its number, and dies in the first
 * one as soon as it listens; when the first word is 1, it cannot even start.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerNews, WorkerStart } from '../worker-start.ts'

const { rates, metrics, thread } = workerData as WorkerStart
const [memory = new SharedArrayBuffer(0)] = metrics
const words = new Int32Array(memory)
const life = Atomics.add(words, thread, 1)
const tell = (news: WorkerNews): void => parentPort?.postMessage(news)

if (words[0] === 1) {
  tell({ kind: 'failed', message: 'there is no room for it' })
} else {
  // As if the lock of rate limits was held by a thread that dies.
  if (life === 0) Atomics.store(new Int32Array(rates), 0, thread + 1)
  tell({ kind: 'listening' })
  if (life === 0) setImmediate(() => process.exit(1))
  else parentPort?.once('message', () => process.exit(0))
}
