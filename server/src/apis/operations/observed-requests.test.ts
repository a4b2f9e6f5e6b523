import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LaneRoute } from '../../transports/lane/lane-message.ts'
import { createMetrics, createMetricsSlab, type Metrics } from './metrics.ts'
import {
  measuredApiOf,
  observedHandler,
  observedRoute,
  printablePath,
  requestLogger,
  requestMeter,
} from './observed-requests.ts'
import { printMetrics } from './print-metrics.ts'
import { readProcessState } from './process-state.ts'
import { replyOf, requestOf } from './testing/http-request.ts'
import { parsePrometheus } from './testing/prometheus-text.ts'

type Line = { readonly facts: Readonly<Record<string, unknown>>; readonly message: string }

function memoryLog() {
  const lines: Line[] = []
  const debug = (facts: Line['facts'], message: string): void => void lines.push({ facts, message })
  return { lines, debug }
}

function requestsCounted(metrics: Metrics): ReadonlyMap<string, number> {
  const families = parsePrometheus(printMetrics(metrics.snapshot(), readProcessState('0.0.0')))
  const samples = families.get('latchkey_http_requests_total')?.samples ?? new Map<string, number>()
  return new Map([...samples].filter(([, count]) => count > 0))
}

test('answers are counted for the API that gave them, at once or later, on the lane or not', async () => {
  const metrics = createMetrics([createMetricsSlab()], 0)
  const meter = [requestMeter(metrics, 'gateway')]
  await observedHandler(async () => replyOf(200), meter)(requestOf('/v1/verify'))
  await observedHandler(() => replyOf(401), meter)(requestOf('/v1/authorize/app/page'))
  const route: LaneRoute = {
    methods: ['GET'],
    path: '/v1/authorize',
    reach: 'path',
    bodyBytesMax: 0,
    answer: () => ({ status: 429, fields: '', body: '' }),
  }
  const answer = observedRoute(route, meter).answer({ ...requestOf('/v1/authorize'), body: '' })
  assert.deepEqual(answer, { status: 429, fields: '', body: '' }, 'answered at once as before')
  assert.deepEqual(
    requestsCounted(metrics),
    new Map([
      ['latchkey_http_requests_total{api="verify",status="2xx"}', 1],
      ['latchkey_http_requests_total{api="authorize",status="401"}', 1],
      ['latchkey_http_requests_total{api="authorize",status="429"}', 1],
    ]),
  )
})

test('every path belongs to one API', () => {
  const paths = [
    '/v1/verify',
    '/v1/verify/batch',
    '/v1/authorize',
    '/v1/authorize/x',
    '/v1/keys',
    '/v1',
    '/metrics',
    '/gateway/sandbox/x',
  ]
  const apiOf = (path: string) => measuredApiOf(path, 'gateway')
  assert.deepEqual(paths.map(apiOf), [
    'verify',
    'batch',
    'authorize',
    'authorize',
    'native',
    'native',
    'operations',
    'knox',
  ])
  assert.deepEqual(
    ['/', '/v1authorize', '/v10', '/_now', '/metrics/x', '/gateway'].map(apiOf),
    Array(6).fill('kuzzle'),
  )
})

test('a logged request tells its id, route, status and duration, and nothing that could be a secret', async () => {
  const log = memoryLog()
  const secret = `kapikey-${'s'.repeat(40)}`
  const reply = replyOf(200, { 'X-Kuzzle-Request-Id': 'chosen-by-client' })
  await observedHandler(
    async () => reply,
    [requestLogger(log, 'gateway')],
  )(
    requestOf(`/users/${secret}`, {
      query: `jwt=${secret}`,
      headers: { authorization: secret, cookie: secret },
    }),
  )
  const [{ facts, message } = assert.fail()] = log.lines
  const { durationMs, ...others } = facts
  assert.equal(message, 'request')
  assert.deepEqual(others, {
    requestId: 'chosen-by-client',
    method: 'GET',
    path: '/users/[long]',
    api: 'kuzzle',
    status: 200,
    address: '192.0.2.7',
  })
  assert.ok(typeof durationMs === 'number' && durationMs >= 0)
  assert.doesNotMatch(JSON.stringify(log.lines), /sss/)
})

test('the id in the log is the one the client was told, else our own, and never anything odd', () => {
  const log = memoryLog()
  const told = (headers: Readonly<Record<string, string>>) =>
    observedHandler(
      () => replyOf(200, headers),
      [requestLogger(log, 'gateway')],
    )(requestOf('/', { id: 'ours' }))
  void told({ 'X-Request-Id': 'theirs' })
  void told({})
  void told({ 'X-Request-Id': 'a b\nc' })
  void told({ 'X-Request-Id': 'x'.repeat(129) })
  assert.deepEqual(
    log.lines.map(({ facts }) => facts['requestId']),
    ['theirs', 'ours', 'ours', 'ours'],
  )
})

test('ids stay readable in logged paths; whatever is as long as a token is not', () => {
  const id = '9b2ce5a4-6a1a-4b5e-9f5e-0a3d1b0e7c11'
  assert.equal(printablePath(`/v1/keys/${id}/rotate`), `/v1/keys/${id}/rotate`)
  assert.equal(printablePath(`/a_b_${'x'.repeat(41)}`), '/[long]')
  assert.ok(printablePath('/abc'.repeat(1_000)).length <= 256)
})
