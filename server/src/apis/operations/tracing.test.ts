import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SpanStatusCode } from '@opentelemetry/api'
import { DomainError } from '../../core/errors.ts'
import type { UserId } from '../../core/ids.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { openStorage } from '../../storage/open-storage.ts'
import type { HttpHandler } from '../../transports/http/http-message.ts'
import { observedHandler } from './observed-requests.ts'
import { observedStorage } from './observed-storage.ts'
import { replyOf, requestOf } from './testing/http-request.ts'
import { type EndedSpan, registerInMemoryTracing } from './testing/in-memory-tracing.ts'
import { createTracing, type Tracing } from './tracing.ts'

type Fixture = {
  readonly tracing: Tracing
  readonly storage: Storage
  readonly ended: readonly EndedSpan[]
}

async function register(t: TestContext): Promise<Fixture> {
  const { ended, forget } = registerInMemoryTracing()
  t.after(forget)
  const storage = await openStorage('sqlite::memory:')
  t.after(() => storage.close())
  const tracing = createTracing('1.0.0', 'gateway')
  ended.length = 0
  return { tracing, storage: observedStorage(storage, tracing.storeObserver), ended }
}

function traced(tracing: Tracing, handler: HttpHandler): HttpHandler {
  return observedHandler(handler, [tracing.requestObserver])
}

test('a request is a span that says what was asked and answered, and no secrets', async (t) => {
  const { tracing, ended } = await register(t)
  const handler = traced(tracing, async () => replyOf(429, { 'X-Request-Id': 'abc' }))
  const token = `lk_live_${'a'.repeat(41)}`
  await handler(requestOf(`/v1/authorize/${token}`, { query: token, headers: { authorization: token } }))
  const [span] = ended
  assert.equal(span?.name, 'GET authorize')
  assert.equal(span?.parentSpanId, undefined)
  assert.deepEqual(span?.attributes, {
    'http.request.method': 'GET',
    'url.path': '/v1/authorize/[long]',
    'client.address': '192.0.2.7',
    'latchkey.api': 'authorize',
    'http.response.status_code': 429,
    'latchkey.request_id': 'abc',
  })
  assert.equal(span?.status, undefined)
})

test('a request goes on with the trace that its headers name', async (t) => {
  const { tracing, ended } = await register(t)
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }
  await traced(tracing, () => replyOf(200))(requestOf('/_now', { headers }))
  assert.deepEqual([ended[0]?.traceId, ended[0]?.parentSpanId], [traceId, 'b7ad6b7169203331'])
})

test('calls of the store are spans within that of their request, also when requests overlap', async (t) => {
  const { tracing, storage, ended } = await register(t)
  const handler = traced(tracing, async ({ path }) => {
    await storage.users.find(path as UserId)
    await storage.config.readOrCreate(path, {})
    return replyOf(200)
  })
  await Promise.all(['/a', '/b', '/c'].map((path) => handler(requestOf(path))))
  const requests = ended.filter(({ name }) => name === 'GET kuzzle')
  assert.equal(requests.length, 3)
  for (const { spanId, traceId } of requests) {
    const children = ended.filter(({ parentSpanId }) => parentSpanId === spanId)
    assert.deepEqual(
      children.map(({ name }) => name),
      ['store users.find', 'store config.readOrCreate'],
    )
    assert.deepEqual(
      children.map((child) => child.traceId),
      [traceId, traceId],
    )
  }
})

test('a fault is marked as an error, on the span of the request and of the store', async (t) => {
  const { tracing, ended } = await register(t)
  await traced(tracing, () => replyOf(503))(requestOf('/'))
  assert.equal(ended[0]?.status?.code, SpanStatusCode.ERROR)
  const broken = traced(tracing, () => Promise.reject(new TypeError('no')))
  await assert.rejects(async () => broken(requestOf('/')), TypeError)
  assert.deepEqual(
    [ended[1]?.status?.code, ended[1]?.attributes['error.type']],
    [SpanStatusCode.ERROR, 'TypeError'],
  )
})

test("a caller's mistake is no error of the store, but is named", async (t) => {
  const { tracing, ended } = await register(t)
  const call = { store: 'keys', method: 'insert', operation: 'write' } as const
  const refused = tracing.storeObserver.around(call, () =>
    Promise.reject(new DomainError('key.id_taken', 'taken')),
  )
  await assert.rejects(refused, DomainError)
  assert.equal(ended[0]?.attributes['error.type'], 'key.id_taken')
  assert.equal(ended[0]?.status, undefined)
})

test('says whether anybody takes the spans', async (t) => {
  assert.equal(createTracing('1.0.0', 'gateway').hasSdk, false)
  const { tracing } = await register(t)
  assert.equal(tracing.hasSdk, true)
})
