import type { Right } from '../../core/access/rights.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { createHealth, type HealthParts, readinessReply } from './health.ts'
import type { Metrics } from './metrics.ts'
import { METRICS_TYPE, printMetrics } from './print-metrics.ts'
import { readProcessState } from './process-state.ts'

/** What the operators' routes need of the rest of the server. */
export type OperationsParts = HealthParts & {
  /** Answers who does not have a right; undefined: it has. */
  readonly guard: (request: HttpRequest, right: Right) => Promise<HttpReply | undefined>
  /** Absent: there is no `/metrics`. */
  readonly metrics?: Metrics
  /** Anybody may read the metrics; otherwise who asks on this very host, or has the right `server:metrics`. */
  readonly metricsArePublic: boolean
  /** Version of Latchkey. */
  readonly version: string
}

/** `/livez`, `/readyz` and `/metrics`. */
export interface Operations {
  readonly handler: HttpHandler
  /** The answer while too many requests are running. */
  overloaded(request: HttpRequest): HttpReply
  /** From now on `/readyz` says that the server is draining. */
  drain(): void
}

/** Builds the operators' routes. Holds nothing that must be released. */
export function createOperations(parts: OperationsParts): Operations {
  const health = createHealth(parts)
  const routes: ReadonlyMap<string, HttpHandler> = new Map<string, HttpHandler>([
    ['/livez', () => health.alive()],
    ['/readyz', (request) => health.ready(request)],
    ['/metrics', (request) => readMetrics(parts, request)],
  ])
  return {
    handler: (request) => {
      const route = routes.get(request.path)
      if (route === undefined) return plain(404, 'Not found')
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return plain(405, 'Only GET and HEAD are answered here', { Allow: 'GET, HEAD' })
      }
      return route(request)
    },
    overloaded: ({ path }) => {
      if (path === '/livez') return health.alive()
      return path === '/readyz' ? readinessReply('overloaded') : plain(503, 'Too many requests are running')
    },
    drain: health.drain,
  }
}

const METRICS_RIGHT: Right = { controller: 'server', action: 'metrics' }

async function readMetrics(parts: OperationsParts, request: HttpRequest): Promise<HttpReply> {
  const { metrics, version, node } = parts
  if (metrics === undefined) return plain(404, 'Metrics are switched off (setting metrics.enabled)')
  const mayAnybody = parts.metricsArePublic || request.local
  const refusal = mayAnybody ? undefined : await parts.guard(request, METRICS_RIGHT)
  if (refusal !== undefined) return refusal
  return {
    status: 200,
    headers: { 'Content-Type': METRICS_TYPE, 'Cache-Control': 'no-store' },
    body: printMetrics(metrics.snapshot(), {
      ...readProcessState(version),
      ...(node !== undefined && { cluster: node().cluster ?? 'unknown' }),
    }),
  }
}

function plain(status: number, message: string, headers: HttpReply['headers'] = {}): HttpReply {
  return {
    status,
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      ...(status === 503 && { 'Retry-After': '1' }),
      ...headers,
    },
    body: `${message}\n`,
  }
}
