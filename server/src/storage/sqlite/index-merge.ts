import { compareCodePoints } from '../../query/code-point-order.ts'
import { MERGED_SEGMENTS, segmentsToMerge } from '../merge-plan.ts'
import { ChunkReader, ChunkWriter, firstFrom, type PostingPart } from '../term-chunk.ts'
import { column } from './column.ts'
import type { Row, SqliteDatabase, Statement } from './database.ts'
import type { IndexSegments } from './index-segments.ts'

/** SQL of merges, for the test that asks SQLite how it finds what they are about. */
export const MERGE_STATEMENTS = {
  segments: `SELECT no, first_seq, last_seq, bytes, merges_into, merged_to FROM key_index_segment
    WHERE owner_no = ? ORDER BY first_seq, last_seq DESC`,
  lastTermOfChunk: `SELECT last_term FROM key_index_chunk
    WHERE segment_no = ? ORDER BY first_term, last_term, last_seq LIMIT 1 OFFSET ?`,
  chunks: `SELECT no, last_term, terms, counts, postings FROM key_index_chunk
    WHERE segment_no = ? AND first_term <= ? ORDER BY first_term, last_term, last_seq`,
  start: 'UPDATE key_index_segment SET merges_into = ? WHERE no = ?',
  takeTo: 'UPDATE key_index_segment SET merged_to = ? WHERE owner_no = ? AND merges_into = ?',
  removeChunk: 'DELETE FROM key_index_chunk WHERE no = ?',
  removeMerged: 'DELETE FROM key_index_segment WHERE owner_no = ? AND merges_into = ?',
  removeEmpty: 'DELETE FROM key_index_segment WHERE owner_no = ? AND bytes = 0',
} as const

/** Chunks that a step takes of each segment at most, but for a word that fills more. */
const CHUNKS_AT_ONCE = 2

/** Behind every word: no text has it in a word. */
const LAST_TERM = '\u{10ffff}'

/**
 * Merges the segments of indexes, in steps of a few ms. A merge is part of the index all the time: each step moves the next
 * words to the new segment, so that it can end anywhere, and be taken up by another process.
 */
export class IndexMerge {
  readonly #segments: IndexSegments
  readonly #all: Statement
  readonly #lastTermOfChunk: Statement
  readonly #chunks: Statement
  readonly #start: Statement
  readonly #takeTo: Statement
  readonly #removeChunk: Statement
  readonly #removeMerged: Statement
  readonly #removeEmpty: Statement

  constructor(database: SqliteDatabase, segments: IndexSegments) {
    this.#segments = segments
    this.#all = database.statement(MERGE_STATEMENTS.segments)
    this.#lastTermOfChunk = database.statement(MERGE_STATEMENTS.lastTermOfChunk)
    this.#chunks = database.statement(MERGE_STATEMENTS.chunks)
    this.#start = database.statement(MERGE_STATEMENTS.start)
    this.#takeTo = database.statement(MERGE_STATEMENTS.takeTo)
    this.#removeChunk = database.statement(MERGE_STATEMENTS.removeChunk)
    this.#removeMerged = database.statement(MERGE_STATEMENTS.removeMerged)
    this.#removeEmpty = database.statement(MERGE_STATEMENTS.removeEmpty)
  }

  /** Takes the next step, if there is something to merge; inside a change. */
  step(ownerNo: number): void {
    const segments = this.#all.all(ownerNo).map(segmentFrom)
    const merging = segments.filter((segment) => segment.mergesInto !== undefined)
    const sources = merging.length > 0 ? merging : this.#begin(ownerNo, segments)
    const [first] = sources
    if (first?.mergesInto === undefined) return
    const upTo = this.#nextBound(sources)
    this.#moveWords(sources, upTo, first.mergesInto)
    if (upTo === LAST_TERM) this.#removeMerged.run(ownerNo, first.mergesInto)
    else this.#takeTo.run(upTo, ownerNo, first.mergesInto)
  }

  /** The segments that are to become one, if any. */
  #begin(ownerNo: number, all: readonly Segment[]): readonly Segment[] {
    const segments = all.filter(({ bytes }) => bytes > 0)
    if (segments.length < all.length) this.#removeEmpty.run(ownerNo)
    const start = segmentsToMerge(segments.map(({ bytes }) => bytes))
    if (start === undefined) return []
    const sources = segments.slice(start, start + MERGED_SEGMENTS)
    const first = sources[0]?.firstSeq ?? 0
    const last = sources.at(-1)?.lastSeq ?? 0
    const mergesInto = this.#segments.add(ownerNo, { first, last })
    for (const { no } of sources) this.#start.run(mergesInto, no)
    return sources.map((segment) => ({ ...segment, mergesInto }))
  }

  /** Up to which word to go, so that no segment contributes much. */
  #nextBound(sources: readonly Segment[]): string {
    let bound = LAST_TERM
    for (const { no } of sources) {
      const row = this.#lastTermOfChunk.get(no, CHUNKS_AT_ONCE - 1)
      const term = row === undefined ? LAST_TERM : column<string>(row, 0)
      if (compareCodePoints(term, bound) < 0) bound = term
    }
    return bound
  }

  /** Moves the next words, up to and with a bound. */
  #moveWords(sources: readonly Segment[], upTo: string, into: number): void {
    const moved = new Map<string, PostingPart[]>()
    for (const { no, mergedTo } of sources) {
      for (const row of this.#chunks.all(no, upTo)) {
        addWords(moved, row, { after: mergedTo, upTo })
        if (compareCodePoints(column<string>(row, 1), upTo) <= 0)
          this.#removeChunk.run(column<number>(row, 0))
      }
    }
    const writer = new ChunkWriter()
    for (const term of [...moved.keys()].sort(compareCodePoints)) writer.add(term, moved.get(term) ?? [])
    this.#segments.append(into, writer.finish())
  }
}

type Segment = {
  readonly no: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly bytes: number
  readonly mergesInto: number | undefined
  readonly mergedTo: string
}

function segmentFrom(row: Row): Segment {
  return {
    no: column<number>(row, 0),
    firstSeq: column<number>(row, 1),
    lastSeq: column<number>(row, 2),
    bytes: column<number>(row, 3),
    mergesInto: column<number | null>(row, 4) ?? undefined,
    mergedTo: column<string>(row, 5),
  }
}

/** Adds the words of a chunk that are in a range, in the order of segments and chunks. */
function addWords(
  words: Map<string, PostingPart[]>,
  row: Row,
  range: { readonly after: string; readonly upTo: string },
): void {
  const chunk = new ChunkReader({
    terms: column<string>(row, 2),
    counts: column<Uint8Array>(row, 3),
    postings: column<Uint8Array>(row, 4),
  })
  const skipped = firstFrom(chunk.terms, range.after)
  for (let index = 0; chunk.next(); index += 1) {
    if (index < skipped || chunk.term === range.after) continue
    if (compareCodePoints(chunk.term, range.upTo) > 0) return
    const known = words.get(chunk.term)
    if (known === undefined) words.set(chunk.term, [chunk.part])
    else known.push(chunk.part)
  }
}
