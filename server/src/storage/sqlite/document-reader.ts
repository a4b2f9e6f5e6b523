import type { DocumentSlices } from '../../query/execute-search.ts'
import type { Mapping } from '../../query/mapping.ts'
import { type IndexedField, type PreparedDocument, prepareDocument } from '../../query/prepared-document.ts'
import { column } from './column.ts'
import type { Row } from './database.ts'
import type { Range, RowReader } from './row-reader.ts'

/** Rows that become documents at once. */
const SLICE_ROWS = 250

/** Documents that are kept between counting and judging, so that their texts are analyzed once. */
const KEPT_DOCUMENTS_MAX = 5000

/** The rows of a table as documents, and the records behind them. */
export class DocumentReader<T> {
  readonly rows: RowReader<T>

  /** Every document in scope. */
  readonly documents: DocumentSlices = () => this.#kept ?? this.#readAll()

  /** The documents that the query may find. */
  readonly candidates: DocumentSlices = () => this.#kept ?? this.candidatesIn({})

  readonly #mapping: Mapping
  #kept: readonly (readonly PreparedDocument[])[] | undefined

  constructor(rows: RowReader<T>, mapping: Mapping) {
    this.rows = rows
    this.#mapping = mapping
  }

  /** The documents of a part of the rows. */
  *documentsIn(part: Partial<Range>): Generator<readonly PreparedDocument[]> {
    for (const range of this.rows.ranges(SLICE_ROWS, part)) yield this.prepare(this.rows.rowsIn(range))
  }

  /** The documents of a part of the rows that the query may find. */
  *candidatesIn(part: Partial<Range>): Generator<readonly PreparedDocument[]> {
    if (this.rows.candidates.selective) {
      yield this.prepare(this.rows.selectiveCandidates())
      return
    }
    for (const range of this.rows.ranges(SLICE_ROWS, part)) {
      yield this.prepare(this.rows.candidatesIn(range))
    }
  }

  /** Documents of rows, whose last column is `seq`. */
  prepare(rows: readonly Row[]): readonly PreparedDocument[] {
    const { fromRow, documentOf } = this.rows.table
    return rows.map((row) => {
      const record = fromRow(row)
      const position = column<number>(row, row.length - 1)
      const document = prepareDocument(this.#mapping, { ...documentOf(record), position })
      return new RecordDocument(document, record)
    })
  }

  /** The records of documents that were made here. */
  recordsOf(documents: readonly PreparedDocument[]): readonly T[] {
    return documents.map((document) => {
      if (document instanceof RecordDocument) return document.record
      throw new Error(`Document "${document.id}" was not made of a row`)
    })
  }

  *#readAll(): Generator<readonly PreparedDocument[]> {
    const keeps = this.rows.count() <= KEPT_DOCUMENTS_MAX
    const slices: (readonly PreparedDocument[])[] = []
    for (const slice of this.documentsIn({})) {
      if (keeps) slices.push(slice)
      yield slice
    }
    if (keeps) this.#kept = slices
  }
}

/**
 * A document that brings the record it was made of. A WeakMap from documents to records would do as well, but keeps the
 * garbage collector busy for longer than a verification may wait.
 */
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
