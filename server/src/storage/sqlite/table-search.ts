import { executeSearch } from '../../query/execute-search.ts'
import { findField } from '../../query/field-table.ts'
import { isRanked } from '../../query/ranking.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { compileCandidates } from '../../query/sql/compile.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { yieldIfLong } from '../../query/turns.ts'
import type { SqliteDatabase } from './database.ts'
import { DocumentReader } from './document-reader.ts'
import { RowReader, type SearchedRows } from './row-reader.ts'
import type { SearchTable } from './search-tables.ts'

/**
 * Searches a table: in SQL alone where its condition says all, else by judging documents made of its rows.
 *
 * `judge` finds the page in another way than by looking at all documents.
 *
 * @throws {QueryError} `too_expensive`
 */
export function searchTable<T>(
  database: SqliteDatabase,
  table: SearchTable<T>,
  search: Search,
  rows: SearchedRows,
  judge: (documents: DocumentReader<T>, search: Search) => Promise<SearchPage<T>> = pageByJudging,
): Promise<SearchPage<T>> {
  const mapping = search.mapping ?? table.mapping
  const candidates = compileCandidates(search.query, table.columns, SQLITE)
  const reader = new RowReader(database, table, rows, candidates)
  const isKeyword = (field: string) => findField(mapping, field)?.type === 'keyword'
  return isPlain(search) && candidates.exact && !isRanked(search.query, isKeyword)
    ? pageInSql(reader, search.from, search.size)
    : judge(new DocumentReader(reader, mapping), search)
}

/** Whether the hits are the matches themselves, in their own order. */
function isPlain(search: Search): boolean {
  const { sort, searchAfter, postFilter, collapse, aggregations } = search
  return [sort, searchAfter, postFilter, collapse, aggregations].every((part) => part === undefined)
}

/** Rows that one statement counts. */
const COUNTED_ROWS = 5000

async function pageInSql<T>(reader: RowReader<T>, from: number, size: number): Promise<SearchPage<T>> {
  const { fromRow } = reader.table
  if (reader.letsAllThrough()) {
    return { hits: reader.page(from, size).map(fromRow), total: reader.count() }
  }
  if (reader.candidates.selective) {
    const rows = reader.selectiveCandidates()
    return { hits: rows.slice(from, from + size).map(fromRow), total: rows.length }
  }

  const hits: T[] = []
  let total = 0
  for (const range of reader.ranges(COUNTED_ROWS)) {
    const matches = reader.countCandidatesIn(range)
    const skipped = Math.max(0, from - total)
    if (hits.length < size && matches > skipped) {
      hits.push(...reader.candidatesIn(range, size - hits.length, skipped).map(fromRow))
    }
    total += matches
    await yieldIfLong()
  }
  return { hits, total }
}

/** How many rows satisfy a reader's condition, which must be exact. */
export async function countRows<T>(reader: RowReader<T>): Promise<number> {
  return (await pageInSql(reader, 0, 0)).total
}

/** Finds a page by judging every document that may match. */
export async function pageByJudging<T>(documents: DocumentReader<T>, search: Search): Promise<SearchPage<T>> {
  const page = await executeSearch(search, documents)
  return { ...page, hits: documents.recordsOf(page.hits) }
}
