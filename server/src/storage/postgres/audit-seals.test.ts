import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import { verifyAuditTrail } from '../../core/audit/verify-audit-trail.ts'
import type { AuditStore } from '../../core/ports/audit-store.ts'
import { describeAuditTampering } from '../contract/audit-tampering.ts'
import { anEvent, numbers } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'
import { AuditWriter, createAuditStore } from './audit-store.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const UNLOCK = `ALTER TABLE audit_events DISABLE TRIGGER USER; ALTER TABLE audit_seals DISABLE TRIGGER USER`

/** Another event like the fifth, with this number; as its writer would have stored it. */
const insertedAs = (sequence: number): string => `INSERT INTO audit_events
  SELECT gen_random_uuid(), 1, added_at, ${sequence}, at, action, outcome, 'mallory', actor_key, subject, reason, address,
    carrier, request_id, local, details FROM audit_events WHERE sequence = 5;`

const MAKE_ROOM = `UPDATE audit_events SET sequence = -sequence WHERE sequence > 5;
  UPDATE audit_events SET sequence = 1 - sequence WHERE sequence < 0;
  UPDATE audit_position SET last_sequence = 11;`

const MAKE_ROOM_ON_CHAIN = `UPDATE audit_seals SET sequence = -sequence, position = -position WHERE sequence > 5;
  UPDATE audit_seals SET sequence = 1 - sequence, position = 1 - position WHERE sequence < 0;
  INSERT INTO audit_seals SELECT chain, 6, 6, sha256('x') FROM audit_seals WHERE sequence = 5;`

describe('sealing of audit events in PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgres()
  })
  after(() => server.stop())

  /** Runs SQL in the schema of a store. */
  const runIn = async (url: string, sql: string) => {
    const [, schema] = /search_path%3D(\w+)/.exec(url) ?? []
    return server.run(`SET search_path = ${schema}; ${sql}`)
  }

  /** An empty store, and the audit store of as many nodes as are asked for. */
  const openNodes = async (t: TestContext) => {
    const url = await server.newStore()
    await (await openStorage(url)).close()
    const open = (leftAfterMs?: number): AuditStore & { readonly id: string; close(): Promise<void> } => {
      const database = new PostgresDatabase(parseConnectionUrl(url), {
        connectionsMax: 4,
        waitingMax: 10_000,
        lockWaitMaxMs: 120_000,
      })
      const writer = new AuditWriter()
      const close = () => database.close()
      t.after(close)
      return { ...createAuditStore(database, writer, leftAfterMs), id: writer.id, close }
    }
    return { url, open }
  }

  const appendAll = (audit: AuditStore, count: number) =>
    Promise.all(numbers(count).map((n) => audit.append([anEvent('token.refused', `${n}`)])))

  /** Every event has exactly one place, and none waits for one. */
  const requireIntact = async (audit: AuditStore, events: number): Promise<void> => {
    const faults: (string | undefined)[] = []
    const report = await verifyAuditTrail(audit, { onChain: ({ fault }) => faults.push(fault) })
    assert.deepEqual(
      [...faults, report.fault].filter((fault) => fault !== undefined),
      [],
    )
    assert.deepEqual([report.isIntact, report.events, report.waiting], [true, events, 0])
    const links = await audit.listLinks(undefined, events + 1)
    assert.equal(new Set(links.map(({ sequence }) => sequence)).size, events)
  }

  const isAllSealed = async (audit: AuditStore): Promise<boolean> => {
    await audit.seal()
    return (await verifyAuditTrail(audit)).waiting === 0
  }

  const chainsOf = async (audit: AuditStore): Promise<readonly string[]> => {
    const chains: string[] = []
    await verifyAuditTrail(audit, { onChain: ({ chain }) => chains.push(chain) })
    return chains.sort()
  }

  describeAuditTampering(
    'PostgreSQL',
    async () => {
      const url = await server.newStore()
      const storage = await openStorage(url)
      const run = async (sql: string): Promise<void> => void (await runIn(url, sql))
      return { storage, run }
    },
    {
      unlock: UNLOCK,
      columns: {
        at: 'at + 1',
        action: "'key.create'",
        outcome: "'done'",
        actor: "'mallory'",
        actor_key: 'NULL',
        subject: "'token:6'",
        reason: "'expired'",
        address: "'192.0.2.2'",
        carrier: "'cli'",
        request_id: "'r6'",
        local: 'TRUE',
        details: "'{}'",
      },
      noticed: {
        'an event that was removed': {
          sql: 'DELETE FROM audit_events WHERE sequence = 5',
          names: /^event 5 was removed; event 5 was removed$/,
        },
        'an event that was removed with its seal': {
          sql: 'DELETE FROM audit_events WHERE sequence = 5; DELETE FROM audit_seals WHERE sequence = 5',
          names: /between event 4 and event 6 .* event 5 was removed$/,
        },
        'an event without its seal': {
          sql: 'DELETE FROM audit_seals WHERE sequence = 5',
          names: /event 5 was inserted: it is on no chain/,
        },
        'another hash': {
          sql: "UPDATE audit_seals SET hash = sha256('x') WHERE sequence = 5",
          names: /^event 5 was changed/,
        },
        'an event that was inserted between others': {
          sql: MAKE_ROOM + insertedAs(6),
          names: /^event 6 was changed, or is not the one/,
        },
        'an event that was inserted between others, with a seal': {
          sql: MAKE_ROOM + MAKE_ROOM_ON_CHAIN + insertedAs(6),
          names: /^event 6 was changed, or is not the one/,
        },
        'an event that was inserted with a number that nobody gave': {
          sql: insertedAs(11),
          names: /event 11 was inserted/,
        },
        'the exchange of two events': {
          sql: `UPDATE audit_events SET sequence = -4 WHERE sequence = 4;
            UPDATE audit_events SET sequence = 4 WHERE sequence = 7;
            UPDATE audit_events SET sequence = 7 WHERE sequence = -4`,
          names: /^event 4 was changed, or is not the one/,
        },
        'the removal of the last events': {
          sql: 'DELETE FROM audit_events WHERE sequence > 7; DELETE FROM audit_seals WHERE sequence > 7',
          names: /events 8 to 10 were removed/,
        },
        'the removal of a whole chain': {
          sql: 'DELETE FROM audit_events; DELETE FROM audit_seals',
          names: /events 1 to 10 were removed/,
        },
      },
      cutTail: `DELETE FROM audit_events WHERE sequence > 7; DELETE FROM audit_seals WHERE sequence > 7;
        UPDATE audit_position SET last_sequence = 7; UPDATE audit_sealing SET sealed_to = 7`,
    },
  )

  test('events and seals cannot be changed or removed by mistake', async (t) => {
    const { url, open } = await openNodes(t)
    const node = open()
    await appendAll(node, 3)
    await node.seal()
    await assert.rejects(runIn(url, 'DELETE FROM audit_events'), /stay as they are/)
    await assert.rejects(runIn(url, 'TRUNCATE audit_seals'), /stay as they are/)
    await assert.rejects(runIn(url, 'UPDATE audit_seals SET position = position + 1'), /stay as they are/)
    await assert.rejects(runIn(url, "UPDATE audit_events SET actor = 'x'"), /never change/)
  })

  test('each node seals its own events on a chain of its own', async (t) => {
    const { open } = await openNodes(t)
    const nodes = [open(), open(), open()]
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(nodes.map((node) => appendAll(node, 50)))
      await Promise.all(nodes.map((node) => node.seal()))
    }
    await Promise.all(nodes.map((node) => node.seal()))
    const [first = assert.fail()] = nodes
    await requireIntact(first, 750)
    assert.deepEqual(await chainsOf(first), nodes.map(({ id }) => id).sort())
  })

  test('what a node left that is gone is sealed by another one, on that one’s chain', async (t) => {
    const { open } = await openNodes(t)
    const crashed = open()
    await appendAll(crashed, 1_500)
    await crashed.close()
    const young = open()
    await young.seal()
    assert.deepEqual((await young.listLinks(undefined, 10)).length, 0, 'it may still seal them itself')
    const other = open(0)
    await other.append([anEvent('session.login', 'own')])
    await other.seal()
    await requireIntact(other, 1_501)
    assert.deepEqual(await chainsOf(other), [other.id])
  })

  test('events that were numbered by readers, before or after, are sealed once', async (t) => {
    const { open } = await openNodes(t)
    const node = open()
    for (let round = 0; round < 5; round += 1) {
      await appendAll(node, 20)
      await Promise.all([node.list(0, 1_000), node.seal()])
    }
    await node.seal()
    await requireIntact(node, 100)
    const listed = await node.list(0, 1_000)
    assert.deepEqual(
      listed.map(({ sequence }) => sequence),
      numbers(100).map((n) => n + 1),
    )
  })

  test('however many seal at once, every event is sealed exactly once', async (t) => {
    const { open } = await openNodes(t)
    // All of them take every event for one that was left.
    const nodes = numbers(4).map(() => open(0))
    const [first = assert.fail()] = nodes
    for (let round = 0; round < 8; round += 1) {
      const crashed = open()
      await Promise.all([appendAll(crashed, 200), ...nodes.map((node) => appendAll(node, 30))])
      await Promise.all(nodes.flatMap((node) => numbers(6).map(() => node.seal())))
      await crashed.close()
    }
    // Whoever lost a race finds the rest in one of its next calls.
    for (let calls = 0; calls < 6; calls += 1) await first.seal()
    await requireIntact(first, 8 * (200 + 4 * 30))
  })

  test('a slow node and the one that gave it up never seal the same event', async (t) => {
    const { open } = await openNodes(t)
    const slow = open()
    const other = open(0)
    for (let round = 0; round < 10; round += 1) {
      await appendAll(slow, 100)
      await Promise.all([slow.seal(), ...numbers(5).map(() => other.seal())])
    }
    await slow.seal()
    await requireIntact(other, 1_000)
  })

  test('sealing that is cut off anywhere goes on as if it had not been', async (t) => {
    const { open } = await openNodes(t)
    const node = open(0)
    await appendAll(node, 3_000)
    const kill = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'latchkey' AND pid <> pg_backend_pid()`
    let isSealing = true
    const killing = (async () => {
      while (isSealing) await server.run(kill)
    })()
    await Promise.allSettled(numbers(3).map(() => node.seal()))
    isSealing = false
    await killing
    // The store connects again after a pause that it chooses.
    while (!(await isAllSealed(node).catch(() => false)))
      await new Promise((resolve) => setTimeout(resolve, 20))
    await requireIntact(node, 3_000)
  })

  test('what was there before is sealed bit by bit, and counted as such', async (t) => {
    const url = await server.newStore()
    await (await openStorage(url)).close()
    await runIn(
      url,
      `DROP TRIGGER audit_events_stay ON audit_events; DROP TABLE audit_seals, audit_sealing;
      DROP FUNCTION audit_stays; DELETE FROM latchkey_migrations WHERE version = 4;
      INSERT INTO audit_events (writer, number, sequence, added_at, at, action, outcome, actor, subject, carrier, request_id, local)
        SELECT '00000000-0000-4000-a000-000000000000', n, CASE WHEN n <= 9000 THEN n END, now() - interval '1 hour',
          n, 'key.create', 'done', 'a', 'key:' || n, 'cli', 'r', TRUE
        FROM generate_series(1, 12000) AS n;
      UPDATE audit_position SET last_sequence = 9000`,
    )
    const storage = await openStorage(url)
    t.after(() => storage.close())
    const unsealed = await verifyAuditTrail(storage.audit)
    assert.deepEqual([unsealed.isIntact, unsealed.events, unsealed.waiting], [true, 0, 12_000])
    await storage.audit.append([anEvent('session.login', 'new')])
    await storage.audit.seal()
    const meanwhile = await verifyAuditTrail(storage.audit)
    assert.deepEqual([meanwhile.isIntact, meanwhile.events, meanwhile.waiting], [true, 10_001, 2_000])
    for (let calls = 0; calls < 5; calls += 1) await storage.audit.seal()
    await requireIntact(storage.audit, 12_001)
    assert.equal((await verifyAuditTrail(storage.audit)).earlier, 12_000)
  })
})
