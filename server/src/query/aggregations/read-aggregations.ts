import { type Body, isBody, malformed, tokenOf } from '../elasticsearch/arguments.ts'
import { parseElasticsearch, type QueryScope } from '../elasticsearch.ts'
import type { Aggregation, Aggregations, BucketAggregation, FiltersAggregation } from './aggregation.ts'
import type { AggregationPlace } from './aggregation-place.ts'
import { readDateHistogram, readHistogram } from './read-histogram.ts'
import { readMetric } from './read-metric.ts'
import { readDateRange, readRange } from './read-range.ts'
import { readSource } from './read-source.ts'
import { readTerms } from './read-terms.ts'

/** Aggregations inside each other. */
const NESTING_MAX = 20
/** Aggregations of one search, over all levels. */
const AGGREGATIONS_MAX = 200

/** Reads aggregations by name; see `parseAggregations`. */
export function readAggregations(value: unknown, scope: QueryScope): Aggregations {
  return new AggregationReader(scope).read(value, 1)
}

type BucketKind<A = BucketAggregation> = A extends unknown ? Omit<A, 'aggregations'> : never

const BUCKETS: Readonly<Record<string, (body: Body, place: AggregationPlace) => BucketKind>> = {
  terms: readTerms,
  range: readRange,
  date_range: readDateRange,
  histogram: readHistogram,
  date_histogram: readDateHistogram,
  missing: (body, place) => ({ kind: 'missing', source: readSource(body, place) }),
  filter: (body, { scope }) => ({ kind: 'filter', query: parseElasticsearch(body, scope) }),
  filters: readFilters,
}

const METRICS = ['avg', 'min', 'max', 'sum', 'stats', 'value_count', 'cardinality'] as const

class AggregationReader {
  readonly #scope: QueryScope
  #count = 0

  constructor(scope: QueryScope) {
    this.#scope = scope
  }

  read(value: unknown, depth: number): Aggregations {
    if (!isBody(value))
      throw malformed(`Unexpected token [${tokenOf(value)}] in [aggs], expected [START_OBJECT]`)
    if (depth > NESTING_MAX) throw malformed(`Aggregations are nested more than ${NESTING_MAX} levels deep`)
    const entries = Object.entries(value).map(
      ([name, body]) => [name, this.#readOne(name, body, depth)] as const,
    )
    return Object.fromEntries(entries)
  }

  #readOne(name: string, body: unknown, depth: number): Aggregation {
    this.#count += 1
    if (this.#count > AGGREGATIONS_MAX) {
      throw malformed(`A search has more than ${AGGREGATIONS_MAX} aggregations, and that is the limit`)
    }
    if (/[[\]>]/.test(name) || name === '') {
      throw malformed(
        `Invalid aggregation name [${name}]. Aggregation names can contain any character except '[', ']', and '>'`,
      )
    }
    if (!isBody(body))
      throw malformed(
        `Aggregation definition for [${name} starts with a [${tokenOf(body)}], expected a [START_OBJECT].`,
      )

    const { type, definition } = soleDefinition(name, body)
    const inner = body['aggs'] ?? body['aggregations']
    const meta = body['meta']
    const common = isBody(meta) ? { meta } : {}
    const metric = METRICS.find((known) => known === type)
    if (metric !== undefined) {
      if (inner !== undefined) {
        throw malformed(`Aggregator [${name}] of type [${type}] cannot accept sub-aggregations`)
      }
      const place = { name, type, scope: this.#scope, inside: {} }
      return { ...common, ...readMetric(metric, definition, place) }
    }
    const readBucket = Object.hasOwn(BUCKETS, type) ? BUCKETS[type] : undefined
    if (readBucket === undefined) throw malformed(`Unknown aggregation type [${type}]`)
    const aggregations = inner === undefined ? {} : this.read(inner, depth + 1)
    const place = { name, type, scope: this.#scope, inside: aggregations }
    return { ...common, ...readBucket(definition, place), aggregations }
  }
}

const NOT_A_TYPE: ReadonlySet<string> = new Set(['aggs', 'aggregations', 'meta'])

function soleDefinition(name: string, body: Body): { readonly type: string; readonly definition: Body } {
  const [first, second] = Object.entries(body).filter(([key]) => !NOT_A_TYPE.has(key))
  if (first === undefined) throw malformed(`Missing definition for aggregation [${name}]`)
  if (second !== undefined) {
    throw malformed(`Found two aggregation type definitions in [${name}]: [${first[0]}] and [${second[0]}]`)
  }
  const [type, definition] = first
  if (!isBody(definition)) {
    throw malformed(
      `Expected [START_OBJECT] under [${type}], but got a [${tokenOf(definition)}] in [${name}]`,
    )
  }
  return { type, definition }
}

const OTHER_BUCKET = '_other_'

function readFilters(body: Body, { name, scope }: AggregationPlace): FiltersAggregation {
  for (const argument of Object.keys(body)) {
    if (!['filters', 'other_bucket', 'other_bucket_key', 'keyed'].includes(argument)) {
      throw malformed(`[filters] unknown field [${argument}]`)
    }
  }
  const given = body['filters']
  const queries: readonly (readonly [string, unknown])[] | undefined = Array.isArray(given)
    ? given.map((query: unknown, index) => [String(index), query] as const)
    : isBody(given)
      ? Object.entries(given)
      : undefined
  if (queries === undefined || queries.length === 0) {
    throw malformed(`[filters] cannot be empty in aggregation [${name}]`)
  }
  const otherKey = body['other_bucket_key']
  const hasOther = body['other_bucket'] === true || typeof otherKey === 'string'
  return {
    kind: 'filters',
    filters: queries.map(([key, query]) => ({ name: key, query: parseElasticsearch(query, scope) })),
    ...(hasOther && { otherName: typeof otherKey === 'string' ? otherKey : OTHER_BUCKET }),
    isKeyed: isBody(given),
  }
}
