import type { UserId } from '../../core/ids.ts'
import { joinLists, type PostingList, PostingListBuilder } from '../../query/indexed/posting-list.ts'
import type {
  AcceptsTerm,
  TermFrequency,
  TermSelection,
  TextIndex,
  VisitPosting,
} from '../../query/indexed/text-index.ts'
import type { FieldStatistics } from '../../query/score.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { yieldIfLong } from '../../query/turns.ts'
import { visitPostings } from '../postings.ts'
import { readSelected } from '../read-selected.ts'
import { findTerm, type PostingPart, type TermChunk } from '../term-chunk.ts'
import { acceptedOf, frequencies } from '../term-frequencies.ts'
import { wordsOf } from '../word-packer.ts'
import { column, text } from './column.ts'
import type { Row } from './connection.ts'
import { type Segment, SegmentReader, segmentFrom, segmentsOf } from './index-segments.ts'
import { ListMemory } from './list-memory.ts'
import type { Snapshot } from './snapshot.ts'

/** SQL of the index, for the test that asks PostgreSQL how it answers it. */
export const KEY_INDEX_LOOKUPS = {
  owner: (owner: UserId) => sql`SELECT indexed_to, keys, texts, words FROM key_index_owner
    WHERE owner = ${text(owner)} AND indexed_to > 0`,
  segments: (owner: UserId) => segmentsOf(sql`(SELECT no FROM key_index_owner WHERE owner = ${text(owner)})`),
  /** Keys that are not as they were when they were indexed, and whether they are there at all. */
  gone: (owner: UserId) => sql`SELECT gone.seq, gone.description,
      EXISTS (SELECT 1 FROM keys WHERE keys.owner = ${text(owner)} AND keys.seq = gone.seq)
    FROM key_index_gone AS gone
    WHERE gone.owner_no = (SELECT no FROM key_index_owner WHERE owner = ${text(owner)})
      AND gone.seq <= (SELECT indexed_to FROM key_index_owner WHERE owner = ${text(owner)})`,
} as const

/** The words of an owner's descriptions, as a snapshot sees them. */
export class KeyIndex implements TextIndex {
  readonly field = 'description'
  readonly statistics: FieldStatistics
  /** `seq` of the last key in the index. */
  readonly indexedTo: number
  /** How many keys the index tells of. */
  readonly keys: number
  /** `seq` of keys that the index tells nothing of, though they come before others that it does; ascending. */
  readonly reworded: readonly number[]
  /** How many keys have to be left out of what the index has. */
  readonly goneCount: number
  readonly #segments: SegmentReader
  readonly #gone: GoneKeys
  readonly #memory: ListMemory

  private constructor(segments: SegmentReader, memory: ListMemory, row: Row, gone: GoneKeys) {
    this.#segments = segments
    this.#memory = memory
    this.#gone = gone
    this.indexedTo = column<number>(row, 0)
    this.keys = column<number>(row, 1) - gone.seqs.size
    this.statistics = {
      documents: column<number>(row, 2) - gone.texts,
      tokens: column<number>(row, 3) - gone.words,
    }
    this.reworded = gone.reworded
    this.goneCount = gone.seqs.size
  }

  /** The index of an owner's keys; undefined when there is none. `memory`: of lists in the same store. */
  static async open(
    snapshot: Snapshot,
    owner: UserId,
    memory: ListMemory = new ListMemory(),
  ): Promise<KeyIndex | undefined> {
    const [[row], segments, gone] = await Promise.all([
      snapshot.all(KEY_INDEX_LOOKUPS.owner(owner)),
      snapshot.all(KEY_INDEX_LOOKUPS.segments(owner)),
      snapshot.all(KEY_INDEX_LOOKUPS.gone(owner)),
    ])
    if (row === undefined) return undefined
    const reader = new SegmentReader(snapshot, segments.map(segmentFrom))
    return new KeyIndex(reader, memory, row, await goneKeysOf(gone))
  }

  async *terms(selection: TermSelection): AsyncGenerator<readonly TermFrequency[]> {
    for await (const { chunks, part } of this.#segments.parts(selection, { postings: false })) {
      const documents = new Map<string, number>()
      for (const chunk of chunks) {
        readSelected(chunk, part, '', ({ term, documents: count }) => {
          documents.set(term, (documents.get(term) ?? 0) + count)
        })
        await yieldIfLong()
      }
      this.#leaveOutGone(documents)
      yield* frequencies(documents)
    }
  }

  async visitTerm(term: string, visit: VisitPosting): Promise<void> {
    const visitLeft = this.#leavingOutGone(visit)
    for await (const [, chunks] of this.#segments.chunksOf(term)) {
      await visitChunks(chunks, term, visitLeft)
    }
  }

  async listOf(term: string, positional: boolean): Promise<PostingList> {
    const { segments } = this.#segments
    const lists = new Map<number, PostingList>()
    const unknown: Segment[] = []
    for (const segment of segments) {
      const known = this.#memory.get(segment.id, term, positional)
      if (known === undefined) unknown.push(segment)
      else lists.set(segment.no, known)
    }
    for await (const [segment, chunks] of this.#segments.chunksOf(term, unknown)) {
      const builder = new PostingListBuilder(positional)
      await visitChunks(chunks, term, (seq, length, positions) => builder.add(seq, length, positions))
      const list = builder.build()
      lists.set(segment.no, list)
      this.#memory.set(segment.id, term, list)
    }
    const { seqs } = this.#gone
    const isGone = seqs.size === 0 ? undefined : (seq: number) => seqs.has(seq)
    const inOrder = segments.flatMap(({ no }) => lists.get(no) ?? [])
    return joinLists(inOrder, positional, isGone)
  }

  async visitTerms(selection: TermSelection, accepts: AcceptsTerm, visit: VisitPosting): Promise<void> {
    const visitLeft = this.#leavingOutGone(visit)
    for await (const { chunks, part } of this.#segments.parts(selection, { postings: true })) {
      const documents = new Map<string, number>()
      const occurrences: { readonly term: string; readonly where: PostingPart }[] = []
      for (const chunk of chunks) {
        readSelected(chunk, part, '', (reader) => {
          documents.set(reader.term, (documents.get(reader.term) ?? 0) + reader.documents)
          occurrences.push({ term: reader.term, where: reader.part })
        })
        await yieldIfLong()
      }
      this.#leaveOutGone(documents)
      const accepted = await acceptedOf(documents, accepts)
      if (accepted.size === 0) continue
      for (const { term, where } of occurrences) {
        if (!accepted.has(term)) continue
        visitPostings(where.bytes, visitLeft, where.from, where.to)
        await yieldIfLong()
      }
    }
  }

  #leavingOutGone(visit: VisitPosting): VisitPosting {
    const { seqs } = this.#gone
    if (seqs.size === 0) return visit
    return (document, length, positions) => {
      if (!seqs.has(document)) visit(document, length, positions)
    }
  }

  /** Counts keys that are gone no more, and words that no other key has. */
  #leaveOutGone(documents: Map<string, number>): void {
    const { byTerm } = this.#gone
    if (byTerm.size === 0) return
    for (const [term, count] of documents) {
      const left = count - (byTerm.get(term) ?? 0)
      if (left > 0) documents.set(term, left)
      else documents.delete(term)
    }
  }
}

async function visitChunks(chunks: readonly TermChunk[], term: string, visit: VisitPosting): Promise<void> {
  for (const chunk of chunks) {
    const found = findTerm(chunk, term)
    if (found !== undefined) visitPostings(found.bytes, visit, found.from, found.to)
    await yieldIfLong()
  }
}

/** What of an index does not count any more. */
type GoneKeys = {
  readonly seqs: ReadonlySet<number>
  readonly reworded: readonly number[]
  readonly texts: number
  readonly words: number
  /** How many of these keys had a word. */
  readonly byTerm: ReadonlyMap<string, number>
}

async function goneKeysOf(rows: readonly Row[]): Promise<GoneKeys> {
  const seqs = new Set<number>()
  const byTerm = new Map<string, number>()
  const reworded: number[] = []
  let texts = 0
  let words = 0
  for (const row of rows) {
    const seq = column<number>(row, 0)
    const had = wordsOf(seq, column<string>(row, 1))
    seqs.add(seq)
    if (column<boolean>(row, 2)) reworded.push(seq)
    if (had.words > 0) texts += 1
    words += had.words
    for (const term of had.byTerm.keys()) byTerm.set(term, (byTerm.get(term) ?? 0) + 1)
    await yieldIfLong()
  }
  reworded.sort((a, b) => a - b)
  return { seqs, reworded, texts, words, byTerm }
}
