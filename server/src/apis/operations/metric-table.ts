import type { RefusalReason } from '../../core/keys/verdict.ts'

/** One metric as Prometheus sees it, and where its numbers are kept. */
export type Metric = {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What it tells, in one sentence. */
  readonly help: string
  /** The label sets of its series as they are printed; one empty text when there are no labels. */
  readonly series: readonly string[]
  /** Place of its first number in a slab. */
  readonly offset: number
  /** Numbers of one series: 1, or the buckets, the one beyond them, and the sum of a histogram. */
  readonly width: number
  /** `summed` over all threads, or shown for each of them; some only where several nodes share a store. */
  readonly over: 'summed' | 'each thread' | 'each thread of a cluster'
}

/** Upper bounds of the buckets of every histogram, in seconds. */
export const BUCKETS: readonly number[] = [
  0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
  0.25, 0.5, 1, 2.5, 5,
]

/** What verifications answer, in the words of the native API, and the place of it among the series. */
const OUTCOMES: Readonly<Record<RefusalReason | 'valid', readonly [code: string, place: number]>> = {
  valid: ['VALID', 0],
  malformed: ['MALFORMED', 1],
  unknown: ['NOT_FOUND', 2],
  revoked: ['REVOKED', 3],
  disabled: ['DISABLED', 4],
  expired: ['EXPIRED', 5],
  forbidden: ['FORBIDDEN', 6],
  insufficient: ['INSUFFICIENT_PERMISSIONS', 7],
  rate_limited: ['RATE_LIMITED', 8],
  usage_exceeded: ['USAGE_EXCEEDED', 9],
}

const OUTCOME_CODES = Object.values(OUTCOMES).map(([code]) => code)

/** Place of an outcome among its series; a refusal of `undefined` is a valid one. */
export function outcomePlace(refusal: RefusalReason | undefined): number {
  return OUTCOMES[refusal ?? 'valid'][1]
}

/** Which part of the program answered a request over HTTP. */
export const MEASURED_APIS = [
  'verify',
  'batch',
  'authorize',
  'native',
  'kuzzle',
  'knox',
  'operations',
] as const
export type MeasuredApi = (typeof MEASURED_APIS)[number]

/** What of the status of an answer is told apart. */
export const STATUS_GROUPS = ['2xx', '3xx', '401', '403', '404', '429', '4xx', '503', '5xx'] as const

/** What the store is asked for. */
export const STORE_OPERATIONS = ['look_up', 'read', 'search', 'write'] as const
export type StoreOperation = (typeof STORE_OPERATIONS)[number]

/** What was refused because it came too often. */
export const LIMITED = ['key', 'login', 'overload'] as const
export type Limited = (typeof LIMITED)[number]

/** One verification and one look-up in so many is timed. A prime, so that batches do not always hit the same place. */
export const SAMPLED_ONE_IN = 17

let slabLength = 0

/** Every metric that threads count, once. */
export const METRICS = {
  verifications: counter(
    'latchkey_verifications_total',
    'Keys judged, by the code of the answer; keys with which services show that they may ask are among them.',
    labelled('code', OUTCOME_CODES),
  ),
  verificationSeconds: histogram(
    'latchkey_verification_duration_seconds',
    `Time to judge a key, store included; one in ${SAMPLED_ONE_IN} is timed.`,
  ),
  tokenChecks: counter(
    'latchkey_token_checks_total',
    "Keys and sessions shown to Latchkey's own APIs, by the code of the answer.",
    labelled('code', OUTCOME_CODES),
  ),
  requests: counter(
    'latchkey_http_requests_total',
    'Requests answered over HTTP.',
    MEASURED_APIS.flatMap((api) => STATUS_GROUPS.map((status) => `api="${api}",status="${status}"`)),
  ),
  requestSeconds: histogram(
    'latchkey_http_request_duration_seconds',
    'Time from the head of a request to its answer.',
    labelled('api', MEASURED_APIS),
  ),
  storeSeconds: histogram(
    'latchkey_store_duration_seconds',
    `Time the store took; a write ends when it is durable. One look-up in ${SAMPLED_ONE_IN} is timed.`,
    labelled('operation', STORE_OPERATIONS),
  ),
  limited: counter(
    'latchkey_rate_limited_total',
    'What was refused because it came too often: uses of keys, logins, requests there was no room for.',
    labelled('what', LIMITED),
  ),
  eventLoopLag: threadGauge(
    'latchkey_event_loop_lag_seconds',
    'How late timers of the last second were.',
    labelled('quantile', ['0.5', '0.99', '1']),
  ),
  eventLoopUtilization: threadGauge(
    'latchkey_event_loop_utilization_ratio',
    'Part of the last second in which the event loop was busy.',
  ),
  heapBytes: threadGauge('latchkey_heap_used_bytes', 'JavaScript heap in use.'),
  cachedKeys: threadGauge('latchkey_cached_keys', 'Fingerprints of keys that are kept in memory.'),
  connections: threadGauge(
    'latchkey_open_connections',
    'Open connections; those of WebSockets are also counted as HTTP.',
    labelled('carrier', ['http', 'websocket', 'mqtt']),
  ),
  storeConnections: clusterGauge(
    'latchkey_store_connections',
    'Connections to PostgreSQL for changes and long reads.',
  ),
  storeConnectionsMax: clusterGauge('latchkey_store_connections_max', 'Most of them.'),
  storeWaiting: clusterGauge('latchkey_store_waiting', 'Requests that wait for such a connection.'),
  feedFresh: clusterGauge(
    'latchkey_feed_fresh',
    'Whether changes of other nodes are heard, so that keys in memory are trusted: 1 or 0.',
  ),
  feedSilence: clusterGauge('latchkey_feed_silence_seconds', 'How long nothing was heard of changes.'),
  feedHeard: clusterGauge('latchkey_feed_heard_sequence', 'Number of the last change that was heard of.'),
} as const satisfies Readonly<Record<string, Metric>>

/** Numbers in one slab. */
export const SLAB_LENGTH = slabLength

/** Place of a status among `STATUS_GROUPS`: its own, or that of its hundreds. */
export function statusGroup(status: number): number {
  return GROUP_OF_STATUS[status] ?? STATUS_GROUPS.length - 1
}

const GROUP_OF_STATUS = Uint8Array.from({ length: 600 }, (_, status) => {
  const names: readonly string[] = STATUS_GROUPS
  const own = names.indexOf(String(status))
  const hundreds = names.indexOf(`${Math.floor(status / 100)}xx`)
  return own !== -1 ? own : hundreds !== -1 ? hundreds : names.length - 1
})

function labelled(name: string, values: readonly string[]): readonly string[] {
  return values.map((value) => `${name}="${value}"`)
}

function counter(name: string, help: string, series: readonly string[] = ['']): Metric {
  return placed({ name, type: 'counter', help, series, width: 1, over: 'summed' })
}

function histogram(name: string, help: string, series: readonly string[] = ['']): Metric {
  return placed({ name, type: 'histogram', help, series, width: BUCKETS.length + 2, over: 'summed' })
}

function threadGauge(name: string, help: string, series: readonly string[] = ['']): Metric {
  return placed({ name, type: 'gauge', help, series, width: 1, over: 'each thread' })
}

function clusterGauge(name: string, help: string): Metric {
  return placed({ name, type: 'gauge', help, series: [''], width: 1, over: 'each thread of a cluster' })
}

function placed(metric: Omit<Metric, 'offset'>): Metric {
  const offset = slabLength
  slabLength += metric.series.length * metric.width
  return { ...metric, offset }
}
