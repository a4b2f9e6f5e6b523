import type { FieldStatistics } from '../score.ts'
import type { ExpandingQuery, Expansion, ScopeStatistics, StatisticsCounter } from '../statistics.ts'
import type { PostingList } from './posting-list.ts'
import type { TextIndex } from './text-index.ts'

/** Counts of fields other than the index's, over all documents: with a value, and with each wanted term. */
export type OtherCounts = ReadonlyMap<
  string,
  { readonly documents: number; readonly terms: ReadonlyMap<string, number> }
>

/** Where counts come from: an index, and the documents that are not in it yet. */
export type CountSources = {
  readonly index: TextIndex
  readonly lists: ReadonlyMap<string, PostingList>
  readonly expansions: ReadonlyMap<ExpandingQuery, readonly Expansion[]>
  readonly unindexed: StatisticsCounter
  readonly others: OtherCounts
}

/** Counts over all documents of which most are in an index. */
export class IndexedStatistics implements ScopeStatistics {
  readonly #sources: CountSources

  constructor(sources: CountSources) {
    this.#sources = sources
  }

  field(path: string): FieldStatistics {
    const { index, others, unindexed } = this.#sources
    if (path !== index.field) {
      const documents = others.get(path)?.documents ?? 0
      return { documents, tokens: documents }
    }
    const rest = unindexed.field(path)
    return {
      documents: index.statistics.documents + rest.documents,
      tokens: index.statistics.tokens + rest.tokens,
    }
  }

  documentsWith(field: string, term: string): number {
    const { index, lists, others, unindexed } = this.#sources
    if (field !== index.field) return others.get(field)?.terms.get(term) ?? 0
    return (lists.get(term)?.documents.length ?? 0) + unindexed.documentsWith(field, term)
  }

  expansions(query: ExpandingQuery): readonly Expansion[] {
    return this.#sources.expansions.get(query) ?? []
  }
}
