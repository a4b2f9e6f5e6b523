import { compareCodePoints } from '../../query/code-point-order.ts'
import type { TermSelection } from '../../query/indexed/text-index.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { yieldIfLong } from '../../query/turns.ts'
import type { PackedChunk, TermChunk } from '../term-chunk.ts'
import { column, text } from './column.ts'
import type { Row } from './connection.ts'
import type { Transaction } from './transaction.ts'

/** Some of an owner's keys whose words were written together: those with `firstSeq <= seq <= lastSeq`. */
export type Segment = {
  readonly no: number
  /** No other segment ever has the same. */
  readonly id: string
  readonly firstSeq: number
  readonly lastSeq: number
  readonly bytes: number
}

/** What reads by statements that stay prepared: a snapshot or a transaction. */
export type PreparedReader = { all(statement: SqlText): Promise<readonly Row[]> }

/** Bytes of segments of which one statement reads chunks, unless a single segment has more. */
const STATEMENT_BYTES_MAX = 16 * 2 ** 20

/** Chunks of each segment that are read at once for their words. */
const CHUNKS_OF_SEGMENT = 4

/** Behind every word: no text has it in a word. */
const LAST_TERM = '\u{10ffff}'

const ANY_LENGTH = [0, 2 ** 31 - 1] as const

/** The segments of an owner, in the order of their keys. */
export function segmentsOf(ownerNo: SqlText): SqlText {
  return sql`SELECT no, first_seq, last_seq, bytes, id FROM key_index_segment WHERE owner_no = ${ownerNo} ORDER BY first_seq`
}

/** The segment in a row of `segmentsOf`. */
export function segmentFrom(row: Row): Segment {
  return {
    no: column<number>(row, 0),
    firstSeq: column<number>(row, 1),
    lastSeq: column<number>(row, 2),
    bytes: column<number>(row, 3),
    id: column<string>(row, 4),
  }
}

/** A part of the selected words, and the chunks that have them, in the order of segments and of their chunks. */
export type SelectedPart = {
  readonly chunks: readonly TermChunk[]
  readonly part: TermSelection & { readonly before: string }
}

/** Reads words of some segments. */
export class SegmentReader {
  readonly #reader: PreparedReader
  readonly segments: readonly Segment[]

  constructor(reader: PreparedReader, segments: readonly Segment[]) {
    this.#reader = reader
    this.segments = segments
  }

  /**
   * The chunks of each segment that may have a word, segments and chunks in the order of their keys; the next are asked for
   * while some are looked at.
   */
  async *chunksOf(
    term: string,
    wanted: readonly Segment[] = this.segments,
  ): AsyncGenerator<readonly [Segment, readonly TermChunk[]]> {
    const groups = groupsOf(wanted)
    let next = groups[0] && this.#ask(SEGMENT_LOOKUPS.chunksOfTerm(groups[0], term))
    for (const [index, group] of groups.entries()) {
      const rows = inPlace(group, (await next) ?? [])
      const following = groups[index + 1]
      next = following && this.#ask(SEGMENT_LOOKUPS.chunksOfTerm(following, term))
      const bySegment = Map.groupBy(rows, (row) => column<number>(row, 0))
      for (const segment of group) yield [segment, (bySegment.get(segment.no) ?? []).map(chunkFrom)]
    }
  }

  /** The chunks of a selection, part by part, each with all occurrences of the words that it is about. */
  async *parts(
    selection: TermSelection,
    options: { readonly postings: boolean },
  ): AsyncGenerator<SelectedPart> {
    const end = selection.before ?? LAST_TERM
    let from = selection.from
    while (compareCodePoints(from, end) < 0) {
      const next = await this.#boundary(from)
      const before = compareCodePoints(next ?? end, end) < 0 ? (next ?? end) : end
      const part = { ...selection, from, before }
      const rows: Row[] = []
      for (const group of groupsOf(this.segments)) {
        rows.push(...(await this.#ask(SEGMENT_LOOKUPS.chunksOfRange(group, part, options.postings))))
      }
      yield { chunks: inPlace(this.segments, rows).map(chunkFrom), part }
      from = before
      await yieldIfLong()
    }
  }

  async #boundary(from: string): Promise<string | undefined> {
    const [row] = await this.#ask(SEGMENT_LOOKUPS.boundary(this.segments, from, CHUNKS_OF_SEGMENT))
    return column<string | null>(row ?? [null], 0) ?? undefined
  }

  /** An answer that is waited for later may fail before that. */
  #ask(statement: SqlText): Promise<readonly Row[]> {
    const rows = this.#reader.all(statement)
    rows.catch(() => undefined)
    return rows
  }
}

/**
 * SQL that finds words in segments, for the test that asks PostgreSQL how it does. A word may start in the last chunk
 * before those that start with it. What is fenced off by a LIMIT is asked for segment by segment, by the index.
 */
export const SEGMENT_LOOKUPS = {
  chunksOfTerm: (segments: readonly Segment[], term: string): SqlText => sql`
    SELECT segment.no, chunk.place, chunk.terms, chunk.counts, chunk.postings
    FROM ${numbered(segments)} CROSS JOIN LATERAL (
      SELECT place, terms, counts, postings FROM key_index_chunk
      WHERE segment_no = segment.no AND first_term >= ${firstTermFor(term)}
        AND first_term <= ${text(term)} AND last_term >= ${text(term)}
      ORDER BY first_term, place LIMIT ${CHUNKS_MAX}::bigint
    ) AS chunk`,
  /** A word after `from` before which no segment has more than so many chunks. */
  boundary: (segments: readonly Segment[], from: string, chunks: number): SqlText => sql`
    SELECT min(chunk.first_term) FROM ${numbered(segments)} CROSS JOIN LATERAL (
      SELECT first_term FROM key_index_chunk WHERE segment_no = segment.no AND first_term > ${lowerText(from)}
      ORDER BY first_term, place LIMIT 1 OFFSET ${chunks}::bigint
    ) AS chunk`,
  /** Chunks of one word only when that contains what is asked for, and is as long. */
  chunksOfRange: (segments: readonly Segment[], part: SelectedPart['part'], postings: boolean): SqlText => {
    const { from, before, contains = '', lengths = ANY_LENGTH } = part
    return sql`SELECT segment.no, chunk.place, chunk.terms, chunk.counts, chunk.postings
      FROM ${numbered(segments)} CROSS JOIN LATERAL (
        SELECT place, terms, counts, ${postings ? sql`postings` : sql`''::bytea AS postings`} FROM key_index_chunk
        WHERE segment_no = segment.no AND first_term >= ${firstTermFor(from)}
          AND first_term < ${upperText(before)} AND last_term >= ${lowerText(from)}
          AND (first_term < last_term OR (strpos(first_term, ${text(contains.isWellFormed() ? contains : '')}) > 0
            AND length(first_term) BETWEEN ${lengths[0]}::bigint AND ${Math.min(lengths[1], 2 ** 31)}::bigint))
        ORDER BY first_term, place LIMIT ${CHUNKS_MAX}::bigint
      ) AS chunk`
  },
} as const

/** More chunks than a segment has. */
const CHUNKS_MAX = 1_000_000

function numbered(segments: readonly Segment[]): SqlText {
  return sql`unnest(${`{${segments.map(({ no }) => no).join(',')}}`}::bigint[]) AS segment (no)`
}

function firstTermFor(term: string): SqlText {
  return sql`coalesce((
    SELECT first_term FROM key_index_chunk WHERE segment_no = segment.no AND first_term < ${lowerText(term)}
    ORDER BY first_term DESC LIMIT 1), ${lowerText(term)})`
}

/** SQL would take half of a surrogate pair for something else: what is before it is a lower bound. */
function lowerText(bound: string): SqlText {
  return text(bound.isWellFormed() ? bound : bound.slice(0, firstHalf(bound)))
}

function upperText(bound: string): SqlText {
  return text(bound.isWellFormed() ? bound : LAST_TERM)
}

function firstHalf(bound: string): number {
  const wellFormed = bound.toWellFormed()
  for (let index = 0; index < bound.length; index += 1) {
    if (bound.charCodeAt(index) !== wellFormed.charCodeAt(index)) return index
  }
  return bound.length
}

function chunkFrom(row: Row): TermChunk {
  return {
    terms: column<string>(row, 2),
    counts: column<Uint8Array>(row, 3),
    postings: column<Uint8Array>(row, 4),
  }
}

/** Neighbours that are few enough for one statement. */
function groupsOf(segments: readonly Segment[]): readonly (readonly Segment[])[] {
  const groups: Segment[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const segment of segments) {
    bytes += segment.bytes
    if (bytes > STATEMENT_BYTES_MAX) {
      groups.push([])
      bytes = segment.bytes
    }
    groups.at(-1)?.push(segment)
  }
  return groups
}

function inPlace(segments: readonly Segment[], rows: readonly Row[]): readonly Row[] {
  const order = new Map(segments.map(({ no }, index) => [no, index]))
  const placeOf = (row: Row) => order.get(column<number>(row, 0)) ?? 0
  return rows.toSorted((a, b) => placeOf(a) - placeOf(b) || column<number>(a, 1) - column<number>(b, 1))
}

/** Writes a segment, also one without words: each key in the index is in one. What it sends is answered with the commit. */
export async function writeSegment(
  transaction: Transaction,
  ownerNo: number,
  keys: { readonly first: number; readonly last: number },
  chunks: readonly PackedChunk[],
): Promise<void> {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0)
  const row = await transaction.first(sql`INSERT INTO key_index_segment (owner_no, first_seq, last_seq, bytes)
    VALUES (${ownerNo}::bigint, ${keys.first}::bigint, ${keys.last}::bigint, ${bytes}::bigint) RETURNING no`)
  const no = column<number>(row ?? [], 0)
  for (const [place, { firstTerm, lastTerm, terms, counts, postings }] of chunks.entries()) {
    transaction.later(sql`INSERT INTO key_index_chunk (segment_no, place, first_term, last_term, terms, counts, postings)
      VALUES (${no}::bigint, ${place}::integer, ${text(firstTerm)}, ${text(lastTerm)}, ${text(terms)},
        ${counts}::bytea, ${postings}::bytea)`)
    await yieldIfLong()
  }
}
