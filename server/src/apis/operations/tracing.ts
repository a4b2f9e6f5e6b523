import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { DomainError } from '../../core/errors.ts'
import {
  measuredApiOf,
  type ObservedReply,
  type ObservedRequest,
  printablePath,
  type RequestObserver,
  requestIdOf,
} from './observed-requests.ts'
import type { StoreObserver } from './observed-storage.ts'

/** Spans of requests over HTTP, and within them of every call of the store. */
export type Tracing = {
  /** Whether somebody registered an OpenTelemetry SDK; without one, spans go nowhere. */
  readonly hasSdk: boolean
  /** Traces requests as part of the trace that their headers name, if any. */
  readonly requestObserver: RequestObserver
  readonly storeObserver: StoreObserver
}

/** Traces through whatever OpenTelemetry SDK was loaded before Latchkey. */
export function createTracing(version: string, gatewayPath: string): Tracing {
  const tracer = trace.getTracer('latchkey', version)
  return {
    hasSdk: makesSpans(tracer),
    requestObserver: requestTracer(tracer, gatewayPath),
    storeObserver: storeTracer(tracer),
  }
}

/** Spans of the API without an SDK have no ids. */
function makesSpans(tracer: Tracer): boolean {
  const span = tracer.startSpan('latchkey start')
  span.end()
  return isSpanContextValid(span.spanContext())
}

function requestTracer(tracer: Tracer, gatewayPath: string): RequestObserver {
  return {
    around: <Reply extends ObservedReply>(request: ObservedRequest, work: () => Reply | Promise<Reply>) => {
      const parent = propagation.extract(context.active(), request.headers, GETTER)
      const api = measuredApiOf(request.path, gatewayPath)
      const span = startRequestSpan(tracer, request, { parent, api })
      const ended = (reply: Reply): Reply => {
        endRequestSpan(span, request, reply)
        return reply
      }
      const answer = context.with(trace.setSpan(context.active(), span), work)
      if (!(answer instanceof Promise)) return ended(answer)
      return answer.then(ended, (error: unknown) => {
        endFailed(span, error)
        throw error
      })
    },
  }
}

function startRequestSpan(
  tracer: Tracer,
  { method, path, address }: ObservedRequest,
  { parent, api }: { readonly parent: Context; readonly api: string },
): Span {
  const attributes = {
    'http.request.method': method,
    'url.path': printablePath(path),
    'client.address': address,
    'latchkey.api': api,
  }
  return tracer.startSpan(`${method} ${api}`, { kind: SpanKind.SERVER, attributes }, parent)
}

function endRequestSpan(span: Span, request: ObservedRequest, reply: ObservedReply): void {
  span.setAttribute('http.response.status_code', reply.status)
  const id = requestIdOf(request, reply)
  if (id !== undefined) span.setAttribute('latchkey.request_id', id)
  if (reply.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

const GETTER: TextMapGetter<ObservedRequest['headers']> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, name) => {
    const value = headers[name.toLowerCase()]
    return value === undefined || typeof value === 'string' ? value : [...value]
  },
}

function storeTracer(tracer: Tracer): StoreObserver {
  return {
    lookUpsOneIn: 1,
    around: ({ store, method, operation }, work) => {
      const attributes = { 'latchkey.store': store, 'latchkey.operation': operation }
      const span = tracer.startSpan(`store ${store}.${method}`, { kind: SpanKind.CLIENT, attributes })
      const answer = context.with(trace.setSpan(context.active(), span), work)
      const ended = (): void => span.end()
      if (answer instanceof Promise) void answer.then(ended, (error: unknown) => endFailed(span, error))
      else ended()
      return answer
    },
  }
}

/** What a caller did wrong is no failure of the store. */
function endFailed(span: Span, error: unknown): void {
  if (error instanceof DomainError) {
    span.setAttribute('error.type', error.code)
  } else {
    span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown')
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}
