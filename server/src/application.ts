import { setTimeout as sleep } from 'node:timers/promises'
import { createKuzzleApi, type KuzzleApi } from './apis/kuzzle/kuzzle-api.ts'
import { SWEEP_INTERVAL_MS } from './apis/kuzzle/token-links.ts'
import { createGithubKeys, type GithubKeys } from './apis/native/github-keys.ts'
import { createGuard } from './apis/native/guard.ts'
import { createNativeApi } from './apis/native/native-api.ts'
import { createOperations, type OperationsParts } from './apis/operations/operations.ts'
import { clientAddressOf } from './application/client-address-of.ts'
import { storageUrlOf } from './application/core-settings-of.ts'
import { every } from './application/every.ts'
import type { Heartbeat } from './application/heartbeat.ts'
import { createHotRoutes } from './application/hot-routes.ts'
import { joinCluster } from './application/join-cluster.ts'
import { startHousekeeping } from './application/keep-house.ts'
import { createKnoxLane } from './application/knox-lane.ts'
import { kuzzleSettingsOf } from './application/kuzzle-settings-of.ts'
import type { Log } from './application/log.ts'
import { githubKeysUrlOf, nativeSettingsOf } from './application/native-settings-of.ts'
import {
  createMetricsMemory,
  createObservation,
  type Observation,
  storeHealth,
} from './application/observation.ts'
import { type OpenAuthority, openAuthority } from './application/open-authority.ts'
import { type Carriers, openCarriers } from './application/open-carriers.ts'
import { openKnox } from './application/open-knox.ts'
import { publicPartOf } from './application/public-paths.ts'
import { type RoutedApi, routeRequests } from './application/route-requests.ts'
import { createThreads } from './application/threads.ts'
import { openTlsFiles } from './application/tls-files.ts'
import { openVerifyListener } from './application/verify-listener.ts'
import { readVersion } from './application/version.ts'
import { humanUserId } from './core/access/human-names.ts'
import { isJsonObject, type JsonObject } from './core/json.ts'
import type { Clock } from './core/ports/clock.ts'
import type { Storage } from './core/ports/storage.ts'
import { redactedSettings } from './settings/redacted-settings.ts'
import type { Settings } from './settings/settings.ts'

/** A running server. */
export type Application = {
  /** Where it can be reached: HTTP and WebSocket first, then MQTT when it is on. */
  readonly urls: readonly string[]
  /** Where administrators can reach it: the first of them, unless they have a listener of their own. */
  readonly adminUrl: string
  /** Port of HTTP and WebSocket. */
  readonly port: number
  /** Whether an administrator existed when it started. */
  readonly adminExists: boolean
  /** Waits for `server.drainDelay`, lets running requests finish for at most `DRAIN_MAX_MS`, writes what waits, and lets go of everything. */
  close(): Promise<void>
}

/** How often it is noted how the thread is doing. */
const WATCH_INTERVAL_MS = 1_000

/**
 * Starts everything that the settings ask for: the one place that knows every part.
 *
 * @throws {StartError} when the store cannot be opened or an address cannot be listened on; nothing is left open then.
 */
export async function startApplication(settings: Settings, log: Log): Promise<Application> {
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = (): Promise<void> => closeInTurn(closers)
  try {
    // What is wrong with the settings is known before anything is opened.
    const githubKeysUrl = githubKeysUrlOf(settings)
    const nativeParts = { settings: nativeSettingsOf(settings), addressOf: clientAddressOf(settings), log }
    const metricsMemory = createMetricsMemory(settings.workers)
    const observation = await createObservation(settings, log, { memory: metricsMemory, thread: 0 })
    const threads = createThreads(settings, metricsMemory)
    const opened = await openAuthority(settings, log, threads.sharedParts, observation)
    let heartbeat: Heartbeat | undefined
    closers.push(opened.close, () => heartbeat?.stop())
    const adminExists = await opened.authority.users.adminExists()
    const api = createKuzzleApi(kuzzleApiParts(settings, opened, log))
    const { authority, storage } = opened
    const hot = createHotRoutes(settings, opened)
    const native = createNativeApi({
      ...nativeParts,
      verification: hot.verification,
      authority,
      idempotency: storage.idempotency,
      clock: opened.clock,
      ...(githubKeysUrl !== undefined && { githubKeys: githubKeysFrom(githubKeysUrl, opened.clock, log) }),
    })
    const knox = await openKnox(settings, opened, log)
    closers.push(knox.close)
    const operations = createOperations({
      ...operationsParts(settings, opened, observation),
      guard: createGuard({ ...nativeParts, ...nativeParts.settings, authority, clock: opened.clock }),
      ...nodeOf(settings, storage, () => heartbeat),
      warnings: knox.problems,
    })
    const timers = startTimers(opened, api, log)
    closers.push(timers.stop)
    const routed = routeRequests({
      kuzzle: api.http,
      native,
      forwardAuth: hot.forwardAuth,
      operations,
      knox: { ...knox.api, path: knox.gatewayPath },
    })
    const observed = (http: RoutedApi): RoutedApi => ({
      handler: observation.handler(http.handler),
      overloaded: observation.overloaded(http.overloaded),
    })
    const routes = [...hot.lane.routes, createKnoxLane(knox)]
    const lane = { ...hot.lane, routes: routes.map(observation.route) }
    const tlsFiles = openTlsFiles(settings, log, process)
    closers.push(tlsFiles.close)
    const carriers = await openCarriers(
      settings,
      { ...api, http: observed(routed), publicHttp: observed(publicPartOf(routed, knox.gatewayPath)), lane },
      log,
      tlsFiles.tls,
    )
    // At the same time, as connections of one may be served by another. Requests that already came are answered; only then
    // nothing is let in any more.
    const listeners: { close(): Promise<void> }[] = [carriers]
    closers.push(api.close, native.close, async () => {
      await Promise.all(listeners.map((listener) => listener.close()))
    })
    listeners.push(await openVerifyListener(settings, opened, observation, log))
    listeners.push(await threads.open(carriers.http, log))
    closers.push(watch(observation, carriers, storage))
    heartbeat = joinCluster(settings, opened, carriers.urls[0] ?? '', log)
    const close = once(async () => {
      operations.drain()
      void heartbeat?.drain()
      // Without a delay, nobody may connect any more from this very moment.
      if (settings['server.drainDelay'] > 0) await sleep(settings['server.drainDelay'])
      await closeAll()
    })
    const { urls, adminUrl } = carriers
    return { urls, adminUrl, port: carriers.http.port, adminExists, close }
  } catch (error) {
    // Why it cannot start matters more than what else fails on the way back.
    await closeAll().catch((failure: unknown) => log.error({ err: failure }, 'Cannot undo a failed start'))
    throw error
  }
}

function kuzzleApiParts(
  settings: Settings,
  { authority, storage, randomness, clock }: OpenAuthority,
  log: Log,
) {
  return {
    authority,
    clock,
    randomness,
    scrolls: storage.scrolls,
    log,
    settings: kuzzleSettingsOf(settings),
    node: humanUserId(randomness).replace(/^kuid/, 'knode'),
    version: readVersion(),
    configuration: configurationOf(settings),
    storageBackend: storageUrlOf(settings).replace(/:.*$/s, ''),
    isStorageHealthy: () => storage.isHealthy(),
    addressOf: clientAddressOf(settings),
  }
}

function operationsParts(
  settings: Settings,
  { storage }: OpenAuthority,
  { metrics }: Observation,
): Omit<OperationsParts, 'guard'> {
  return {
    ...(metrics !== undefined && { metrics }),
    metricsArePublic: settings['metrics.public'],
    isStorageHealthy: () => storage.isHealthy(),
    version: readVersion(),
  }
}

/** What health and metrics tell of a node among others. */
function nodeOf(
  settings: Settings,
  { cluster }: Storage,
  heartbeat: () => Heartbeat | undefined,
): Pick<OperationsParts, 'node' | 'servesStale'> {
  if (cluster === undefined) return {}
  return {
    node: () => {
      const state = heartbeat()?.state()
      return { ...(state !== undefined && { cluster: state }), store: cluster.health() }
    },
    servesStale: () => {
      const { silentMs = Number.POSITIVE_INFINITY } = cluster.health().feed ?? {}
      return (
        settings['cluster.whenUnreachable'] === 'serve-stale' && silentMs < settings['cluster.staleMaxMs']
      )
    },
  }
}

/** Watches this thread until what it answers is called. */
function watch(observation: Observation, carriers: Carriers, storage: Storage): () => void {
  const watch = observation.watch(() => ({
    connections: carriers.openConnections(),
    cachedKeys: storage.cachedKeys(),
    ...storeHealth(storage),
  }))
  const timer = every(WATCH_INTERVAL_MS, watch.note)
  return () => {
    timer.stop()
    watch.stop()
  }
}

/** The settings as JSON, which has no functions, undefined members or dates. */
function configurationOf(settings: Settings): JsonObject {
  const configuration: unknown = JSON.parse(JSON.stringify(redactedSettings(settings)))
  return isJsonObject(configuration) ? configuration : {}
}

function githubKeysFrom(url: string, clock: Clock, log: Log): GithubKeys {
  return createGithubKeys(url, clock, (err) =>
    log.warn({ err, url }, 'The keys of leak reports cannot be fetched, so reports are not taken'),
  )
}

function startTimers({ housekeeping }: OpenAuthority, api: KuzzleApi, log: Log): { stop(): void } {
  const timers = [startHousekeeping(housekeeping, log), every(SWEEP_INTERVAL_MS, () => api.sweepTokens())]
  return {
    stop: () => {
      for (const timer of timers) timer.stop()
    },
  }
}

/** The last opened first; what fails does not keep the others from being closed. */
async function closeInTurn(closers: (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = []
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed')
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= work()
    return running
  }
}
