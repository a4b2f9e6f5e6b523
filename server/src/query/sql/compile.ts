import { afterPrefix } from '../code-point-order.ts'
import { type NumberTestQuery, type TermTestQuery, termTest } from '../evaluate.ts'
import type {
  BoolQuery,
  Bound,
  FuzzyQuery,
  NumberRangesQuery,
  NumbersQuery,
  PatternQuery,
  PrefixQuery,
  Query,
  TermRangeQuery,
  TermsQuery,
} from '../filter.ts'
import { StepBudget } from '../step-budget.ts'
import type { Columns, Dialect, EncodedTermColumn } from './dialect.ts'
import { joinSql, type SqlText, sql } from './sql-text.ts'

/** A condition on the rows of a table that every match of a query satisfies. */
export type Candidates = {
  readonly condition: SqlText
  /** Nothing else satisfies it, so that rows need not be looked at again. */
  readonly exact: boolean
  /** Few rows satisfy it, and an index finds them. */
  readonly selective: boolean
}

/**
 * The rows that a query may find. What has no column, or means something that SQL cannot say, lets every row through.
 */
export function compileCandidates(query: Query, columns: Columns, dialect: Dialect): Candidates {
  const candidates = new Compiler(columns, dialect).compile(query)
  return candidates.condition.values.length > PARAMETERS_MAX ? UNKNOWN : candidates
}

/** Parameters that one statement may have; SQLite takes 32,766. */
const PARAMETERS_MAX = 30_000

const EVERY: Candidates = { condition: sql`TRUE`, exact: true, selective: false }
const NO: Candidates = { condition: sql`FALSE`, exact: true, selective: true }
const UNKNOWN: Candidates = { condition: sql`TRUE`, exact: false, selective: false }

/** Whether the condition excludes nothing. */
export function letsAllThrough(candidates: Candidates): boolean {
  return candidates.condition === EVERY.condition || candidates.condition === UNKNOWN.condition
}

/** Values of one clause that are still few rows. */
const SELECTIVE_VALUES_MAX = 1000

/** Values that SQL compares with: it reads the whole list again for each slice of the rows. */
const SQL_VALUES_MAX = 5000

/** Ranges that SQL compares with. */
const SQL_RANGES_MAX = 20

/** Steps of a test of the one term that all rows have. */
const CONSTANT_STEPS_MAX = 1_000_000

function exactly(condition: SqlText, selective = false): Candidates {
  return { condition, exact: true, selective }
}

class Compiler {
  readonly #columns: Columns
  readonly #dialect: Dialect

  constructor(columns: Columns, dialect: Dialect) {
    this.#columns = columns
    this.#dialect = dialect
  }

  compile(query: Query): Candidates {
    switch (query.kind) {
      case 'all':
        return EVERY
      case 'none':
        return NO
      case 'ids':
        return this.#terms({ kind: 'terms', field: '_id', terms: query.ids, boost: 1 })
      case 'exists':
        return anyOf(query.fields.map((field) => this.#exists(field)))
      case 'term':
        return this.#terms({ kind: 'terms', field: query.field, terms: new Set([query.term]), boost: 1 })
      case 'terms':
        return this.#terms(query)
      case 'termRange':
        return this.#termRange(query)
      case 'prefix':
        return this.#prefix(query)
      case 'pattern':
        return allOf([this.#literalPrefix(query), this.#passing(query)])
      case 'fuzzy':
        return { ...this.#literalPrefix(query), exact: false }
      case 'numbers':
        return this.#numbers(query)
      case 'numberRange':
        return this.#numberRange(query.field, query.lower, query.upper)
      case 'numberRanges':
        return this.#numberRanges(query)
      case 'bool':
        return this.#bool(query)
      case 'constant':
        return this.compile(query.query)
      case 'disMax':
        return anyOf(query.queries.map((one) => this.compile(one)))
      case 'boosting':
        return this.compile(query.positive)
      case 'blended':
        return anyOf(query.terms.map((one) => this.compile(one)))
      default:
        return UNKNOWN
    }
  }

  #exists(field: string): Candidates {
    const column = this.#columns.get(field)
    if (column === undefined) return UNKNOWN
    if (column.kind === 'present' || column.kind === 'constant') return EVERY
    if (column.kind === 'absent') return NO
    if (column.kind === 'encodedTerm') return column.exists === undefined ? EVERY : exactly(column.exists)
    if (!column.nullable) return EVERY
    return exactly(sql`${column.expression} IS NOT NULL`)
  }

  /** What is left to calling back, where that is possible. */
  #passing(query: TermTestQuery): Candidates {
    const column = this.#columns.get(query.field)
    if (column?.kind === 'absent') return NO
    if (column?.kind === 'constant') {
      return termTest(query, new StepBudget(CONSTANT_STEPS_MAX))(column.term) ? EVERY : NO
    }
    const passes = column?.kind === 'term' || column?.kind === 'encodedTerm' ? column.passes : undefined
    return passes === undefined ? UNKNOWN : exactly(passes(query))
  }

  #terms(query: TermsQuery): Candidates {
    const column = this.#columns.get(query.field)
    if (query.terms.size === 0) return NO
    if (query.terms.size > SQL_VALUES_MAX) return this.#passing(query)
    const terms = [...query.terms]
    // SQL would store half of a surrogate pair as something else.
    if (!terms.every((term) => term.isWellFormed())) return this.#passing(query)
    if (column?.kind === 'term') {
      const selective = column.selective && terms.length <= SELECTIVE_VALUES_MAX
      return exactly(this.#dialect.isOneOf(column.expression, terms), selective)
    }
    return column?.kind === 'encodedTerm' && terms.length <= ENCODED_TERMS_MAX
      ? encodedTerms(column, terms)
      : this.#passing(query)
  }

  #termRange(query: TermRangeQuery): Candidates {
    const { field, lower, upper } = query
    const column = this.#columns.get(field)
    const isWellFormed = (lower?.value.isWellFormed() ?? true) && (upper?.value.isWellFormed() ?? true)
    if (column?.kind !== 'term' || !isWellFormed) return this.#passing(query)
    const conditions = boundConditions(this.#dialect.byCodePoints(column.expression), lower, upper)
    return conditions.length === 0 ? this.#exists(field) : exactly(joinSql('AND', conditions))
  }

  /** Of clauses that accept only terms with a prefix: no more than that, where SQL has words for it. */
  #literalPrefix({ field, literalPrefix }: PatternQuery | FuzzyQuery): Candidates {
    const column = this.#columns.get(field)
    const hasWords = column?.kind !== 'encodedTerm' || column.startsWith !== undefined
    return this.#prefix({ kind: 'prefix', field, prefix: hasWords ? literalPrefix : '', boost: 1 })
  }

  #prefix(query: PrefixQuery): Candidates {
    const { field, prefix } = query
    const column = this.#columns.get(field)
    // A text without a single word is there, but has no term to start with anything.
    if (column?.kind === 'present') return UNKNOWN
    if (prefix === '') return this.#exists(field)
    if (column?.kind === 'encodedTerm' && column.startsWith !== undefined) {
      const condition = column.startsWith(prefix)
      const selective = prefix.length >= (column.selectiveFrom ?? Number.POSITIVE_INFINITY)
      return condition === undefined ? NO : exactly(condition, selective)
    }
    if (column?.kind !== 'term') return this.#passing(query)
    const next = afterPrefix(prefix)
    return this.#termRange({
      kind: 'termRange',
      field,
      lower: { value: prefix, inclusive: true },
      ...(next !== undefined && { upper: { value: next, inclusive: false } }),
      boost: 1,
    })
  }

  #passingNumber(query: NumberTestQuery): Candidates {
    const column = this.#columns.get(query.field)
    return column?.kind === 'number' && column.passes !== undefined ? exactly(column.passes(query)) : UNKNOWN
  }

  #numbers(query: NumbersQuery): Candidates {
    const column = this.#columns.get(query.field)
    if (query.values.size === 0) return NO
    if (query.values.size > SQL_VALUES_MAX || column?.kind !== 'number') return this.#passingNumber(query)
    return exactly(this.#dialect.isOneOf(column.expression, [...query.values]))
  }

  #numberRanges(query: NumberRangesQuery): Candidates {
    if (query.ranges.length > SQL_RANGES_MAX) return this.#passingNumber(query)
    const ranges = query.ranges.map(([first, last]) =>
      this.#numberRange(query.field, { value: first, inclusive: true }, { value: last, inclusive: true }),
    )
    return anyOf(ranges)
  }

  #numberRange(
    field: string,
    lower: Bound<number> | undefined,
    upper: Bound<number> | undefined,
  ): Candidates {
    const column = this.#columns.get(field)
    if (column?.kind !== 'number') return UNKNOWN
    const conditions = boundConditions(column.expression, lower, upper)
    return conditions.length === 0 ? this.#exists(field) : exactly(joinSql('AND', conditions))
  }

  #bool(query: BoolQuery): Candidates {
    const required = [...query.must, ...query.filter].map((one) => this.compile(one))
    const forbidden = query.mustNot.map((one) => this.#not(this.compile(one)))
    return allOf([...required, ...forbidden, this.#should(query)])
  }

  #not(candidates: Candidates): Candidates {
    // What a wider condition excludes might match after all.
    if (!candidates.exact) return UNKNOWN
    return exactly(this.#dialect.isNotTrue(candidates.condition))
  }

  #should(query: BoolQuery): Candidates {
    if (query.shouldMin <= 0) return EVERY
    if (query.shouldMin > query.should.length) return NO
    const should = query.should.map((one) => this.compile(one))
    if (query.shouldMin === 1) return anyOf(should)
    const counted = should.map((one) => sql`CASE WHEN ${one.condition} THEN 1 ELSE 0 END`)
    return {
      condition: sql`${joinSql('+', counted)} >= ${query.shouldMin}`,
      exact: should.every((one) => one.exact),
      selective: false,
    }
  }
}

function encodedTerms(column: EncodedTermColumn, terms: readonly string[]): Candidates {
  const conditions = terms.map(column.equals).filter((condition) => condition !== undefined)
  const selective = column.selectiveFrom !== undefined
  return conditions.length === 0 ? NO : exactly(joinSql('OR', conditions), selective)
}

/** Terms of encoded columns that become SQL; each takes a condition of its own. */
const ENCODED_TERMS_MAX = 100

function boundConditions<T extends string | number>(
  expression: SqlText,
  lower: Bound<T> | undefined,
  upper: Bound<T> | undefined,
): readonly SqlText[] {
  const conditions: SqlText[] = []
  if (lower !== undefined) {
    conditions.push(
      lower.inclusive ? sql`${expression} >= ${lower.value}` : sql`${expression} > ${lower.value}`,
    )
  }
  if (upper !== undefined) {
    conditions.push(
      upper.inclusive ? sql`${expression} <= ${upper.value}` : sql`${expression} < ${upper.value}`,
    )
  }
  return conditions
}

function isFalse(candidates: Candidates): boolean {
  return candidates.condition === NO.condition
}

function allOf(parts: readonly Candidates[]): Candidates {
  if (parts.some(isFalse)) return NO
  const conditions = parts.filter((part) => !letsAllThrough(part)).map((part) => part.condition)
  const exact = parts.every((part) => part.exact)
  if (conditions.length === 0) return exact ? EVERY : UNKNOWN
  return { condition: joinSql('AND', conditions), exact, selective: parts.some((part) => part.selective) }
}

function anyOf(parts: readonly Candidates[]): Candidates {
  if (parts.includes(EVERY)) return EVERY
  if (parts.some(letsAllThrough)) return UNKNOWN
  const conditions = parts.filter((part) => !isFalse(part)).map((part) => part.condition)
  if (conditions.length === 0) return NO
  return {
    condition: joinSql('OR', conditions),
    exact: parts.every((part) => part.exact),
    selective: parts.every((part) => part.selective),
  }
}
