import { lowerCase } from '../analyzer.ts'
import { parseDateBound } from '../dates.ts'
import type { Field } from '../field-table.ts'
import { type Bound, MATCH_NONE, type Query } from '../filter.ts'
import { QueryError } from '../query-error.ts'
import { malformed, parseNumber, type Scalar, uncreatable } from './arguments.ts'
import type { ParseContext } from './context.ts'

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
    const queries = values.map((value) => dateQuery(field, value, 1, context))
    return { kind: 'constant', query: { kind: 'disMax', queries, tieBreaker: 0, boost: 1 }, boost }
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
  return {
    kind: 'numberRange',
    field: field.path,
    lower: { value: dateBound(value, 'start', {}, context), inclusive: true },
    upper: { value: dateBound(value, 'end', {}, context), inclusive: true },
    boost,
  }
}

/** Epoch ms of a date; of the first or last instant of what it names. */
export function dateBound(
  value: Scalar,
  side: 'start' | 'end',
  options: DateOptions,
  context: ParseContext,
): number {
  const date = typeof value === 'boolean' ? String(value) : value
  return parseDateBound(date, side, { now: context.now, ...options })
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

const WHOLE_BITS: Readonly<Partial<Record<Field['type'], number>>> = {
  long: 64,
  integer: 32,
  short: 16,
  byte: 8,
}

function checkedWhole(field: Field, number: number): number {
  const limit = 2 ** ((WHOLE_BITS[field.type] ?? 64) - 1)
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
    if (error instanceof QueryError && error.code === 'malformed') return MATCH_NONE
    throw error
  }
}
