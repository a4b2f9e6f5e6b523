import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { BUCKETS, MEASURED_APIS, STATUS_GROUPS, STORE_OPERATIONS, statusGroup } from './metric-table.ts'
import { createMetrics, createMetricsSlab, type Metrics } from './metrics.ts'
import { type ProcessState, printMetrics } from './print-metrics.ts'
import { readProcessState } from './process-state.ts'
import { parsePrometheus } from './testing/prometheus-text.ts'
import { watchThread } from './thread-watch.ts'

const STATE: ProcessState = {
  version: '1.2.3',
  nodeVersion: 'v24.0.0',
  userCpuSeconds: 1.5,
  systemCpuSeconds: 0.25,
  residentBytes: 1_000,
  startedAtSeconds: 1_700_000_000,
}

function threads(count: number): readonly Metrics[] {
  const slabs = Array.from({ length: count }, createMetricsSlab)
  return slabs.map((_, own) => createMetrics(slabs, own))
}

function single(): Metrics {
  const [metrics = assert.fail()] = threads(1)
  return metrics
}

function samples(metrics: Metrics): ReadonlyMap<string, number> {
  const families = parsePrometheus(printMetrics(metrics.snapshot(), STATE))
  return new Map([...families.values()].flatMap((family) => [...family.samples]))
}

test('verifications are counted by the code of their answer', () => {
  const metrics = single()
  metrics.verified(undefined)
  metrics.verified(undefined)
  metrics.verified('unknown')
  metrics.verified('insufficient')
  metrics.verified('rate_limited')
  const counted = samples(metrics)
  const of = (code: string) => counted.get(`latchkey_verifications_total{code="${code}"}`)
  assert.deepEqual(
    ['VALID', 'NOT_FOUND', 'INSUFFICIENT_PERMISSIONS', 'RATE_LIMITED', 'MALFORMED'].map(of),
    [2, 1, 1, 1, 0],
  )
  assert.equal(counted.get('latchkey_rate_limited_total{what="key"}'), 1)
})

test('an answer is counted under its status or the hundreds of it', () => {
  const group = (status: number) => STATUS_GROUPS[statusGroup(status)]
  assert.deepEqual([200, 204, 304, 400, 401, 403, 404, 422, 429, 500, 503, 599, 999].map(group), [
    '2xx',
    '2xx',
    '3xx',
    '4xx',
    '401',
    '403',
    '404',
    '4xx',
    '429',
    '5xx',
    '503',
    '5xx',
    '5xx',
  ])
})

test('a time belongs to every bucket whose bound it does not exceed', () => {
  const metrics = single()
  const times = [0.000001, 0.00005, 0.0000500001, 0.3, 60]
  for (const seconds of times) metrics.answered('verify', 200, seconds)
  const counted = samples(metrics)
  const name = 'latchkey_http_request_duration_seconds'
  for (const bound of BUCKETS) {
    const within = times.filter((seconds) => seconds <= bound).length
    assert.equal(counted.get(`${name}_bucket{api="verify",le="${bound}"}`), within, String(bound))
  }
  assert.equal(counted.get(`${name}_bucket{api="verify",le="+Inf"}`), times.length)
  assert.equal(counted.get(`${name}_count{api="verify"}`), times.length)
  assert.equal(counted.get(`${name}_count{api="authorize"}`), 0)
  assert.ok(Math.abs((counted.get(`${name}_sum{api="verify"}`) ?? 0) - 60.300101) < 1e-4)
})

test('whatever threads count, in whatever order, is summed, and every thread reads the same', () => {
  const event = fc.oneof(
    fc.record({
      kind: fc.constant('answered'),
      api: fc.constantFrom(...MEASURED_APIS),
      status: fc.integer({ min: 100, max: 599 }),
    }),
    fc.record({ kind: fc.constant('stored'), operation: fc.constantFrom(...STORE_OPERATIONS) }),
    fc.record({ kind: fc.constant('login') }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), event), { maxLength: 50 }), (events) => {
      const all = threads(3)
      for (const [thread, what] of events) {
        const metrics = all[thread]
        if ('api' in what) metrics?.answered(what.api, what.status, 0.001)
        else if ('operation' in what) metrics?.stored(what.operation, 0.001)
        else metrics?.limited('login')
      }
      const [first = assert.fail(), ...others] = all.map(samples)
      for (const other of others) assert.deepEqual(other, first)
      const total = (prefix: string): number =>
        [...first].reduce((sum, [name, value]) => sum + (name.startsWith(prefix) ? value : 0), 0)
      const happened = (member: string): number => events.filter(([, what]) => member in what).length
      assert.equal(total('latchkey_http_requests_total'), happened('api'))
      assert.equal(total('latchkey_http_request_duration_seconds_count'), happened('api'))
      assert.equal(total('latchkey_store_duration_seconds_count'), happened('operation'))
      assert.equal(
        first.get('latchkey_rate_limited_total{what="login"}'),
        events.length - happened('api') - happened('operation'),
      )
    }),
  )
})

test('what another thread counts is seen without asking it', async () => {
  const slabs = [createMetricsSlab(), createMetricsSlab()]
  const source = `
    import { workerData } from 'node:worker_threads'
    import { createMetrics } from '${new URL('./metrics.ts', import.meta.url).href}'
    const metrics = createMetrics(workerData, 1)
    for (let count = 0; count < 1000; count++) metrics.verified(undefined)
  `
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: slabs,
  })
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  assert.equal(samples(createMetrics(slabs, 0)).get('latchkey_verifications_total{code="VALID"}'), 1000)
})

test('the state of each thread is shown by itself', () => {
  const [first = assert.fail(), second = assert.fail()] = threads(2)
  first.noteThread({
    eventLoopLag: [0.001, 0.002, 0.003],
    eventLoopUtilization: 0.5,
    heapBytes: 10,
    cachedKeys: 7,
    connections: { http: 3, websocket: 1, mqtt: 0 },
  })
  const counted = samples(second)
  assert.equal(counted.get('latchkey_event_loop_lag_seconds{thread="0",quantile="0.99"}'), 0.002)
  assert.equal(counted.get('latchkey_event_loop_utilization_ratio{thread="0"}'), 0.5)
  assert.equal(counted.get('latchkey_heap_used_bytes{thread="1"}'), 0)
  assert.equal(counted.get('latchkey_cached_keys{thread="0"}'), 7)
  assert.equal(counted.get('latchkey_open_connections{thread="0",carrier="http"}'), 3)
})

test('a thread that was kept busy is seen to lag', (t) => {
  const metrics = single()
  const watch = watchThread(metrics, () => ({
    cachedKeys: 5,
    connections: { http: 2, websocket: 0, mqtt: 0 },
  }))
  t.after(watch.stop)
  const until = performance.now() + 200
  while (performance.now() < until);
  watch.note()
  const counted = samples(metrics)
  for (const quantile of ['0.5', '0.99', '1']) {
    const lag = counted.get(`latchkey_event_loop_lag_seconds{thread="0",quantile="${quantile}"}`) ?? 0
    assert.ok(lag > 0.15, `${quantile}: ${lag}`)
  }
  assert.ok((counted.get('latchkey_heap_used_bytes{thread="0"}') ?? 0) > 1_000_000)
  assert.equal(counted.get('latchkey_open_connections{thread="0",carrier="http"}'), 2)
  watch.note()
  const calm = samples(metrics).get('latchkey_event_loop_lag_seconds{thread="0",quantile="1"}')
  assert.equal(calm, 0, 'what was noted is not noted again')
})

test('the process tells its version, age, memory and processor time', () => {
  const families = parsePrometheus(printMetrics(single().snapshot(), readProcessState('1.2.3')))
  const only = (name: string) => [...(families.get(name)?.samples ?? [])][0]
  assert.deepEqual(only('latchkey_build_info'), [
    `latchkey_build_info{version="1.2.3",node="${process.version}"}`,
    1,
  ])
  assert.ok((only('process_resident_memory_bytes')?.[1] ?? 0) > 10_000_000)
  assert.ok((only('process_cpu_seconds_total')?.[1] ?? 0) > 0)
  const startedAt = only('process_start_time_seconds')?.[1] ?? 0
  assert.ok(startedAt < Date.now() / 1000 && startedAt > Date.now() / 1000 - 86_400)
})

test('every thread has a slab', () => {
  assert.throws(() => createMetrics([createMetricsSlab()], 1), RangeError)
})
