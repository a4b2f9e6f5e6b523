import type { HttpHandler, HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { isPlainRequestId } from '../../transports/http/request-id.ts'
import type { LaneRoute } from '../../transports/lane/lane-message.ts'
import type { MeasuredApi } from './metric-table.ts'
import type { Metrics } from './metrics.ts'

/** What observers see of a request over HTTP, whichever way it takes. */
export type ObservedRequest = Pick<HttpRequest, 'method' | 'path' | 'headers' | 'address'> & {
  readonly id?: string
}

/** What observers see of an answer. */
export type ObservedReply = { readonly status: number; readonly headers?: HttpReply['headers'] }

/** Looks on while a request is answered. */
export interface RequestObserver {
  /** Does the work and answers what it answers; a promise only when the work gives one. */
  around<Reply extends ObservedReply>(
    request: ObservedRequest,
    work: () => Reply | Promise<Reply>,
  ): Reply | Promise<Reply>
}

/** The same handler, observed; the last observer is the outermost. */
export function observedHandler(handler: HttpHandler, observers: readonly RequestObserver[]): HttpHandler {
  return observers.reduce<HttpHandler>(
    (inner, observer) => (request) => observer.around(request, () => inner(request)),
    handler,
  )
}

/** The same route of the lane, observed. */
export function observedRoute(route: LaneRoute, observers: readonly RequestObserver[]): LaneRoute {
  const answer = observers.reduce<LaneRoute['answer']>(
    (inner, observer) => (request) => observer.around(request, () => inner(request)),
    route.answer,
  )
  return { ...route, answer }
}

/**
 * Which API a path belongs to, as far as metrics, logs and traces tell them apart. `gatewayPath`: first segment of the
 * paths of Knox's services.
 */
export function measuredApiOf(path: string, gatewayPath: string): MeasuredApi {
  if (path === '/v1/verify') return 'verify'
  if (path === '/v1/verify/batch') return 'batch'
  if (path === '/v1/authorize' || path.startsWith('/v1/authorize/')) return 'authorize'
  if (path === '/v1' || path.startsWith('/v1/') || path.startsWith('/.well-known/')) return 'native'
  if (path === '/metrics' || path === '/livez' || path === '/readyz') return 'operations'
  return path.startsWith(`/${gatewayPath}/`) ? 'knox' : 'kuzzle'
}

/** Counts and times every answer. */
export function requestMeter(metrics: Metrics, gatewayPath: string): RequestObserver {
  return {
    around: ({ path }, work) => {
      const startedAt = performance.now()
      return after(work(), ({ status }) => {
        metrics.answered(measuredApiOf(path, gatewayPath), status, (performance.now() - startedAt) / 1000)
      })
    },
  }
}

/** Where requests are logged. */
export interface RequestLog {
  debug(facts: Readonly<Record<string, unknown>>, message: string): void
}

/**
 * Logs every answer. The query string and headers are left out, and so are parts of the path that are long enough to be
 * a secret that somebody put in the wrong place.
 */
export function requestLogger(log: RequestLog, gatewayPath: string): RequestObserver {
  return {
    around: (request, work) => {
      const startedAt = performance.now()
      return after(work(), (reply) => {
        const { method, path, address } = request
        const durationMs = Math.round((performance.now() - startedAt) * 1000) / 1000
        const requestId = requestIdOf(request, reply)
        const api = measuredApiOf(path, gatewayPath)
        const what = { method, path: printablePath(path), api, status: reply.status }
        log.debug({ ...(requestId !== undefined && { requestId }), ...what, durationMs, address }, 'request')
      })
    },
  }
}

/** Longer parts of a path are not shown. Ids of people and machines are shorter, every token of ours is longer. */
const SHOWN_CHARACTERS_MAX = 40

const PATH_CHARACTERS_MAX = 256

/** A path without what could be a token. */
export function printablePath(path: string): string {
  const parts = path.split('/').map((part) => (part.length > SHOWN_CHARACTERS_MAX ? '[long]' : part))
  return parts.join('/').slice(0, PATH_CHARACTERS_MAX)
}

/** What the client knows its request by, or else what our own log calls it. */
export function requestIdOf({ headers, id }: ObservedRequest, reply: ObservedReply): string | undefined {
  const told = reply.headers?.['X-Request-Id'] ?? reply.headers?.['X-Kuzzle-Request-Id']
  return [told, id, headers['x-request-id']].find(isPlainRequestId)
}

function after<Reply>(reply: Reply | Promise<Reply>, note: (reply: Reply) => void): Reply | Promise<Reply> {
  if (!(reply instanceof Promise)) {
    note(reply)
    return reply
  }
  return reply.then((answer) => {
    note(answer)
    return answer
  })
}
