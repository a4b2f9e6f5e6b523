import { compareCodePoints } from '../../query/code-point-order.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { yieldIfLong } from '../../query/turns.ts'
import { MERGED_SEGMENTS, segmentsToMerge } from '../merge-plan.ts'
import { decodePostings, encodePostings, type Posting } from '../postings.ts'
import { readSelected } from '../read-selected.ts'
import { ChunkWriter, type PackedChunk, type PostingPart, wholeList } from '../term-chunk.ts'
import { wordsOf } from '../word-packer.ts'
import { column } from './column.ts'
import type { Row } from './connection.ts'
import { type Segment, SegmentReader, segmentFrom, segmentsOf, writeSegment } from './index-segments.ts'
import type { Transaction } from './transaction.ts'

/** Keys that searches leave out of an index by themselves; when there are more, segments are written again without them. */
export const GONE_KEPT_MAX = 1_000

/** Postings of one word that are put together anew at once, so that they need not all be in one chunk. */
const POSTINGS_OF_PART = 256

/**
 * Writes some neighbouring segments of an owner again as one, without the keys that are gone and with those that were
 * reworded, if there is reason to; false when there is none. Inside a transaction that sees one state of everything, and
 * has locked the owner's index.
 */
export async function rewriteNext(
  transaction: Transaction,
  ownerNo: number,
  goneKeptMax: number,
): Promise<boolean> {
  const segments = (await transaction.all(segmentsOf(sql`${ownerNo}::bigint`))).map(segmentFrom)
  const sources = await nextSources(transaction, ownerNo, segments, goneKeptMax)
  const first = sources[0]
  const last = sources.at(-1)
  if (first === undefined || last === undefined) return false
  const keys = { first: first.firstSeq, last: last.lastSeq }
  // Removed first: it fails when others change one of them at the same time, and then so must all the rest.
  const gone = await transaction.all(sql`WITH gone AS (
      DELETE FROM key_index_gone
      WHERE owner_no = ${ownerNo}::bigint AND seq BETWEEN ${keys.first}::bigint AND ${keys.last}::bigint
      RETURNING seq, description
    )
    SELECT gone.seq, gone.description, keys.description FROM gone
    JOIN key_index_owner AS indexed ON indexed.no = ${ownerNo}::bigint
    LEFT JOIN keys ON keys.owner = indexed.owner AND keys.seq = gone.seq ORDER BY gone.seq`)
  const corrections = await correctionsOf(gone)
  const chunks = await mergedChunks(new SegmentReader(transaction, sources), corrections)
  await writeSegment(transaction, ownerNo, keys, chunks)
  for (const { no } of sources) {
    transaction.later(sql`DELETE FROM key_index_segment WHERE no = ${no}::bigint`)
  }
  const { keyCount, texts, words } = corrections
  transaction.later(sql`UPDATE key_index_owner SET keys = keys + ${keyCount}::bigint,
    texts = texts + ${texts}::bigint, words = words + ${words}::bigint WHERE no = ${ownerNo}::bigint`)
  return true
}

async function nextSources(
  transaction: Transaction,
  ownerNo: number,
  segments: readonly Segment[],
  goneKeptMax: number,
): Promise<readonly Segment[]> {
  const start = segmentsToMerge(segments.map(({ bytes }) => bytes))
  if (start !== undefined) return segments.slice(start, start + MERGED_SEGMENTS)
  const gone = await transaction.all(sql`SELECT seq FROM key_index_gone WHERE owner_no = ${ownerNo}::bigint
    AND seq <= (SELECT indexed_to FROM key_index_owner WHERE no = ${ownerNo}::bigint)`)
  if (gone.length <= goneKeptMax) return []
  const most = mostOf(segments, gone)
  return most === undefined ? [] : [most]
}

/** The segment that has most of some keys. */
function mostOf(segments: readonly Segment[], seqs: readonly Row[]): Segment | undefined {
  const counts = new Map<Segment, number>()
  for (const row of seqs) {
    const seq = column<number>(row, 0)
    const segment = segments.find(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq)
    if (segment !== undefined) counts.set(segment, (counts.get(segment) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a)
  return most?.[0]
}

/** What changes of the words of some keys. */
type Corrections = {
  readonly gone: ReadonlySet<number>
  /** The words that any of them had or has, with what is to be added. */
  readonly byTerm: ReadonlyMap<string, readonly Posting[]>
  readonly keyCount: number
  readonly texts: number
  readonly words: number
}

/** `rows`: `seq`, the description that was indexed, and the one that the key has now, if it is there. */
async function correctionsOf(rows: readonly Row[]): Promise<Corrections> {
  const gone = new Set<number>()
  const byTerm = new Map<string, Posting[]>()
  let [keyCount, texts, words] = [0, 0, 0]
  const postingsOf = (term: string): Posting[] => {
    const known = byTerm.get(term) ?? []
    byTerm.set(term, known)
    return known
  }
  for (const row of rows) {
    const seq = column<number>(row, 0)
    const had = wordsOf(seq, column<string>(row, 1))
    gone.add(seq)
    for (const term of had.byTerm.keys()) postingsOf(term)
    const description = column<string | null>(row, 2)
    const has = description === null ? undefined : wordsOf(seq, description)
    for (const [term, posting] of has?.byTerm ?? []) postingsOf(term).push(posting)
    keyCount += (has === undefined ? 0 : 1) - 1
    texts += ((has?.words ?? 0) > 0 ? 1 : 0) - (had.words > 0 ? 1 : 0)
    words += (has?.words ?? 0) - had.words
    await yieldIfLong()
  }
  return { gone, byTerm, keyCount, texts, words }
}

async function mergedChunks(
  segments: SegmentReader,
  corrections: Corrections,
): Promise<readonly PackedChunk[]> {
  const writer = new ChunkWriter()
  const news = [...corrections.byTerm.keys()].sort(compareCodePoints)
  let nextNew = 0
  for await (const { chunks, part } of segments.parts({ from: '' }, { postings: true })) {
    const words = new Map<string, PostingPart[]>()
    for (; nextNew < news.length && compareCodePoints(news[nextNew] ?? '', part.before) < 0; nextNew += 1) {
      words.set(news[nextNew] ?? '', [])
    }
    for (const chunk of chunks) {
      readSelected(chunk, part, '', (reader) => {
        const known = words.get(reader.term)
        if (known === undefined) words.set(reader.term, [reader.part])
        else known.push(reader.part)
      })
      await yieldIfLong()
    }
    for (const term of [...words.keys()].sort(compareCodePoints)) {
      const parts = words.get(term) ?? []
      const added = corrections.byTerm.get(term)
      writer.add(term, added === undefined ? parts : correctedParts(parts, added, corrections.gone))
      await yieldIfLong()
    }
  }
  return writer.finish()
}

function correctedParts(
  parts: readonly PostingPart[],
  added: readonly Posting[],
  gone: ReadonlySet<number>,
): readonly PostingPart[] {
  const left = parts
    .flatMap(({ bytes, from, to }) => decodePostings(bytes, from, to))
    .filter((posting) => !gone.has(posting.document))
  const all = [...left, ...added].sort((a, b) => a.document - b.document)
  const corrected: PostingPart[] = []
  for (let start = 0; start < all.length; start += POSTINGS_OF_PART) {
    corrected.push(wholeList(encodePostings(all.slice(start, start + POSTINGS_OF_PART))))
  }
  return corrected
}
