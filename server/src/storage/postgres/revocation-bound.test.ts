import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ApiKey } from '../../core/keys/api-key.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { aKey, anEvent, numbers, revokeKey } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'
import { until } from './testing/until.ts'

const KEYS = 1_000
const AT_ONCE = 4
const STALE_AFTER_MS = 1_000

/** A revocation, and when a node was first seen to obey it. Times are of one monotonic clock, in ms. */
type Watch = { readonly key: ApiKey; acknowledgedAt: number; obeyedAt: number }

describe('a revoked key', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  test(`is refused by every node in time: ${KEYS} revocations over three nodes`, async (t) => {
    const url = await server.newStore()
    const nodes: Storage[] = []
    for (const _ of numbers(3)) nodes.push(await openStorage(url, { staleAfterMs: STALE_AFTER_MS }))
    try {
      const keys = numbers(KEYS).map((n) => aKey(`k${n}`, '-1'))
      for (const [n, key] of keys.entries()) {
        await nodes[n % 3]?.keys.insert(key, undefined, anEvent('key.create'))
      }
      for (const node of nodes) for (const key of keys) await node.keys.lookUp(key.fingerprint)
      const watched = nodes.map(() => new Map<string, Watch>())
      const figures = { lateAcceptances: 0, verifications: 0, fromMemory: 0 }
      let isOver = false
      const verifying = nodes.map(async ({ keys: store }, n) => {
        while (!isOver) {
          for (const watch of watched[n]?.values() ?? []) {
            if (watch.obeyedAt !== 0) continue
            const askedAt = performance.now()
            const found = store.lookUp(watch.key.fingerprint)
            figures.verifications += 1
            if (!(found instanceof Promise)) figures.fromMemory += 1
            const isRefused = (await found)?.revocation !== undefined
            if (isRefused) watch.obeyedAt = performance.now()
            else if (askedAt > watch.acknowledgedAt + STALE_AFTER_MS) figures.lateAcceptances += 1
          }
          await new Promise((resolve) => setImmediate(resolve))
        }
      })
      const revoking = numbers(AT_ONCE).map(async (lane) => {
        for (let n = lane; n < KEYS; n += AT_ONCE) {
          const key = keys[n] ?? assert.fail('no key')
          const watches = watched.map((watch) => {
            const one = { key, acknowledgedAt: Number.POSITIVE_INFINITY, obeyedAt: 0 }
            watch.set(key.id, one)
            return one
          })
          await revokeKey(nodes[n % 3]?.keys ?? assert.fail('no node'), key.id)
          const acknowledgedAt = performance.now()
          for (const one of watches) one.acknowledgedAt = acknowledgedAt
          await until(() => watches.every(({ obeyedAt }) => obeyedAt !== 0))
        }
      })
      await Promise.all(revoking)
      isOver = true
      await Promise.all(verifying)

      const delays = watched
        .flatMap((watch) => [...watch.values()])
        .map(({ acknowledgedAt, obeyedAt }) => Math.max(0, obeyedAt - acknowledgedAt))
        .sort((one, other) => one - other)
      const at = (part: number): string => (delays[Math.floor((delays.length - 1) * part)] ?? 0).toFixed(1)
      t.diagnostic(
        `refused after p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms; ${figures.verifications} verifications, ${figures.fromMemory} of them from memory, ${figures.lateAcceptances} accepted too late`,
      )
      assert.equal(delays.length, 3 * KEYS)
      assert.equal(figures.lateAcceptances, 0)
      // Otherwise nothing of the above was about memory.
      assert.ok(figures.fromMemory > 0)
    } finally {
      for (const node of nodes) await node.close()
    }
  })
})
