import {
  type Argument,
  type Body,
  ignored,
  isScalar,
  malformed,
  readArguments,
} from '../elasticsearch/arguments.ts'
import { ALL_REGEXP_FLAGS, compileRegexp } from '../lucene-regexp.ts'
import type { BucketOrder, TermsAggregation, Value, ValueSource, ValueTest } from './aggregation.ts'
import type { AggregationPlace } from './aggregation-place.ts'
import { orderArgument } from './read-order.ts'
import {
  booleanValue,
  countArgument,
  dateValue,
  numberValue,
  SOURCE_ARGUMENTS,
  sourceOf,
} from './read-source.ts'

const SIZE = 10
const BY_COUNT: readonly BucketOrder[] = [{ by: 'count', isAscending: false }]

/** Reads `terms`. */
export function readTerms(body: Body, place: AggregationPlace): TermsAggregation {
  const readers = {
    ...SOURCE_ARGUMENTS,
    size: countArgument(1),
    min_doc_count: countArgument(0),
    order: orderArgument(place.inside),
    include: testArgument,
    exclude: testArgument,
    // Ways to spread the work over shards, of which there is one here.
    shard_size: ignored,
    shard_min_doc_count: ignored,
    show_term_doc_count_error: ignored,
    collect_mode: ignored,
    execution_hint: ignored,
  }
  const given = readArguments('terms', body, readers, 'field')
  const source = sourceOf(given, place)
  const convert = (test: ReadTest) =>
    valueTest(test, source, (value) => dateValue(value, given, place.scope.now))
  return {
    kind: 'terms',
    source,
    size: given.size ?? SIZE,
    countMin: given.min_doc_count ?? 1,
    orders: given.order ?? BY_COUNT,
    ...(given.include !== undefined && { included: convert(given.include) }),
    ...(given.exclude !== undefined && { excluded: convert(given.exclude) }),
  }
}

type ReadTest = readonly (string | number | boolean)[] | string

function testArgument({ name, value }: Argument): ReadTest {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) {
    const values: readonly unknown[] = value
    if (values.every(isScalar)) return values
  }
  throw malformed(`Unrecognized token in [${name}]`)
}

function valueTest(
  test: ReadTest,
  source: ValueSource,
  dateOf: (value: string | number | boolean) => number,
): ValueTest {
  if (typeof test === 'string') {
    if (source.type !== undefined && source.type !== 'keyword') {
      throw malformed(
        `Aggregation [terms] cannot support regular expression style include/exclude settings as they can only be ` +
          `applied to string fields. Use an array of values for include/exclude clauses`,
      )
    }
    // Compiled here only to refuse a wrong pattern now.
    compileRegexp(test, ALL_REGEXP_FLAGS, { caseInsensitive: false, statesMax: 1 })
    return { kind: 'regexp', pattern: test }
  }
  const toValue = (value: string | number | boolean): Value => {
    if (source.type === undefined || source.type === 'keyword') return String(value)
    if (source.type === 'date') return dateOf(value)
    if (source.type === 'boolean') return booleanValue(value)
    return numberValue(value)
  }
  return { kind: 'values', values: new Set(test.map(toValue)) }
}
