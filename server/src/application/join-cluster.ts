import { hostname } from 'node:os'
import type { Settings } from '../settings/settings.ts'
import { systemClock } from '../system/system-clock.ts'
import { type Heartbeat, startHeartbeat } from './heartbeat.ts'
import type { Log } from './log.ts'
import type { OpenAuthority } from './open-authority.ts'
import { readVersion } from './version.ts'

/**
 * Makes this process one of the nodes on its store, where there can be others; `address` is where it listens.
 */
export function joinCluster(
  settings: Settings,
  { storage: { cluster }, clock }: OpenAuthority,
  address: string,
  log: Log,
): Heartbeat | undefined {
  if (cluster === undefined) return undefined
  const name = settings['cluster.nodeName'] ?? `${hostname()}-${process.pid}`
  return startHeartbeat({
    cluster,
    clock,
    node: { name, version: readVersion(), address, threads: settings.workers },
    log,
    machine: systemClock,
    elapsedMs: () => performance.now(),
  })
}
