import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseElasticsearch } from '../../query/elasticsearch.ts'
import { compileCandidates } from '../../query/sql/compile.ts'
import { printSql, sql } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { KEY_INDEX_LOOKUPS } from './key-index.ts'
import { openDatabase } from './open-database.ts'
import { KEYS } from './search-tables.ts'

async function planOf(text: string): Promise<string> {
  const database = await openDatabase(':memory:', { waitingMax: 1, lockWaitMaxMs: 1 })
  const values = Array.from(text.matchAll(/\?/g), () => 'x')
  const rows = database.statement(`EXPLAIN QUERY PLAN ${text}`).all(...values)
  await database.close()
  return rows.map((row) => String(row.at(-1))).join('\n')
}

function selective(query: unknown): string {
  const parsed = parseElasticsearch(query, { mapping: KEYS.mapping, now: 0 })
  const { condition } = compileCandidates(parsed, KEYS.columns, SQLITE)
  const where = sql`${sql`+owner = ${'x'}`} AND ${condition} ORDER BY seq`
  return `SELECT seq FROM keys WHERE ${printSql(where, SQLITE.placeholder)}`
}

test('keys of an owner are read by the index of owners, in creation order without sorting', async () => {
  const plan = await planOf('SELECT * FROM keys WHERE owner = ? AND seq > ? AND seq <= ? ORDER BY seq')
  assert.match(
    plan,
    /USING INDEX keys_by_owner \(owner=\? AND rowid>\? AND rowid<\?\)|keys_by_owner \(owner=\? AND seq>\? AND seq<\?\)/,
  )
  assert.doesNotMatch(plan, /TEMP B-TREE|SCAN/)
})

test('a fingerprint, the start of one, and ids are looked up by their own index', async () => {
  const hex = 'ab'.repeat(32)
  for (const query of [
    { term: { fingerprint: hex } },
    { prefix: { hash: 'abcd' } },
    { term: { _id: 'x' } },
  ]) {
    const plan = await planOf(selective(query))
    assert.match(plan, /SEARCH keys USING (COVERING )?INDEX sqlite_autoindex_keys_\d/)
    assert.doesNotMatch(plan, /SCAN/)
  }
})

test('the index of words is only ever searched', async () => {
  for (const text of Object.values(KEY_INDEX_LOOKUPS)) {
    const plan = await planOf(text)
    assert.match(plan, /SEARCH key_index_\w+ USING/)
    assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
  }
})
