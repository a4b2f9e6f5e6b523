import { executeSearch } from '../../query/execute-search.ts'
import { findField } from '../../query/field-table.ts'
import { isRanked } from '../../query/ranking.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { type Candidates, compileCandidates, letsAllThrough } from '../../query/sql/compile.ts'
import { POSTGRES } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import type { PostgresDatabase } from './database.ts'
import { DocumentReader, type PageOrder } from './document-reader.ts'
import { pageOrder } from './page-order.ts'
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
 * Searches a table: in SQL alone where its condition and order say all, else by judging documents made of the rows that
 * may match.
 *
 * `judge` finds the page in another way than by looking at all of those.
 *
 * @throws {QueryError} `too_expensive`
 */
export async function searchTable<T>(
  database: PostgresDatabase,
  table: SearchTable<T>,
  search: Search,
  { scope, count }: Scope,
  judge: (documents: DocumentReader<T>, search: Search) => Promise<SearchPage<T>> = pageByJudging,
): Promise<SearchPage<T>> {
  const mapping = search.mapping ?? table.mapping
  const candidates = candidatesOf(search, table)
  const documents = new DocumentReader(database, table, { scope, candidates, mapping })
  const order = candidates.exact ? orderInSql(search, table) : undefined
  if (order === undefined) return judge(documents, search)
  const counted = letsAllThrough(candidates) ? count() : documents.count()
  if (order === 'creation') {
    const total = await counted
    return { hits: await documents.pageOf(total, search.from, search.size), total }
  }
  const page = search.size === 0 ? [] : documents.page(search.from, search.size, order)
  const [hits, total] = await Promise.all([page, counted])
  return { hits, total }
}

/** Finds a page by judging every document that may match. */
export async function pageByJudging<T>(documents: DocumentReader<T>, search: Search): Promise<SearchPage<T>> {
  const page = await executeSearch(search, documents)
  return { ...page, hits: documents.recordsOf(page.hits) }
}

function candidatesOf<T>({ query }: Search, { columns }: SearchTable<T>): Candidates {
  const candidates = compileCandidates(query, columns, POSTGRES)
  if (candidates.condition.values.length <= CONDITION_VALUES_MAX) return candidates
  return { condition: sql`TRUE`, exact: false, selective: false }
}

/** The order of the hits, when they are the matches themselves and SQL can tell it. */
function orderInSql<T>(search: Search, table: SearchTable<T>): PageOrder | 'creation' | undefined {
  const { sort, searchAfter, postFilter, collapse, aggregations } = search
  if ([postFilter, collapse, aggregations].some((part) => part !== undefined)) return undefined
  const mapping = search.mapping ?? table.mapping
  const ranksByScore = sort === undefined || sort.some((key) => key.field === '_score')
  if (ranksByScore && isRanked(search.query, (field) => findField(mapping, field)?.type === 'keyword')) {
    return undefined
  }
  // All matches have the same score, which so orders none of them; but only judging one tells which.
  if (ranksByScore && searchAfter !== undefined) return undefined
  const left = sort?.filter((key) => key.field !== '_score')
  if (left === undefined || left.length === 0) return 'creation'
  return pageOrder({ ...search, sort: left }, { columns: table.columns, mapping })
}
