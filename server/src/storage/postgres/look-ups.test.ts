import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { printSql } from '../../query/sql/sql-text.ts'
import { openStorage } from '../open-storage.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { BY_FINGERPRINT } from './key-look-up.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

/** What runs for every request, or for many rows, with values for its parameters. */
const LOOK_UPS: Readonly<Record<string, string>> = {
  'a fingerprint': printSql(BY_FINGERPRINT, POSTGRES.placeholder).replaceAll('$1', "'\\x00'::bytea"),
  'a key by its id': "SELECT * FROM keys WHERE id = 'k'",
  "an owner's keys in order": "SELECT * FROM keys WHERE owner = 'ann' AND seq > 5 ORDER BY seq LIMIT 10",
  'all keys in order': `SELECT * FROM keys WHERE (seq, uid) > (5, '00000000-0000-0000-0000-000000000000')
    ORDER BY seq, uid LIMIT 10`,
  'what an owner has': "SELECT * FROM owner_stats WHERE owner = 'ann'",
  'a session': "SELECT * FROM sessions WHERE fingerprint = '\\x00'::bytea",
  'a user by a name of its own': "SELECT * FROM credentials WHERE username = 'ann'",
  'the roles of a profile': "SELECT * FROM profile_role WHERE profile_id = 'p'",
  'events to number':
    'SELECT * FROM audit_events WHERE sequence IS NULL ORDER BY added_at, writer, number LIMIT 10',
  'events behind a number': 'SELECT * FROM audit_events WHERE sequence > 5 ORDER BY sequence LIMIT 10',
  'what is sealed': 'SELECT * FROM audit_seals WHERE sequence = 5',
  'the head of a chain': `SELECT * FROM audit_seals WHERE chain = '00000000-0000-0000-0000-000000000000'
    ORDER BY position DESC LIMIT 1`,
  'links behind another': `SELECT * FROM audit_seals
    WHERE (chain, position) > ('00000000-0000-0000-0000-000000000000', 5) ORDER BY chain, position LIMIT 10`,
  'keys that end': 'SELECT * FROM keys WHERE expires_at >= 5 AND expires_at < 6',
  'secrets that ended': 'SELECT * FROM previous_secrets WHERE good_until <= 5 ORDER BY good_until LIMIT 10',
}

describe('PostgreSQL finds by an index', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  let database: PostgresDatabase
  before(async () => {
    server = await startPostgres()
    const url = await server.newStore()
    await (await openStorage(url)).close()
    database = new PostgresDatabase(parseConnectionUrl(url), {
      connectionsMax: 1,
      waitingMax: 10,
      lockWaitMaxMs: 60_000,
    })
  })
  after(async () => {
    await database.close()
    await server.stop()
  })

  for (const [what, text] of Object.entries(LOOK_UPS)) {
    test(what, async () => {
      // Empty tables are read from one end to the other unless that is forbidden; where no index helps, they still are.
      const plan = await database.change(async (transaction) => {
        await transaction.script('SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off')
        return (await transaction.script(`EXPLAIN ${text}`)).map((row) => String(row[0])).join('\n')
      })
      // The one row of the revision is read as it is.
      assert.doesNotMatch(plan.replace('Seq Scan on access_revision', ''), /Seq Scan/, plan)
    })
  }
})
