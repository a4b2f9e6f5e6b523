import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  type TextMapPropagator,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** A span that has ended. */
export type EndedSpan = {
  readonly name: string
  readonly spanId: string
  readonly traceId: string
  readonly parentSpanId: string | undefined
  readonly attributes: Attributes
  readonly status: SpanStatus | undefined
}

/** Registers a small OpenTelemetry SDK that keeps the spans that ended; `forget` takes it away again. */
export function registerInMemoryTracing(): { readonly ended: EndedSpan[]; forget(): void } {
  const ended: EndedSpan[] = []
  trace.setGlobalTracerProvider({ getTracer: () => tracerInto(ended) })
  context.setGlobalContextManager(asyncContexts())
  propagation.setGlobalPropagator(TRACEPARENT)
  return {
    ended,
    forget: () => {
      trace.disable()
      context.disable()
      propagation.disable()
    },
  }
}

function tracerInto(ended: EndedSpan[]): Tracer {
  const startSpan = (name: string, options: SpanOptions = {}, from: Context = context.active()): Span => {
    const parent = trace.getSpanContext(from)
    const spanId = hex(16)
    const own: SpanContext = { traceId: parent?.traceId ?? hex(32), spanId, traceFlags: TraceFlags.SAMPLED }
    const attributes: Attributes = { ...options.attributes }
    let status: SpanStatus | undefined
    let hasEnded = false
    const span: Span = {
      spanContext: () => own,
      setAttribute: (key, value) => {
        attributes[key] = value
        return span
      },
      setAttributes: (more) => {
        Object.assign(attributes, more)
        return span
      },
      addEvent: () => span,
      addLink: () => span,
      addLinks: () => span,
      setStatus: (next) => {
        status = next
        return span
      },
      updateName: () => span,
      end: () => {
        if (hasEnded) throw new Error(`The span "${name}" ended twice`)
        hasEnded = true
        ended.push({ name, ...own, parentSpanId: parent?.spanId, attributes, status })
      },
      isRecording: () => !hasEnded,
      recordException: () => undefined,
    }
    return span
  }
  return {
    startSpan,
    startActiveSpan: () => {
      throw new Error('not used by Latchkey')
    },
  }
}

function asyncContexts(): ContextManager {
  const storage = new AsyncLocalStorage<Context>()
  return {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, work, self, ...args) => storage.run(active, () => work.apply(self, args)),
    bind: (_active, target) => target,
    enable() {
      return this
    },
    disable() {
      storage.disable()
      return this
    },
  }
}

/** As much of W3C Trace Context as a test needs. */
const TRACEPARENT: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject: () => undefined,
  extract: (from, carrier, getter) => {
    const header = getter.get(carrier, 'traceparent')
    const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(String(header)) ?? []
    if (traceId === undefined || spanId === undefined) return from
    return trace.setSpanContext(from, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true })
  },
}

let issued = 0

function hex(digits: number): string {
  issued += 1
  return issued.toString(16).padStart(digits, '0')
}
