import { type Field, fieldTable, findField } from '../field-table.ts'
import type { Query } from '../filter.ts'
import { fitsGlob, parseGlob } from '../glob.ts'
import type { Mapping } from '../mapping.ts'
import { malformed } from './arguments.ts'

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

/** Counts clauses and refuses too many. */
export class ClauseCounter {
  #count = 0

  /** @throws {QueryError} `malformed` */
  add(clauses: number): void {
    this.#count += clauses
    if (this.#count > CLAUSES_MAX) {
      throw malformed(`too_many_clauses: maxClauseCount is set to ${CLAUSES_MAX}`)
    }
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
