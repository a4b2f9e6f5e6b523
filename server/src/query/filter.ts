import type { TermMatcher } from './lucene-regexp.ts'

/**
 * A query whose names and values have been checked against a mapping: what to find, and how well it fits.
 *
 * `boost` multiplies scores. Fields are paths of mapped leaves; values are already what is indexed (texts as terms,
 * dates as epoch ms, booleans as 0 and 1). Clauses on anything that is not mapped have become `none`.
 * `evaluate.ts` says what each of them means.
 */
export type Query =
  | AllQuery
  | NoneQuery
  | IdsQuery
  | ExistsQuery
  | TermQuery
  | TermsQuery
  | TermRangeQuery
  | PrefixQuery
  | PatternQuery
  | FuzzyQuery
  | NumbersQuery
  | NumberRangeQuery
  | NumberRangesQuery
  | PhraseQuery
  | PhrasePrefixQuery
  | BlendedQuery
  | TermsSetQuery
  | BoolQuery
  | ConstantQuery
  | DisMaxQuery
  | BoostingQuery
  | NestedQuery

/** One end of a range. */
export type Bound<T> = { readonly value: T; readonly inclusive: boolean }

/** Everything, with a constant score. */
export type AllQuery = { readonly kind: 'all'; readonly boost: number }

/** Nothing. */
export type NoneQuery = { readonly kind: 'none' }

/** Documents with one of these ids; constant score. */
export type IdsQuery = { readonly kind: 'ids'; readonly ids: ReadonlySet<string>; readonly boost: number }

/** Documents with a value in one of these fields; constant score. */
export type ExistsQuery = {
  readonly kind: 'exists'
  readonly fields: readonly string[]
  readonly boost: number
}

/** One exact term of a keyword or text field, scored by how rare and how frequent it is. */
export type TermQuery = {
  readonly kind: 'term'
  readonly field: string
  readonly term: string
  readonly boost: number
}

/** Any of several exact terms of a keyword or text field; constant score. */
export type TermsQuery = {
  readonly kind: 'terms'
  readonly field: string
  readonly terms: ReadonlySet<string>
  readonly boost: number
}

/** Terms between two others in code-point order; constant score. Without bounds any term will do. */
export type TermRangeQuery = {
  readonly kind: 'termRange'
  readonly field: string
  readonly lower?: Bound<string>
  readonly upper?: Bound<string>
  readonly boost: number
}

/** Terms that start with `prefix`; constant score. */
export type PrefixQuery = {
  readonly kind: 'prefix'
  readonly field: string
  readonly prefix: string
  readonly boost: number
}

/** Terms that a matcher accepts; constant score. */
export type PatternQuery = {
  readonly kind: 'pattern'
  readonly field: string
  readonly matcher: TermMatcher
  /** Every accepted term starts with it; may be empty. */
  readonly literalPrefix: string
  /** Every accepted term has it somewhere; may be empty. */
  readonly contains: string
  readonly boost: number
}

/** Terms at most a few edits away, the nearest `expansionsMax` of the scope, scored by nearness and rarity. */
export type FuzzyQuery = {
  readonly kind: 'fuzzy'
  readonly field: string
  readonly term: string
  /** Every accepted term starts with it; may be empty. */
  readonly literalPrefix: string
  /** Edits between the query's term and another; undefined when there are more than allowed. */
  readonly distance: (term: string) => number | undefined
  readonly editsMax: number
  readonly expansionsMax: number
  readonly boost: number
}

/** Any of several numbers, dates or booleans; constant score. */
export type NumbersQuery = {
  readonly kind: 'numbers'
  readonly field: string
  readonly values: ReadonlySet<number>
  readonly boost: number
}

/** Numbers, dates or booleans between two others; constant score. */
export type NumberRangeQuery = {
  readonly kind: 'numberRange'
  readonly field: string
  readonly lower?: Bound<number>
  readonly upper?: Bound<number>
  readonly boost: number
}

/** Numbers or dates in any of several ranges; constant score. */
export type NumberRangesQuery = {
  readonly kind: 'numberRanges'
  readonly field: string
  /** First and last number of each, ascending and apart from each other. */
  readonly ranges: readonly (readonly [number, number])[]
  readonly boost: number
}

/** A term at its place in a phrase; places need not be consecutive. */
export type PhraseTerm = { readonly text: string; readonly position: number }

/** Terms in this order, with at most `slop` moves of a position; scored as one. */
export type PhraseQuery = {
  readonly kind: 'phrase'
  readonly field: string
  /** At least two. */
  readonly terms: readonly PhraseTerm[]
  readonly slop: number
  readonly boost: number
}

/** A phrase whose last place holds any of the first `expansionsMax` terms, in order, that start with a prefix. */
export type PhrasePrefixQuery = {
  readonly kind: 'phrasePrefix'
  readonly field: string
  /** May be empty. */
  readonly terms: readonly PhraseTerm[]
  readonly prefix: PhraseTerm
  readonly slop: number
  readonly expansionsMax: number
  readonly boost: number
}

/** The same word in several fields, scored as if they were one: the best field counts. */
export type BlendedQuery = {
  readonly kind: 'blended'
  readonly terms: readonly TermQuery[]
  readonly tieBreaker: number
  readonly boost: number
}

/** As many of the terms as the document's own number in `countField` demands. */
export type TermsSetQuery = {
  readonly kind: 'termsSet'
  readonly terms: readonly Query[]
  readonly countField: string
  readonly boost: number
}

/** All of `must` and `filter`, none of `mustNot`, and at least `shouldMin` of `should`; scores of must and should add up. */
export type BoolQuery = {
  readonly kind: 'bool'
  readonly must: readonly Query[]
  readonly filter: readonly Query[]
  readonly should: readonly Query[]
  readonly mustNot: readonly Query[]
  /** More than there are: nothing matches. */
  readonly shouldMin: number
  readonly boost: number
}

/** What the inner query finds, with a constant score. */
export type ConstantQuery = { readonly kind: 'constant'; readonly query: Query; readonly boost: number }

/** Any of the queries; the best score, and `tieBreaker` times the others. */
export type DisMaxQuery = {
  readonly kind: 'disMax'
  readonly queries: readonly Query[]
  readonly tieBreaker: number
  readonly boost: number
}

/** What `positive` finds, its score times `negativeBoost` where `negative` matches too. */
export type BoostingQuery = {
  readonly kind: 'boosting'
  readonly positive: Query
  readonly negative: Query
  readonly negativeBoost: number
  readonly boost: number
}

/** Documents of which one nested object satisfies the whole inner query. */
export type NestedQuery = {
  readonly kind: 'nested'
  readonly path: string
  readonly query: Query
  readonly scoreMode: 'avg' | 'sum' | 'min' | 'max' | 'none'
  readonly boost: number
}

/** Finds everything. */
export const MATCH_ALL: Query = { kind: 'all', boost: 1 }

/** Finds nothing. */
export const MATCH_NONE: Query = { kind: 'none' }

/** The query with its scores multiplied. */
export function boosted(query: Query, factor: number): Query {
  return query.kind === 'none' || factor === 1 ? query : { ...query, boost: query.boost * factor }
}
