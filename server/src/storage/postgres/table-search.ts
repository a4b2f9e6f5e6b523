import { executeSearch } from '../../query/execute-search.ts'
import { findField } from '../../query/field-table.ts'
import { isRanked } from '../../query/ranking.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { type Candidates, compileCandidates, letsAllThrough } from '../../query/sql/compile.ts'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import type { PostgresDatabase } from './database.ts'
import { DocumentReader } from './document-reader.ts'
import type { SearchTable } from './search-tables.ts'

/** Values in a condition that PostgreSQL is still quick to plan. */
const CONDITION_VALUES_MAX = 5_000

/** The rows of a table that a search may find. */
export type Scope = {
  readonly scope: SqlText
  /** How many there are, without looking at each. */
  readonly count: () => Promise<number>
}

/**
 * Searches a table: in SQL alone where its condition says all, else by judging documents made of the rows that may match.
 *
 * @throws {QueryError} `too_expensive`
 */
export async function searchTable<T>(
  database: PostgresDatabase,
  table: SearchTable<T>,
  search: Search,
  { scope, count }: Scope,
): Promise<SearchPage<T>> {
  const mapping = search.mapping ?? table.mapping
  const candidates = candidatesOf(search, table)
  const reader = new DocumentReader(database, table, { scope, candidates, mapping })
  const isKeyword = (field: string) => findField(mapping, field)?.type === 'keyword'
  if (isPlain(search) && candidates.exact && !isRanked(search.query, isKeyword)) {
    const [hits, total] = await Promise.all([
      reader.page(search.from, search.size),
      letsAllThrough(candidates) ? count() : reader.count(),
    ])
    return { hits, total }
  }
  const page = await executeSearch(search, reader)
  return { ...page, hits: reader.recordsOf(page.hits) }
}

function candidatesOf<T>({ query }: Search, { columns }: SearchTable<T>): Candidates {
  const candidates = compileCandidates(query, columns, POSTGRES)
  if (candidates.condition.values.length <= CONDITION_VALUES_MAX) return candidates
  return { condition: sql`TRUE`, exact: false, selective: false }
}

/** Whether the hits are the matches themselves, in their own order. */
function isPlain(search: Search): boolean {
  const { sort, searchAfter, postFilter, collapse, aggregations } = search
  return [sort, searchAfter, postFilter, collapse, aggregations].every((part) => part === undefined)
}
