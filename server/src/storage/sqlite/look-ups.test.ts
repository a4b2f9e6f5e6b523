import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ACCESS_LOOKUPS } from './access-store.ts'
import { AUDIT_CHAIN_LOOKUPS } from './audit-chains.ts'
import { AUDIT_LIST } from './audit-store.ts'
import { CONFIG_LOOKUP } from './config-store.ts'
import { CREDENTIALS_LOOKUPS } from './credentials-store.ts'
import { CREDITS_LOOKUPS } from './credits-store.ts'
import type { SqliteDatabase } from './database.ts'
import { FINGERPRINTS_FROM } from './fingerprint-range.ts'
import { IDEMPOTENCY_LOOKUPS } from './idempotency-store.ts'
import { KEY_LOOK_UP } from './key-look-up.ts'
import { KEY_NEWS_LOOKUPS } from './key-news.ts'
import { PURGE_LOOKUPS } from './key-purge.ts'
import { KEY_WRITES } from './key-writer.ts'
import { KNOX_LOOKUPS } from './knox-key-store.ts'
import { LEGACY_LOOKUPS } from './legacy-key-store.ts'
import { openDatabase } from './open-database.ts'
import { OWNER_LIMITS_LOOKUPS } from './owner-limits-store.ts'
import { PREVIOUS_LOOKUPS } from './previous-secrets.ts'
import { REVOKED_LOOKUPS } from './revoked-keys.ts'
import { SCROLL_LOOKUPS } from './scroll-store.ts'
import { SESSION_LOOKUPS } from './session-store.ts'
import { USAGE_LOOKUPS } from './usage-store.ts'
import { PROFILES_OF_USER } from './user-roles.ts'
import { USER_LOOKUPS } from './user-store.ts'
import { USER_WRITES } from './user-writer.ts'

const database = await openDatabase(':memory:', { waitingMax: 10, lockWaitMaxMs: 100 })
after(() => database.close())

const LOOKUPS = {
  lookUp: KEY_LOOK_UP,
  fingerprintRange: { from: FINGERPRINTS_FROM },
  keyWrites: KEY_WRITES,
  credits: CREDITS_LOOKUPS,
  usage: USAGE_LOOKUPS,
  previous: PREVIOUS_LOOKUPS,
  revoked: REVOKED_LOOKUPS,
  ownerLimits: OWNER_LIMITS_LOOKUPS,
  purge: PURGE_LOOKUPS,
  news: KEY_NEWS_LOOKUPS,
  knox: KNOX_LOOKUPS,
  legacy: LEGACY_LOOKUPS,
  idempotency: IDEMPOTENCY_LOOKUPS,
  users: USER_LOOKUPS,
  userWrites: USER_WRITES,
  credentials: CREDENTIALS_LOOKUPS,
  access: { ...ACCESS_LOOKUPS, profilesOfUser: PROFILES_OF_USER },
  sessions: SESSION_LOOKUPS,
  scrolls: SCROLL_LOOKUPS,
  config: { byName: CONFIG_LOOKUP },
  audit: { list: AUDIT_LIST, ...AUDIT_CHAIN_LOOKUPS },
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
