import { lowerCase } from '../analyzer.ts'
import { parseDateBound, parseDatePeriod } from '../dates.ts'
import type { Field } from '../field-table.ts'
import { type Bound, MATCH_NONE, type Query } from '../filter.ts'
import { QueryError } from '../query-error.ts'
import { malformed, parseNumber, type Scalar, uncreatable } from './arguments.ts'
import { type ParseContext, TooManyClauses } from './context.ts'

/** How dates of a clause are read. */
export type DateOptions = { readonly format?: string; readonly timeZone?: string }

/**
 * The query for one exact value of a field: how every clause converts values.
 *
 * @throws {QueryError} `malformed` when the value can not be one of the field's.
 */
export function exactQuery(field: Field | '_id', value: Scalar, boost: number, context: ParseContext): Query {
  if (field === '_id') return { kind: 'ids', ids: new Set([String(value)]), boost }
  const path = field.path
  if (isTerms(field)) return { kind: 'term', field: path, term: termOf(field, String(value)), boost }
  if (field.type === 'date') return dateQuery(field, value, boost, context)

  const number = exactNumber(field, value)
  return number === undefined
    ? MATCH_NONE
    : { kind: 'numbers', field: path, values: new Set([number]), boost }
}

/** As `exactQuery`, for any of several values; the score does not tell how many. */
export function anyOfQuery(
  field: Field | '_id',
  values: readonly Scalar[],
  boost: number,
  context: ParseContext,
): Query {
  if (values.length === 0) return MATCH_NONE
  if (field === '_id') return { kind: 'ids', ids: new Set(values.map(String)), boost }
  if (isTerms(field)) {
    const terms = new Set(values.map((value) => termOf(field, String(value))))
    return { kind: 'terms', field: field.path, terms, boost }
  }
  if (field.type === 'date') {
    return anyDateQuery(field, values, boost, context)
  }
  const numbers = values.map((value) => exactNumber(field, value)).filter((number) => number !== undefined)
  return { kind: 'numbers', field: field.path, values: new Set(numbers), boost }
}

/** Whether the field holds terms: whole values for keyword, words for text. */
export function isTerms(field: Field): boolean {
  return field.type === 'keyword' || field.type === 'text'
}

/** The text as the field's index would hold it, without analysis. */
export function termOf(field: Field, text: string): string {
  return field.lowerCased ? lowerCase(text) : text
}

function dateQuery(field: Field, value: Scalar, boost: number, context: ParseContext): Query {
  const [first, last] = datePeriod(value, context)
  return {
    kind: 'numberRange',
    field: field.path,
    lower: { value: first, inclusive: true },
    upper: { value: last, inclusive: true },
    boost,
  }
}

function anyDateQuery(field: Field, values: readonly Scalar[], boost: number, context: ParseContext): Query {
  const numbers = values.filter((value) => typeof value === 'number')
  if (numbers.length === values.length) {
    return { kind: 'numbers', field: field.path, values: new Set(numbers.map(Math.floor)), boost }
  }
  const ranges = joinedRanges(values.map((value) => datePeriod(value, context)))
  return { kind: 'numberRanges', field: field.path, ranges, boost }
}

function datePeriod(value: Scalar, context: ParseContext): readonly [number, number] {
  return parseDatePeriod(readableDate(value, context), { now: context.now })
}

/** The same numbers in as few ranges as it takes, ascending. */
function joinedRanges(
  ranges: readonly (readonly [number, number])[],
): readonly (readonly [number, number])[] {
  const joined: [number, number][] = []
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = joined.at(-1)
    if (before === undefined || first > before[1]) joined.push([first, last])
    else before[1] = Math.max(before[1], last)
  }
  return joined
}

/** Epoch ms of a date; of the first or last instant of what it names. */
export function dateBound(
  value: Scalar,
  side: 'start' | 'end',
  options: DateOptions,
  context: ParseContext,
): number {
  return parseDateBound(readableDate(value, context), side, { now: context.now, ...options })
}

function readableDate(value: Scalar, context: ParseContext): string | number {
  if (typeof value === 'number') return value
  context.clauses.read(value)
  return String(value)
}

/** The number that a value stands for in a field; undefined when none of its values can be equal to it. */
function exactNumber(field: Field, value: Scalar): number | undefined {
  if (field.type === 'boolean') return booleanNumber(value)
  const number = numberOf(value)
  if (field.type === 'double') return number
  if (field.type === 'float') return Math.fround(number)
  return Number.isInteger(number) ? checkedWhole(field, number) : undefined
}

/** @throws {QueryError} `malformed` when there is no number in it. */
function numberOf(value: Scalar): number {
  if (typeof value === 'number') return value
  const text = String(value)
  const number = parseNumber(text)
  if (number !== undefined) return number
  throw uncreatable(text.trim() === '' ? 'empty String' : `For input string: "${text}"`)
}

function booleanNumber(value: Scalar): number {
  if (value === true || value === 'true') return 1
  if (value === false || value === 'false' || value === '') return 0
  throw uncreatable(`Can't parse boolean value [${value}], expected [true] or [false]`)
}

/** Bits of whole numbers that are not `long`. */
const WHOLE_BITS: Readonly<Partial<Record<Field['type'], number>>> = { integer: 32, short: 16, byte: 8 }
const LONG_BITS = 64

function checkedWhole(field: Field, number: number): number {
  const limit = 2 ** ((WHOLE_BITS[field.type] ?? LONG_BITS) - 1)
  if (number >= -limit && number <= limit) return number
  const article = field.type === 'integer' ? 'an' : 'a'
  throw uncreatable(`Value [${number}] is out of range for ${article} ${field.type}`)
}

/**
 * The end of a range over a numeric field. Of whole numbers a fraction is rounded inward.
 *
 * @throws {QueryError} `malformed`
 */
export function numberBound(
  field: Field,
  value: Scalar,
  side: 'lower' | 'upper',
  inclusive: boolean,
): Bound<number> {
  if (field.type === 'boolean') return { value: booleanNumber(value), inclusive }
  const number = numberOf(value)
  if (field.type === 'double') return { value: number, inclusive }
  if (field.type === 'float') return { value: Math.fround(number), inclusive }
  if (Number.isInteger(number)) return { value: checkedWhole(field, number), inclusive }
  const inward = side === 'lower' ? Math.ceil(number) : Math.floor(number)
  return { value: checkedWhole(field, inward), inclusive: true }
}

/**
 * Refuses clauses that only look at terms on fields that have none.
 *
 * @throws {QueryError} `malformed`
 */
export function requireTerms(clause: string, field: Field | '_id'): Field {
  if (field !== '_id' && isTerms(field)) return field
  const fields = clause === 'regexp' || clause === 'fuzzy' ? 'keyword and text' : 'keyword, text and wildcard'
  const { path, type } = field === '_id' ? { path: '_id', type: '_id' } : field
  throw malformed(
    `Can only use ${clause} queries on ${fields} fields - not on [${path}] which is of type [${type}]`,
  )
}

/** The query, or nothing when the value does not suit the field and leniency was asked for. */
export function leniently(lenient: boolean, make: () => Query): Query {
  if (!lenient) return make()
  try {
    return make()
  } catch (error) {
    if (!(error instanceof QueryError) || error instanceof TooManyClauses) throw error
    if (error.code !== 'malformed') throw error
    return MATCH_NONE
  }
}
