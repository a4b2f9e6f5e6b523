import type { NumberTestQuery, TermTestQuery } from '../evaluate.ts'
import type { SqlText, SqlValue } from './sql-text.ts'

/** What differs between databases in the SQL that filters become. */
export interface Dialect {
  /** The placeholder of the n-th parameter, counted from 1. */
  placeholder(number: number): string
  /** A text expression that compares and sorts by code points. */
  byCodePoints(expression: SqlText): SqlText
  /** True when the expression is one of the values; any number of them is one parameter. */
  isOneOf(expression: SqlText, values: readonly (string | number)[]): SqlText
  /** True when a condition is false or unknown. */
  isNotTrue(condition: SqlText): SqlText
}

/** How a document's field is stored in a table. Fields without a column cannot be filtered in SQL. */
export type Column =
  | TermColumn
  | NumberColumn
  | EncodedTermColumn
  /** Has the same term in all rows that are searched. */
  | { readonly kind: 'constant'; readonly term: string }
  /** Always has a value, which cannot be looked at in SQL. */
  | { readonly kind: 'present' }
  /** Never has a value. */
  | { readonly kind: 'absent' }

/** A keyword or id of exactly one value, or none when the column may be NULL. */
export type TermColumn = {
  readonly kind: 'term'
  readonly expression: SqlText
  readonly nullable: boolean
  /** An index finds the few rows with a given value. */
  readonly selective: boolean
  readonly passes?: Passes<TermTestQuery>
}

/**
 * The condition for rows whose value satisfies a clause that SQL has no words for: it calls back. Absent: the database
 * cannot.
 */
export type Passes<Clause> = (clause: Clause) => SqlText

/** A number, date or boolean of exactly one value, or none when the column may be NULL. */
export type NumberColumn = {
  readonly kind: 'number'
  readonly expression: SqlText
  readonly nullable: boolean
  readonly passes?: Passes<NumberTestQuery>
}

/** A keyword with any number of values, stored as something else. */
export type EncodedTermColumn = {
  readonly kind: 'encodedTerm'
  /** The condition for having a value at all. Absent: every row has one. */
  readonly exists?: SqlText
  /** The condition for a term; undefined when nothing stored can be equal to it. */
  readonly equals: (term: string) => SqlText | undefined
  /** The condition for all terms that start with a text; undefined when none can. Absent: SQL cannot tell. */
  readonly startsWith?: (prefix: string) => SqlText | undefined
  /** An index finds the few rows with a given value, or with a prefix of at least this many characters. */
  readonly selectiveFrom?: number
  /** What is stored, of columns that have exactly one value, and the term that it stands for; absent: that very text. */
  readonly stored?: { readonly expression: SqlText; readonly termOf?: (stored: SqlValue) => string }
  readonly passes?: Passes<TermTestQuery>
}

/** Columns by field path; `_id` is the document's id. */
export type Columns = ReadonlyMap<string, Column>
