import type { Aggregation } from './aggregations.ts'
import type { Query } from './filter.ts'
import type { Mapping } from './mapping.ts'

/** Rules for one sort key; see `sort.ts` for how a request states it. */
export type SortKey = {
  /** A searchable field, `_score`, `_doc` (creation order) or `_id`. */
  readonly field: string
  readonly order: 'asc' | 'desc'
  readonly missing: '_first' | '_last' | string | number
  /** Which of several values counts. Absent: the least for `asc`, the greatest for `desc`. */
  readonly mode?: 'min' | 'max' | 'sum' | 'avg' | 'median'
  /** Values are those of the nested objects at `path` that match `filter`. */
  readonly nested?: { readonly path: string; readonly filter?: Query }
}

/** What to find and which part of it to answer; every field name and value in it has been checked. */
export type Search = {
  readonly query: Query
  /** The searchable fields that names were checked against. Absent: those that the collection has from the start. */
  readonly mapping?: Mapping
  /** Matches to skip. */
  readonly from: number
  /** Matches to answer at most. */
  readonly size: number
  /** Absent: by score, best first, then in creation order. */
  readonly sort?: readonly SortKey[]
  /** One value per sort key: answer only what comes strictly after it. */
  readonly searchAfter?: readonly (string | number | null)[]
  /** Narrows hits and total, not the aggregations. */
  readonly postFilter?: Query
  /** Answer only the best hit for each value of this field; the total stays. */
  readonly collapse?: string
  readonly aggregations?: Readonly<Record<string, Aggregation>>
}

/** One page of matches, and how many there are in all. */
export type SearchPage<T> = {
  readonly hits: readonly T[]
  /** Exact number of matches, whatever the page. */
  readonly total: number
  /** Answers to the search's aggregations, in Elasticsearch's shape. */
  readonly aggregations?: Readonly<Record<string, unknown>>
}
