import { type Body, integerArgument, readArguments } from '../elasticsearch/arguments.ts'
import type { MetricAggregation, MetricName } from './aggregation.ts'
import type { AggregationPlace } from './aggregation-place.ts'
import { NUMBER_TYPES, SOURCE_ARGUMENTS, sourceOf } from './read-source.ts'

/** Reads a calculation; those that need numbers refuse other fields. */
export function readMetric(metric: MetricName, body: Body, place: AggregationPlace): MetricAggregation {
  const counts = metric === 'value_count' || metric === 'cardinality'
  // How exact a cardinality is; ours always is.
  const extra = metric === 'cardinality' ? { precision_threshold: integerArgument } : {}
  const given = readArguments(metric, body, { ...SOURCE_ARGUMENTS, ...extra }, 'field')
  return { kind: 'metric', metric, source: sourceOf(given, place, counts ? undefined : NUMBER_TYPES) }
}
