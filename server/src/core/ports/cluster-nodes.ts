import type { Instant } from '../record.ts'

/** What a node says of itself with each heartbeat. */
export type NodeReport = {
  /** For people; should be told apart from those of other nodes. */
  readonly name: string
  /** Of the program. */
  readonly version: string
  /** Where it listens. */
  readonly address: string
  /** Threads that answer requests. */
  readonly threads: number
  readonly state: NodeState
  /** How far the store's clock is ahead of the node's, in ms. */
  readonly clockAheadMs: number
}

/** Whether a node takes requests. */
export type NodeState = 'ready' | 'draining'

/** One process that uses the store. */
export type ClusterNode = NodeReport & {
  readonly id: string
  /** Number of the last change of the schema that it knows. */
  readonly schemaVersion: number
  readonly startedAt: Instant
  readonly heartbeatAt: Instant
  /** It was silent for so long that it is taken for dead. */
  readonly isStale: boolean
  /** Number of the last change that it heard of; absent: it hears none. */
  readonly heardSequence?: number
  /** How long its first thread had heard nothing of changes at that heartbeat, in ms; absent: it hears none. */
  readonly feedSilentMs?: number
}

/** All nodes at a moment by the store's clock. */
export type ClusterView = { readonly at: Instant; readonly nodes: readonly ClusterNode[] }

/** The store's time, and how many nodes it knows. */
export type ClusterMoment = { readonly at: Instant; readonly alive: number; readonly stale: number }

/** How the part of a store in one thread is doing. */
export type StoreHealth = {
  /** Connections that are open, for changes and long reads. */
  readonly connections: number
  readonly connectionsMax: number
  /** Requests that wait for one of them. */
  readonly waiting: number
  /** Absent: no changes are heard here. */
  readonly feed?: FeedHealth
}

/** How well changes of other nodes are heard. */
export type FeedHealth = {
  /** What is in memory may be trusted. */
  readonly isFresh: boolean
  /** How long nothing was heard, in ms; infinite before the first time. */
  readonly silentMs: number
  /** Number of the last change that was heard of. */
  readonly heardSequence: number
}

/** The processes that share a store. All times are the store's. */
export interface ClusterNodes {
  /** Asks the store for its time. @throws {DomainError} `storage.unavailable`, `server.overloaded`. */
  readMoment(): Promise<ClusterMoment>
  /** Says that this node is there. @throws As `readMoment`. */
  beat(report: NodeReport): Promise<void>
  /** Forgets this node. @throws As `readMoment`. */
  leave(): Promise<void>
  /** All nodes by name, also those that died a short while ago. @throws As `readMoment`. */
  list(): Promise<ClusterView>
  /** How this thread is doing, from memory. */
  health(): StoreHealth
}
