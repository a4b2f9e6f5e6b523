import type { Settings } from '../settings/settings.ts'
import { createChangeMemory } from '../storage/thread-changes.ts'
import { createSharedRateCounters, createSharedRates } from '../system/shared-rate-counters.ts'
import { createClockMemory } from '../system/store-clock.ts'
import { HTTP_LIMITS } from '../transports/http/http-listener-options.ts'
import type { LaneBeforeHttp } from '../transports/lane/open-lane-before-http.ts'
import { openTunnelEnd } from '../transports/lane/tunnel.ts'
import { storageUrlOf } from './core-settings-of.ts'
import type { Log } from './log.ts'
import type { SharedParts } from './open-authority.ts'
import { StartError } from './start-error.ts'
import { cloneableSettings } from './worker-start.ts'
import { openWorkers } from './workers.ts'

/** The threads of this process that answer requests; this one is the first. */
export type Threads = {
  /** What the first thread's authority shares with the others. */
  readonly sharedParts: SharedParts
  /** Starts the others, on the port of the first one. @throws {StartError} */
  open(first: LaneBeforeHttp, log: Log): Promise<{ close(): Promise<void> }>
}

/**
 * Prepares as many threads as the settings want. With one, nothing is shared and none is started. `metrics` has memory for
 * each of them.
 *
 * @throws {StartError} for a store that threads cannot share.
 */
export function createThreads(settings: Settings, metrics: readonly SharedArrayBuffer[]): Threads {
  const { workers } = settings
  if (workers === 1) return { sharedParts: {}, open: async () => ({ close: async () => {} }) }
  if (storageUrlOf(settings) === 'sqlite::memory:') {
    throw new StartError(
      'Cannot start with these settings:\n  workers: several threads need a store that they can share, such as sqlite:PATH',
    )
  }
  const rates = createSharedRates()
  const clockMemory = createClockMemory()
  const changeMemory = createChangeMemory()
  return {
    sharedParts: { rates: createSharedRateCounters(rates, FIRST), clockMemory, changeMemory },
    open: async (first, log) => {
      const tunnel = await openTunnelEnd((socket, peer) => first.adopt(socket, peer))
      try {
        const others = await openWorkers(
          workers - 1,
          (thread) => ({
            settings: cloneableSettings(settings),
            thread,
            host: settings['server.host'],
            port: first.port,
            rates,
            clockMemory,
            changeMemory,
            metrics,
            tunnel: tunnel.address,
            connectionsMax: Math.ceil(HTTP_LIMITS.connectionsMax / workers),
          }),
          log,
        )
        return {
          close: async () => {
            await others.close()
            await tunnel.close()
          },
        }
      } catch (error) {
        await tunnel.close()
        throw error
      }
    },
  }
}

/** Number of the first thread among those that share memory. */
const FIRST = 1
