import { QueryError } from './query-error.ts'

/**
 * Work that one query may still cause, in steps of roughly equal cost (a character tested, a state visited).
 *
 * It bounds what hostile patterns can cost, whatever the number of documents: everything that scans terms spends from
 * the one budget of its query.
 */
export class StepBudget {
  readonly #stepsMax: number
  #stepsLeft: number

  /** A budget of `stepsMax` steps, none of them spent. */
  constructor(stepsMax: number) {
    this.#stepsMax = stepsMax
    this.#stepsLeft = stepsMax
  }

  /**
   * Takes `steps` from what is left.
   *
   * @throws {QueryError} `too_expensive` when less than that was left; so does every later call.
   */
  spend(steps: number): void {
    this.#stepsLeft -= steps
    if (this.#stepsLeft >= 0) return
    throw new QueryError(
      'too_expensive',
      `Cannot finish the query: it needs more than ${this.#stepsMax} steps, and that is the limit. ` +
        'Narrow it down, for example by a longer literal prefix or by a clause on an exact value',
    )
  }
}
