import { QueryError } from '../query-error.ts'

/** A JSON object of a request. */
export type Body = Readonly<Record<string, unknown>>

/** A value that is neither null, an array nor an object. */
export type Scalar = string | number | boolean

/** An argument as it is read: its value, and where it stands for messages. */
export type Argument = { readonly clause: string; readonly name: string; readonly value: unknown }

/** Reads the arguments of a clause by name. */
export type Readers = Readonly<Record<string, (argument: Argument) => unknown>>

/** What `readArguments` gives: absent and null arguments are left out. */
export type ReadBy<R extends Readers> = { readonly [K in keyof R]?: Exclude<ReturnType<R[K]>, undefined> }

/** The refusal of everything that the language does not allow. */
export function malformed(message: string): QueryError {
  return new QueryError('malformed', message)
}

/** The refusal of a value that only the field's type rules out; Elasticsearch finds it when it runs the query. */
export function uncreatable(message: string): QueryError {
  return new QueryError('malformed', `failed to create query: ${message}`)
}

/** The refusal of a part of the language that is never answered here. */
export function forbiddenKeyword(keyword: string): QueryError {
  return new QueryError('forbidden_keyword', `The "${keyword}" keyword is not allowed in this query.`, {
    subject: keyword,
  })
}

/** True for JSON objects. */
export function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True for strings, numbers and booleans. */
export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** What Elasticsearch's messages call a value of this kind. */
export function tokenOf(value: unknown): string {
  if (value === null || value === undefined) return 'VALUE_NULL'
  if (Array.isArray(value)) return 'START_ARRAY'
  if (typeof value === 'object') return 'START_OBJECT'
  return `VALUE_${(typeof value).toUpperCase()}`
}

/** Arguments that every clause takes. */
export const COMMON = { boost: boostArgument, _name: ignored } as const

/**
 * Reads a clause's arguments.
 *
 * @throws {QueryError} `malformed` for an argument without reader: `[clause] query does not support [name]`, or
 *   `[clause] unknown field [name]` with `unknown: 'field'`, as the clause words it.
 */
export function readArguments<R extends Readers>(
  clause: string,
  body: Body,
  readers: R,
  unknown: 'query' | 'field' = 'query',
): ReadBy<R> {
  const read: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined
    if (reader === undefined) throw unknownArgument(clause, name, unknown)
    if (value === null || value === undefined) continue
    const result = reader({ clause, name, value })
    if (result !== undefined) read[name] = result
  }
  return read as ReadBy<R>
}

function unknownArgument(clause: string, name: string, unknown: 'query' | 'field'): QueryError {
  return unknown === 'field'
    ? malformed(`[${clause}] unknown field [${name}]`)
    : malformed(`[${clause}] query does not support [${name}]`)
}

/** Accepts anything and keeps nothing. */
export function ignored(): undefined {
  return undefined
}

/** Any string, number or boolean. */
export function scalarArgument({ clause, name, value }: Argument): Scalar {
  if (isScalar(value)) return value
  throw malformed(`[${clause}] unknown token [${tokenOf(value)}] after [${name}]`)
}

/** The text of a string, number or boolean. */
export function textArgument(argument: Argument): string {
  return String(scalarArgument(argument))
}

/** A number, or a string that holds one. */
export function numberArgument(argument: Argument): number {
  const value = scalarArgument(argument)
  const number = typeof value === 'number' ? value : parseNumber(String(value))
  if (number !== undefined) return number
  throw malformed(
    `[${argument.clause}] failed to parse field [${argument.name}]: For input string: "${value}"`,
  )
}

/** A whole number; fractions are cut off. */
export function integerArgument(argument: Argument): number {
  const number = Math.trunc(numberArgument(argument))
  if (Math.abs(number) <= INTEGER_MAX) return number
  throw malformed(`Numeric value (${number}) out of range of int (-2147483648 - 2147483647)`)
}

const INTEGER_MAX = 2 ** 31 - 1

/** true, false, or one of them as a string. */
export function booleanArgument(argument: Argument): boolean {
  const value = scalarArgument(argument)
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw malformed(`Failed to parse value [${value}] as only [true] or [false] are allowed.`)
}

/** A factor for scores. */
export function boostArgument(argument: Argument): number {
  const boost = numberArgument(argument)
  if (boost >= 0) return boost
  throw malformed(
    `negative [boost] are not allowed in [${argument.clause}], use a value between 0 and 1 to deboost`,
  )
}

/** A list of texts, or one text. */
export function textsArgument(argument: Argument): readonly string[] {
  const values = Array.isArray(argument.value) ? argument.value : [argument.value]
  // Lists may be long, and most of them are of texts.
  return values.map((value) => (typeof value === 'string' ? value : textArgument({ ...argument, value })))
}

const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?\s*$/

/** The number in a text as Java's parser reads it; undefined when there is none. */
export function parseNumber(text: string): number | undefined {
  return NUMBER.test(text) ? Number(text.replace(/[dDfF]\s*$/, '')) : undefined
}

/**
 * The one field that a clause is about, and what is said of it.
 *
 * @throws {QueryError} `malformed` when there are several fields, or none.
 */
export function soleField(clause: string, body: Body): { readonly name: string; readonly value: unknown } {
  const [first, second] = Object.entries(body)
  if (first === undefined) throw malformed(`[${clause}] field name is null or empty`)
  if (second !== undefined) {
    throw malformed(
      `[${clause}] query doesn't support multiple fields, found [${first[0]}] and [${second[0]}]`,
    )
  }
  if (first[0] === '') throw malformed(`[${clause}] field name is null or empty`)
  return { name: first[0], value: first[1] }
}
