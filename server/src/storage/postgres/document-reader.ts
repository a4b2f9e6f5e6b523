import type { DocumentSlices } from '../../query/execute-search.ts'
import type { Mapping } from '../../query/mapping.ts'
import { type IndexedField, type PreparedDocument, prepareDocument } from '../../query/prepared-document.ts'
import { type Candidates, letsAllThrough } from '../../query/sql/compile.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import type { SearchTable } from './search-tables.ts'

/** Rows that one statement reads. */
const ROWS_AT_ONCE = 1_000

/** Documents that are judged before others get their turn. */
const SLICE_DOCUMENTS = 250

/** Documents that are kept between counting and judging, so that they are read and analyzed once. */
const KEPT_DOCUMENTS_MAX = 5_000

/** What a search looks at. */
export type SearchedRows = {
  readonly scope: SqlText
  readonly candidates: Candidates
  readonly mapping: Mapping
}

/** The rows of a table as documents, and the records behind them. */
export class DocumentReader<T> {
  /** Every document in scope. */
  readonly documents: DocumentSlices = () => this.#kept ?? this.#readAll()

  /** The documents that the query may find. */
  readonly candidates: DocumentSlices = () => this.#kept ?? this.#read(this.#matching)

  readonly #database: PostgresDatabase
  readonly #table: SearchTable<T>
  readonly #rows: SearchedRows
  readonly #matching: SqlText
  #kept: readonly (readonly PreparedDocument[])[] | undefined

  constructor(database: PostgresDatabase, table: SearchTable<T>, rows: SearchedRows) {
    this.#database = database
    this.#table = table
    this.#rows = rows
    const { scope, candidates } = rows
    this.#matching = letsAllThrough(candidates) ? scope : sql`${scope} AND ${candidates.condition}`
  }

  /** How many rows satisfy the query's condition. */
  async count(): Promise<number> {
    const [row] = await this.#database.readMany(
      sql`SELECT count(*) FROM ${this.#table.name} WHERE ${this.#matching}`,
    )
    return Number(row?.[0])
  }

  /** A page of the records that satisfy the query's condition, in creation order. */
  async page(from: number, size: number): Promise<readonly T[]> {
    const rows = await this.#database.readMany(sql`SELECT ${this.#table.select}, seq FROM ${this.#table.name}
      WHERE ${this.#matching} ORDER BY seq LIMIT ${size}::bigint OFFSET ${from}::bigint`)
    return rows.map(this.#table.fromRow)
  }

  /** The records of documents that were made here. */
  recordsOf(documents: readonly PreparedDocument[]): readonly T[] {
    return documents.map((document) => {
      if (document instanceof RecordDocument) return document.record
      throw new Error(`Document "${document.id}" was not made of a row`)
    })
  }

  async *#readAll(): AsyncGenerator<readonly PreparedDocument[]> {
    const slices: (readonly PreparedDocument[])[] = []
    let documents = 0
    for await (const slice of this.#read(this.#rows.scope)) {
      documents += slice.length
      if (documents <= KEPT_DOCUMENTS_MAX) slices.push(slice)
      yield slice
    }
    if (documents <= KEPT_DOCUMENTS_MAX) this.#kept = slices
  }

  /** Pages by `seq`, each whole, so that rows that come and go meanwhile move no others. */
  async *#read(where: SqlText): AsyncGenerator<readonly PreparedDocument[]> {
    const { name, select } = this.#table
    for (let after = 0, isLast = false; !isLast; ) {
      const rows = await this.#database.readMany(sql`SELECT ${select}, seq FROM ${name}
        WHERE ${where} AND seq > ${after}::bigint ORDER BY seq LIMIT ${ROWS_AT_ONCE}::bigint`)
      for (let start = 0; start < rows.length; start += SLICE_DOCUMENTS) {
        yield rows.slice(start, start + SLICE_DOCUMENTS).map((row) => this.#documentOf(row))
      }
      isLast = rows.length < ROWS_AT_ONCE
      after = Number(rows.at(-1)?.at(-1))
    }
  }

  #documentOf(row: Row): PreparedDocument {
    const { fromRow, documentOf } = this.#table
    const record = fromRow(row)
    const position = column<number>(row, row.length - 1)
    const document = prepareDocument(this.#rows.mapping, { ...documentOf(record), position })
    return new RecordDocument(document, record)
  }
}

/** A document that brings the record it was made of. */
class RecordDocument<T> implements PreparedDocument {
  readonly id: string
  readonly position: number
  readonly record: T
  readonly #document: PreparedDocument

  constructor(document: PreparedDocument, record: T) {
    this.id = document.id
    this.position = document.position
    this.record = record
    this.#document = document
  }

  field(path: string): IndexedField | undefined {
    return this.#document.field(path)
  }

  nested(path: string): readonly PreparedDocument[] {
    return this.#document.nested(path)
  }
}
