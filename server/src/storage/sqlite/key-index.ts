import type { UserId } from '../../core/ids.ts'
import type { TermFrequency, TextIndex, VisitPosting } from '../../query/indexed/text-index.ts'
import type { FieldStatistics } from '../../query/score.ts'
import { Turns } from '../../query/turns.ts'
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
  termsFrom: `SELECT term, sum(key_count) FROM key_index_block
    WHERE owner_no = ? AND term >= ? GROUP BY term ORDER BY term LIMIT ?`,
  termsBetween: `SELECT term, sum(key_count) FROM key_index_block
    WHERE owner_no = ? AND term >= ? AND term < ? GROUP BY term ORDER BY term LIMIT ?`,
} as const

/** Blocks, and terms, that one statement reads. */
const BLOCKS_AT_ONCE = 64
const TERMS_AT_ONCE = 1000

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

  async *terms(from: string, before: string | undefined): AsyncGenerator<readonly TermFrequency[]> {
    const turns = new Turns()
    let next = from
    for (;;) {
      const rows =
        before === undefined
          ? this.#read(KEY_INDEX_LOOKUPS.termsFrom, next, TERMS_AT_ONCE)
          : this.#read(KEY_INDEX_LOOKUPS.termsBetween, next, before, TERMS_AT_ONCE)
      yield rows.map((row) => ({ term: column<string>(row, 0), documents: column<number>(row, 1) }))
      const last = rows.at(-1)
      if (last === undefined || rows.length < TERMS_AT_ONCE) return
      // No word has a control character, so nothing is between a word and itself with one behind it.
      next = `${column<string>(last, 0)}\u0001`
      await turns.yieldIfLong()
    }
  }

  async visitTerm(term: string, visit: VisitPosting): Promise<void> {
    const turns = new Turns()
    let after = -1
    for (;;) {
      const rows = this.#read(KEY_INDEX_LOOKUPS.blocksOfTerm, term, after, BLOCKS_AT_ONCE)
      for (const row of rows) visitBlock(row, visit)
      const last = rows.at(-1)
      if (last === undefined || rows.length < BLOCKS_AT_ONCE) return
      after = column<number>(last, 0)
      await turns.yieldIfLong()
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
    const turns = new Turns()
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
      await turns.yieldIfLong()
    }
  }

  #read(sql: string, ...values: readonly (string | number)[]): readonly Row[] {
    return this.#database.read(() => this.#database.statement(sql).all(this.#no, ...values))
  }
}

function visitBlock(row: Row, visit: VisitPosting): void {
  visitPostings({ first: column<number>(row, 0), bytes: column<Uint8Array>(row, 1) }, visit)
}
