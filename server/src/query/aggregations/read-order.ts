import { type Argument, isBody, malformed, tokenOf } from '../elasticsearch/arguments.ts'
import type { Aggregations, BucketOrder } from './aggregation.ts'
import { METRIC_PROPERTIES } from './metrics.ts'

/** Sort keys of one aggregation. */
const ORDERS_MAX = 20

/** Reads the `order` of buckets: `{"_count": "desc"}`, also by a number inside the buckets, or several in an array. */
export function orderArgument(inside: Aggregations): (argument: Argument) => readonly BucketOrder[] {
  return ({ value }) => {
    const orders: readonly unknown[] = Array.isArray(value) ? value : [value]
    if (orders.length > ORDERS_MAX) throw malformed(`[order] has more than ${ORDERS_MAX} elements`)
    return orders.map((order) => readOrder(order, inside))
  }
}

function readOrder(order: unknown, inside: Aggregations): BucketOrder {
  if (!isBody(order)) throw malformed(`Unexpected token [${tokenOf(order)}] for [order]`)
  const [first, second] = Object.entries(order)
  if (first === undefined || second !== undefined) {
    throw malformed('Must specify at least one field for [order]')
  }
  const [by, direction] = first
  const text = String(direction).toLowerCase()
  if (text !== 'asc' && text !== 'desc') throw malformed(`Unknown order direction [${direction}]`)
  return { by: orderTarget(by, inside), isAscending: text === 'asc' }
}

function orderTarget(by: string, inside: Aggregations): BucketOrder['by'] {
  if (by === '_key' || by === '_term' || by === '_time') return 'key'
  if (by === '_count') return 'count'
  const [, name = '', inDots, inBrackets] = /^([^.[\]>]+)(?:\.([^.[\]>]+)|\[([^[\]>]+)\])?$/.exec(by) ?? []
  const aggregation = Object.hasOwn(inside, name) ? inside[name] : undefined
  const property = inDots ?? inBrackets
  if (aggregation === undefined) throw invalidPath(by, `Cannot find aggregation named [${name}]`)

  const isSingleBucket = aggregation.kind === 'filter' || aggregation.kind === 'missing'
  const properties =
    aggregation.kind === 'metric'
      ? METRIC_PROPERTIES[aggregation.metric]
      : isSingleBucket
        ? ['doc_count', '_count']
        : []
  const [only] = properties
  const chosen = property ?? (properties.length === 1 || isSingleBucket ? only : undefined)
  if (chosen === undefined || !properties.includes(chosen)) {
    throw invalidPath(by, `[${property ?? ''}] is no number of [${name}]`)
  }
  return { name, property: chosen === '_count' ? 'doc_count' : chosen }
}

function invalidPath(path: string, reason: string) {
  return malformed(`Invalid aggregation order path [${path}]. ${reason}`)
}
