import { type Candidates, letsAllThrough } from '../../query/sql/compile.ts'
import { printSql, type SqlText, sql } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'
import type { SearchTable } from './search-tables.ts'

/** The rows of a table that a search may find. */
export type SearchedRows = {
  readonly scope: SqlText
  /** The same rows, worded so that SQLite does not use an index of its own for it. */
  readonly scopeUnindexed: SqlText
  /** How many there are, without looking at each. */
  readonly count: () => number
}

/** Some consecutive rows in creation order: those with `after < seq <= upTo`. */
export type Range = { readonly after: number; readonly upTo: number }

/** The fewest rows of a range, unless fewer are asked for, and how long one should take, in ms. */
const RANGE_ROWS_MIN = 250
const RANGE_MS_MAX = 4

/** Rows that one statement counts. */
export const COUNTED_ROWS = 5000

/** Reads the rows that a search looks at, a range at a time, so that no statement takes long. */
export class RowReader<T> {
  readonly table: SearchTable<T>
  readonly candidates: Candidates
  readonly #database: SqliteDatabase
  readonly #rows: SearchedRows

  constructor(database: SqliteDatabase, table: SearchTable<T>, rows: SearchedRows, candidates: Candidates) {
    this.#database = database
    this.table = table
    this.#rows = rows
    this.candidates = candidates
  }

  /** A reader of the same rows with another condition. */
  withCandidates(candidates: Candidates): RowReader<T> {
    return new RowReader(this.#database, this.table, this.#rows, candidates)
  }

  /** All rows in scope. */
  count(): number {
    return this.#rows.count()
  }

  /**
   * Consecutive ranges that hold up to `rowsMax` rows in scope each, up to the last row there is now. As many of them as
   * can be dealt with in a few ms, going by the time that passes until the next is asked for.
   */
  *ranges(rowsMax: number, part: Partial<Range> = {}): Generator<Range> {
    const last = part.upTo ?? Number(this.#read('max(seq)', this.#rows.scope)[0]?.[0] ?? 0)
    let rows = Math.min(rowsMax, RANGE_ROWS_MIN)
    let after = part.after ?? 0
    while (after < last) {
      const where = within(this.#rows.scope, { after, upTo: last })
      const next = this.#read('seq', sql`${where} ORDER BY seq LIMIT 1 OFFSET ${rows - 1}`)[0]?.[0]
      const upTo = Number(next ?? last)
      const startedAt = performance.now()
      yield { after, upTo }
      after = upTo
      const ms = performance.now() - startedAt
      if (ms < RANGE_MS_MAX / 2) rows = Math.min(rowsMax, 2 * rows)
      else if (ms > RANGE_MS_MAX) rows = Math.max(Math.min(rowsMax, RANGE_ROWS_MIN), Math.ceil(rows / 2))
    }
  }

  /** The values of an expression in all rows in scope, and how many rows have each; range by range. */
  *valueCounts(expression: SqlText): Generator<readonly Row[]> {
    const what = sql`${expression}, count(*)`
    for (const range of this.ranges(COUNTED_ROWS)) {
      yield this.#read(what, sql`${within(this.#rows.scope, range)} GROUP BY 1`)
    }
  }

  /** The rows of a range; their last column is `seq`. */
  rowsIn(range: Range): readonly Row[] {
    return this.#read(this.#columns, sql`${within(this.#rows.scope, range)} ORDER BY seq`)
  }

  /** The rows of a range that satisfy the query's condition. */
  candidatesIn(range: Range, limit = -1, offset = 0): readonly Row[] {
    const where = sql`${within(this.#rows.scope, range)} AND ${this.candidates.condition}`
    return this.#read(this.#columns, sql`${where} ORDER BY seq LIMIT ${limit} OFFSET ${offset}`)
  }

  /** How many rows of a range satisfy the query's condition. */
  countCandidatesIn(range: Range): number {
    const where = sql`${within(this.#rows.scope, range)} AND ${this.candidates.condition}`
    return Number(this.#read('count(*)', where)[0]?.[0])
  }

  /** The few rows that satisfy a selective condition, found by its index. */
  selectiveCandidates(): readonly Row[] {
    const where = sql`${this.#rows.scopeUnindexed} AND ${this.candidates.condition}`
    return this.#read(this.#columns, sql`${where} ORDER BY seq`)
  }

  /** Those of some rows that satisfy the query's condition. */
  candidatesAt(seqs: readonly number[]): readonly Row[] {
    const where = sql`seq IN (SELECT value FROM json_each(${JSON.stringify(seqs)}))`
    const both = sql`${this.#rows.scopeUnindexed} AND ${where} AND ${this.candidates.condition}`
    return this.#read(this.#columns, sql`${both} ORDER BY seq`)
  }

  /** `seq` of the rows of a range. */
  seqsIn(range: Range): readonly number[] {
    return this.#read('seq', sql`${within(this.#rows.scope, range)} ORDER BY seq`).map((row) =>
      column<number>(row, 0),
    )
  }

  /** `seq` of the rows of a range that satisfy the query's condition, in any order. */
  candidateSeqsIn(range: Range): readonly number[] {
    const where = sql`${within(this.#rows.scope, range)} AND ${this.candidates.condition}`
    // One text is read several times faster than a row for each.
    const [row] = this.#read('json_group_array(seq)', where)
    return JSON.parse(String(row?.[0] ?? '[]'))
  }

  /** A page of all rows in scope. */
  page(from: number, size: number): readonly Row[] {
    const { scope } = this.#rows
    return this.#read(this.#columns, sql`${scope} ORDER BY seq LIMIT ${size} OFFSET ${from}`)
  }

  /** Whether the query's condition excludes no row. */
  letsAllThrough(): boolean {
    return letsAllThrough(this.candidates)
  }

  get #columns(): string {
    return `${this.table.select}, seq`
  }

  #read(what: string | SqlText, where: SqlText): readonly Row[] {
    const [wanted, values] =
      typeof what === 'string' ? [what, []] : [printSql(what, SQLITE.placeholder), what.values]
    const text = `SELECT ${wanted} FROM ${this.table.name} WHERE ${printSql(where, SQLITE.placeholder)}`
    return this.#database.read(() => this.#database.statement(text).all(...values, ...where.values))
  }
}

function within(scope: SqlText, range: Range): SqlText {
  return sql`${scope} AND seq > ${range.after} AND seq <= ${range.upTo}`
}
