import type { LeafType } from '../field-table.ts'
import type { Query } from '../filter.ts'

/** Aggregations by the names that their answers have. */
export type Aggregations = Readonly<Record<string, Aggregation>>

/** What to tell about the documents that a search finds; every name and value in it has been checked. */
export type Aggregation = { readonly meta?: unknown } & (MetricAggregation | BucketAggregation)

/** A calculation over the values of a field. */
export type MetricAggregation = {
  readonly kind: 'metric'
  readonly metric: MetricName
  readonly source: ValueSource
}

/** Calculations that give numbers. */
export type MetricName = 'avg' | 'min' | 'max' | 'sum' | 'stats' | 'value_count' | 'cardinality'

/** Puts documents into buckets; `aggregations` are carried out for each of them. */
export type BucketAggregation = { readonly aggregations: Aggregations } & (
  | TermsAggregation
  | RangeAggregation
  | HistogramAggregation
  /** Documents that have no value. */
  | { readonly kind: 'missing'; readonly source: ValueSource }
  | { readonly kind: 'filter'; readonly query: Query }
  | FiltersAggregation
)

/** A bucket for each value, the first `size` of them in an order. */
export type TermsAggregation = {
  readonly kind: 'terms'
  readonly source: ValueSource
  readonly size: number
  readonly countMin: number
  readonly orders: readonly BucketOrder[]
  readonly included?: ValueTest
  readonly excluded?: ValueTest
}

/** Values by a list, or by a regular expression that matches their whole text. */
export type ValueTest =
  | { readonly kind: 'values'; readonly values: ReadonlySet<Value> }
  | { readonly kind: 'regexp'; readonly pattern: string }

/** A bucket for each range, by its lower and then its upper end. */
export type RangeAggregation = {
  readonly kind: 'range'
  readonly source: ValueSource
  readonly ranges: readonly ValueRange[]
  readonly isKeyed: boolean
}

/** From `from`, included, to `to`, excluded; an absent end is open. */
export type ValueRange = { readonly key: string; readonly from?: number; readonly to?: number }

/** A bucket for each interval, also for empty ones between others when `countMin` is 0. */
export type HistogramAggregation = {
  readonly kind: 'histogram'
  readonly source: ValueSource
  readonly intervals: Intervals
  readonly countMin: number
  readonly orders: readonly BucketOrder[]
  /** Empty buckets reach at least so far. */
  readonly extendedBounds?: ValueBounds
  /** Buckets reach at most so far. */
  readonly hardBounds?: ValueBounds
  readonly isKeyed: boolean
}

/** Both ends are included; an absent one is open. */
export type ValueBounds = { readonly min?: number; readonly max?: number }

/** How a line of numbers is cut; an interval is known by its first number. */
export type Intervals = {
  /** First number of the interval that a number is in. */
  start(value: number): number
  /** First numbers of all intervals between two intervals, both included. */
  between(first: number, last: number): Iterable<number>
}

/** A bucket for each query, and perhaps one for what none of them finds. */
export type FiltersAggregation = {
  readonly kind: 'filters'
  readonly filters: readonly { readonly name: string; readonly query: Query }[]
  readonly otherName?: string
  readonly isKeyed: boolean
}

/** What buckets are sorted by: their key, their count, or a number of an aggregation in them. */
export type BucketOrder = {
  readonly by: 'key' | 'count' | { readonly name: string; readonly property: string }
  readonly isAscending: boolean
}

/** A value of a document as it is indexed: dates as epoch ms, booleans as 0 and 1. */
export type Value = string | number

/** Where values come from. */
export type ValueSource = {
  /** A field's path, or `_id`. */
  readonly path: string
  /** Absent when the field is not mapped, so that no document has values. */
  readonly type?: LeafType
  /** Taken for documents without values. */
  readonly missing?: Value
  /** How a number is told as text, in addition to the number; absent where Elasticsearch tells none. */
  readonly print?: (value: number) => string
}
