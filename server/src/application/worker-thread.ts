import { parentPort, workerData } from 'node:worker_threads'
import { createSharedRateCounters } from '../system/shared-rate-counters.ts'
import { openLaneListener } from '../transports/lane/lane-listener.ts'
import { passThrough } from '../transports/lane/tunnel.ts'
import { DRAIN_MAX_MS } from './drain.ts'
import { every } from './every.ts'
import { createHotRoutes } from './hot-routes.ts'
import { startHousekeeping } from './keep-house.ts'
import { createLog } from './log.ts'
import { createObservation, storeHealth } from './observation.ts'
import { openAuthority } from './open-authority.ts'
import { openTlsFiles } from './tls-files.ts'
import { settingsOfClone, type WorkerNews, type WorkerStart } from './worker-start.ts'

/** How often it is noted how the thread is doing. */
const WATCH_INTERVAL_MS = 1_000

/** One more thread that answers verifications and forward-auth; everything else goes to the first thread. */
async function serve(start: WorkerStart): Promise<() => Promise<void>> {
  const settings = settingsOfClone(start.settings)
  const log = createLog({ level: settings['log.level'], format: settings['log.format'] })
  const { thread, metrics, clockMemory, changeMemory } = start
  const observation = await createObservation(settings, log, { memory: metrics, thread })
  const rates = createSharedRateCounters(start.rates, thread + 1)
  const opened = await openAuthority(settings, log, { rates, clockMemory, changeMemory }, observation)
  const house = startHousekeeping(opened.housekeeping, log)
  const hot = createHotRoutes(settings, opened).lane
  const tlsFiles = openTlsFiles(settings, log)
  const lane = await openLaneListener({
    place: { host: start.host, port: start.port, shared: true },
    ...hot,
    ...(tlsFiles.tls !== undefined && { tls: tlsFiles.tls }),
    routes: hot.routes.map(observation.route),
    passOn: (socket, peer) => passThrough(start.tunnel, socket, peer),
    onError: (error, requestId) => log.error({ err: error, requestId }, 'An HTTP request failed'),
    limits: { drainTimeoutMs: DRAIN_MAX_MS, connectionsMax: start.connectionsMax },
  })
  const watch = observation.watch(() => ({
    connections: { http: lane.openConnections, websocket: 0, mqtt: 0 },
    cachedKeys: opened.storage.cachedKeys(),
    ...storeHealth(opened.storage),
  }))
  const watching = every(WATCH_INTERVAL_MS, watch.note)
  return async () => {
    await lane.close()
    tlsFiles.close()
    watching.stop()
    watch.stop()
    house.stop()
    await opened.close()
    log.flush()
  }
}

function tell(news: WorkerNews): void {
  parentPort?.postMessage(news)
}

try {
  // What the first thread gives: see `WorkerStart`.
  const close = await serve(workerData as WorkerStart)
  parentPort?.once('message', () => {
    // Nothing keeps the thread alive then; should closing fail, the first thread hears of it and ends it.
    parentPort?.unref()
    close().catch((error: unknown) => {
      throw error
    })
  })
  tell({ kind: 'listening' })
} catch (error) {
  tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) })
  parentPort?.unref()
}
