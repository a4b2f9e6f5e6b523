import { codePointCount, compareCodePoints } from './code-point-order.ts'
import type { FuzzyQuery, PhrasePrefixQuery, Query } from './filter.ts'
import type { IndexedField, PreparedDocument } from './prepared-document.ts'
import { partsOf } from './query-tree.ts'
import type { FieldStatistics } from './score.ts'
import type { StepBudget } from './step-budget.ts'

/** A clause that stands for terms which only the searched documents can tell. */
export type ExpandingQuery = FuzzyQuery | PhrasePrefixQuery

/** A term that an expanding clause stands for. `edits` is 0 for prefixes. */
export type Expansion = { readonly term: string; readonly edits: number; readonly documents: number }

/** How far a term is from what a clause asks for, and in how many documents it occurs. */
export type TermCount = { readonly edits: number; readonly documents: number }

type MutableTermCount = { readonly edits: number; documents: number }

/** What a query needs to know of all documents in its scope before it can judge one of them. */
export type Demand = {
  /** Path of the nested objects that take the place of documents; absent at the root. */
  readonly nestedPath: string | undefined
  /** By field, the terms whose document counts matter. */
  readonly terms: ReadonlyMap<string, ReadonlySet<string>>
  readonly expanding: readonly ExpandingQuery[]
}

/** Counts over all documents in scope. */
export interface ScopeStatistics {
  field(path: string): FieldStatistics
  documentsWith(field: string, term: string): number
  /** The terms that the clause stands for: nearest first, then in code-point order, at most its maximum. */
  expansions(query: ExpandingQuery): readonly Expansion[]
}

type MutableDemand = {
  readonly nestedPath: string | undefined
  readonly terms: Map<string, Set<string>>
  readonly expanding: ExpandingQuery[]
}

/**
 * What must be counted for some queries: one entry for the documents, and one for each nested path in them. Without
 * scores only the clauses that expand need it. Empty: nothing.
 */
export function statisticsDemand(
  parts: readonly { readonly query: Query; readonly scored: boolean }[],
): readonly Demand[] {
  const demands = new Map<string | undefined, MutableDemand>()
  for (const part of parts) collect(part.query, undefined, part.scored, demands)
  return [...demands.values()]
}

type Collecting = Map<string | undefined, MutableDemand>

function collect(query: Query, path: string | undefined, scored: boolean, demands: Collecting): void {
  if (query.kind === 'nested') {
    collect(query.query, query.path, scored && query.scoreMode !== 'none', demands)
    return
  }
  if (scored && (query.kind === 'term' || query.kind === 'phrase')) {
    demandTerms(demands, path, query.field, query.kind === 'term' ? [query.term] : query.terms.map(text))
  }
  if (query.kind === 'phrasePrefix' || query.kind === 'fuzzy') {
    demandTerms(demands, path, query.field, query.kind === 'fuzzy' ? [] : query.terms.map(text))
    demandOf(demands, path).expanding.push(query)
  }
  const parts = partsOf(query)
  collectAll(parts.scored, path, scored, demands)
  collectAll(parts.unscored, path, false, demands)
}

function collectAll(
  queries: readonly Query[],
  path: string | undefined,
  scored: boolean,
  demands: Collecting,
): void {
  for (const query of queries) collect(query, path, scored, demands)
}

function text(term: { readonly text: string }): string {
  return term.text
}

function demandOf(demands: Collecting, path: string | undefined): MutableDemand {
  const known = demands.get(path)
  if (known !== undefined) return known
  const demand: MutableDemand = { nestedPath: path, terms: new Map(), expanding: [] }
  demands.set(path, demand)
  return demand
}

function demandTerms(
  demands: Collecting,
  path: string | undefined,
  field: string,
  terms: readonly string[],
): void {
  const demand = demandOf(demands, path)
  const known = demand.terms.get(field) ?? new Set<string>()
  for (const term of terms) known.add(term)
  demand.terms.set(field, known)
}

/** Counts what a query demands, one document of its scope after the other. */
export class StatisticsCounter implements ScopeStatistics {
  readonly #demands: readonly Demand[]
  readonly #budget: StepBudget
  readonly #fields = new Map<string, { documents: number; tokens: number }>()
  readonly #documents = new Map<string, Map<string, number>>()
  readonly #expansions = new Map<ExpandingQuery, Map<string, MutableTermCount | undefined>>()
  readonly #sorted = new Map<ExpandingQuery, readonly Expansion[]>()

  constructor(demands: readonly Demand[], budget: StepBudget) {
    this.#demands = demands
    this.#budget = budget
    for (const demand of demands) {
      for (const [field, terms] of demand.terms) {
        this.#fields.set(field, { documents: 0, tokens: 0 })
        this.#documents.set(field, new Map([...terms].map((term) => [term, 0])))
      }
      for (const query of demand.expanding) this.#expansions.set(query, new Map())
    }
  }

  /** Counts one document; each document once, and all before anything is asked. */
  add(document: PreparedDocument): void {
    for (const demand of this.#demands) {
      const units = demand.nestedPath === undefined ? [document] : document.nested(demand.nestedPath)
      for (const unit of units) this.#addUnit(demand, unit)
    }
  }

  field(path: string): FieldStatistics {
    return this.#fields.get(path) ?? { documents: 0, tokens: 0 }
  }

  documentsWith(field: string, term: string): number {
    return this.#documents.get(field)?.get(term) ?? 0
  }

  expansions(query: ExpandingQuery): readonly Expansion[] {
    const known = this.#sorted.get(query)
    if (known !== undefined) return known
    const sorted = nearestExpansions(query, this.termsSeen(query))
    this.#sorted.set(query, sorted)
    return sorted
  }

  /** All terms that were seen; undefined for those that an expanding clause does not stand for. */
  termsSeen(query: ExpandingQuery): ReadonlyMap<string, TermCount | undefined> {
    return this.#expansions.get(query) ?? new Map()
  }

  #addUnit(demand: Demand, unit: PreparedDocument): void {
    for (const [path, terms] of demand.terms) {
      const indexed = unit.field(path)
      if (indexed === undefined || indexed.kind === 'number') continue
      this.#budget.spend(1 + terms.size)
      this.#countField(path, indexed)
      this.#countTerms(path, terms, indexed)
    }
    for (const query of demand.expanding) {
      for (const term of termsOf(unit.field(query.field))) this.#countExpansion(query, term)
    }
  }

  #countField(path: string, indexed: IndexedField): void {
    const tokens = indexed.kind === 'text' ? indexed.length : 1
    const counted = this.#fields.get(path)
    if (counted === undefined || tokens === 0) return
    counted.documents += 1
    counted.tokens += tokens
  }

  #countTerms(path: string, terms: ReadonlySet<string>, indexed: IndexedField): void {
    const counted = this.#documents.get(path)
    if (counted === undefined) return
    for (const term of terms) {
      if (hasTerm(indexed, term)) counted.set(term, (counted.get(term) ?? 0) + 1)
    }
  }

  #countExpansion(query: ExpandingQuery, term: string): void {
    const found = this.#expansions.get(query)
    if (found === undefined) return
    const known = found.get(term)
    if (known !== undefined) {
      known.documents += 1
    } else if (!found.has(term)) {
      this.#budget.spend(1 + term.length)
      const edits = editsTo(query, term)
      found.set(term, edits === undefined ? undefined : { edits, documents: 1 })
    }
  }
}

/** Whether a keyword or text has exactly this term. */
export function hasTerm(indexed: IndexedField | undefined, term: string): boolean {
  if (indexed === undefined || indexed.kind === 'number') return false
  return indexed.kind === 'text' ? indexed.terms.has(term) : indexed.values.includes(term)
}

/** The distinct terms of a keyword or text. */
export function termsOf(indexed: IndexedField | undefined): Iterable<string> {
  if (indexed === undefined || indexed.kind === 'number') return []
  return indexed.kind === 'text' ? indexed.terms.keys() : indexed.values
}

/** Edits between an expanding clause and a term it stands for; undefined when it does not. */
export function editsTo(query: ExpandingQuery, term: string): number | undefined {
  if (query.kind === 'fuzzy') return query.distance(term)
  return term.startsWith(query.prefix.text) ? 0 : undefined
}

/** The terms that count: best first, at most as many as the clause allows. */
export function nearestExpansions(
  query: ExpandingQuery,
  found: ReadonlyMap<string, TermCount | undefined>,
): readonly Expansion[] {
  const expansions: Expansion[] = []
  for (const [term, counted] of found) if (counted !== undefined) expansions.push({ term, ...counted })
  const nearness = (one: Expansion) => (query.kind === 'fuzzy' ? fuzzyBoost(query.term, one) : 1)
  expansions.sort((a, b) => nearness(b) - nearness(a) || compareCodePoints(a.term, b.term))
  return expansions.slice(0, query.expansionsMax)
}

/** How much a term counts that is some edits away: 1 - edits / length of the shorter, in code points. */
export function fuzzyBoost(
  queryTerm: string,
  expansion: { readonly term: string; readonly edits: number },
): number {
  if (expansion.edits === 0) return 1
  const shorter = Math.min(codePointCount(queryTerm), codePointCount(expansion.term))
  return shorter === 0 ? 0 : Math.fround(1 - expansion.edits / shorter)
}
