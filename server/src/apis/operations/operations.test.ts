import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Right } from '../../core/access/rights.ts'
import { openTestAuthority } from '../../core/contract/test-authority.ts'
import type { HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { createMetrics, createMetricsSlab } from './metrics.ts'
import { createOperations, type Operations, type OperationsParts } from './operations.ts'
import { replyOf, requestOf } from './testing/http-request.ts'
import { parsePrometheus } from './testing/prometheus-text.ts'

type Fixture = {
  readonly operations: Operations
  get(path: string, given?: Partial<HttpRequest>): Promise<HttpReply>
}

async function opened(t: TestContext, parts: Partial<OperationsParts> = {}): Promise<Fixture> {
  const authority = await openTestAuthority(t)
  const operations = createOperations({
    guard: async () => replyOf(401, { 'Cache-Control': 'no-store' }),
    metrics: createMetrics([createMetricsSlab()], 0),
    metricsArePublic: false,
    isStorageHealthy: () => authority.storage.isHealthy(),
    version: '1.2.3',
    ...parts,
  })
  return {
    operations,
    get: async (path, given = {}) => operations.handler(requestOf(path, given)),
  }
}

test('alive, ready, draining, unhealthy and overloaded can be told apart', async (t) => {
  let isHealthy = true
  const { get, operations } = await opened(t, { isStorageHealthy: async () => isHealthy })
  const states = async () => {
    const replies = [await get('/livez'), await get('/readyz')]
    return replies.map(({ status, body }) => [status, JSON.parse(String(body)).status])
  }
  assert.deepEqual(await states(), [
    [200, 'alive'],
    [200, 'ready'],
  ])
  isHealthy = false
  assert.deepEqual(await states(), [
    [200, 'alive'],
    [503, 'unhealthy'],
  ])
  isHealthy = true
  operations.drain()
  assert.deepEqual(await states(), [
    [200, 'alive'],
    [503, 'draining'],
  ])
  assert.equal((await get('/readyz')).headers['Retry-After'], '1')
  const { status, headers, body } = operations.overloaded(requestOf('/readyz'))
  assert.deepEqual([status, JSON.parse(String(body)).status], [503, 'overloaded'])
  assert.equal(headers['Retry-After'], '1')
  assert.equal(operations.overloaded(requestOf('/livez')).status, 200)
  const metrics = operations.overloaded(requestOf('/metrics'))
  assert.deepEqual([metrics.status, metrics.headers['Retry-After']], [503, '1'])
})

test('it takes requests without its store while it may answer from memory, and says so', async (t) => {
  let servesStale = true
  const { get, operations } = await opened(t, {
    isStorageHealthy: async () => false,
    servesStale: () => servesStale,
  })
  const ready = async () => {
    const { status, body } = await get('/readyz')
    return [status, JSON.parse(String(body))]
  }
  assert.deepEqual(await ready(), [200, { status: 'stale', reason: 'the store does not answer' }])
  servesStale = false
  assert.deepEqual(await ready(), [503, { status: 'unhealthy', reason: 'the store does not answer' }])
  servesStale = true
  operations.drain()
  assert.deepEqual(await ready(), [503, { status: 'draining' }])
})

test('how a node among others is doing is for who asks on this very host, and in the metrics', async (t) => {
  const store = {
    connections: 3,
    connectionsMax: 8,
    waiting: 2,
    feed: { isFresh: true, silentMs: 250, heardSequence: 41 },
  }
  const cluster = { alive: 3, stale: 1, clockAheadMs: -1_500, ageMs: 700 }
  const metrics = createMetrics([createMetricsSlab()], 0)
  metrics.noteThread({
    eventLoopLag: [0, 0, 0],
    eventLoopUtilization: 0,
    heapBytes: 1,
    cachedKeys: 0,
    connections: { http: 0, websocket: 0, mqtt: 0 },
    store,
  })
  const { get } = await opened(t, { metrics, node: () => ({ cluster, store }) })
  const ready = async (local: boolean) => JSON.parse(String((await get('/readyz', { local })).body))
  assert.deepEqual(await ready(true), { status: 'ready', node: { cluster, store } })
  assert.deepEqual(await ready(false), { status: 'ready' })
  const printed = parsePrometheus(String((await get('/metrics', { local: true })).body))
  const value = (series: string) => printed.get(series.replace(/\{.*/, ''))?.samples.get(series)
  assert.deepEqual(
    [
      'latchkey_cluster_nodes{state="alive"}',
      'latchkey_cluster_nodes{state="stale"}',
      'latchkey_clock_ahead_seconds',
      'latchkey_heartbeat_age_seconds',
      'latchkey_store_connections{thread="0"}',
      'latchkey_store_connections_max{thread="0"}',
      'latchkey_store_waiting{thread="0"}',
      'latchkey_feed_fresh{thread="0"}',
      'latchkey_feed_silence_seconds{thread="0"}',
      'latchkey_feed_heard_sequence{thread="0"}',
    ].map(value),
    [3, 1, -1.5, 0.7, 3, 8, 2, 1, 0.25, 41],
  )
})

test('a server that can have no others tells nothing of any', async (t) => {
  const { get } = await opened(t)
  assert.deepEqual(JSON.parse(String((await get('/readyz', { local: true })).body)), { status: 'ready' })
  const text = String((await get('/metrics', { local: true })).body)
  assert.doesNotMatch(text, /cluster|feed|clock_ahead|store_connections/)
})

test('it is ready with warnings too, whose sentences are for who asks on this very host', async (t) => {
  let warnings: readonly string[] = []
  const { get } = await opened(t, { warnings: () => warnings })
  const ready = async (local: boolean) => {
    const { status, body } = await get('/readyz', { local })
    return [status, JSON.parse(String(body))]
  }
  assert.deepEqual(await ready(true), [200, { status: 'ready' }])
  warnings = ['a.xml: broken', 'b.xml: broken']
  assert.deepEqual(await ready(true), [200, { status: 'ready', warnings }])
  assert.deepEqual(await ready(false), [200, { status: 'ready', warnings: ['2, see the log'] }])
})

test('a store that cannot even be asked is not healthy', async (t) => {
  const { get } = await opened(t, { isStorageHealthy: () => Promise.reject(new Error('gone')) })
  assert.equal((await get('/readyz')).status, 503)
})

test('metrics are for who asks on this very host', async (t) => {
  const { get } = await opened(t)
  const { status, headers, body } = await get('/metrics', { local: true })
  assert.deepEqual([status, headers['Content-Type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
  assert.ok(parsePrometheus(String(body)).has('latchkey_verifications_total'))
})

test('metrics are for callers with the right server:metrics, and for no others', async (t) => {
  const asked: Right[] = []
  const guard: OperationsParts['guard'] = async ({ headers }, right) => {
    asked.push(right)
    return headers['x-api-key'] === 'good' ? undefined : replyOf(403, { 'X-By': 'guard' })
  }
  const { get } = await opened(t, { guard })
  const refused = await get('/metrics')
  assert.deepEqual([refused.status, refused.headers['X-By']], [403, 'guard'])
  assert.equal((await get('/metrics', { headers: { 'x-api-key': 'good' } })).status, 200)
  assert.deepEqual(asked, Array(2).fill({ controller: 'server', action: 'metrics' }))
})

test('metrics are for everybody when a setting says so, and for nobody when they are switched off', async (t) => {
  assert.equal((await (await opened(t, { metricsArePublic: true })).get('/metrics')).status, 200)
  const operations = createOperations({
    guard: () => assert.fail('nobody has to be asked'),
    metricsArePublic: true,
    isStorageHealthy: async () => true,
    version: '1.2.3',
  })
  assert.equal((await operations.handler(requestOf('/metrics', { local: true }))).status, 404)
})

test('only GET and HEAD are answered', async (t) => {
  const { get } = await opened(t)
  for (const path of ['/livez', '/readyz', '/metrics']) {
    assert.equal((await get(path, { method: 'HEAD', local: true })).status, 200)
    const { status, headers } = await get(path, { method: 'POST', local: true })
    assert.deepEqual([status, headers['Allow']], [405, 'GET, HEAD'])
  }
  assert.equal((await get('/other')).status, 404)
})

test('nothing of it may be stored by anybody on the way', async (t) => {
  const { get } = await opened(t)
  for (const path of ['/livez', '/readyz', '/metrics']) {
    assert.equal((await get(path)).headers['Cache-Control'], 'no-store')
    assert.equal((await get(path, { local: true })).headers['Cache-Control'], 'no-store')
  }
})
