import type { DatabaseSync } from 'node:sqlite'
import { type NumberTestQuery, numberTest, type TermTestQuery, termTest } from '../../query/evaluate.ts'
import type { Column, Columns } from '../../query/sql/dialect.ts'
import { type SqlText, type SqlValue, sql } from '../../query/sql/sql-text.ts'
import type { StepBudget } from '../../query/step-budget.ts'

/** Whether a stored value satisfies a clause. */
type StoredTest = (stored: SqlValue) => boolean

/** The tests of searches under way, by number. */
const underWay = new Map<number, StoredTest>()
let lastNumber = 0

/** Lets the statements of a connection call the tests of searches under way. */
export function addTestFunction(connection: DatabaseSync): void {
  connection.function('passes', { deterministic: true }, (number, stored) => {
    const test = underWay.get(Number(number))
    if (test === undefined) throw new Error(`Cannot test a value: no search under way has a test ${number}`)
    return test(typeof stored === 'bigint' ? Number(stored) : stored) ? 1 : 0
  })
}

/** The tests of one search, which its SQL may call until it ends. */
export class SearchTests {
  readonly #budget: StepBudget
  readonly #conditions = new Map<object, SqlText>()
  readonly #numbers: number[] = []

  /** `budget`: what all tests together take their steps from. */
  constructor(budget: StepBudget) {
    this.#budget = budget
  }

  /** The columns, with conditions that call tests where SQL has no words for a clause. */
  over(columns: Columns): Columns {
    return new Map([...columns].map(([field, column]) => [field, this.#tested(column)]))
  }

  /** Forgets the tests. SQL that calls them fails from now on. */
  end(): void {
    for (const number of this.#numbers) underWay.delete(number)
  }

  #tested(column: Column): Column {
    switch (column.kind) {
      case 'term':
        return {
          ...column,
          passes: (clause: TermTestQuery) => this.#passesTerm(clause, column.expression, undefined),
        }
      case 'encodedTerm': {
        const { stored } = column
        if (stored === undefined) return column
        return {
          ...column,
          passes: (clause: TermTestQuery) => this.#passesTerm(clause, stored.expression, stored.termOf),
        }
      }
      case 'number':
        return {
          ...column,
          passes: (clause: NumberTestQuery) => this.#passesNumber(clause, column.expression),
        }
      default:
        return column
    }
  }

  #passesTerm(
    clause: TermTestQuery,
    expression: SqlText,
    termOf: ((stored: SqlValue) => string) | undefined,
  ): SqlText {
    const condition = this.#condition(clause, expression, () => {
      const accepts = termTest(clause, this.#budget)
      if (termOf !== undefined) return (stored) => accepts(termOf(stored))
      return (stored) => typeof stored === 'string' && accepts(stored)
    })
    // SQL excludes most terms several times faster than a call does.
    return clause.kind === 'pattern' && clause.contains !== '' && termOf === undefined
      ? sql`(instr(${expression}, ${clause.contains}) > 0 AND ${condition})`
      : condition
  }

  #passesNumber(clause: NumberTestQuery, expression: SqlText): SqlText {
    return this.#condition(clause, expression, () => {
      const accepts = numberTest(clause)
      return (stored) => typeof stored === 'number' && accepts(stored)
    })
  }

  /** The same condition whenever a clause is compiled again, so that verdicts are remembered. */
  #condition(clause: object, expression: SqlText, makeTest: () => StoredTest): SqlText {
    const known = this.#conditions.get(clause)
    if (known !== undefined) return known
    lastNumber += 1
    underWay.set(lastNumber, makeTest())
    this.#numbers.push(lastNumber)
    const condition = sql`passes(${lastNumber}, ${expression})`
    this.#conditions.set(clause, condition)
    return condition
  }
}
