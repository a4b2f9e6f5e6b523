import { compareCodePoints } from '../code-point-order.ts'
import { ALL_REGEXP_FLAGS, compileRegexp } from '../lucene-regexp.ts'
import type { PreparedDocument } from '../prepared-document.ts'
import { QueryError } from '../query-error.ts'
import type { StepBudget } from '../step-budget.ts'
import type {
  BucketOrder,
  FiltersAggregation,
  HistogramAggregation,
  RangeAggregation,
  TermsAggregation,
  Value,
  ValueTest,
} from './aggregation.ts'
import type { Answer } from './metrics.ts'
import { numbersOf, printDouble, valuesOf } from './values.ts'

/** Buckets of one answer, over all levels. */
const BUCKETS_MAX = 65_536
/** States of the automaton of an `include` or `exclude` pattern. */
const PATTERN_STATES_MAX = 10_000

/** Counts buckets and refuses too many. */
export class BucketCounter {
  #buckets = 0

  /** @throws {QueryError} `too_expensive` */
  add(): void {
    this.#buckets += 1
    if (this.#buckets <= BUCKETS_MAX) return
    throw new QueryError(
      'too_expensive',
      `Trying to create too many buckets. Must be less than or equal to: [${BUCKETS_MAX}] but was ` +
        `[${this.#buckets}]. This limit can be set by changing the [search.max_buckets] cluster level setting.`,
    )
  }
}

/** What buckets need from outside. */
export type BucketTools = {
  /** Answers of the aggregations inside a bucket. */
  readonly inside: (documents: readonly PreparedDocument[]) => Answer
  readonly counter: BucketCounter
  readonly budget: StepBudget
}

type Bucket<K> = { readonly key: K; readonly documents: PreparedDocument[] }

/** One bucket for each value. */
export function computeTerms(
  aggregation: TermsAggregation,
  documents: readonly PreparedDocument[],
  tools: BucketTools,
): Answer {
  const { source, orders, size, countMin } = aggregation
  const accepts = valueFilter(aggregation, tools.budget)
  const buckets = group(documents, (document) => valuesOf(source, document).filter(accepts), tools)
  const sorted = sortBuckets(
    buckets.filter((bucket) => bucket.documents.length >= countMin),
    orders,
    tools,
  )
  const shown = sorted.slice(0, size)
  return {
    doc_count_error_upper_bound: 0,
    sum_other_doc_count: countOf(buckets) - countOf(shown),
    buckets: shown.map((bucket) => keyedBucket(bucket, source.print, tools)),
  }
}

/** One bucket for each range, also for empty ones. */
export function computeRanges(
  { source, ranges, isKeyed }: RangeAggregation,
  documents: readonly PreparedDocument[],
  tools: BucketTools,
): Answer {
  const { print } = source
  const buckets = ranges.map(({ key, from, to }) => {
    const isWithin = (value: number) =>
      (from === undefined || value >= from) && (to === undefined || value < to)
    const within = documents.filter((document) => numbersOf(source, document).some(isWithin))
    tools.counter.add()
    const answer = {
      ...(from !== undefined && { from, ...(print && { from_as_string: print(from) }) }),
      ...(to !== undefined && { to, ...(print && { to_as_string: print(to) }) }),
      doc_count: within.length,
      ...tools.inside(within),
    }
    return { name: key, answer: isKeyed ? answer : { key, ...answer } }
  })
  return named(buckets, isKeyed)
}

/** One bucket for each interval. */
export function computeHistogram(
  aggregation: HistogramAggregation,
  documents: readonly PreparedDocument[],
  tools: BucketTools,
): Answer {
  const { source, intervals, hardBounds, isKeyed, orders, countMin } = aggregation
  const isWithin = (value: number) =>
    value >= (hardBounds?.min ?? Number.NEGATIVE_INFINITY) &&
    value <= (hardBounds?.max ?? Number.POSITIVE_INFINITY)
  const filled = group(
    documents,
    (document) =>
      numbersOf(source, document)
        .filter(isWithin)
        .map((value) => intervals.start(value)),
    tools,
  )
  const buckets =
    countMin === 0
      ? withEmptyBuckets(filled, aggregation, tools)
      : filled.filter((one) => one.documents.length >= countMin)
  const { print } = source
  const answers = sortBuckets(buckets, orders, tools).map((bucket) => ({
    name: print === undefined ? printDouble(bucket.key) : print(bucket.key),
    answer: keyedBucket(bucket, print, tools),
  }))
  return named(answers, isKeyed)
}

/** One bucket for each query. */
export function computeFilters(
  { filters, otherName, isKeyed }: FiltersAggregation,
  documents: readonly PreparedDocument[],
  tools: BucketTools,
  matcherOf: (
    query: FiltersAggregation['filters'][number]['query'],
  ) => (document: PreparedDocument) => boolean,
): Answer {
  const tests = filters.map(({ name, query }) => ({ name, matches: matcherOf(query) }))
  const groups = tests.map(({ name, matches }) => ({ name, found: documents.filter(matches) }))
  if (otherName !== undefined) {
    const found = documents.filter((document) => !tests.some(({ matches }) => matches(document)))
    groups.push({ name: otherName, found })
  }
  const buckets = groups.map(({ name, found }) => {
    tools.counter.add()
    return { name, answer: { doc_count: found.length, ...tools.inside(found) } }
  })
  return named(buckets, isKeyed)
}

/** Puts each document once into the bucket of each of its keys. */
function group<K extends Value>(
  documents: readonly PreparedDocument[],
  keysOf: (document: PreparedDocument) => readonly K[],
  tools: BucketTools,
): readonly Bucket<K>[] {
  const buckets = new Map<K, Bucket<K>>()
  for (const document of documents) {
    for (const key of new Set(keysOf(document))) {
      let bucket = buckets.get(key)
      if (bucket === undefined) {
        tools.counter.add()
        bucket = { key, documents: [] }
        buckets.set(key, bucket)
      }
      bucket.documents.push(document)
    }
  }
  return [...buckets.values()]
}

function withEmptyBuckets(
  filled: readonly Bucket<number>[],
  { intervals, extendedBounds }: HistogramAggregation,
  tools: BucketTools,
): readonly Bucket<number>[] {
  const bounds = [extendedBounds?.min, extendedBounds?.max].filter((bound) => bound !== undefined)
  const starts = [...filled.map((bucket) => bucket.key), ...bounds.map((bound) => intervals.start(bound))]
  if (starts.length === 0) return filled
  const known = new Map(filled.map((bucket) => [bucket.key, bucket]))
  const all: Bucket<number>[] = []
  const first = starts.reduce((least, start) => Math.min(least, start))
  const last = starts.reduce((most, start) => Math.max(most, start))
  for (const key of intervals.between(first, last)) {
    const bucket = known.get(key)
    if (bucket === undefined) tools.counter.add()
    all.push(bucket ?? { key, documents: [] })
  }
  return all
}

function sortBuckets<K extends Value>(
  buckets: readonly Bucket<K>[],
  orders: readonly BucketOrder[],
  tools: BucketTools,
): readonly Bucket<K>[] {
  const numbers = new Map<Bucket<K>, readonly (number | undefined)[]>()
  if (orders.some((order) => typeof order.by === 'object')) {
    for (const bucket of buckets) {
      const inside = tools.inside(bucket.documents)
      numbers.set(
        bucket,
        orders.map((order) => (typeof order.by === 'object' ? numberAt(inside, order.by) : undefined)),
      )
    }
  }
  const compare = (left: Bucket<K>, right: Bucket<K>): number => {
    for (const [index, order] of orders.entries()) {
      const sign = order.isAscending ? 1 : -1
      if (order.by === 'key' && left.key !== right.key) return sign * compareValues(left.key, right.key)
      if (order.by === 'count' && left.documents.length !== right.documents.length) {
        return sign * (left.documents.length - right.documents.length)
      }
      if (typeof order.by === 'object') {
        const result = compareNumbers(numbers.get(left)?.[index], numbers.get(right)?.[index], sign)
        if (result !== 0) return result
      }
    }
    return compareValues(left.key, right.key)
  }
  return [...buckets].sort(compare)
}

/** A bucket without the number comes last in either direction. */
function compareNumbers(left: number | undefined, right: number | undefined, sign: number): number {
  if (left === undefined || right === undefined)
    return Number(left === undefined) - Number(right === undefined)
  return sign * (left - right)
}

function compareValues(left: Value, right: Value): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return compareCodePoints(String(left), String(right))
}

function numberAt(
  answer: Answer,
  { name, property }: { readonly name: string; readonly property: string },
): number | undefined {
  const inner = answer[name]
  if (typeof inner !== 'object' || inner === null) return undefined
  const number: unknown = Object.entries(inner).find(([key]) => key === property)?.[1]
  return typeof number === 'number' ? number : undefined
}

function keyedBucket(
  bucket: Bucket<Value>,
  print: ((value: number) => string) | undefined,
  tools: BucketTools,
): Answer {
  const { key, documents } = bucket
  return {
    ...(print !== undefined && typeof key === 'number' && { key_as_string: print(key) }),
    key,
    doc_count: documents.length,
    ...tools.inside(documents),
  }
}

function named(
  buckets: readonly { readonly name: string; readonly answer: Answer }[],
  isKeyed: boolean,
): Answer {
  return {
    buckets: isKeyed
      ? Object.fromEntries(buckets.map(({ name, answer }) => [name, answer]))
      : buckets.map(({ answer }) => answer),
  }
}

function countOf(buckets: readonly Bucket<Value>[]): number {
  return buckets.reduce((count, bucket) => count + bucket.documents.length, 0)
}

function valueFilter(
  { included, excluded }: TermsAggregation,
  budget: StepBudget,
): (value: Value) => boolean {
  const isIncluded = included && valueTest(included, budget)
  const isExcluded = excluded && valueTest(excluded, budget)
  return (value) => isIncluded?.(value) !== false && isExcluded?.(value) !== true
}

function valueTest(test: ValueTest, budget: StepBudget): (value: Value) => boolean {
  if (test.kind === 'values') return (value) => test.values.has(value)
  const options = { caseInsensitive: false, statesMax: PATTERN_STATES_MAX }
  const matcher = compileRegexp(test.pattern, ALL_REGEXP_FLAGS, options)
  return (value) => matcher.matches(String(value), budget)
}
