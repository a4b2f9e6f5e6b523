import type { RefusalReason } from '../../core/keys/verdict.ts'
import type { StoreHealth } from '../../core/ports/cluster-nodes.ts'
import {
  BUCKETS,
  LIMITED,
  type Limited,
  MEASURED_APIS,
  METRICS,
  type MeasuredApi,
  type Metric,
  outcomePlace,
  SLAB_LENGTH,
  STATUS_GROUPS,
  STORE_OPERATIONS,
  type StoreOperation,
  statusGroup,
} from './metric-table.ts'

/** Where one thread counts what it does. Every call is a few additions to plain numbers. Times are in seconds. */
export interface Metrics {
  /** A key was judged for another service; without a refusal it was valid. */
  verified(refusal: RefusalReason | undefined): void
  tookToVerify(seconds: number): void
  /** A token was shown to an API of ours. */
  checkedToken(refusal: RefusalReason | undefined): void
  answered(api: MeasuredApi, status: number, seconds: number): void
  stored(operation: StoreOperation, seconds: number): void
  limited(what: Limited): void
  /** Replaces what is known of this thread now. */
  noteThread(state: ThreadState): void
  /** What all threads counted so far. */
  snapshot(): MetricsSnapshot
}

/** How a thread is doing. */
export type ThreadState = {
  /** Median, 99th percentile and maximum, in seconds. */
  readonly eventLoopLag: readonly [median: number, high: number, max: number]
  /** 0 to 1. */
  readonly eventLoopUtilization: number
  readonly heapBytes: number
  /** Fingerprints of keys that are kept in memory. */
  readonly cachedKeys: number
  /** Absent: the store is of one machine. */
  readonly store?: StoreHealth
  readonly connections: { readonly http: number; readonly websocket: number; readonly mqtt: number }
}

/** Numbers in the places that `METRICS` says. */
export type MetricsSnapshot = {
  /** Summed over all threads. */
  readonly sums: Float64Array
  /** Of each thread, in the order of their slabs. */
  readonly threads: readonly Float64Array[]
}

/** Memory in which one thread counts. Threads that can see each other's slabs need not talk to be summed. */
export function createMetricsSlab(): SharedArrayBuffer {
  return new SharedArrayBuffer(SLAB_LENGTH * Float64Array.BYTES_PER_ELEMENT)
}

/**
 * The metrics of one thread among others.
 *
 * Only the thread of a slab writes to it, so that nothing has to be locked; a reader may see a histogram a moment
 * before its sum. Numbers stay exact up to 2^53.
 *
 * @param slabs one for each thread, the same in all of them.
 * @param own index of the slab of this thread.
 */
export function createMetrics(slabs: readonly SharedArrayBuffer[], own: number): Metrics {
  const threads = slabs.map((slab) => new Float64Array(slab))
  const numbers = threads[own]
  if (numbers === undefined) throw new RangeError(`There is no slab ${own}: ${slabs.length} were given`)

  const add = (metric: Metric, place: number): void => {
    const index = metric.offset + place
    numbers[index] = (numbers[index] ?? 0) + 1
  }
  const record = (metric: Metric, series: number, seconds: number): void => {
    const start = metric.offset + series * metric.width
    let bucket = 0
    while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] ?? 0)) bucket += 1
    numbers[start + bucket] = (numbers[start + bucket] ?? 0) + 1
    const sum = start + metric.width - 1
    numbers[sum] = (numbers[sum] ?? 0) + seconds
  }

  return {
    verified: (refusal) => {
      add(METRICS.verifications, outcomePlace(refusal))
      if (refusal === 'rate_limited') add(METRICS.limited, LIMITED.indexOf('key'))
    },
    tookToVerify: (seconds) => record(METRICS.verificationSeconds, 0, seconds),
    checkedToken: (refusal) => {
      add(METRICS.tokenChecks, outcomePlace(refusal))
      if (refusal === 'rate_limited') add(METRICS.limited, LIMITED.indexOf('key'))
    },
    answered: (api, status, seconds) => {
      const place = MEASURED_APIS.indexOf(api)
      add(METRICS.requests, place * STATUS_GROUPS.length + statusGroup(status))
      record(METRICS.requestSeconds, place, seconds)
    },
    stored: (operation, seconds) =>
      record(METRICS.storeSeconds, STORE_OPERATIONS.indexOf(operation), seconds),
    limited: (what) => add(METRICS.limited, LIMITED.indexOf(what)),
    noteThread: ({ eventLoopLag, eventLoopUtilization, heapBytes, cachedKeys, connections, store }) => {
      numbers.set(eventLoopLag, METRICS.eventLoopLag.offset)
      numbers[METRICS.eventLoopUtilization.offset] = eventLoopUtilization
      numbers[METRICS.heapBytes.offset] = heapBytes
      numbers[METRICS.cachedKeys.offset] = cachedKeys
      numbers.set([connections.http, connections.websocket, connections.mqtt], METRICS.connections.offset)
      if (store !== undefined) noteStore(numbers, store)
    },
    snapshot: () => ({ sums: sumOf(threads), threads: threads.map((thread) => thread.slice()) }),
  }
}

function noteStore(numbers: Float64Array, { connections, connectionsMax, waiting, feed }: StoreHealth): void {
  numbers[METRICS.storeConnections.offset] = connections
  numbers[METRICS.storeConnectionsMax.offset] = connectionsMax
  numbers[METRICS.storeWaiting.offset] = waiting
  if (feed === undefined) return
  numbers[METRICS.feedFresh.offset] = feed.isFresh ? 1 : 0
  numbers[METRICS.feedSilence.offset] = feed.silentMs / 1000
  numbers[METRICS.feedHeard.offset] = feed.heardSequence
}

function sumOf(threads: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(SLAB_LENGTH)
  for (const thread of threads) {
    for (let index = 0; index < SLAB_LENGTH; index++) sums[index] = (sums[index] ?? 0) + (thread[index] ?? 0)
  }
  return sums
}
