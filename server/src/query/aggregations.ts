import type { Aggregation, Aggregations, BucketAggregation } from './aggregations/aggregation.ts'
import {
  BucketCounter,
  type BucketTools,
  computeFilters,
  computeHistogram,
  computeRanges,
  computeTerms,
} from './aggregations/buckets.ts'
import { type Answer, computeMetric } from './aggregations/metrics.ts'
import { readAggregations } from './aggregations/read-aggregations.ts'
import { valuesOf } from './aggregations/values.ts'
import type { QueryScope } from './elasticsearch.ts'
import type { Query } from './filter.ts'
import type { PreparedDocument } from './prepared-document.ts'
import type { StepBudget } from './step-budget.ts'

export type { Aggregation, Aggregations } from './aggregations/aggregation.ts'

/**
 * Reads the `aggs` of a search body: by name, one aggregation each, with others inside its buckets. There are `terms`,
 * `range`, `date_range`, `histogram`, `date_histogram`, `missing`, `filter`, `filters`, `avg`, `min`, `max`, `sum`, `stats`,
 * `value_count` and `cardinality`.
 *
 * @throws {QueryError} `malformed` with Elasticsearch's reason, also for its other aggregations.
 */
export function parseAggregations(value: unknown, scope: QueryScope): Aggregations {
  return readAggregations(value, scope)
}

/** How aggregations are carried out. */
export type AggregationContext = {
  /** Whether a document matches a query of `queriesOfAggregations`. */
  readonly matcherOf: (query: Query) => (document: PreparedDocument) => boolean
  readonly budget: StepBudget
}

/**
 * Tells about documents what the aggregations ask for, in Elasticsearch's shape.
 *
 * @throws {QueryError} `too_expensive` when there are more than 65536 buckets, or the budget is spent.
 */
export function computeAggregations(
  aggregations: Aggregations,
  documents: Iterable<PreparedDocument>,
  context: AggregationContext,
): Answer {
  return new AggregationRun(context).answer(aggregations, [...documents])
}

/** The queries in the aggregations, which may need statistics of all documents before they can be judged. */
export function queriesOfAggregations(aggregations: Aggregations): readonly Query[] {
  return Object.values(aggregations).flatMap((aggregation) => {
    if (aggregation.kind === 'metric') return []
    const inside = queriesOfAggregations(aggregation.aggregations)
    if (aggregation.kind === 'filter') return [aggregation.query, ...inside]
    if (aggregation.kind === 'filters')
      return [...aggregation.filters.map((filter) => filter.query), ...inside]
    return inside
  })
}

class AggregationRun {
  readonly #context: AggregationContext
  readonly #counter = new BucketCounter()

  constructor(context: AggregationContext) {
    this.#context = context
  }

  answer(aggregations: Aggregations, documents: readonly PreparedDocument[]): Answer {
    return Object.fromEntries(
      Object.entries(aggregations).map(([name, aggregation]) => {
        this.#context.budget.spend(1 + documents.length)
        const answer = this.#compute(aggregation, documents)
        return [name, aggregation.meta === undefined ? answer : { meta: aggregation.meta, ...answer }]
      }),
    )
  }

  #compute(aggregation: Aggregation, documents: readonly PreparedDocument[]): Answer {
    if (aggregation.kind === 'metric') return computeMetric(aggregation, documents)
    return this.#computeBuckets(aggregation, documents)
  }

  #computeBuckets(aggregation: BucketAggregation, documents: readonly PreparedDocument[]): Answer {
    const inside = (found: readonly PreparedDocument[]) => this.answer(aggregation.aggregations, found)
    const tools: BucketTools = { inside, counter: this.#counter, budget: this.#context.budget }
    switch (aggregation.kind) {
      case 'terms':
        return computeTerms(aggregation, documents, tools)
      case 'range':
        return computeRanges(aggregation, documents, tools)
      case 'histogram':
        return computeHistogram(aggregation, documents, tools)
      case 'filters':
        return computeFilters(aggregation, documents, tools, this.#context.matcherOf)
      case 'filter': {
        const found = documents.filter(this.#context.matcherOf(aggregation.query))
        return { doc_count: found.length, ...inside(found) }
      }
      case 'missing': {
        const found = documents.filter((document) => valuesOf(aggregation.source, document).length === 0)
        return { doc_count: found.length, ...inside(found) }
      }
    }
  }
}
