import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ChainReport, verifyAuditTrail } from '../../core/audit/verify-audit-trail.ts'
import type { Storage } from '../../core/ports/storage.ts'
import { anEvent, keyId, numbers } from './records.ts'

/** A store whose tables somebody gets at. */
export type OpenToForgers = {
  readonly storage: Storage
  /** Runs SQL as whoever owns the tables. */
  run(sql: string): Promise<void>
}

/** What somebody did to a trail of the events 1 to 10, and the first event that has to be named. */
export type Forgery = { readonly sql: string; readonly names: RegExp }

/** The ways in which a driver's tables can be forged. */
export type Forgeries = {
  /** Takes away what keeps events from being changed by mistake. */
  readonly unlock: string
  /** Columns of the events' table, with another value for each. */
  readonly columns: Readonly<Record<string, string>>
  readonly noticed: Readonly<Record<string, Forgery>>
  /** Takes events 8 to 10 away, and all that tells how many there were. */
  readonly cutTail: string
}

const EVENTS = 10

/** Every way to forge the trail is noticed, on the real tables of a driver. */
export function describeAuditTampering(
  name: string,
  open: () => Promise<OpenToForgers>,
  { unlock, columns, noticed, cutTail }: Forgeries,
): void {
  const forged = (body: (store: OpenToForgers) => Promise<void>) => async () => {
    const store = await open()
    try {
      for (const n of numbers(EVENTS)) await store.storage.audit.append([eventOf(n)])
      await store.storage.audit.seal()
      const before = await verify(store.storage)
      assert.deepEqual([before.isIntact, before.events], [true, EVENTS])
      await store.run(unlock)
      await body(store)
    } finally {
      await store.storage.close()
    }
  }

  describe(`forging audit events in ${name}`, () => {
    for (const [column, value] of Object.entries(columns)) {
      test(
        `another "${column}" is noticed, and the event named`,
        forged(async ({ storage, run }) => {
          await run(`UPDATE audit_events SET ${column} = ${value} WHERE sequence = 5`)
          const { isIntact, faults } = await verify(storage)
          assert.equal(isIntact, false)
          assert.match(faults[0] ?? '', /^event 5 was changed/)
        }),
      )
    }

    for (const [what, { sql, names }] of Object.entries(noticed)) {
      test(
        `${what} is noticed, and the event named`,
        forged(async ({ storage, run }) => {
          await run(sql)
          const { isIntact, faults } = await verify(storage)
          assert.equal(isIntact, false)
          assert.match(faults.join('; '), names)
        }),
      )
    }

    test(
      'a tail that was cut off with all traces is noticed by the head that was noted before',
      forged(async ({ storage, run }) => {
        const { heads } = await verify(storage)
        await run(cutTail)
        assert.equal((await verify(storage)).isIntact, true)
        const after = await verify(storage, heads)
        assert.deepEqual([after.isIntact, after.missingHeads], [false, heads])
      }),
    )

    test(
      'what was stored behind a tail that was cut off does not hide it',
      forged(async ({ storage, run }) => {
        const { heads } = await verify(storage)
        await run(cutTail)
        for (const n of numbers(EVENTS)) await storage.audit.append([eventOf(n)])
        await storage.audit.seal()
        assert.deepEqual((await verify(storage, heads)).missingHeads, heads)
      }),
    )
  })
}

function eventOf(n: number) {
  return anEvent('token.refused', `token:${n}`, {
    outcome: 'refused',
    actorKey: keyId(`k${n}`),
    reason: 'unknown',
    origin: { address: '192.0.2.1', carrier: 'http', requestId: `r${n}`, local: false },
    details: { count: n },
  })
}

async function verify(storage: Storage, expectedHeads: readonly string[] = []) {
  const chains: ChainReport[] = []
  const report = await verifyAuditTrail(storage.audit, {
    expectedHeads,
    onChain: (chain) => chains.push(chain),
  })
  return {
    ...report,
    heads: chains.map(({ head }) => head),
    faults: [...chains.map(({ fault }) => fault), report.fault].filter((fault) => fault !== undefined),
  }
}
