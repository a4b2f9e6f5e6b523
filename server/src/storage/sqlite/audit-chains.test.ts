import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, type TestContext, test } from 'node:test'
import { verifyAuditTrail } from '../../core/audit/verify-audit-trail.ts'
import { describeAuditTampering } from '../contract/audit-tampering.ts'
import { aKey, anEvent, numbers } from '../contract/records.ts'
import { openStorage } from '../open-storage.ts'
import { migrate, readMigrations } from './migrate.ts'

/** The first migration that chains events. */
const CHAINED_FROM = 6

const UNLOCK = 'DROP TRIGGER audit_events_never_change; DROP TRIGGER audit_events_stay'

const INSERTED = `INSERT INTO audit_events
  SELECT 6, at, action, outcome, 'mallory', actor_key, subject, reason, address, carrier, request_id, local, details,`

const MAKE_ROOM = `UPDATE audit_events SET sequence = -sequence WHERE sequence > 5;
  UPDATE audit_events SET sequence = 1 - sequence WHERE sequence < 0;`

describeAuditTampering(
  'SQLite',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-audit-'))
    const path = join(folder, 'store.db')
    const storage = await openStorage(`sqlite:${path}`)
    const close = async (): Promise<void> => {
      await storage.close()
      rmSync(folder, { recursive: true, force: true })
    }
    return { storage: { ...storage, close }, run: async (sql) => runSql(path, sql) }
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
      local: '1',
      details: "'{}'",
      hash: 'randomblob(32)',
    },
    noticed: {
      'an event that was removed': {
        sql: 'DELETE FROM audit_events WHERE sequence = 5',
        names: /between event 4 and event 6 .* event 5 was removed$/,
      },
      'an event without its hash': {
        sql: 'UPDATE audit_events SET hash = NULL WHERE sequence = 5',
        names: /event 5 was inserted: it is on no chain/,
      },
      'an event that was inserted between others': {
        sql: `${MAKE_ROOM} ${INSERTED} randomblob(32) FROM audit_events WHERE sequence = 5`,
        names: /^event 6 was changed, or is not the one/,
      },
      'an event that was inserted with the hash of another one': {
        sql: `${MAKE_ROOM} ${INSERTED} hash FROM audit_events WHERE sequence = 5`,
        names: /^event 6 was changed, or is not the one/,
      },
      'an event that was inserted at the end': {
        sql: `INSERT INTO audit_events
          SELECT 11, at, action, outcome, actor, actor_key, subject, reason, address, carrier, request_id, local, details,
          NULL FROM audit_events WHERE sequence = 5`,
        names: /event 11 was inserted/,
      },
      'the exchange of two events': {
        sql: `UPDATE audit_events SET sequence = -4 WHERE sequence = 4;
          UPDATE audit_events SET sequence = 4 WHERE sequence = 7;
          UPDATE audit_events SET sequence = 7 WHERE sequence = -4`,
        names: /^event 4 was changed, or is not the one/,
      },
      'the removal of the first events': {
        sql: 'DELETE FROM audit_events WHERE sequence < 3',
        names: /between its beginning and event 3 .* events 1 to 2 were removed/,
      },
      'the removal of the last events': {
        sql: 'DELETE FROM audit_events WHERE sequence > 7',
        names: /events 8 to 10 were removed/,
      },
      'the removal of all events': { sql: 'DELETE FROM audit_events', names: /events 1 to 10 were removed/ },
      'another chain': {
        sql: "UPDATE audit_chains SET chain = '00000000-0000-4000-a000-000000000000'",
        names: /^event 1 was changed/,
      },
      'the removal of the chain': { sql: 'DELETE FROM audit_chains', names: /event 1 was inserted/ },
    },
    cutTail: `DELETE FROM audit_events WHERE sequence > 7;
      UPDATE sqlite_sequence SET seq = 7 WHERE name = 'audit_events'`,
  },
)

function runSql(path: string, sql: string): void {
  const connection = new DatabaseSync(path)
  connection.exec(sql)
  connection.close()
}

/** A path in a folder that is removed when the test ends. */
function newPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-audit-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'store.db')
}

/** A store of before there were chains, with so many events. */
function createEarlierStore(path: string, events: number): void {
  const connection = new DatabaseSync(path)
  migrate(
    connection,
    readMigrations().filter(({ version }) => version < CHAINED_FROM),
  )
  const insert = connection.prepare(`INSERT INTO audit_events
    (at, action, outcome, actor, subject, carrier, request_id, local) VALUES (?, 'key.create', 'done', 'a', ?, 'cli', 'r', 1)`)
  connection.exec('BEGIN')
  for (const n of numbers(events)) insert.run(n, `key:${n}`)
  connection.exec('COMMIT')
  connection.close()
}

describe('chains of audit events in SQLite', () => {
  test('events cannot be removed by mistake', async (t) => {
    const path = newPath(t)
    const storage = await openStorage(`sqlite:${path}`)
    t.after(() => storage.close())
    await storage.audit.append([anEvent('session.login')])
    assert.throws(() => runSql(path, 'DELETE FROM audit_events'), /audit events stay/)
  })

  test('several connections write one chain', async (t) => {
    const path = newPath(t)
    const stores = await Promise.all(numbers(3).map(() => openStorage(`sqlite:${path}`)))
    t.after(() => Promise.all(stores.map((store) => store.close())))
    await Promise.all(
      stores.flatMap(({ audit }, which) =>
        numbers(100).map(async (n) => {
          // Further turns of the event loop, so that the connections alternate.
          for (let turns = n % 7; turns > 0; turns -= 1) await new Promise(setImmediate)
          await audit.append([anEvent('token.refused', `${which}.${n}`)])
        }),
      ),
    )
    const report = await verifyAuditTrail((stores[0] ?? assert.fail()).audit)
    assert.deepEqual([report.isIntact, report.events, report.chains], [true, 300, 1])
  })

  test('a change that failed leaves no gap', async (t) => {
    const storage = await openStorage('sqlite::memory:')
    t.after(() => storage.close())
    const insert = (id: string) => storage.keys.insert(aKey(id, '-1'), undefined, anEvent('key.create', id))
    const outcomes = await Promise.allSettled([
      insert('a'),
      insert('a'),
      insert('b'),
      insert('a'),
      insert('c'),
    ])
    assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 2)
    const report = await verifyAuditTrail(storage.audit)
    assert.deepEqual([report.isIntact, report.events], [true, 3])
  })

  test('what was there before is sealed bit by bit on a chain of its own, while new events are chained at once', async (t) => {
    const path = newPath(t)
    createEarlierStore(path, 4_500)
    const storage = await openStorage(`sqlite:${path}`)
    t.after(() => storage.close())
    await storage.audit.append([anEvent('session.login', 'new')])
    const [first] = await storage.audit.listLinks(undefined, 10)
    assert.deepEqual([first?.sequence, first?.position, first?.isEarlier], [4_501, 1, false])
    const before = await verifyAuditTrail(storage.audit)
    assert.deepEqual([before.isIntact, before.events, before.waiting], [true, 1, 4_500])
    await storage.audit.seal()
    const meanwhile = await verifyAuditTrail(storage.audit)
    assert.deepEqual([meanwhile.isIntact, meanwhile.events, meanwhile.waiting], [true, 2_001, 2_500])
    const other = await openStorage(`sqlite:${path}`)
    t.after(() => other.close())
    for (let calls = 0; calls < 3; calls += 1) await Promise.all([storage.audit.seal(), other.audit.seal()])
    const after = await verifyAuditTrail(storage.audit)
    assert.deepEqual(
      [after.isIntact, after.events, after.waiting, after.earlier, after.chains],
      [true, 4_501, 0, 4_500, 2],
    )
    runSql(path, `${UNLOCK}; UPDATE audit_events SET actor = 'mallory' WHERE sequence = 777`)
    const faults: unknown[] = []
    await verifyAuditTrail(storage.audit, { onChain: ({ fault }) => faults.push(fault) })
    assert.match(String(faults[0]), /^event 777 was changed/)
  })
})
