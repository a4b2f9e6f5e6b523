import type { PreparedDocument } from '../prepared-document.ts'
import type { MetricAggregation, MetricName, ValueSource } from './aggregation.ts'
import { numbersOf, valuesOf } from './values.ts'

/** An answer in Elasticsearch's shape. */
export type Answer = Readonly<Record<string, unknown>>

/** Numbers that a metric tells, which buckets can be sorted by. */
export const METRIC_PROPERTIES: Readonly<Record<MetricName, readonly string[]>> = {
  avg: ['value'],
  min: ['value'],
  max: ['value'],
  sum: ['value'],
  value_count: ['value'],
  cardinality: ['value'],
  stats: ['count', 'min', 'max', 'avg', 'sum'],
}

/** Carries out a calculation over all values of the documents. */
export function computeMetric(
  { metric, source }: MetricAggregation,
  documents: readonly PreparedDocument[],
): Answer {
  if (metric === 'value_count') return { value: total(documents, (one) => valuesOf(source, one).length) }
  if (metric === 'cardinality') {
    return { value: new Set(documents.flatMap((document) => valuesOf(source, document))).size }
  }
  const stats = statsOf(documents, source)
  if (metric !== 'stats') return withText({ value: stats[metric] }, source)
  return {
    count: stats.count,
    ...withText({ min: stats.min, max: stats.max, avg: stats.avg, sum: stats.sum }, source),
  }
}

type Stats = {
  readonly count: number
  readonly min: number | null
  readonly max: number | null
  readonly avg: number | null
  readonly sum: number
}

function statsOf(documents: readonly PreparedDocument[], source: ValueSource): Stats {
  let [count, sum, min, max] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const document of documents) {
    for (const value of numbersOf(source, document)) {
      count += 1
      sum += value
      min = Math.min(min, value)
      max = Math.max(max, value)
    }
  }
  return count === 0
    ? { count, sum, min: null, max: null, avg: null }
    : { count, sum, min, max, avg: sum / count }
}

function withText(numbers: Readonly<Record<string, number | null>>, { print }: ValueSource): Answer {
  if (print === undefined) return numbers
  const texts = Object.entries(numbers).flatMap(([name, number]) =>
    number === null ? [] : [[`${name}_as_string`, print(number)]],
  )
  return { ...numbers, ...Object.fromEntries(texts) }
}

function total<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0)
}
