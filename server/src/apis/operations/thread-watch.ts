import { performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { Metrics, ThreadState } from './metrics.ts'

/** How often it is looked whether timers are late, in ms. */
const LOOK_EVERY_MS = 20

/** Looks that are remembered until they are noted; a minute of them. */
const LOOKS_MAX = 3_000

/** Watches the thread that it was made in. */
export type ThreadWatch = {
  /** Notes how the thread did since the last call; call it about once a second. */
  note(): void
  stop(): void
}

/** What a thread holds, which only its parts know. */
export type ThreadHoldings = Pick<ThreadState, 'connections' | 'cachedKeys' | 'store'>

/**
 * Starts to watch this thread; `holdings` is asked at each note.
 *
 * Node.js's own `monitorEventLoopDelay` misses what happens right after each time it is reset.
 */
export function watchThread(metrics: Metrics, holdings: () => ThreadHoldings): ThreadWatch {
  let lags: number[] = []
  let lookedAt = performance.now()
  let utilization = performance.eventLoopUtilization()

  const look = (): void => {
    const now = performance.now()
    if (lags.length < LOOKS_MAX) lags.push(Math.max(0, now - lookedAt - LOOK_EVERY_MS) / 1000)
    lookedAt = now
  }
  const note = (): void => {
    // A timer that is due and could not run yet is late already.
    if (performance.now() - lookedAt > LOOK_EVERY_MS) look()
    const now = performance.eventLoopUtilization()
    metrics.noteThread({
      eventLoopLag: spreadOf(lags),
      eventLoopUtilization: performance.eventLoopUtilization(now, utilization).utilization,
      heapBytes: getHeapStatistics().used_heap_size,
      ...holdings(),
    })
    utilization = now
    lags = []
  }
  const timer = setInterval(look, LOOK_EVERY_MS)
  timer.unref()
  return { note, stop: () => clearInterval(timer) }
}

function spreadOf(lags: readonly number[]): ThreadState['eventLoopLag'] {
  const sorted = lags.toSorted((one, other) => one - other)
  const at = (part: number): number => sorted[Math.ceil(part * sorted.length) - 1] ?? 0
  return [at(0.5), at(0.99), at(1)]
}
