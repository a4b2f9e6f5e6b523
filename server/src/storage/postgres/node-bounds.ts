/** How long a node may be silent before others take it for dead, in ms: five heartbeats. */
export const NODE_STALE_AFTER_MS = 10_000

/** How long the row of a dead node is kept, so that operators see that there was one, in ms. */
export const DEAD_NODE_KEPT_MS = 600_000
