import type { DocumentSlices } from '../../query/execute-search.ts'
import type { Slices } from '../../query/indexed/text-index.ts'
import type { Mapping } from '../../query/mapping.ts'
import { type IndexedField, type PreparedDocument, prepareDocument } from '../../query/prepared-document.ts'
import { type Candidates, letsAllThrough } from '../../query/sql/compile.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { column } from './column.ts'
import type { Row } from './connection.ts'
import type { SearchTable } from './search-tables.ts'
import type { RowSource } from './snapshot.ts'

/** Rows that one statement reads. */
const ROWS_AT_ONCE = 1_000

/** Rows that are looked through for a page before an index is asked for it. */
const NEAR_ROWS = 10_000

/** Rows of which one statement reads `seq`. */
const SEQS_AT_ONCE = 200_000

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
  readonly table: SearchTable<T>
  readonly rows: SearchedRows

  /** Every document in scope. */
  readonly documents: DocumentSlices = () => this.#kept ?? this.#readAll()

  /** The documents that the query may find. */
  readonly candidates: DocumentSlices = () => this.#kept ?? this.#read(this.#matching)

  readonly #source: RowSource
  readonly #matching: SqlText
  #kept: readonly (readonly PreparedDocument[])[] | undefined

  constructor(source: RowSource, table: SearchTable<T>, rows: SearchedRows) {
    this.#source = source
    this.table = table
    this.rows = rows
    const { scope, candidates } = rows
    this.#matching = letsAllThrough(candidates) ? scope : sql`${scope} AND ${candidates.condition}`
  }

  /** A reader of the same rows with another condition. */
  withCandidates(candidates: Candidates): DocumentReader<T> {
    return new DocumentReader(this.#source, this.table, { ...this.rows, candidates })
  }

  /** A reader of the same rows from elsewhere. */
  withSource(source: RowSource): DocumentReader<T> {
    return new DocumentReader(source, this.table, this.rows)
  }

  /** How many rows satisfy the query's condition. */
  async count(): Promise<number> {
    const [row] = await this.#source.readMany(
      sql`SELECT count(*) FROM ${this.table.name} WHERE ${this.#matching}`,
    )
    return Number(row?.[0])
  }

  /** A page of the records that satisfy the query's condition; absent order: of creation. */
  async page(from: number, size: number, { after, order } = IN_CREATION_ORDER): Promise<readonly T[]> {
    const { name, select, fromRow } = this.table
    const rows = await this.#source.readMany(sql`SELECT ${select}, seq FROM ${name}
      WHERE ${this.#matching} AND ${after} ORDER BY ${order} LIMIT ${size}::bigint OFFSET ${from}::bigint`)
    return rows.map(fromRow)
  }

  /**
   * As `page`, in creation order, of `total` records: found among the first rows when enough of those are among the records,
   * else by whatever index tells which rows are. PostgreSQL does not know that all may be at the end.
   */
  async pageOf(total: number, from: number, size: number): Promise<readonly T[]> {
    const { name, select, fromRow } = this.table
    const { scope, candidates } = this.rows
    const wanted = Math.min(size, total - from)
    if (wanted <= 0) return []
    if (letsAllThrough(candidates) || candidates.selective) return this.page(from, size)
    const near = await this.#source.readMany(sql`SELECT ${select}, seq FROM (
        SELECT * FROM ${name} WHERE ${scope} ORDER BY seq LIMIT ${NEAR_ROWS}::bigint
      ) AS ${name} WHERE ${candidates.condition} ORDER BY seq LIMIT ${size}::bigint OFFSET ${from}::bigint`)
    if (near.length === wanted) return near.map(fromRow)
    const far = await this.#source.readMany(sql`SELECT ${select}, seq FROM ${name}
      WHERE ${scope} AND seq IN (
        SELECT seq FROM (SELECT seq FROM ${name} WHERE ${this.#matching} OFFSET 0) AS matching
        ORDER BY seq LIMIT ${size}::bigint OFFSET ${from}::bigint
      ) ORDER BY seq`)
    return far.map(fromRow)
  }

  /** The documents in scope that satisfy some other condition as well. */
  documentsIn(condition: SqlText): Slices<PreparedDocument> {
    return this.#read(sql`${this.rows.scope} AND ${condition}`)
  }

  /** The documents that the query may find, of those that satisfy some other condition as well. */
  candidatesIn(condition: SqlText): Slices<PreparedDocument> {
    return this.#read(sql`${this.#matching} AND ${condition}`)
  }

  /** Those of some documents that the query may find. */
  async candidatesAt(seqs: readonly number[]): Promise<readonly PreparedDocument[]> {
    if (seqs.length === 0) return []
    const { name, select } = this.table
    const rows = await this.#source.readMany(sql`SELECT ${select}, seq FROM ${name}
      WHERE ${this.#matching} AND ${seqIn(seqs)} ORDER BY seq`)
    return rows.map((row) => this.#documentOf(row))
  }

  /** `seq` of the rows that the query may find, of those that satisfy some other condition as well; ascending. */
  async *seqsIn(condition: SqlText): AsyncGenerator<readonly number[]> {
    for (let after = 0, isLast = false; !isLast; ) {
      // One text is read several times faster than a row for each.
      const [row] = await this.#source.readMany(sql`SELECT array_agg(seq)::text, count(*) FROM (
        SELECT seq FROM ${this.table.name} WHERE ${this.#matching} AND ${condition} AND seq > ${after}::bigint
        ORDER BY seq LIMIT ${SEQS_AT_ONCE}::bigint) AS found`)
      isLast = Number(row?.[1]) < SEQS_AT_ONCE
      const list = row?.[0]
      if (typeof list !== 'string') return
      const seqs: readonly number[] = JSON.parse(`[${list.slice(1, -1)}]`)
      after = seqs.at(-1) ?? after
      for (let start = 0; start < seqs.length; start += ROWS_AT_ONCE) {
        yield seqs.slice(start, start + ROWS_AT_ONCE)
      }
    }
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
    for await (const slice of this.#read(this.rows.scope)) {
      documents += slice.length
      if (documents <= KEPT_DOCUMENTS_MAX) slices.push(slice)
      yield slice
    }
    if (documents <= KEPT_DOCUMENTS_MAX) this.#kept = slices
  }

  /** Pages by `seq`, each whole, so that rows that come and go meanwhile move no others. */
  async *#read(where: SqlText): AsyncGenerator<readonly PreparedDocument[]> {
    const { name, select } = this.table
    for (let after = 0, isLast = false; !isLast; ) {
      const rows = await this.#source.readMany(sql`SELECT ${select}, seq FROM ${name}
        WHERE ${where} AND seq > ${after}::bigint ORDER BY seq LIMIT ${ROWS_AT_ONCE}::bigint`)
      for (let start = 0; start < rows.length; start += SLICE_DOCUMENTS) {
        yield rows.slice(start, start + SLICE_DOCUMENTS).map((row) => this.#documentOf(row))
      }
      isLast = rows.length < ROWS_AT_ONCE
      after = Number(rows.at(-1)?.at(-1))
    }
  }

  #documentOf(row: Row): PreparedDocument {
    const { fromRow, documentOf } = this.table
    const record = fromRow(row)
    const position = column<number>(row, row.length - 1)
    const document = prepareDocument(this.rows.mapping, { ...documentOf(record), position })
    return new RecordDocument(document, record)
  }
}

/** How to find a page: what comes before it is left out by `after`. */
export type PageOrder = { readonly after: SqlText; readonly order: SqlText }

const IN_CREATION_ORDER: PageOrder = { after: sql`TRUE`, order: sql`seq` }

/** What holds for rows with one of some values of `seq`. */
export function seqIn(seqs: readonly number[]): SqlText {
  return sql`seq = ANY (${`{${seqs.join(',')}}`}::bigint[])`
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
