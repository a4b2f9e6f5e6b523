import { compareCodePoints } from '../code-point-order.ts'
import type { Field } from '../field-table.ts'
import { type Bound, MATCH_NONE, type Query } from '../filter.ts'
import {
  type Argument,
  type Body,
  booleanArgument,
  COMMON,
  isBody,
  malformed,
  readArguments,
  type Scalar,
  scalarArgument,
  textArgument,
  uncreatable,
} from './arguments.ts'
import { type ParseContext, targetOf } from './context.ts'
import { type DateOptions, dateBound, isTerms, numberBound, termOf } from './values.ts'

/** Both ends of a range as a request states them. Absent: open. */
export type Range = {
  readonly lower?: Bound<Scalar>
  readonly upper?: Bound<Scalar>
}

const READERS = {
  ...COMMON,
  gt: scalarArgument,
  gte: scalarArgument,
  lt: scalarArgument,
  lte: scalarArgument,
  from: scalarArgument,
  to: scalarArgument,
  include_lower: booleanArgument,
  include_upper: booleanArgument,
  format: textArgument,
  time_zone: textArgument,
  relation: relationArgument,
}

/** `range` */
export function parseRange(body: Body, context: ParseContext): Query {
  const field = rangeField(body)
  const { boost = 1, format, time_zone: timeZone } = readArguments('range', field.body, READERS)
  const target = targetOf(field.name, context)
  if (target === undefined) return MATCH_NONE
  if (target === '_id') throw uncreatable('Field [_id] of type [_id] does not support range queries')

  const dates = { ...(format !== undefined && { format }), ...(timeZone !== undefined && { timeZone }) }
  return rangeQuery(target, readBounds(field.body), boost, dates, context)
}

function rangeField(body: Body): { readonly name: string; readonly body: Body } {
  let found: { readonly name: string; readonly body: Body } | undefined
  for (const [name, value] of Object.entries(body)) {
    if (isBody(value)) {
      if (found !== undefined) {
        throw malformed(`[range] query doesn't support multiple fields, found [${found.name}] and [${name}]`)
      }
      found = { name, body: value }
    } else if (name !== '_name') {
      throw malformed(`[range] query does not support [${name}]`)
    }
  }
  if (found === undefined || found.name === '') throw malformed('field name is null or empty')
  return found
}

/** Bounds in the order of the request: of two for the same end, the later one counts. */
function readBounds(body: Body): Range {
  let lower: Scalar | undefined
  let upper: Scalar | undefined
  let includeLower = true
  let includeUpper = true
  for (const [name, given] of Object.entries(body)) {
    const value = given === null ? undefined : given
    if (name === 'from' || name === 'gt' || name === 'gte') {
      lower = value === undefined ? undefined : scalarArgument({ clause: 'range', name, value })
    }
    if (name === 'to' || name === 'lt' || name === 'lte') {
      upper = value === undefined ? undefined : scalarArgument({ clause: 'range', name, value })
    }
    if (name === 'gt' || name === 'gte') includeLower = name === 'gte'
    if (name === 'lt' || name === 'lte') includeUpper = name === 'lte'
    if (name === 'include_lower') includeLower = booleanArgument({ clause: 'range', name, value })
    if (name === 'include_upper') includeUpper = booleanArgument({ clause: 'range', name, value })
  }
  return {
    ...(lower !== undefined && { lower: { value: lower, inclusive: includeLower } }),
    ...(upper !== undefined && { upper: { value: upper, inclusive: includeUpper } }),
  }
}

function relationArgument(argument: Argument): string {
  const relation = textArgument(argument)
  const name = relation.toUpperCase()
  if (name === 'DISJOINT') throw malformed(`[range] query does not support relation [${relation}]`)
  if (name === 'INTERSECTS' || name === 'CONTAINS' || name === 'WITHIN') return name
  throw malformed(`${relation} is not a valid relation`)
}

/** A range over any kind of field; without bounds, every value. */
export function rangeQuery(
  field: Field,
  range: Range,
  boost: number,
  dates: DateOptions,
  context: ParseContext,
): Query {
  if (range.lower === undefined && range.upper === undefined) {
    return { kind: 'exists', fields: [field.path], boost }
  }
  return isTerms(field) ? termRange(field, range, boost) : numberRange(field, range, boost, dates, context)
}

function termRange(field: Field, range: Range, boost: number): Query {
  const bound = (given: Bound<Scalar>): Bound<string> => ({
    value: termOf(field, String(given.value)),
    inclusive: given.inclusive,
  })
  const lower = range.lower && bound(range.lower)
  const upper = range.upper && bound(range.upper)
  if (lower !== undefined && upper !== undefined && compareCodePoints(lower.value, upper.value) > 0) {
    return MATCH_NONE
  }
  return {
    kind: 'termRange',
    field: field.path,
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined && { upper }),
    boost,
  }
}

function numberRange(
  field: Field,
  range: Range,
  boost: number,
  dates: DateOptions,
  context: ParseContext,
): Query {
  const bound = (given: Bound<Scalar>, side: 'lower' | 'upper'): Bound<number> => {
    if (field.type !== 'date') return numberBound(field, given.value, side, given.inclusive)
    const wanted = (side === 'lower') === given.inclusive ? 'start' : 'end'
    return { value: dateBound(given.value, wanted, dates, context), inclusive: given.inclusive }
  }
  return {
    kind: 'numberRange',
    field: field.path,
    ...(range.lower !== undefined && { lower: bound(range.lower, 'lower') }),
    ...(range.upper !== undefined && { upper: bound(range.upper, 'upper') }),
    boost,
  }
}
