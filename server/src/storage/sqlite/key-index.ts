import type { UserId } from '../../core/ids.ts'
import { compareCodePoints } from '../../query/code-point-order.ts'
import type { TermFrequency, TermSelection, TextIndex, VisitPosting } from '../../query/indexed/text-index.ts'
import type { FieldStatistics } from '../../query/score.ts'
import { joinSql, printSql, type SqlText, type SqlValue, sql } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { yieldIfLong } from '../../query/turns.ts'
import { visitPostings } from '../posting-block.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'

/** SQL of the index, for the test that asks SQLite how it answers it. */
export const KEY_INDEX_LOOKUPS = {
  owner: 'SELECT no, indexed_to, texts, words FROM key_index_owner WHERE owner = ?',
  blocksOfTerm: `SELECT first_seq, postings FROM key_index_block
    WHERE owner_no = ? AND term = ? AND first_seq > ? ORDER BY first_seq LIMIT ?`,
  blocksOfTerms: `SELECT first_seq, postings, term FROM key_index_block
    WHERE owner_no = ? AND (term, first_seq) > (?, ?) AND term <= ? ORDER BY term, first_seq LIMIT ?`,
  termAfterMany: `SELECT term FROM key_index_block
    WHERE owner_no = ? AND term >= ? ORDER BY term LIMIT 1 OFFSET ?`,
} as const

/** Blocks whose documents, or whose terms, one statement reads. */
const BLOCKS_AT_ONCE = 16
const BLOCKS_OF_TERMS = 5000

/** Behind every word: no text has it in a word. */
const LAST_TERM = '\u{10ffff}'

/** From so many terms of one slice on, reading all blocks of the slice is faster than looking for each. */
const MANY_TERMS = 50

/** The words of an owner's descriptions. */
export class KeyIndex implements TextIndex {
  readonly field = 'description'
  readonly statistics: FieldStatistics
  /** `seq` of the last key in the index. */
  readonly indexedTo: number
  readonly #database: SqliteDatabase
  readonly #no: number

  private constructor(database: SqliteDatabase, row: Row) {
    this.#database = database
    this.#no = column<number>(row, 0)
    this.indexedTo = column<number>(row, 1)
    this.statistics = { documents: column<number>(row, 2), tokens: column<number>(row, 3) }
  }

  /** The index of an owner's keys as it is now; undefined when there is none. */
  static open(database: SqliteDatabase, owner: UserId): KeyIndex | undefined {
    const row = database.read(() => database.statement(KEY_INDEX_LOOKUPS.owner).get(owner))
    return row && new KeyIndex(database, row)
  }

  async *terms(selection: TermSelection): AsyncGenerator<readonly TermFrequency[]> {
    const end = selection.before ?? LAST_TERM
    let from = selection.from
    while (compareCodePoints(from, end) < 0) {
      const before = this.#boundary(from, end)
      const where = selectionSql(selection, from, before)
      const text = printSql(where, SQLITE.placeholder)
      const rows = this.#read(
        `SELECT term, sum(key_count) FROM key_index_block
        WHERE owner_no = ? AND ${text} GROUP BY term ORDER BY term`,
        ...where.values,
      )
      yield rows.map((row) => ({ term: column<string>(row, 0), documents: column<number>(row, 1) }))
      from = before
      await yieldIfLong()
    }
  }

  /** Where to end a statement that reads terms, so that it does not take long. */
  #boundary(from: string, end: string): string {
    const [row] = this.#read(KEY_INDEX_LOOKUPS.termAfterMany, from, BLOCKS_OF_TERMS)
    if (row === undefined) return end
    const term = column<string>(row, 0)
    // A term with so many blocks is read alone. Nothing is between a word and itself with a control character behind.
    const next = term === from ? `${term}\u0001` : term
    return compareCodePoints(next, end) < 0 ? next : end
  }

  async visitTerm(term: string, visit: VisitPosting): Promise<void> {
    let after = -1
    for (;;) {
      await yieldIfLong()
      const rows = this.#read(KEY_INDEX_LOOKUPS.blocksOfTerm, term, after, BLOCKS_AT_ONCE)
      for (const row of rows) visitBlock(row, visit)
      const last = rows.at(-1)
      if (last === undefined || rows.length < BLOCKS_AT_ONCE) return
      after = column<number>(last, 0)
    }
  }

  async visitTerms(terms: readonly string[], visit: VisitPosting): Promise<void> {
    if (terms.length >= MANY_TERMS) return this.#visitAmong(new Set(terms), terms, visit)
    for (const term of terms) await this.visitTerm(term, visit)
  }

  /** Reads all blocks from the first to the last of the terms, and visits those that are wanted. */
  async #visitAmong(
    wanted: ReadonlySet<string>,
    terms: readonly string[],
    visit: VisitPosting,
  ): Promise<void> {
    let term = terms[0] ?? ''
    let after = -1
    for (;;) {
      const rows = this.#read(
        KEY_INDEX_LOOKUPS.blocksOfTerms,
        term,
        after,
        terms.at(-1) ?? '',
        BLOCKS_AT_ONCE,
      )
      for (const row of rows) if (wanted.has(column<string>(row, 2))) visitBlock(row, visit)
      const last = rows.at(-1)
      if (last === undefined || rows.length < BLOCKS_AT_ONCE) return
      after = column<number>(last, 0)
      term = column<string>(last, 2)
      await yieldIfLong()
    }
  }

  #read(text: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#database.read(() => this.#database.statement(text).all(this.#no, ...values))
  }
}

function selectionSql(selection: TermSelection, from: string, before: string): SqlText {
  const { contains, lengths } = selection
  const conditions = [sql`term >= ${from} AND term < ${before}`]
  if (contains !== undefined) conditions.push(sql`instr(term, ${contains}) > 0`)
  if (lengths !== undefined) conditions.push(sql`length(term) BETWEEN ${lengths[0]} AND ${lengths[1]}`)
  return joinSql('AND', conditions)
}

function visitBlock(row: Row, visit: VisitPosting): void {
  visitPostings({ first: column<number>(row, 0), bytes: column<Uint8Array>(row, 1) }, visit)
}
