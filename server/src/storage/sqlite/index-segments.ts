import { encodePostings, type Posting } from '../postings.ts'
import {
  addToChunk,
  bytesOf,
  ChunkWriter,
  type PackedChunk,
  removeFromChunk,
  type TermChunk,
  wholeList,
} from '../term-chunk.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase, SqlValue, Statement } from './database.ts'

/** SQL of segments, for the test that asks SQLite how it finds what they are about. */
export const SEGMENT_STATEMENTS = {
  segmentsWith: `SELECT no FROM key_index_segment
    WHERE owner_no = ? AND first_seq <= ? AND last_seq >= ? AND merged_to < ?`,
  // The chunk that may have key ?3 of the word ?2: words may start in the last chunk before those that start with them.
  chunkWith: `SELECT no, terms, counts, postings FROM key_index_chunk
    WHERE segment_no = ?1
      AND first_term >= coalesce(
        (SELECT max(first_term) FROM key_index_chunk WHERE segment_no = ?1 AND first_term < ?2), ?2)
      AND first_term <= ?2 AND last_term >= ?2 AND (last_term > ?2 OR last_seq >= ?3)
    ORDER BY first_term, last_term, last_seq LIMIT 1`,
  segmentFor: `SELECT no FROM key_index_segment
    WHERE owner_no = ? AND first_seq <= ? AND merged_to < ? ORDER BY first_seq DESC, last_seq LIMIT 1`,
  chunkBefore: `SELECT no, terms, counts, postings FROM key_index_chunk
    WHERE segment_no = ? AND first_term <= ? ORDER BY first_term DESC, last_term DESC, last_seq DESC LIMIT 1`,
  firstChunk: `SELECT no, terms, counts, postings FROM key_index_chunk
    WHERE segment_no = ? ORDER BY first_term, last_term, last_seq LIMIT 1`,
  // While a segment is merged, also that which it becomes a part of.
  extend: `UPDATE key_index_segment SET last_seq = ?2
    WHERE no IN (?1, (SELECT merges_into FROM key_index_segment WHERE no = ?1)) AND last_seq < ?2`,
  grow: 'UPDATE key_index_segment SET bytes = bytes + ? WHERE no = ?',
  changeChunk: `UPDATE key_index_chunk
    SET first_term = ?, last_term = ?, last_seq = ?, terms = ?, counts = ?, postings = ? WHERE no = ?`,
  removeChunk: 'DELETE FROM key_index_chunk WHERE no = ?',
} as const

const ADD_SEGMENT = `INSERT INTO key_index_segment (owner_no, first_seq, last_seq, bytes)
  VALUES (?, ?, ?, 0) RETURNING no`
const ADD_CHUNK = `INSERT INTO key_index_chunk (segment_no, first_term, last_term, last_seq, terms, counts, postings)
  VALUES (?, ?, ?, ?, ?, ?, ?)`

/** Keys from the first to the last, by `seq`. */
export type KeyRange = { readonly first: number; readonly last: number }

/** Writes the segments that indexes are made of; all of it inside a change. */
export class IndexSegments {
  readonly #addSegment: Statement
  readonly #extend: Statement
  readonly #grow: Statement
  readonly #addChunk: Statement
  readonly #changeChunk: Statement
  readonly #removeChunk: Statement
  readonly #segmentsWith: Statement
  readonly #chunkWith: Statement
  readonly #segmentFor: Statement
  readonly #chunkBefore: Statement
  readonly #firstChunk: Statement

  constructor(database: SqliteDatabase) {
    this.#addSegment = database.statement(ADD_SEGMENT)
    this.#extend = database.statement(SEGMENT_STATEMENTS.extend)
    this.#grow = database.statement(SEGMENT_STATEMENTS.grow)
    this.#addChunk = database.statement(ADD_CHUNK)
    this.#changeChunk = database.statement(SEGMENT_STATEMENTS.changeChunk)
    this.#removeChunk = database.statement(SEGMENT_STATEMENTS.removeChunk)
    this.#segmentsWith = database.statement(SEGMENT_STATEMENTS.segmentsWith)
    this.#chunkWith = database.statement(SEGMENT_STATEMENTS.chunkWith)
    this.#segmentFor = database.statement(SEGMENT_STATEMENTS.segmentFor)
    this.#chunkBefore = database.statement(SEGMENT_STATEMENTS.chunkBefore)
    this.#firstChunk = database.statement(SEGMENT_STATEMENTS.firstChunk)
  }

  /** Adds an empty segment; answers its number. */
  add(ownerNo: number, keys: KeyRange): number {
    const row = this.#addSegment.get(ownerNo, keys.first, keys.last)
    if (row === undefined) throw new Error('The segment of an index was not stored')
    return column<number>(row, 0)
  }

  /** Adds chunks to a segment. */
  append(segment: number, chunks: readonly PackedChunk[]): void {
    let bytes = 0
    for (const chunk of chunks) {
      this.#addChunk.run(segment, ...chunkValues(chunk))
      bytes += chunk.bytes
    }
    this.#grow.run(bytes, segment)
  }

  /** Removes a word of a key, wherever it is. */
  removePosting(ownerNo: number, term: string, seq: number): void {
    for (const row of this.#segmentsWith.all(ownerNo, seq, seq, term)) {
      this.#removeFrom(column<number>(row, 0), term, seq)
    }
  }

  /** Adds a word of a key that is not behind all others; one of its words that is not there yet. */
  addPosting(ownerNo: number, term: string, posting: Posting): void {
    const seq = posting.document
    const row = this.#segmentFor.get(ownerNo, seq, term)
    const segment = row === undefined ? this.add(ownerNo, { first: seq, last: seq }) : column<number>(row, 0)
    this.#extend.run(segment, seq)
    const place =
      this.#chunkWith.get(segment, term, seq) ??
      this.#chunkBefore.get(segment, term) ??
      this.#firstChunk.get(segment)
    if (place !== undefined) this.#replace(segment, place, addToChunk(chunkFrom(place), term, posting))
    else this.append(segment, packPosting(term, posting))
  }

  #removeFrom(segment: number, term: string, seq: number): void {
    const row = this.#chunkWith.get(segment, term, seq)
    if (row === undefined) return
    const removed = removeFromChunk(chunkFrom(row), term, seq)
    if (removed !== undefined) this.#replace(segment, row, removed.left === undefined ? [] : [removed.left])
  }

  /** Puts chunks in the place of one. */
  #replace(segment: number, row: Row, chunks: readonly PackedChunk[]): void {
    const no = column<number>(row, 0)
    const [first, ...others] = chunks
    this.#grow.run((first?.bytes ?? 0) - bytesOf(chunkFrom(row)), segment)
    if (first === undefined) this.#removeChunk.run(no)
    else this.#changeChunk.run(...chunkValues(first), no)
    if (others.length > 0) this.append(segment, others)
  }
}

function chunkFrom(row: Row): TermChunk {
  return {
    terms: column<string>(row, 1),
    counts: column<Uint8Array>(row, 2),
    postings: column<Uint8Array>(row, 3),
  }
}

function chunkValues(chunk: PackedChunk): readonly SqlValue[] {
  const { firstTerm, lastTerm, lastDocument, terms, counts, postings } = chunk
  return [firstTerm, lastTerm, lastDocument, terms, counts, postings]
}

function packPosting(term: string, posting: Posting): readonly PackedChunk[] {
  const writer = new ChunkWriter()
  writer.add(term, [wholeList(encodePostings([posting]))])
  return writer.finish()
}
