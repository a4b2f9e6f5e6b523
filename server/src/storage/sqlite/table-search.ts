import { executeSearch, ranksByScore, SEARCH_STEPS_MAX } from '../../query/execute-search.ts'
import { expandFuzzy, type FieldTerm } from '../../query/expand-fuzzy.ts'
import { findField } from '../../query/field-table.ts'
import { isRanked } from '../../query/ranking.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { compileCandidates } from '../../query/sql/compile.ts'
import type { SqlText, SqlValue } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { StepBudget } from '../../query/step-budget.ts'
import { yieldIfLong } from '../../query/turns.ts'
import { column } from './column.ts'
import type { SqliteDatabase } from './database.ts'
import { DocumentReader } from './document-reader.ts'
import { COUNTED_ROWS, RowReader, type SearchedRows } from './row-reader.ts'
import type { SearchTable } from './search-tables.ts'
import { SearchTests } from './search-tests.ts'

/**
 * Searches a table: in SQL alone where its condition says all, else by judging documents made of its rows.
 *
 * `judge` finds the page in another way than by looking at all documents.
 *
 * @throws {QueryError} `too_expensive`
 */
export async function searchTable<T>(
  database: SqliteDatabase,
  table: SearchTable<T>,
  search: Search,
  rows: SearchedRows,
  judge: (documents: DocumentReader<T>, search: Search) => Promise<SearchPage<T>> = pageByJudging,
): Promise<SearchPage<T>> {
  const mapping = search.mapping ?? table.mapping
  const budget = new StepBudget(SEARCH_STEPS_MAX)
  const tests = new SearchTests(budget)
  try {
    const tested = { ...table, columns: tests.over(table.columns) }
    const readerOf = (query: Search['query']) =>
      new RowReader(database, tested, rows, compileCandidates(query, tested.columns, SQLITE))
    const list = (field: string) => listTerms(readerOf({ kind: 'all', boost: 1 }), field)
    const query = await expandFuzzy(search.query, ranksByScore(search), list, budget)
    const reader = readerOf(query)
    const isKeyword = (field: string) => findField(mapping, field)?.type === 'keyword'
    if (isPlain(search) && reader.candidates.exact && !isRanked(query, isKeyword)) {
      return await pageInSql(reader, search.from, search.size)
    }
    return await judge(new DocumentReader(reader, mapping), { ...search, query })
  } finally {
    tests.end()
  }
}

/** Whether the hits are the matches themselves, in their own order. */
function isPlain(search: Search): boolean {
  const { sort, searchAfter, postFilter, collapse, aggregations } = search
  return [sort, searchAfter, postFilter, collapse, aggregations].every((part) => part === undefined)
}

/** The terms of a field that is a column of one term at most. */
function listTerms<T>(reader: RowReader<T>, field: string): Iterable<readonly FieldTerm[]> | undefined {
  const known = reader.table.columns.get(field)
  if (known?.kind === 'constant') return [[{ term: known.term, documents: reader.count() }]]
  if (known?.kind === 'term') return storedTerms(reader, known.expression, optionalText)
  const stored = known?.kind === 'encodedTerm' ? known.stored : undefined
  return stored && storedTerms(reader, stored.expression, stored.termOf ?? optionalText)
}

function* storedTerms<T>(
  reader: RowReader<T>,
  expression: SqlText,
  termOf: (stored: SqlValue) => string | undefined,
): Generator<readonly FieldTerm[]> {
  for (const counts of reader.valueCounts(expression)) {
    yield counts.flatMap((row) => {
      const term = termOf(column<SqlValue>(row, 0))
      return term === undefined ? [] : { term, documents: column<number>(row, 1) }
    })
  }
}

function optionalText(stored: SqlValue): string | undefined {
  return typeof stored === 'string' ? stored : undefined
}

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
