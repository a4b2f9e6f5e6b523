import {
  type Argument,
  type Body,
  booleanArgument,
  isBody,
  isScalar,
  malformed,
  readArguments,
  type Scalar,
} from '../elasticsearch/arguments.ts'
import type { RangeAggregation, ValueRange } from './aggregation.ts'
import type { AggregationPlace } from './aggregation-place.ts'
import { dateValue, NUMBER_TYPES, numberValue, SOURCE_ARGUMENTS, sourceOf } from './read-source.ts'
import { printDouble } from './values.ts'

/** Ranges of one aggregation. */
const RANGES_MAX = 1024

const READERS = { ...SOURCE_ARGUMENTS, ranges: rangesArgument, keyed: booleanArgument }

/** Reads `range`. */
export function readRange(body: Body, place: AggregationPlace): RangeAggregation {
  return readRanges(body, place, () => ({ toValue: numberValue, print: printDouble }))
}

/** Reads `date_range`. */
export function readDateRange(body: Body, place: AggregationPlace): RangeAggregation {
  return readRanges(body, place, (given, print) => ({
    toValue: (value) => dateValue(value, given, place.scope.now),
    print,
  }))
}

type Given = Parameters<typeof dateValue>[1]
type Ends = { readonly toValue: (value: Scalar) => number; readonly print: (value: number) => string }

function readRanges(
  body: Body,
  place: AggregationPlace,
  endsOf: (given: Given, print: (value: number) => string) => Ends,
): RangeAggregation {
  const given = readArguments(place.type, body, READERS, 'field')
  if (given.ranges === undefined || given.ranges.length === 0) {
    throw malformed(`No [ranges] specified for the [${place.name}] aggregation`)
  }
  const source = sourceOf(given, place, NUMBER_TYPES)
  const ends = endsOf(given, source.print ?? printDouble)
  const ranges = given.ranges.map((range) => rangeOf(range, ends))
  return { kind: 'range', source, ranges: ranges.sort(compareRanges), isKeyed: given.keyed ?? false }
}

function rangeOf({ key, from, to }: ReadRange, { toValue, print }: Ends): ValueRange {
  const low = from === undefined ? undefined : toValue(from)
  const high = to === undefined ? undefined : toValue(to)
  const name = [low, high].map((end) => (end === undefined ? '*' : print(end))).join('-')
  return {
    key: key ?? name,
    ...(low !== undefined && { from: low }),
    ...(high !== undefined && { to: high }),
  }
}

function compareRanges(left: ValueRange, right: ValueRange): number {
  const from = (left.from ?? Number.NEGATIVE_INFINITY) - (right.from ?? Number.NEGATIVE_INFINITY)
  const to = (left.to ?? Number.POSITIVE_INFINITY) - (right.to ?? Number.POSITIVE_INFINITY)
  // Two open ends differ by no number.
  return (Number.isNaN(from) ? 0 : from) || (Number.isNaN(to) ? 0 : to)
}

type ReadRange = { readonly key?: string; readonly from?: Scalar; readonly to?: Scalar }

function rangesArgument({ clause, value }: Argument): readonly ReadRange[] {
  if (!Array.isArray(value))
    throw malformed(`[${clause}] ranges doesn't support values of type: ${typeof value}`)
  const ranges: readonly unknown[] = value
  if (ranges.length > RANGES_MAX) throw malformed(`[${clause}] has more than ${RANGES_MAX} ranges`)
  return ranges.map((range) => {
    if (!isBody(range)) throw malformed(`[${clause}] ranges has to be an array of objects`)
    return readRangeBody(clause, range)
  })
}

function readRangeBody(clause: string, range: Body): ReadRange {
  const read: { key?: string; from?: Scalar; to?: Scalar } = {}
  for (const [name, value] of Object.entries(range)) {
    if (name !== 'key' && name !== 'from' && name !== 'to')
      throw malformed(`[${clause}] unknown field [${name}]`)
    if (value === null || value === undefined) continue
    if (!isScalar(value)) throw malformed(`[${clause}] [${name}] must be a string or a number`)
    if (name === 'key') read.key = String(value)
    else read[name] = value
  }
  return read
}
