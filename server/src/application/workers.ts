import { Worker } from 'node:worker_threads'
import { releaseSharedRates } from '../system/shared-rate-counters.ts'
import { DRAIN_MAX_MS } from './drain.ts'
import type { Log } from './log.ts'
import { StartError } from './start-error.ts'
import type { WorkerNews, WorkerOrder, WorkerStart } from './worker-start.ts'

/** The threads besides the first one. */
export interface Workers {
  /** Lets them answer what they were asked, and ends them. */
  close(): Promise<void>
}

/** How long a thread that died is waited for before it is started again, in ms. */
const RESTART_DELAY_MS = 500

/** A thread that has not ended by then is ended. Above the time that its connections may take. */
const CLOSE_MAX_MS = DRAIN_MAX_MS + 1_000

/**
 * Starts threads that listen on the port of the first one; `startOf` says what each is told. A thread that dies is
 * started again. `entry`: what they run.
 *
 * @throws {StartError} when one of them cannot start; none is left then.
 */
export async function openWorkers(
  count: number,
  startOf: (thread: number) => WorkerStart,
  log: Log,
  entry: URL = ENTRY,
): Promise<Workers> {
  const workers = Array.from({ length: count }, (_, index) => new WorkerSeat(startOf(index + 1), log, entry))
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.close()))
  }
  try {
    await Promise.all(workers.map((worker) => worker.start()))
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}

/** One thread after the other at the same place. */
class WorkerSeat {
  readonly #start: WorkerStart
  readonly #log: Log
  readonly #entry: URL
  #worker: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #isClosing = false

  constructor(start: WorkerStart, log: Log, entry: URL) {
    this.#start = start
    this.#log = log
    this.#entry = entry
  }

  /** Resolves once it listens. */
  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const worker = new Worker(this.#entry, {
      workerData: this.#start,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.#worker = worker
    worker.on('message', (news: WorkerNews) => {
      if (news.kind === 'listening') resolve()
      else reject(new StartError(news.message))
    })
    const { thread } = this.#start
    worker.on('error', (error) => this.#log.error({ err: error, thread }, 'A worker thread failed'))
    worker.on('exit', (code) => {
      reject(new StartError(`Cannot start worker thread ${thread}: it ended with ${code}`))
      this.#ended(code)
    })
    return promise
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === undefined) return
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve())
    })
    const deadline = setTimeout(() => {
      this.#log.error({ thread: this.#start.thread }, 'A worker thread did not end in time')
      worker.terminate().catch(() => {})
    }, CLOSE_MAX_MS)
    worker.postMessage({ kind: 'close' } satisfies WorkerOrder)
    await ended
    clearTimeout(deadline)
  }

  #ended(code: number): void {
    const { thread, rates } = this.#start
    this.#worker = undefined
    releaseSharedRates(rates, thread + 1)
    if (this.#isClosing) return
    this.#log.error({ thread, code }, 'A worker thread ended; it is started again')
    this.#restart = setTimeout(() => {
      this.start().catch((error: unknown) =>
        this.#log.error({ err: error, thread }, 'A worker thread cannot start again'),
      )
    }, RESTART_DELAY_MS)
  }
}

/** What each thread runs. The same file once it is compiled ends otherwise. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './worker-thread.ts' : './worker-thread.js',
  import.meta.url,
)
