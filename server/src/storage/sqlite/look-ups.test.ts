import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ACCESS_LOOKUPS } from './access-store.ts'
import { AUDIT_LIST } from './audit-store.ts'
import { CONFIG_LOOKUP } from './config-store.ts'
import { CREDENTIALS_LOOKUPS } from './credentials-store.ts'
import type { SqliteDatabase } from './database.ts'
import { KEY_LOOKUPS } from './key-store.ts'
import { openDatabase } from './open-database.ts'
import { SESSION_LOOKUPS } from './session-store.ts'
import { USER_LOOKUPS } from './user-store.ts'
import { USER_WRITES } from './user-writer.ts'

const database = await openDatabase(':memory:', { waitingMax: 10, lockWaitMaxMs: 100 })
after(() => database.close())

const LOOKUPS = {
  keys: KEY_LOOKUPS,
  users: USER_LOOKUPS,
  userWrites: USER_WRITES,
  credentials: CREDENTIALS_LOOKUPS,
  access: ACCESS_LOOKUPS,
  sessions: SESSION_LOOKUPS,
  config: { byName: CONFIG_LOOKUP },
  audit: { list: AUDIT_LIST },
}

for (const [store, statements] of Object.entries(LOOKUPS)) {
  for (const [name, sql] of Object.entries(statements)) {
    test(`${store}.${name} reads through an index and never scans or sorts`, () => {
      const plan = planOf(database, sql)
      assert.notEqual(plan.length, 0)
      for (const step of plan) assert.doesNotMatch(step, /\bSCAN\b(?! CONSTANT ROW)|TEMP B-TREE/)
      assert.ok(
        plan.some((step) => step.startsWith('SEARCH')),
        plan.join(' | '),
      )
    })
  }
}

test('a statement without an index is found out', () => {
  const plan = planOf(database, 'SELECT id FROM keys WHERE description = ?')
  assert.match(plan.join(), /SCAN/)
})

/** The steps in which SQLite would execute a statement. */
function planOf(of: SqliteDatabase, sql: string): readonly string[] {
  const explained = of.statement(`EXPLAIN QUERY PLAN ${sql}`)
  return explained.all().map((row) => String(row[3]))
}
