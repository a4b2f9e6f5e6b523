import type { UserId } from '../../core/ids.ts'
import { compareCodePoints } from '../../query/code-point-order.ts'
import type {
  AcceptsTerm,
  TermFrequency,
  TermSelection,
  TextIndex,
  VisitPosting,
} from '../../query/indexed/text-index.ts'
import type { FieldStatistics } from '../../query/score.ts'
import type { SqlValue } from '../../query/sql/sql-text.ts'
import { yieldIfLong } from '../../query/turns.ts'
import { visitPostings } from '../postings.ts'
import { readSelected } from '../read-selected.ts'
import { findTerm, type PostingPart, type TermChunk } from '../term-chunk.ts'
import { acceptedOf, frequencies } from '../term-frequencies.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase } from './database.ts'

const CHUNKS_OF_RANGE = `FROM key_index_segment AS segment
  CROSS JOIN key_index_chunk AS chunk ON chunk.segment_no = segment.no
  WHERE segment.owner_no = ?1 AND segment.merged_to < ?3
    AND chunk.first_term >= coalesce(
      (SELECT max(first_term) FROM key_index_chunk WHERE segment_no = segment.no AND first_term < ?2), ?2)
    AND chunk.first_term < ?3 AND chunk.last_term >= ?2
    AND (chunk.first_term < chunk.last_term
      OR (instr(chunk.first_term, ?4) > 0 AND length(chunk.first_term) BETWEEN ?5 AND ?6))`

/**
 * SQL of the index, for the test that asks SQLite how it answers it.
 *
 * Each statement sees every occurrence of the words it is about in one place, wherever a merge of segments is: segments
 * that are merged have only words after `merged_to` left. A word may start in the last chunk before those that start
 * with it.
 */
export const KEY_INDEX_LOOKUPS = {
  owner: 'SELECT no, indexed_to, keys, texts, words FROM key_index_owner WHERE owner = ?',
  // Chunks with the word ?2 of keys after ?3.
  chunksOfTerm: `SELECT chunk.terms, chunk.counts, chunk.postings, segment.first_seq
    FROM key_index_segment AS segment CROSS JOIN key_index_chunk AS chunk ON chunk.segment_no = segment.no
    WHERE segment.owner_no = ?1 AND segment.last_seq > ?3 AND segment.merged_to < ?2
      AND chunk.first_term >= coalesce(
        (SELECT max(first_term) FROM key_index_chunk WHERE segment_no = segment.no AND first_term < ?2), ?2)
      AND chunk.first_term <= ?2 AND chunk.last_term >= ?2 AND (chunk.last_term > ?2 OR chunk.last_seq > ?3)
    ORDER BY segment.first_seq, segment.last_seq DESC, segment.no,
      chunk.first_term, chunk.last_term, chunk.last_seq LIMIT ?4`,
  // A word after ?2 before which no segment has more than ?3 chunks.
  boundary: `SELECT min((SELECT first_term FROM key_index_chunk
      WHERE segment_no = segment.no AND first_term > ?2 ORDER BY first_term LIMIT 1 OFFSET ?3))
    FROM key_index_segment AS segment WHERE owner_no = ?1`,
  // Chunks with words from ?2 to below ?3; those of one word only when it contains ?4 and is of ?5 to ?6 code points.
  chunksOfRange: `SELECT chunk.terms, chunk.counts, chunk.postings, segment.merged_to ${CHUNKS_OF_RANGE}`,
  termsOfRange: `SELECT chunk.terms, chunk.counts, segment.merged_to ${CHUNKS_OF_RANGE}`,
} as const

/** Chunks of one word that are read at once. */
const CHUNKS_AT_ONCE = 64

/** Chunks of each segment that are read at once for their words. */
const CHUNKS_OF_SEGMENT = 4

const ANY_LENGTH = [0, Number.MAX_SAFE_INTEGER] as const

/** Behind every word: no text has it in a word. */
const LAST_TERM = '\u{10ffff}'

/** The words of an owner's descriptions. */
export class KeyIndex implements TextIndex {
  readonly field = 'description'
  readonly statistics: FieldStatistics
  /** `seq` of the last key in the index. */
  readonly indexedTo: number
  /** How many keys are in the index. */
  readonly keys: number
  readonly #database: SqliteDatabase
  readonly #no: number

  private constructor(database: SqliteDatabase, row: Row) {
    this.#database = database
    this.#no = column<number>(row, 0)
    this.indexedTo = column<number>(row, 1)
    this.keys = column<number>(row, 2)
    this.statistics = { documents: column<number>(row, 3), tokens: column<number>(row, 4) }
  }

  /** The index of an owner's keys as it is now; undefined when there is none. */
  static open(database: SqliteDatabase, owner: UserId): KeyIndex | undefined {
    const row = database.read(() => database.statement(KEY_INDEX_LOOKUPS.owner).get(owner))
    return row && new KeyIndex(database, row)
  }

  async *terms(selection: TermSelection): AsyncGenerator<readonly TermFrequency[]> {
    for await (const { rows, part } of this.#parts(KEY_INDEX_LOOKUPS.termsOfRange, selection)) {
      const documents = new Map<string, number>()
      for (const row of rows) {
        readSelected(chunkFrom(row, NO_BYTES), part, column<string>(row, 2), (reader) => {
          documents.set(reader.term, (documents.get(reader.term) ?? 0) + reader.documents)
        })
        await yieldIfLong()
      }
      yield* frequencies(documents)
    }
  }

  async visitTerm(term: string, visit: VisitPosting): Promise<void> {
    let visited = 0
    const visitNext: VisitPosting = (document, length, positions) => {
      if (document <= visited) return
      visited = document
      visit(document, length, positions)
    }
    for (;;) {
      await yieldIfLong()
      const rows = this.#read(KEY_INDEX_LOOKUPS.chunksOfTerm, term, visited, CHUNKS_AT_ONCE)
      for (const row of rows) {
        const found = findTerm(chunkFrom(row), term)
        if (found !== undefined) visitPostings(found.bytes, visitNext, found.from, found.to)
        await yieldIfLong()
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < CHUNKS_AT_ONCE) return
      // Segments before that of the last row are done with, also those that do not have the word.
      visited = Math.max(visited, column<number>(last, 3) - 1)
    }
  }

  async visitTerms(selection: TermSelection, accepts: AcceptsTerm, visit: VisitPosting): Promise<void> {
    for await (const { rows, part } of this.#parts(KEY_INDEX_LOOKUPS.chunksOfRange, selection)) {
      const documents = new Map<string, number>()
      const occurrences: { readonly term: string; readonly where: PostingPart }[] = []
      for (const row of rows) {
        readSelected(chunkFrom(row), part, column<string>(row, 3), (reader) => {
          documents.set(reader.term, (documents.get(reader.term) ?? 0) + reader.documents)
          occurrences.push({ term: reader.term, where: reader.part })
        })
        await yieldIfLong()
      }
      const accepted = await acceptedOf(documents, accepts)
      if (accepted.size === 0) continue
      for (const { term, where } of occurrences) {
        if (!accepted.has(term)) continue
        visitPostings(where.bytes, visit, where.from, where.to)
        await yieldIfLong()
      }
    }
  }

  /** The chunks of a selection, part by part, each with all occurrences of the words that it is about. */
  async *#parts(text: string, selection: TermSelection): AsyncGenerator<SelectedPart> {
    const end = selection.before ?? LAST_TERM
    const { contains = '', lengths = ANY_LENGTH } = selection
    let from = selection.from
    while (compareCodePoints(from, end) < 0) {
      const [boundary] = this.#read(KEY_INDEX_LOOKUPS.boundary, from, CHUNKS_OF_SEGMENT)
      const next = column<string | null>(boundary ?? [null], 0) ?? end
      const before = compareCodePoints(next, end) < 0 ? next : end
      yield {
        rows: this.#read(text, from, before, contains, ...lengths),
        part: { ...selection, from, before },
      }
      from = before
      await yieldIfLong()
    }
  }

  #read(text: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#database.read(() => this.#database.statement(text).all(this.#no, ...values))
  }
}

/** A part of the selected terms, and the chunks that have them. */
type SelectedPart = {
  readonly rows: readonly Row[]
  readonly part: TermSelection & { readonly before: string }
}

const NO_BYTES = new Uint8Array()

function chunkFrom(row: Row, postings = column<Uint8Array>(row, 2)): TermChunk {
  return { terms: column<string>(row, 0), counts: column<Uint8Array>(row, 1), postings }
}
