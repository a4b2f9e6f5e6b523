import { type Field, fieldTable, findField } from '../field-table.ts'
import type { Query } from '../filter.ts'
import { fitsGlob, parseGlob } from '../glob.ts'
import type { Mapping } from '../mapping.ts'
import { QueryError } from '../query-error.ts'
import type { Scalar } from './arguments.ts'

/** Where a clause stands: what it may refer to, and how much of a query there is already. */
export type ParseContext = {
  readonly mapping: Mapping
  /** The clock for date math: epoch ms. */
  readonly now: number
  /** Path of the innermost nested clause around it. */
  readonly nestedPath: string | undefined
  /** Clauses around it. */
  readonly depth: number
  /** `bool` clauses around it. */
  readonly boolDepth: number
  /** Counts the clauses of the whole query. */
  readonly clauses: ClauseCounter
  /** Reads a query inside a clause. */
  readonly parse: (query: unknown, context: ParseContext) => Query
}

/** Clauses that one query may have, words of full-text clauses included. */
export const CLAUSES_MAX = 1024

/**
 * Characters that one query may have in texts that take long to read: what is analyzed (once for each field), patterns,
 * and dates. Reading cannot give others their turn, as searching does.
 */
export const READ_CHARACTERS_MAX = 50_000

/** Counts the clauses of a query and the characters of its texts, and refuses too many. */
export class ClauseCounter {
  #clauses = 0
  #characters = 0

  /** @throws {QueryError} `malformed` */
  add(clauses: number): void {
    this.#clauses += clauses
    if (this.#clauses > CLAUSES_MAX) throw new TooManyClauses()
  }

  /** To be called before a text is read; `weight`: how many characters one of it is. @throws {QueryError} `too_expensive` */
  read(text: Scalar, weight = 1): void {
    this.#characters += weight * String(text).length
    if (this.#characters <= READ_CHARACTERS_MAX) return
    throw new QueryError(
      'too_expensive',
      `Cannot read the query: its texts have more than ${READ_CHARACTERS_MAX} characters, counted once for each field, ` +
        'and that is the limit. Use shorter texts, or search in fewer fields',
    )
  }
}

/** The refusal of a query with too many clauses; unlike others, leniency does not turn it into an empty result. */
export class TooManyClauses extends QueryError {
  constructor() {
    super('malformed', `too_many_clauses: maxClauseCount is set to ${CLAUSES_MAX}`)
  }
}

/** What a name in a query refers to: the document's id, a searchable field, or nothing that has values here. */
export type Target = Field | '_id' | undefined

/** Finds what a field name refers to. Fields of nested objects are only seen from inside a nested clause. */
export function targetOf(name: string, context: ParseContext): Target {
  if (name === '_id') return '_id'
  const field = findField(context.mapping, name)
  return field?.nestedPath === context.nestedPath ? field : undefined
}

/** Type of a target as messages name it. */
export function typeName(target: Field | '_id'): string {
  return target === '_id' ? '_id' : target.type
}

/** Name of a target as messages name it. */
export function nameOf(target: Field | '_id'): string {
  return target === '_id' ? '_id' : target.path
}

/** The fields whose names fit a pattern in which `*` stands for any run of characters. */
export function fieldsLike(pattern: string, context: ParseContext): readonly Field[] {
  const glob = parseGlob(pattern)
  return fieldTable(context.mapping).leaves.filter(
    (field) => field.nestedPath === context.nestedPath && fitsGlob(field.path, glob),
  )
}
