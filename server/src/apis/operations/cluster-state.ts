import type { StoreHealth } from '../../core/ports/cluster-nodes.ts'

/** What is known of all nodes, as of the last heartbeat that the store answered. */
export type ClusterState = {
  /** Nodes that are alive, this one included. */
  readonly alive: number
  /** Nodes that fell silent and are not forgotten yet. */
  readonly stale: number
  /** How far the store's clock is ahead of this machine's, in ms. */
  readonly clockAheadMs: number
  /** How long ago that was, in ms. */
  readonly ageMs: number
}

/** What is known of a node among others: of all of them, and of its own first thread. */
export type NodeState = {
  /** Absent until the store answered for the first time. */
  readonly cluster?: ClusterState
  readonly store: StoreHealth
}
