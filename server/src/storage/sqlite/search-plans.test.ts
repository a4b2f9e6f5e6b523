import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseElasticsearch } from '../../query/elasticsearch.ts'
import { compileCandidates } from '../../query/sql/compile.ts'
import { printSql, sql } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { MERGE_STATEMENTS } from './index-merge.ts'
import { SEGMENT_STATEMENTS } from './index-segments.ts'
import { KEY_INDEX_LOOKUPS } from './key-index.ts'
import { openDatabase } from './open-database.ts'
import { UPKEEP_STATEMENTS } from './search-index.ts'
import { KEYS } from './search-tables.ts'

async function planOf(text: string): Promise<string> {
  const database = await openDatabase(':memory:', { waitingMax: 1, lockWaitMaxMs: 1 })
  const numbered = Array.from(text.matchAll(/\?(\d)/g), ([, digit]) => Number(digit))
  const count = numbered.length > 0 ? Math.max(...numbered) : text.split('?').length - 1
  const values = new Array<string>(count).fill('x')
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

test('the index of words, and what it is made of, is only ever searched', async () => {
  const statements = [KEY_INDEX_LOOKUPS, UPKEEP_STATEMENTS, SEGMENT_STATEMENTS, MERGE_STATEMENTS]
  for (const text of statements.flatMap((some) => Object.values(some))) {
    const plan = await planOf(text)
    assert.match(plan, /SEARCH \w+ USING/)
    assert.doesNotMatch(plan, /SCAN|TEMP B-TREE/)
  }
})
