import type { PreparedDocument } from './prepared-document.ts'
import { QueryError } from './query-error.ts'
/** One aggregation. */
export type Aggregation = { readonly kind: string }
/** Reads the aggregations of a search body. */
export function parseAggregations(_value: unknown, _scope: unknown): Readonly<Record<string, Aggregation>> {
  throw new QueryError('malformed', 'aggregations are not supported')
}
/** Answers aggregations. */
export function computeAggregations(
  _aggregations: Readonly<Record<string, Aggregation>>,
  _documents: Iterable<PreparedDocument>,
): Readonly<Record<string, unknown>> {
  return {}
}
