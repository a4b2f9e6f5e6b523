import { type DocumentSlices, executeSearch } from '../../query/execute-search.ts'
import { findField } from '../../query/field-table.ts'
import type { Mapping } from '../../query/mapping.ts'
import { type PreparedDocument, prepareDocument } from '../../query/prepared-document.ts'
import { isRanked } from '../../query/ranking.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { compileCandidates } from '../../query/sql/compile.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { Turns } from '../../query/turns.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'
import { RowReader, type SearchedRows } from './row-reader.ts'
import type { SearchTable } from './search-tables.ts'

/**
 * Searches a table: in SQL alone where its condition says all, else by judging documents made of its rows.
 *
 * @throws {QueryError} `too_expensive`
 */
export function searchTable<T>(
  database: SqliteDatabase,
  table: SearchTable<T>,
  search: Search,
  rows: SearchedRows,
): Promise<SearchPage<T>> {
  const mapping = search.mapping ?? table.mapping
  const candidates = compileCandidates(search.query, table.columns, SQLITE)
  const reader = new RowReader(database, table, rows, candidates)
  const isKeyword = (field: string) => findField(mapping, field)?.type === 'keyword'
  return isPlain(search) && candidates.exact && !isRanked(search.query, isKeyword)
    ? pageInSql(reader, search.from, search.size)
    : pageByJudging(new DocumentReader(reader, mapping), search)
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
  const turns = new Turns()
  let total = 0
  for (const range of reader.ranges(COUNTED_ROWS)) {
    const matches = reader.countCandidatesIn(range)
    const skipped = Math.max(0, from - total)
    if (hits.length < size && matches > skipped) {
      hits.push(...reader.candidatesIn(range, size - hits.length, skipped).map(fromRow))
    }
    total += matches
    await turns.yieldIfLong()
  }
  return { hits, total }
}

async function pageByJudging<T>(documents: DocumentReader<T>, search: Search): Promise<SearchPage<T>> {
  const page = await executeSearch(search, documents)
  return { ...page, hits: page.hits.map((document) => documents.recordOf(document)) }
}

/** Rows that become documents at once. */
const JUDGED_ROWS = 250

/** Documents that are kept between counting and judging, so that their texts are analyzed once. */
const KEPT_DOCUMENTS_MAX = 5000

/** The rows of a table as documents, and the records behind them. */
class DocumentReader<T> {
  readonly #reader: RowReader<T>
  readonly #mapping: Mapping
  readonly #records = new WeakMap<PreparedDocument, T>()
  #kept: readonly (readonly PreparedDocument[])[] | undefined

  constructor(reader: RowReader<T>, mapping: Mapping) {
    this.#reader = reader
    this.#mapping = mapping
  }

  readonly documents: DocumentSlices = () => this.#kept ?? this.#readAll()

  readonly candidates: DocumentSlices = () => this.#kept ?? this.#readCandidates()

  recordOf(document: PreparedDocument): T {
    const record = this.#records.get(document)
    if (record === undefined) throw new Error(`Document "${document.id}" was not made of a row`)
    return record
  }

  *#readAll(): Generator<readonly PreparedDocument[]> {
    const keeps = this.#reader.count() <= KEPT_DOCUMENTS_MAX
    const slices: (readonly PreparedDocument[])[] = []
    for (const range of this.#reader.ranges(JUDGED_ROWS)) {
      const slice = this.#prepare(this.#reader.rowsIn(range))
      if (keeps) slices.push(slice)
      yield slice
    }
    if (keeps) this.#kept = slices
  }

  *#readCandidates(): Generator<readonly PreparedDocument[]> {
    if (this.#reader.candidates.selective) {
      yield this.#prepare(this.#reader.selectiveCandidates())
      return
    }
    for (const range of this.#reader.ranges(JUDGED_ROWS)) {
      yield this.#prepare(this.#reader.candidatesIn(range))
    }
  }

  #prepare(rows: readonly Row[]): readonly PreparedDocument[] {
    const { table } = this.#reader
    return rows.map((row) => {
      const record = table.fromRow(row)
      const position = column<number>(row, row.length - 1)
      const document = prepareDocument(this.#mapping, { ...table.documentOf(record), position })
      this.#records.set(document, record)
      return document
    })
  }
}
