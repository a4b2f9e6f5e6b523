import type { Mapping } from '../../server/src/query/mapping.ts'
import type { Search } from '../../server/src/query/search.ts'
import type { Columns } from '../../server/src/query/sql/dialect.ts'
import { sql } from '../../server/src/query/sql/sql-text.ts'
import { parseConnectionUrl } from '../../server/src/storage/postgres/connection-url.ts'
import { PostgresDatabase } from '../../server/src/storage/postgres/database.ts'
import { searchTable as searchPostgres } from '../../server/src/storage/postgres/table-search.ts'
import { openDatabase } from '../../server/src/storage/sqlite/open-database.ts'
import { searchTable as searchSqlite } from '../../server/src/storage/sqlite/table-search.ts'
import type { CaseDocument } from './case-keys.ts'

/** Found ids, in order, and how many match in all. */
export type FoundIds = { readonly ids: readonly string[]; readonly total: number }

/** A document as a row. */
export type CaseRow = { readonly id: string; readonly owner: string | null; readonly source: string }

/** A table of documents that lives as long as it is open. */
export type CaseTable = {
  /** Searches all documents, or those of one owner. */
  find(search: Search, owner?: string): Promise<FoundIds>
  close(): Promise<void>
}

/** Makes such a table in the store of that URL. */
export type OpenCaseTable = (url: string, rows: readonly CaseRow[], mapping: Mapping) => Promise<CaseTable>

const BOUNDS = { waitingMax: 10_000, lockWaitMaxMs: 10_000 }

const COLUMNS: Columns = new Map([
  ['_id', { kind: 'term', expression: sql`id`, nullable: false, selective: false }],
])

function caseTable(mapping: Mapping) {
  return {
    fromRow: (row: readonly unknown[]): CaseDocument => ({
      _id: String(row[0]),
      _source: JSON.parse(String(row[1])),
    }),
    documentOf: (document: CaseDocument) => ({ id: document._id, source: document._source }),
    mapping,
    columns: COLUMNS,
  }
}

/** A second connection with a table that lives only as long as itself: nothing is left behind in a file. */
export const openSqliteCases: OpenCaseTable = async (url, rows, mapping) => {
  const database = await openDatabase(url.slice('sqlite:'.length), BOUNDS)
  database
    .statement('CREATE TEMP TABLE cases (seq INTEGER PRIMARY KEY, id TEXT, owner TEXT, source TEXT)')
    .run()
  const insert = database.statement('INSERT INTO cases (id, owner, source) VALUES (?, ?, ?)')
  for (const { id, owner, source } of rows) insert.run(id, owner, source)
  const table = { ...caseTable(mapping), name: 'cases', select: 'id, source' }
  const count = database.statement('SELECT count(*) FROM cases WHERE ? IS NULL OR owner = ?')
  return {
    async find(search, owner) {
      const scope = owner === undefined ? sql`TRUE` : sql`owner = ${owner}`
      const page = await searchSqlite(database, table, search, {
        scope,
        scopeUnindexed: scope,
        count: () => Number(count.get(owner ?? null, owner ?? null)?.[0]),
      })
      return { ids: page.hits.map((hit) => hit._id), total: page.total }
    },
    close: () => database.close(),
  }
}

/** A table in the schema of the store, which goes when it is closed. */
export const openPostgresCases: OpenCaseTable = async (url, rows, mapping) => {
  const database = new PostgresDatabase(parseConnectionUrl(url), { ...BOUNDS, connectionsMax: 2 })
  const script = (text: string) => database.change((transaction) => transaction.script(text))
  await script(`DROP TABLE IF EXISTS query_cases;
    CREATE TABLE query_cases (seq bigint GENERATED ALWAYS AS IDENTITY, id text, owner text, source text)`)
  for (const { id, owner, source } of rows) {
    await database.changeBy(
      sql`INSERT INTO query_cases (id, owner, source) VALUES (${id}, ${owner}, ${source})`,
    )
  }
  const table = { ...caseTable(mapping), name: sql`query_cases`, select: sql`id, source` }
  return {
    async find(search, owner) {
      const scope = owner === undefined ? sql`TRUE` : sql`owner = ${owner}`
      const page = await searchPostgres(database, table, search, {
        scope,
        async count() {
          const [row] = await database.readMany(sql`SELECT count(*) FROM query_cases WHERE ${scope}`)
          return Number(row?.[0])
        },
      })
      return { ids: page.hits.map((hit) => hit._id), total: page.total }
    },
    async close() {
      await script('DROP TABLE query_cases')
      await database.close()
    },
  }
}
