import type { Caller } from '../../core/access/caller.ts'
import type { Origin } from '../../core/audit/audit-event.ts'
import { DomainError } from '../../core/errors.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { bearerToken } from '../../transports/http/request-head.ts'
import { createHealth, type HealthParts, readinessReply } from './health.ts'
import type { Metrics } from './metrics.ts'
import { METRICS_TYPE, printMetrics } from './print-metrics.ts'
import { readProcessState } from './process-state.ts'

/** What the operators' routes need of the rest of the server. */
export type OperationsParts = HealthParts & {
  readonly authority: KeyAuthority
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

async function readMetrics(parts: OperationsParts, request: HttpRequest): Promise<HttpReply> {
  const { metrics, version, node } = parts
  if (metrics === undefined) return plain(404, 'Metrics are switched off (setting metrics.enabled)')
  try {
    const refusal = await refusalOf(parts, request)
    if (refusal !== undefined) return refusal
  } catch (error) {
    // Whether the caller may is not known while the store does not answer.
    if (error instanceof DomainError) return plain(503, error.message)
    throw error
  }
  return {
    status: 200,
    headers: { 'Content-Type': METRICS_TYPE, 'Cache-Control': 'no-store' },
    body: printMetrics(metrics.snapshot(), {
      ...readProcessState(version),
      ...(node !== undefined && { cluster: node().cluster ?? 'unknown' }),
    }),
  }
}

/** Why this caller may not read the metrics; undefined when it may. */
async function refusalOf(
  { authority, metricsArePublic }: OperationsParts,
  request: HttpRequest,
): Promise<HttpReply | undefined> {
  if (metricsArePublic || request.local) return undefined
  const authorization = request.headers['authorization']
  if (authorization === undefined)
    return challenged('', 'A key or session with the right server:metrics is needed')
  const token = typeof authorization === 'string' ? bearerToken(authorization) : undefined
  const caller = token === undefined ? undefined : await callerOf(authority, token, request)
  if (caller === undefined) return challenged(', error="invalid_token"', 'The token is not good')
  const isAllowed = await authority.tokens.isAllowed(caller, { controller: 'server', action: 'metrics' })
  return isAllowed ? undefined : plain(403, 'The right server:metrics is missing')
}

async function callerOf(
  { tokens }: KeyAuthority,
  token: string,
  { id, address, local }: HttpRequest,
): Promise<Caller | undefined> {
  const origin: Origin = { carrier: 'http', requestId: id, address, local }
  const verdict = await tokens.verify(token, origin)
  return verdict.valid ? tokens.identify(verdict.token, origin) : undefined
}

/** RFC 6750 section 3. */
function challenged(error: string, message: string): HttpReply {
  return plain(401, message, { 'WWW-Authenticate': `Bearer realm="latchkey"${error}` })
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
