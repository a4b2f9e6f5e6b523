import { QueryError } from './query-error.ts'
import type { CodePointRange, RegexpTerm, RegexpTerms } from './regexp-terms.ts'
import type { StepBudget } from './step-budget.ts'

/** Expressions that one pattern may give rise to; bounds its memory. */
const TERMS_MAX = 200_000
/** Making a new expression costs about as much as this many tests of a character. */
const DERIVATION_STEPS = 16

/**
 * A deterministic automaton that is built while it runs. A state is the expression of what may still follow
 * (Brzozowski's derivative), so that complement and intersection cost no more than anything else.
 */
export class RegexpAutomaton {
  readonly #terms: RegexpTerms
  readonly #start: RegexpTerm
  readonly #statesMax: number
  readonly #pattern: string
  /** First code point of each class of code points that the pattern cannot tell apart, ascending from 0. */
  readonly #classStarts: readonly number[]
  readonly #states = new Map<RegexpTerm, (RegexpTerm | undefined)[]>()
  readonly #derivatives = new Map<RegexpTerm, Map<number, RegexpTerm>>()

  constructor(terms: RegexpTerms, start: RegexpTerm, pattern: string, statesMax: number) {
    this.#terms = terms
    this.#start = start
    this.#pattern = pattern
    this.#statesMax = statesMax
    this.#classStarts = classStarts(start)
  }

  /**
   * Whether the whole text is accepted.
   *
   * @throws {QueryError} `too_expensive` when the budget is spent, or the automaton has more than its allowed states.
   */
  accepts(text: string, budget: StepBudget): boolean {
    let state = this.#start
    for (let at = 0; at < text.length; ) {
      budget.spend(1)
      if (state === this.#terms.nothing) return false
      if (state === this.#terms.anyText) return true
      const codePoint = text.codePointAt(at) ?? 0
      state = this.#next(state, codePoint, budget)
      at += codePoint > 0xffff ? 2 : 1
    }
    return state.acceptsEmpty
  }

  #next(state: RegexpTerm, codePoint: number, budget: StepBudget): RegexpTerm {
    let transitions = this.#states.get(state)
    if (transitions === undefined) {
      if (this.#states.size >= this.#statesMax) throw this.#tooComplex(this.#statesMax)
      transitions = []
      this.#states.set(state, transitions)
    }
    const classIndex = this.#classOf(codePoint)
    const known = transitions[classIndex]
    if (known !== undefined) return known
    const next = this.#derive(state, this.#classStarts[classIndex] ?? 0, budget)
    transitions[classIndex] = next
    return next
  }

  #classOf(codePoint: number): number {
    let low = 0
    let high = this.#classStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#classStarts[middle] ?? 0) <= codePoint) low = middle
      else high = middle - 1
    }
    return low
  }

  /** What may follow in a text of `term` that starts with the code point. */
  #derive(term: RegexpTerm, codePoint: number, budget: StepBudget): RegexpTerm {
    let known = this.#derivatives.get(term)
    if (known === undefined) {
      known = new Map()
      this.#derivatives.set(term, known)
    }
    const remembered = known.get(codePoint)
    if (remembered !== undefined) return remembered

    if (this.#terms.size > TERMS_MAX) throw this.#tooComplex(this.#statesMax)
    const derivative = this.#deriveAnew(term, codePoint, budget)
    known.set(codePoint, derivative)
    return derivative
  }

  #deriveAnew(term: RegexpTerm, codePoint: number, budget: StepBudget): RegexpTerm {
    const terms = this.#terms
    switch (term.kind) {
      case 'nothing':
      case 'empty':
        budget.spend(DERIVATION_STEPS)
        return terms.nothing
      case 'set':
        budget.spend(DERIVATION_STEPS)
        return includes(term.ranges, codePoint) ? terms.empty : terms.nothing
      case 'sequence': {
        budget.spend(DERIVATION_STEPS * 2)
        const within = terms.sequence(this.#derive(term.head, codePoint, budget), term.tail)
        if (!term.head.acceptsEmpty) return within
        const after = this.#derive(term.tail, codePoint, budget)
        budget.spend(DERIVATION_STEPS * (width(within) + width(after)))
        return terms.union([within, after])
      }
      case 'union':
      case 'intersection': {
        const parts = term.parts.map((part) => this.#derive(part, codePoint, budget))
        budget.spend(DERIVATION_STEPS * parts.reduce((total, part) => total + width(part), 1))
        return term.kind === 'union' ? terms.union(parts) : terms.intersection(parts)
      }
      case 'complement':
        budget.spend(DERIVATION_STEPS)
        return terms.complement(this.#derive(term.part, codePoint, budget))
      case 'repeat': {
        budget.spend(DERIVATION_STEPS * 2)
        const rest = terms.repeat(term.part, Math.max(0, term.min - 1), term.max - 1)
        return terms.sequence(this.#derive(term.part, codePoint, budget), rest)
      }
    }
  }

  #tooComplex(statesMax: number): QueryError {
    return new QueryError(
      'too_expensive',
      `failed to create query: Determinizing [${this.#pattern}] would result in more than ${statesMax} states.`,
    )
  }
}

/** How many parts it takes to print the expression on its top level; what it costs to put it into another. */
function width(term: RegexpTerm): number {
  return term.kind === 'union' || term.kind === 'intersection' ? term.parts.length : 1
}

function includes(ranges: readonly CodePointRange[], codePoint: number): boolean {
  return ranges.some((range) => codePoint >= range.first && codePoint <= range.last)
}

function classStarts(root: RegexpTerm): readonly number[] {
  const starts = new Set([0])
  const seen = new Set<RegexpTerm>()
  const pending = [root]
  for (let term = pending.pop(); term !== undefined; term = pending.pop()) {
    if (seen.has(term)) continue
    seen.add(term)
    if (term.kind === 'set') {
      for (const { first, last } of term.ranges) starts.add(first).add(last + 1)
    }
    if (term.kind === 'sequence') pending.push(term.head, term.tail)
    if (term.kind === 'union' || term.kind === 'intersection') pending.push(...term.parts)
    if (term.kind === 'complement' || term.kind === 'repeat') pending.push(term.part)
  }
  return [...starts].sort((left, right) => left - right)
}
