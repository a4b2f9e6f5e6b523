import { DEFAULT_DATE_FORMAT, parseDateFormat } from '../date-formats.ts'
import { parseDateBound } from '../dates.ts'
import {
  type Argument,
  type Body,
  malformed,
  parseNumber,
  type ReadBy,
  type Readers,
  readArguments,
  type Scalar,
  scalarArgument,
  textArgument,
} from '../elasticsearch/arguments.ts'
import { findField, type LeafType } from '../field-table.ts'
import { parseTimeZone, UTC } from '../time-zones.ts'
import type { Value, ValueSource } from './aggregation.ts'
import type { AggregationPlace } from './aggregation-place.ts'

/** Arguments that say where values come from. */
export const SOURCE_ARGUMENTS = {
  field: textArgument,
  missing: scalarArgument,
  format: textArgument,
  time_zone: textArgument,
  value_type: textArgument,
} as const satisfies Readers

/** What `readArguments` makes of them. */
export type SourceArguments = ReadBy<typeof SOURCE_ARGUMENTS>

/** The source of an aggregation that has no other arguments. */
export function readSource(body: Body, place: AggregationPlace): ValueSource {
  return sourceOf(readArguments(place.type, body, SOURCE_ARGUMENTS, 'field'), place)
}

/**
 * Checks the arguments that say where values come from. `types` are those that the aggregation can work with; absent:
 * all but text.
 *
 * @throws {QueryError} `malformed`
 */
export function sourceOf(
  given: SourceArguments,
  { type: aggregation, scope }: AggregationPlace,
  types?: ReadonlySet<LeafType>,
): ValueSource {
  const { field: path, missing } = given
  if (path === undefined) {
    throw malformed('Required one of fields [field, script], but none were specified. ')
  }
  if (path === '_id' && types === undefined) return { path, type: 'keyword' }
  const field = findField(scope.mapping, path)
  // Values of nested objects are not those of the document, which is all that is aggregated here.
  if (field === undefined || field.nestedPath !== undefined) {
    const value = missing === undefined ? undefined : missingValue(missing, undefined, given, scope.now)
    return { path, ...(value !== undefined && { missing: value }) }
  }
  const { type } = field
  if (type === 'text') {
    throw malformed(
      'Text fields are not optimised for operations that require per-document field data like aggregations and ' +
        'sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, ' +
        `set fielddata=true on [${path}] in order to load field data by uninverting the inverted index. ` +
        'Note that this can use significant memory.',
    )
  }
  if (types !== undefined && !types.has(type)) {
    throw malformed(`Field [${path}] of type [${type}] is not supported for aggregation [${aggregation}]`)
  }
  const print = printerOf(type, given)
  return {
    path,
    type,
    ...(missing !== undefined && { missing: missingValue(missing, type, given, scope.now) }),
    ...(print !== undefined && { print }),
  }
}

/** Types whose values are numbers. */
export const NUMBER_TYPES: ReadonlySet<LeafType> = new Set([
  'long',
  'integer',
  'short',
  'byte',
  'double',
  'float',
  'date',
  'boolean',
])

function printerOf(type: LeafType, given: SourceArguments): ValueSource['print'] {
  if (type === 'boolean') return (value) => (value === 0 ? 'false' : 'true')
  if (type !== 'date') return undefined
  const format = parseDateFormat(given.format ?? DEFAULT_DATE_FORMAT)
  const zone = given.time_zone === undefined ? UTC : parseTimeZone(given.time_zone)
  return (value) => format.print(value, zone)
}

function missingValue(
  missing: Scalar,
  type: LeafType | undefined,
  given: SourceArguments,
  now: number,
): Value {
  if (type === undefined) return typeof missing === 'number' ? missing : String(missing)
  if (type === 'keyword') return String(missing)
  if (type === 'boolean') return booleanValue(missing)
  if (type === 'date') return dateValue(missing, given, now)
  return numberValue(missing)
}

/** What stands for a boolean among values: everything but true is false. */
export function booleanValue(value: Scalar): number {
  return value === true || value === 'true' || value === 1 ? 1 : 0
}

/** A number, or the one in a text. */
export function numberValue(value: Scalar): number {
  const number = typeof value === 'number' ? value : parseNumber(String(value))
  if (number === undefined) throw malformed(`For input string: "${value}"`)
  return number
}

/** The instant of a date in an aggregation: the first of what it names. */
export function dateValue(value: Scalar, given: SourceArguments, now: number): number {
  return parseDateBound(typeof value === 'boolean' ? String(value) : value, 'start', {
    now,
    ...(given.format !== undefined && { format: given.format }),
    ...(given.time_zone !== undefined && { timeZone: given.time_zone }),
  })
}

/** A whole number, at least `min`. */
export function countArgument(min: number): (argument: Argument) => number {
  return (argument) => {
    const value = numberValue(scalarArgument(argument))
    if (Number.isInteger(value) && value >= min) return value
    const least = min === 0 ? 'greater than or equal to 0' : `greater than ${min - 1}`
    throw malformed(`[${argument.name}] must be ${least}. Found [${value}] in [${argument.clause}]`)
  }
}
