import { parentPort, workerData } from 'node:worker_threads'
import { openStorage } from '../open-storage.ts'
import { obeyOrder } from './orders.ts'

/*
 * A second thread on one store, for tests: does what each message says, and answers it when the store has acknowledged it.
 * `end` closes the store; the thread goes on until it is terminated.
 */

if (parentPort === null) throw new Error('Cannot obey: this is no worker thread')
const port = parentPort
const storage = await openStorage(String(workerData))

async function obey(line: string): Promise<string> {
  if (line !== 'end') return obeyOrder(storage, line)
  await storage.close()
  return 'ended'
}

port.on('message', (line: string) => {
  obey(line).then(
    (answer) => port.postMessage(answer),
    (error: unknown) => port.postMessage(`failed ${String(error)}`),
  )
})
port.postMessage('ready')
