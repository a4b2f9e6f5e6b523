import type { QueryScope } from '../elasticsearch.ts'
import type { Aggregations } from './aggregation.ts'

/** Where an aggregation stands. */
export type AggregationPlace = {
  readonly name: string
  readonly type: string
  readonly scope: QueryScope
  /** The aggregations in its buckets. */
  readonly inside: Aggregations
}
