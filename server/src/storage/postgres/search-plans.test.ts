import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { compileCandidates } from '../../query/sql/compile.ts'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { printSql, type SqlText, type SqlValue, sql } from '../../query/sql/sql-text.ts'
import { userId } from '../contract/records.ts'
import { parseKeys } from '../contract/search-contract.ts'
import { openStorage } from '../open-storage.ts'
import { parseConnectionUrl } from './connection-url.ts'
import { PostgresDatabase } from './database.ts'
import { SEGMENT_LOOKUPS } from './index-segments.ts'
import { KEY_INDEX_LOOKUPS } from './key-index.ts'
import { pageOrder } from './page-order.ts'
import { searchKeys } from './search.ts'
import { UPKEEP_STATEMENTS } from './search-index.ts'
import { KEYS } from './search-tables.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const ANN = userId('ann')
const SEGMENTS = [1, 2].map((no) => ({ no, id: 'x', firstSeq: 1, lastSeq: 2, bytes: 1 }))
const PART = { from: 'a', before: 'b', contains: 'x', lengths: [1, 5] } as const

/** What searches with words, and the upkeep of their index, ask. */
const WORDS: Readonly<Record<string, SqlText>> = {
  'the index of an owner': KEY_INDEX_LOOKUPS.owner(ANN),
  'the segments of an index': KEY_INDEX_LOOKUPS.segments(ANN),
  'keys that are gone from an index': KEY_INDEX_LOOKUPS.gone(ANN),
  'a word': SEGMENT_LOOKUPS.chunksOfTerm(SEGMENTS, 'a'),
  'words in order': SEGMENT_LOOKUPS.chunksOfRange(SEGMENTS, PART, true),
  'where to stop': SEGMENT_LOOKUPS.boundary(SEGMENTS, 'a', 4),
  'whether an owner is noted': UPKEEP_STATEMENTS.isNoted(ANN),
  'the index to work on': UPKEEP_STATEMENTS.lock(ANN),
  'keys to be indexed': UPKEEP_STATEMENTS.waiting(ANN, 5, 10),
}

const createdAt = '_kuzzle_info.createdAt'

/** Pages in SQL, and the index that is in their order or tells of the rows. */
const PAGES: Readonly<Record<string, readonly [body: object, index: RegExp]>> = {
  'all keys in order of creation': [{}, /keys_owner_seq_key/],
  'the newest keys': [{ sort: [{ [createdAt]: 'desc' }] }, /keys_by_creation/],
  'the newest keys behind one': [
    { sort: [{ [createdAt]: 'desc' }, { _id: 'asc' }], search_after: [500, 'x'] },
    /keys_by_creation.*\n.*Index Cond.*created_at <=/,
  ],
  'the keys that end first': [{ sort: [{ expiresAt: 'asc' }] }, /keys_of_owner_by_end/],
  'the keys that end last': [{ sort: [{ expiresAt: 'desc' }] }, /keys_of_owner_by_end/],
}

/** Conditions of which an index alone tells how many keys satisfy them. */
const TOTALS: Readonly<Record<string, readonly [query: object, index: RegExp]>> = {
  'keys of a time': [{ range: { [createdAt]: { gte: 15_000 } } }, /Index Only Scan using keys_by_creation/],
  'keys that end': [{ range: { expiresAt: { gte: 5, lt: 50 } } }, /keys_of_owner_by_end/],
}

describe('PostgreSQL answers searches by an index', { skip: postgresIsMissing() }, () => {
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
    // Enough for PostgreSQL to mean it.
    await database.changeBy(sql`INSERT INTO keys
        (uid, seq, fingerprint, id, owner, description, created_by, created_at, expires_at)
      SELECT gen_random_uuid(), n, sha256(n::text::bytea), n::text, 'ann', repeat('a key ', 20), 'ann', n, n % 999
      FROM generate_series(1, 20000) AS n`)
    await database.readMany(sql`VACUUM (ANALYZE) keys`)
  })
  after(async () => {
    await database.close()
    await server.stop()
  })

  function planOf(statement: SqlText, setting = 'SELECT'): Promise<string> {
    return database.change(async (transaction) => {
      await transaction.script(setting)
      const text = printSql(statement, (number) => literal(statement.values[number - 1] ?? null))
      return (await transaction.script(`EXPLAIN ${text}`)).map((row) => String(row[0])).join('\n')
    })
  }

  for (const [what, statement] of Object.entries(WORDS)) {
    test(`${what}`, async () => {
      // Empty tables are read from one end to the other unless that is forbidden; where no index helps, they still are.
      const plan = await planOf(statement, 'SET LOCAL enable_seqscan = off')
      assert.doesNotMatch(plan, /Seq Scan/, plan)
      assert.match(plan, /Index/, plan)
    })
  }

  for (const [what, [body, index]] of Object.entries(PAGES)) {
    test(`${what}`, async () => {
      const search = parseKeys({ query: { match_all: {} }, ...body }, 0, 10)
      const order = search && pageOrder(search, KEYS)
      assert.ok(order !== undefined)
      const plan = await planOf(sql`SELECT * FROM keys
        WHERE owner = ${'ann'}::text AND ${order.after} ORDER BY ${order.order} LIMIT 10`)
      assert.match(plan, index, plan)
      // What is left to sort is ordered by the first key already.
      assert.doesNotMatch(plan.replaceAll('Incremental Sort', ''), /Seq Scan|Sort {2}\(/, plan)
    })
  }

  test('a page of keys that are all behind thousands of others', async () => {
    await database.changeBy(sql`INSERT INTO owner_stats VALUES ('ann', 20000, 0, 20000)`)
    const range = { range: { [createdAt]: { gte: 19_991 } } }
    for (const [from, ids] of [
      [0, ['19991', '19992', '19993', '19994']],
      [7, ['19998', '19999', '20000']],
      [10, []],
    ] as const) {
      const search = parseKeys({ query: range }, from, 4)
      assert.ok(search !== undefined)
      const page = await searchKeys(database, ANN, search)
      assert.deepEqual([page.hits.map((key) => key.id), page.total], [ids, 10])
    }
  })

  for (const [what, [query, index]] of Object.entries(TOTALS)) {
    test(`how many ${what}`, async () => {
      const search = parseKeys({ query }, 0, 10)
      assert.ok(search !== undefined)
      const { condition, exact } = compileCandidates(search.query, KEYS.columns, POSTGRES)
      assert.ok(exact)
      const plan = await planOf(sql`SELECT count(*) FROM keys WHERE owner = ${'ann'}::text AND ${condition}`)
      assert.match(plan, index, plan)
      assert.doesNotMatch(plan, /Seq Scan/, plan)
    })
  }
})

function literal(value: SqlValue): string {
  return typeof value === 'number' ? String(value) : `'${String(value)}'`
}
