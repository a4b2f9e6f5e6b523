import type { Query } from '../filter.ts'
import type { PreparedDocument } from '../prepared-document.ts'
import type { FieldStatistics } from '../score.ts'
import type { PostingList } from './posting-list.ts'

/** How often a term occurs: in how many documents of the index. */
export type TermFrequency = { readonly term: string; readonly documents: number }

/** Some of the terms of an index; what is absent excludes none. */
export type TermSelection = {
  /** The least term. */
  readonly from: string
  /** The least term that is no more wanted. */
  readonly before?: string | undefined
  /** Found somewhere in the terms. */
  readonly contains?: string
  /** Least and greatest number of code points. */
  readonly lengths?: readonly [number, number]
}

/** Whether a term is wanted; called once for each selected term. */
export type AcceptsTerm = (frequency: TermFrequency) => boolean

/** Visits one document that has a term; `positions` may be reused afterwards. */
export type VisitPosting = (document: number, length: number, positions: readonly number[]) => void

/**
 * The words of one text field of many documents. Documents are known by their position in creation order.
 *
 * Everything arrives in pieces between which others get their turn.
 */
export interface TextIndex {
  /** The field whose words these are. */
  readonly field: string
  /** Documents with words, and how many words, of those in the index. */
  readonly statistics: FieldStatistics
  /** The selected terms, each once, in any order. */
  terms(selection: TermSelection): AsyncIterable<readonly TermFrequency[]>
  /** The documents with a term, from memory as far as possible; absent: `visitTerm` tells. */
  listOf?(term: string, positional: boolean): Promise<PostingList>
  /** Visits the documents with a term, in creation order. */
  visitTerm(term: string, visit: VisitPosting): Promise<void>
  /** Visits the documents with any of the selected terms that are accepted, in any order. */
  visitTerms(selection: TermSelection, accepts: AcceptsTerm, visit: VisitPosting): Promise<void>
}

/** Pieces of something, from memory or from elsewhere. */
export type Slices<T> = Iterable<readonly T[]> | AsyncIterable<readonly T[]>

/** Many documents with an index of one of their fields, which all of them have. */
export interface IndexedScope {
  readonly index: TextIndex
  /** The last document in the index. */
  readonly indexedTo: number
  /** All documents that are not in the index. */
  unindexed(): Slices<PreparedDocument>
  /** All documents in the index, in slices. */
  documents(): Slices<PreparedDocument>
  /** The positions of all documents in the index, in slices. */
  positions(): Slices<number>
  /** Those of the documents at some positions that the query may find. */
  documentsAt(
    positions: readonly number[],
  ): readonly PreparedDocument[] | Promise<readonly PreparedDocument[]>
  /** All documents in the index that the query may find, in slices. */
  candidates(): Slices<PreparedDocument>
  /** Whether `positionsOf` can answer a query. */
  canTell(query: Query): boolean
  /** The positions of the documents in the index that a query finds, in slices and in any order. */
  positionsOf(query: Query): Slices<number>
  /** How many documents, indexed or not, a query about one keyword field finds. */
  count(query: Query): Promise<number>
}
