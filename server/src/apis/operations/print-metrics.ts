import type { ClusterState } from './cluster-state.ts'
import { BUCKETS, METRICS, type Metric } from './metric-table.ts'
import type { MetricsSnapshot } from './metrics.ts'

/** What is known of the whole process when it is asked. */
export type ProcessState = {
  readonly version: string
  readonly nodeVersion: string
  readonly userCpuSeconds: number
  readonly systemCpuSeconds: number
  readonly residentBytes: number
  /** Seconds since the epoch. */
  readonly startedAtSeconds: number
  /** Absent: the store is of one machine. `unknown`: it did not answer yet. */
  readonly cluster?: ClusterState | 'unknown'
}

/** Media type of what `printMetrics` gives: the text format of Prometheus. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** All metrics in the text format of Prometheus. */
export function printMetrics(snapshot: MetricsSnapshot, state: ProcessState): string {
  const { cluster } = state
  const counted = Object.values<Metric>(METRICS)
    .filter(({ over }) => over !== 'each thread of a cluster' || cluster !== undefined)
    .map((metric) => printMetric(metric, snapshot))
  const ofAll = cluster === undefined || cluster === 'unknown' ? [] : clusterMetrics(cluster)
  return [...processMetrics(state), ...ofAll, ...counted].join('')
}

function printMetric(metric: Metric, { sums, threads }: MetricsSnapshot): string {
  const lines =
    metric.over === 'summed'
      ? metric.series.flatMap((labels, place) => printSeries(metric, labels, place, sums))
      : threads.flatMap((numbers, thread) =>
          metric.series.flatMap((labels, place) =>
            printSeries(metric, joined(`thread="${thread}"`, labels), place, numbers),
          ),
        )
  return `${head(metric.name, metric.type, metric.help)}${lines.join('\n')}\n`
}

function printSeries(
  metric: Metric,
  labels: string,
  place: number,
  numbers: Float64Array,
): readonly string[] {
  const start = metric.offset + place * metric.width
  if (metric.type !== 'histogram') return [line(metric.name, labels, numbers[start] ?? 0)]
  let count = 0
  const buckets = [...BUCKETS, '+Inf'].map((bound, index) => {
    count += numbers[start + index] ?? 0
    return line(`${metric.name}_bucket`, joined(labels, `le="${bound}"`), count)
  })
  const sum = numbers[start + metric.width - 1] ?? 0
  return [...buckets, line(`${metric.name}_sum`, labels, sum), line(`${metric.name}_count`, labels, count)]
}

function processMetrics(state: ProcessState): readonly string[] {
  const { version, nodeVersion, userCpuSeconds, systemCpuSeconds } = state
  const build = `version="${version}",node="${nodeVersion}"`
  return [
    single('latchkey_build_info', 'gauge', 'What is running; always 1.', 1, build),
    single('process_start_time_seconds', 'gauge', 'When the process started.', state.startedAtSeconds),
    single('process_resident_memory_bytes', 'gauge', 'Memory held by the process.', state.residentBytes),
    single(
      'process_cpu_seconds_total',
      'counter',
      'CPU time spent by the process, all threads together.',
      userCpuSeconds + systemCpuSeconds,
    ),
    single('process_cpu_user_seconds_total', 'counter', 'The part of it in user mode.', userCpuSeconds),
    single('process_cpu_system_seconds_total', 'counter', 'The part of it in the kernel.', systemCpuSeconds),
  ]
}

function clusterMetrics({ alive, stale, clockAheadMs, ageMs }: ClusterState): readonly string[] {
  const name = 'latchkey_cluster_nodes'
  return [
    `${head(name, 'gauge', 'Nodes on the store; stale ones fell silent without saying goodbye.')}${line(name, 'state="alive"', alive)}\n${line(name, 'state="stale"', stale)}\n`,
    single(
      'latchkey_clock_ahead_seconds',
      'gauge',
      "How far the store's clock is ahead of this machine's.",
      clockAheadMs / 1000,
    ),
    single(
      'latchkey_heartbeat_age_seconds',
      'gauge',
      'Time since the store last answered a heartbeat of this node.',
      ageMs / 1000,
    ),
  ]
}

function single(name: string, type: Metric['type'], help: string, value: number, labels = ''): string {
  return `${head(name, type, help)}${line(name, labels, value)}\n`
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
}

function line(name: string, labels: string, value: number): string {
  const printed = value === Number.POSITIVE_INFINITY ? '+Inf' : String(value)
  return labels === '' ? `${name} ${printed}` : `${name}{${labels}} ${printed}`
}

function joined(first: string, second: string): string {
  return first === '' || second === '' ? first + second : `${first},${second}`
}
