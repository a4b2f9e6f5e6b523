import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterState } from '../apis/operations/cluster-state.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { ClusterNodes, NodeReport, NodeState } from '../core/ports/cluster-nodes.ts'
import type { StoreClock } from '../system/store-clock.ts'
import type { Log } from './log.ts'

/** How often a node says that it is there, and compares its clock with the store's, in ms. */
export const HEARTBEAT_MS = 2_000

/** A clock that differs by more from the store's, in ms, is worth a warning. */
export const CLOCK_WARN_ABOVE_MS = 1_000

/** How long a node that ends waits for its row to be removed, in ms; others take it for dead soon enough. */
const LEAVE_MAX_MS = 1_000

/** The sign of life of this process. */
export type Heartbeat = {
  /** Absent until the store answered once. */
  state(): ClusterState | undefined
  /** Says to the others that this node takes no more requests soon. */
  drain(): Promise<void>
  /** Ends, and has the others forget this node. Never throws. */
  stop(): Promise<void>
}

/** What a heartbeat is made of. */
export type HeartbeatParts = {
  readonly cluster: ClusterNodes
  readonly clock: StoreClock
  /** Without what changes. */
  readonly node: Omit<NodeReport, 'state' | 'clockAheadMs'>
  readonly log: Log
  /** This machine's clock, and one that only goes on, in ms. */
  readonly machine: Clock
  readonly elapsedMs: () => number
}

/** Compares a clock with the store's, once. @throws As `ClusterNodes.readMoment`. */
export async function compareClocks(cluster: ClusterNodes, clock: StoreClock, machine: Clock) {
  const sentAt = machine.now()
  const moment = await cluster.readMoment()
  clock.compare({ sentAt, storeAt: moment.at, heardAt: machine.now() })
  return moment
}

/** Starts to beat; the first beat is under way when this returns. Nothing that fails ends it. */
export function startHeartbeat(parts: HeartbeatParts): Heartbeat {
  const { cluster, log } = parts
  const beating = createBeat(parts)
  let running: Promise<void> = Promise.resolve()
  let waits = 0
  const beat = (state: NodeState): Promise<void> => {
    // One after another; a store that does not answer is not asked again by each tick.
    if (state === 'ready' && waits > 0) return running
    waits += 1
    running = running
      .then(() => beating.once(state))
      .finally(() => {
        waits -= 1
      })
    return running
  }
  let now: NodeState = 'ready'
  void beat(now)
  const timer = setInterval(() => void beat(now), HEARTBEAT_MS)
  timer.unref()
  return {
    state: beating.state,
    drain: () => {
      now = 'draining'
      return beat(now)
    },
    stop: async () => {
      clearInterval(timer)
      const left = running.then(() => cluster.leave())
      left.catch((error: unknown) =>
        log.warn({ err: error }, 'Cannot tell the other nodes that this one ends'),
      )
      await Promise.race([left.catch(() => undefined), sleep(LEAVE_MAX_MS, undefined, { ref: false })])
    },
  }
}

function createBeat({ cluster, clock, node, log, machine, elapsedMs }: HeartbeatParts) {
  let known: (Omit<ClusterState, 'ageMs'> & { readonly at: number }) | undefined
  let isFailing = false
  const warn = createClockWarning(log)
  return {
    state: (): ClusterState | undefined => {
      if (known === undefined) return undefined
      const { at, ...facts } = known
      return { ...facts, ageMs: elapsedMs() - at }
    },
    once: async (state: NodeState): Promise<void> => {
      try {
        const { alive, stale } = await compareClocks(cluster, clock, machine)
        const clockAheadMs = clock.aheadMs()
        warn(clockAheadMs)
        // This node is not among them before its first beat.
        known = { alive: Math.max(1, alive), stale, clockAheadMs, at: elapsedMs() }
        await cluster.beat({ ...node, state, clockAheadMs })
        if (isFailing) log.info({}, 'The other nodes hear of this one again')
        isFailing = false
      } catch (error) {
        // Said once, not with every beat.
        if (!isFailing) log.error({ err: error }, 'Cannot tell the other nodes that this one is there')
        isFailing = true
      }
    },
  }
}

/** Says once when clocks are apart, and once when they agree again. */
function createClockWarning(log: Log): (aheadMs: number) => void {
  let isApart = false
  return (aheadMs) => {
    const wasApart = isApart
    isApart = Math.abs(aheadMs) > CLOCK_WARN_ABOVE_MS
    if (isApart && !wasApart) {
      log.warn(
        { storeIsAheadMs: aheadMs },
        "The clock of this machine differs from the store's, whose time is used: keys expire rightly, but logs and HTTP dates are off. Synchronize it",
      )
    } else if (wasApart && !isApart) log.info({ storeIsAheadMs: aheadMs }, 'The clocks agree again')
  }
}
