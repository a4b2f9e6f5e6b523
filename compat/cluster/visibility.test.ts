import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { postgresIsMissing } from '../../server/src/storage/postgres/testing/postgres-server.ts'
import { STALE_AFTER_MS, startCluster } from './cluster.ts'
import { watchChanges } from './watch-changes.ts'

/** Changes that are watched; `npm run bench -- cluster` watches more of them. */
const CHANGES = 90

describe('a change of a key on one of three nodes', { skip: postgresIsMissing() }, () => {
  test('holds on all of them in ms, and on none is the key accepted beyond the bound', async (t) => {
    const cluster = await startCluster()
    t.after(cluster.close)
    const delays = await watchChanges(cluster, CHANGES)
    const at = (share: number): string => (delays[Math.ceil(delays.length * share) - 1] ?? 0).toFixed(1)
    t.diagnostic(
      `${CHANGES} changes seen on every node: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`,
    )
    assert.equal(delays.length, CHANGES * cluster.nodes.length)
    assert.ok((delays.at(-1) ?? 0) < STALE_AFTER_MS)
  })
})
