import { measuredAuthority } from '../apis/operations/measured-authority.ts'
import { createMetrics, createMetricsSlab, type Metrics } from '../apis/operations/metrics.ts'
import {
  observedHandler,
  observedRoute,
  type RequestObserver,
  requestLogger,
  requestMeter,
} from '../apis/operations/observed-requests.ts'
import { observedStorage, type StoreObserver, storeTimer } from '../apis/operations/observed-storage.ts'
import { type ThreadHoldings, type ThreadWatch, watchThread } from '../apis/operations/thread-watch.ts'
import type { KeyAuthority } from '../core/key-authority.ts'
import type { Storage } from '../core/ports/storage.ts'
import type { Settings } from '../settings/settings.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../transports/http/http-message.ts'
import type { LaneRoute } from '../transports/lane/lane-message.ts'
import type { Log } from './log.ts'
import { readVersion } from './version.ts'

/** Puts metrics, traces and the log of requests around the parts of one thread; what is switched off costs nothing. */
export interface Observation {
  /** Absent when they are switched off. */
  readonly metrics?: Metrics
  storage(storage: Storage): Storage
  authority(authority: KeyAuthority): KeyAuthority
  handler(handler: HttpHandler): HttpHandler
  overloaded(reply: Overloaded): Overloaded
  route(route: LaneRoute): LaneRoute
  /** Watches this thread; `note` is to be called about once a second. */
  watch(holdings: () => ThreadHoldings): ThreadWatch
}

/** The answer to a request that there is no room for. */
type Overloaded = (request: HttpRequest) => HttpReply

/** Memory for the metrics of so many threads of this process. */
export function createMetricsMemory(threads: number): readonly SharedArrayBuffer[] {
  return Array.from({ length: threads }, createMetricsSlab)
}

/** Observes as the settings say. `memory` is the same in all threads, `thread` says which of them this is. */
export async function createObservation(
  settings: Settings,
  log: Log,
  { memory, thread }: { readonly memory: readonly SharedArrayBuffer[]; readonly thread: number },
): Promise<Observation> {
  const metrics = settings['metrics.enabled'] ? createMetrics(memory, thread) : undefined
  const gatewayPath = settings['knox.gatewayPath']
  const requests: RequestObserver[] = []
  const stores: StoreObserver[] = []
  if (metrics !== undefined) {
    requests.push(requestMeter(metrics, gatewayPath))
    stores.push(storeTimer(metrics))
  }
  if (isVerbose(settings)) requests.push(requestLogger(log, gatewayPath))
  if (settings['tracing.enabled']) {
    const tracing = await loadTracing(log, gatewayPath)
    requests.push(tracing.requestObserver)
    stores.push(tracing.storeObserver)
  }
  return {
    ...(metrics !== undefined && { metrics }),
    storage: (storage) => stores.reduce(observedStorage, storage),
    authority: (authority) => (metrics === undefined ? authority : measuredAuthority(authority, metrics)),
    handler: (handler) => observedHandler(handler, requests),
    overloaded: (reply) => {
      if (metrics === undefined) return reply
      return (request) => {
        metrics.limited('overload')
        return reply(request)
      }
    },
    route: (route) => (requests.length === 0 ? route : observedRoute(route, requests)),
    watch: (holdings) => (metrics === undefined ? NO_WATCH : watchThread(metrics, holdings)),
  }
}

/** How the part of the store in this thread is doing, for `ThreadHoldings`; nothing where no other node can be. */
export function storeHealth({ cluster }: Storage): Pick<ThreadHoldings, 'store'> {
  return cluster === undefined ? {} : { store: cluster.health() }
}

const NO_WATCH: ThreadWatch = { note: () => undefined, stop: () => undefined }

function isVerbose(settings: Settings): boolean {
  return settings['log.level'] === 'debug' || settings['log.level'] === 'trace'
}

/** Loaded only when it is wanted. */
async function loadTracing(log: Log, gatewayPath: string) {
  const { createTracing } = await import('../apis/operations/tracing.ts')
  const tracing = createTracing(readVersion(), gatewayPath)
  if (!tracing.hasSdk) {
    log.warn(
      {},
      'tracing.enabled is on, but no OpenTelemetry SDK was loaded: start with NODE_OPTIONS="--import ..."',
    )
  }
  return tracing
}
