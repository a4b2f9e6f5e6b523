import type { Clock } from '../../core/ports/clock.ts'
import type { Instant } from '../../core/record.ts'
import type { Protocol } from './request.ts'

/** Numbers of one stretch of time, by carrier. */
export type StatisticsFrame = {
  /** When it began. */
  readonly timestamp: Instant
  readonly completedRequests: Readonly<Record<string, number>>
  readonly failedRequests: Readonly<Record<string, number>>
  /** Being worked on when it was looked at. */
  readonly ongoingRequests: Readonly<Record<string, number>>
  /** Open two-way connections when it was looked at. */
  readonly connections: Readonly<Record<string, number>>
}

/** How often requests came and how they ended, in frames of equal length. */
export interface Statistics {
  started(protocol: Protocol): void
  /** An answer of status 400 or more is a failure. */
  finished(protocol: Protocol, status: number): void
  opened(carrier: string): void
  closed(carrier: string): void
  /** The frame of this moment. */
  last(): StatisticsFrame
  /** Finished frames and the present one that began within the two instants, oldest first. */
  between(start: Instant, stop: Instant): readonly StatisticsFrame[]
}

/** Most frames kept, whatever the settings say. */
const FRAMES_MAX = 10_000

/** Frames of `intervalMs`, kept for `ttlMs`; with `enabled` off only the present one. */
export function createStatistics(
  clock: Clock,
  options: { readonly enabled: boolean; readonly intervalMs: number; readonly ttlMs: number },
): Statistics {
  const framesMax = Math.min(Math.ceil(options.ttlMs / options.intervalMs), FRAMES_MAX)
  const ongoing = new Map<string, number>()
  const connections = new Map<string, number>()
  let frames: StatisticsFrame[] = []
  let present = createCounters(clock.now())

  const print = (): StatisticsFrame => ({
    timestamp: present.since,
    completedRequests: Object.fromEntries(present.completed),
    failedRequests: Object.fromEntries(present.failed),
    ongoingRequests: Object.fromEntries(ongoing),
    connections: Object.fromEntries(connections),
  })
  const roll = (): void => {
    const now = clock.now()
    if (now - present.since < options.intervalMs) return
    if (options.enabled) frames = [...frames, print()].slice(-framesMax)
    present = createCounters(now)
  }

  return {
    started(protocol) {
      roll()
      add(ongoing, protocol, 1)
    },
    finished(protocol, status) {
      add(ongoing, protocol, -1)
      add(status < 400 ? present.completed : present.failed, protocol, 1)
    },
    opened: (carrier) => add(connections, carrier, 1),
    closed: (carrier) => add(connections, carrier, -1),
    last() {
      roll()
      return print()
    },
    between(start, stop) {
      roll()
      const oldest = Math.max(start, clock.now() - options.ttlMs)
      return [...frames, print()].filter(({ timestamp }) => timestamp >= oldest && timestamp <= stop)
    },
  }
}

type Counters = {
  readonly since: Instant
  readonly completed: Map<string, number>
  readonly failed: Map<string, number>
}

function createCounters(since: Instant): Counters {
  return { since, completed: new Map(), failed: new Map() }
}

function add(counts: Map<string, number>, name: string, change: number): void {
  counts.set(name, (counts.get(name) ?? 0) + change)
}
