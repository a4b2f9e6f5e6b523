import type { DateUnit } from '../date-math.ts'
import {
  type Argument,
  type Body,
  booleanArgument,
  isBody,
  isScalar,
  malformed,
  numberArgument,
  readArguments,
  type Scalar,
  textArgument,
} from '../elasticsearch/arguments.ts'
import { parseTimeZone, UTC } from '../time-zones.ts'
import type { BucketOrder, HistogramAggregation, Intervals, ValueBounds } from './aggregation.ts'
import type { AggregationPlace } from './aggregation-place.ts'
import { calendarIntervals, numberIntervals, timeIntervals } from './intervals.ts'
import { orderArgument } from './read-order.ts'
import {
  countArgument,
  dateValue,
  NUMBER_TYPES,
  numberValue,
  SOURCE_ARGUMENTS,
  sourceOf,
} from './read-source.ts'

const BY_KEY: readonly BucketOrder[] = [{ by: 'key', isAscending: true }]

const READERS = {
  ...SOURCE_ARGUMENTS,
  min_doc_count: countArgument(0),
  keyed: booleanArgument,
  extended_bounds: boundsArgument,
  hard_bounds: boundsArgument,
}

/** Reads `histogram`. */
export function readHistogram(body: Body, place: AggregationPlace): HistogramAggregation {
  const readers = {
    ...READERS,
    order: orderArgument(place.inside),
    interval: numberArgument,
    offset: numberArgument,
  }
  const given = readArguments('histogram', body, readers, 'field')
  const { interval } = given
  if (interval === undefined) throw malformed('Required [interval]')
  if (!(interval > 0)) throw malformed(`[interval] must be >0 for histogram aggregation [${place.name}]`)
  return {
    kind: 'histogram',
    source: sourceOf(given, place, NUMBER_TYPES),
    intervals: numberIntervals(interval, given.offset ?? 0),
    ...commonOf(given, numberValue),
  }
}

/** Reads `date_histogram`. */
export function readDateHistogram(body: Body, place: AggregationPlace): HistogramAggregation {
  const readers = {
    ...READERS,
    order: orderArgument(place.inside),
    interval: textArgument,
    calendar_interval: textArgument,
    fixed_interval: textArgument,
    offset: textArgument,
  }
  const given = readArguments('date_histogram', body, readers, 'field')
  return {
    kind: 'histogram',
    source: sourceOf(given, place, NUMBER_TYPES),
    intervals: dateIntervals(given),
    ...commonOf(given, (value) => dateValue(value, given, place.scope.now)),
  }
}

type Common = {
  readonly min_doc_count?: number
  readonly order?: readonly BucketOrder[]
  readonly keyed?: boolean
  readonly extended_bounds?: ReadBounds
  readonly hard_bounds?: ReadBounds
}

function commonOf(
  given: Common,
  toValue: (value: Scalar) => number,
): Omit<HistogramAggregation, 'kind' | 'source' | 'intervals'> {
  return {
    countMin: given.min_doc_count ?? 0,
    orders: given.order ?? BY_KEY,
    isKeyed: given.keyed ?? false,
    ...(given.extended_bounds !== undefined && { extendedBounds: boundsOf(given.extended_bounds, toValue) }),
    ...(given.hard_bounds !== undefined && { hardBounds: boundsOf(given.hard_bounds, toValue) }),
  }
}

const CALENDAR_UNITS: Readonly<Record<string, DateUnit>> = {
  second: 'second',
  '1s': 'second',
  minute: 'minute',
  '1m': 'minute',
  hour: 'hour',
  '1h': 'hour',
  day: 'day',
  '1d': 'day',
  week: 'week',
  '1w': 'week',
  month: 'month',
  '1M': 'month',
  quarter: 'quarter',
  '1q': 'quarter',
  year: 'year',
  '1y': 'year',
}

type DateIntervalArguments = {
  readonly interval?: string
  readonly calendar_interval?: string
  readonly fixed_interval?: string
  readonly offset?: string
  readonly time_zone?: string
}

function dateIntervals(given: DateIntervalArguments): Intervals {
  const stated = [given.calendar_interval, given.fixed_interval, given.interval].filter(
    (text) => text !== undefined,
  )
  const [text] = stated
  if (text === undefined) throw malformed('Invalid interval specified, must be non-null and non-empty')
  if (stated.length > 1) throw malformed('Cannot use [interval] with [fixed_interval] or [calendar_interval]')

  const zone = given.time_zone === undefined ? UTC : parseTimeZone(given.time_zone)
  const offset = given.offset === undefined ? 0 : parseOffset(given.offset)
  const unit = Object.hasOwn(CALENDAR_UNITS, text) ? CALENDAR_UNITS[text] : undefined
  if (unit !== undefined && given.fixed_interval === undefined) return calendarIntervals(unit, zone, offset)
  if (given.calendar_interval !== undefined) {
    throw malformed(`The supplied interval [${text}] could not be parsed as a calendar interval.`)
  }
  const length = parseTime(text)
  if (length === undefined) {
    throw malformed(
      `failed to parse setting [date_histogram.fixedInterval] with value [${text}] as a time value: unit is missing or ` +
        'unrecognized',
    )
  }
  if (length < 1) throw malformed('[interval] must be 1 or greater for aggregation [date_histogram]')
  return timeIntervals(length, zone, offset)
}

const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Milliseconds of a length of time such as `90m`; undefined when it is none. */
function parseTime(text: string): number | undefined {
  const [, digits, unit = ''] = /^([0-9]{1,15})(ms|s|m|h|d)$/.exec(text) ?? []
  const length = TIME_UNITS[unit]
  return digits === undefined || length === undefined ? undefined : Number(digits) * length
}

function parseOffset(text: string): number {
  const length = parseTime(text.replace(/^[+-]/, ''))
  if (length === undefined) throw malformed(`failed to parse [offset] with value [${text}] as a time value`)
  return text.startsWith('-') ? -length : length
}

type ReadBounds = { readonly min?: Scalar; readonly max?: Scalar }

function boundsArgument({ name, value }: Argument): ReadBounds {
  if (!isBody(value)) throw malformed(`[${name}] must be an object`)
  const read: { min?: Scalar; max?: Scalar } = {}
  for (const [end, bound] of Object.entries(value)) {
    if (end !== 'min' && end !== 'max') throw malformed(`[${name}] unknown field [${end}]`)
    if (bound === null || bound === undefined) continue
    if (!isScalar(bound)) throw malformed(`[${name}] [${end}] must be a string or a number`)
    read[end] = bound
  }
  return read
}

function boundsOf({ min, max }: ReadBounds, toValue: (value: Scalar) => number): ValueBounds {
  const bounds = {
    ...(min !== undefined && { min: toValue(min) }),
    ...(max !== undefined && { max: toValue(max) }),
  }
  if (bounds.min !== undefined && bounds.max !== undefined && bounds.min > bounds.max) {
    throw malformed(`[min bound] cannot be greater than [max bound]: [${bounds.min}] and [${bounds.max}]`)
  }
  return bounds
}
