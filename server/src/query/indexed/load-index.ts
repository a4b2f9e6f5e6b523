import { afterPrefix, codePointCount } from '../code-point-order.ts'
import { type TermTestQuery, termTest } from '../evaluate.ts'
import type { Query } from '../filter.ts'
import type { PreparedDocument } from '../prepared-document.ts'
import { QueryError } from '../query-error.ts'
import {
  type Demand,
  type ExpandingQuery,
  type Expansion,
  editsTo,
  nearestExpansions,
  type ScopeStatistics,
  StatisticsCounter,
  type TermCount,
} from '../statistics.ts'
import type { StepBudget } from '../step-budget.ts'
import { yieldIfLong } from '../turns.ts'
import { isClearlyFar } from './clearly-far.ts'
import { IndexedStatistics, type OtherCounts } from './indexed-statistics.ts'
import { PositionSet } from './position-set.ts'
import { type PostingList, PostingListBuilder } from './posting-list.ts'
import type { IndexedScope, Slices, TermFrequency, TermSelection } from './text-index.ts'
import { type ClauseDocuments, intersectionOf, textWants } from './text-plan.ts'

/** Everything of an index that some queries ask for. */
export type LoadedIndex = {
  readonly statistics: ScopeStatistics
  /** By word. */
  readonly lists: ReadonlyMap<string, PostingList>
  /** By clause; clauses that any word of some kind satisfies. */
  readonly sets: ReadonlyMap<Query, PositionSet>
}

/** Postings that one search may hold in memory. */
const POSTINGS_MAX = 8_000_000

/**
 * Reads from an index what some queries need, and counts what it does not know.
 *
 * @throws {QueryError} `too_expensive`
 */
export async function loadIndex(
  queries: readonly Query[],
  demands: readonly Demand[],
  scope: IndexedScope,
  budget: StepBudget,
): Promise<LoadedIndex> {
  const loader = new IndexLoader(scope, budget)
  const wants = textWants(queries, scope.index.field)
  const unindexed = await countDocuments(demands, scope.unindexed, budget)
  const indexed = await countDocuments(expandingOthers(demands, scope.index.field), scope.documents, budget)
  for (const demand of demands) {
    for (const query of demand.expanding) {
      await loader.expand(query, [indexed.termsSeen(query), unindexed.termsSeen(query)])
    }
  }
  for (const [word, positional] of wants.words) await loader.loadList(word, positional)
  for (const test of wants.tests) await loader.loadSet(test)

  const others = await countOtherFields(demands, scope)
  const { lists, sets, expansions } = loader
  const statistics = new IndexedStatistics({ index: scope.index, lists, expansions, unindexed, others })
  return { statistics, lists, sets }
}

/** The part of the demands that is about terms which the index does not have. */
function expandingOthers(demands: readonly Demand[], field: string): readonly Demand[] {
  return demands
    .map((demand) => ({
      nestedPath: demand.nestedPath,
      terms: new Map<string, ReadonlySet<string>>(),
      expanding: demand.expanding.filter((query) => query.field !== field),
    }))
    .filter((demand) => demand.expanding.length > 0)
}

async function countDocuments(
  demands: readonly Demand[],
  documents: () => Slices<PreparedDocument>,
  budget: StepBudget,
): Promise<StatisticsCounter> {
  const counter = new StatisticsCounter(demands, budget)
  if (demands.length === 0) return counter
  for await (const slice of documents()) {
    for (const document of slice) counter.add(document)
    await yieldIfLong()
  }
  return counter
}

async function countOtherFields(demands: readonly Demand[], scope: IndexedScope): Promise<OtherCounts> {
  const counts = new Map<string, { documents: number; terms: Map<string, number> }>()
  for (const demand of demands.filter((one) => one.nestedPath === undefined)) {
    for (const [field, wanted] of demand.terms) {
      if (field === scope.index.field) continue
      await yieldIfLong()
      const documents = await scope.count({ kind: 'exists', fields: [field], boost: 1 })
      const terms = new Map<string, number>()
      for (const term of wanted) {
        await yieldIfLong()
        terms.set(term, await scope.count({ kind: 'term', field, term, boost: 1 }))
      }
      counts.set(field, { documents, terms })
    }
  }
  return counts
}

class IndexLoader {
  readonly lists = new Map<string, PostingList>()
  readonly sets = new Map<Query, PositionSet>()
  readonly expansions = new Map<ExpandingQuery, readonly Expansion[]>()
  readonly #scope: IndexedScope
  readonly #budget: StepBudget
  #postings = 0

  constructor(scope: IndexedScope, budget: StepBudget) {
    this.#scope = scope
    this.#budget = budget
  }

  /** Finds the terms that a clause stands for, also among those seen in documents, and loads them. */
  async expand(
    query: ExpandingQuery,
    seen: readonly ReadonlyMap<string, TermCount | undefined>[],
  ): Promise<void> {
    const found = new Map<string, TermCount>()
    const add = (term: string, edits: number, documents: number) =>
      found.set(term, { edits, documents: documents + (found.get(term)?.documents ?? 0) })
    for (const [term, count] of seen.flatMap((terms) => [...terms])) {
      if (count !== undefined) add(term, count.edits, count.documents)
    }
    if (query.field === this.#scope.index.field) await this.#expandFromIndex(query, add)

    const expansions = nearestExpansions(query, found)
    this.expansions.set(query, expansions)
    if (query.field !== this.#scope.index.field) return
    for (const { term } of expansions) await this.loadList(term, query.kind === 'phrasePrefix')
  }

  async #expandFromIndex(
    query: ExpandingQuery,
    add: (term: string, edits: number, documents: number) => void,
  ): Promise<void> {
    const isFar = query.kind === 'fuzzy' ? isClearlyFar(query.term, query.editsMax) : undefined
    for await (const slice of this.#scope.index.terms(selectionFor(query))) {
      await yieldIfLong()
      for (const { term, documents } of slice) {
        this.#budget.spend(1 + term.length)
        if (isFar?.(term) === true) continue
        const edits = editsTo(query, term)
        if (edits !== undefined) add(term, edits, documents)
      }
    }
  }

  /** Loads the documents with a word; with their positions when those matter to some clause. */
  async loadList(word: string, positional: boolean): Promise<void> {
    const known = this.lists.get(word)
    if (known !== undefined && (known.positional || !positional)) return
    const { index } = this.#scope
    const list = (await index.listOf?.(word, positional)) ?? (await this.#buildList(word, positional))
    this.#spend(list.documents.length)
    this.lists.set(word, list)
  }

  async #buildList(word: string, positional: boolean): Promise<PostingList> {
    const builder = new PostingListBuilder(positional)
    const { index, indexedTo } = this.#scope
    await index.visitTerm(word, (document, length, positions) => {
      if (document <= indexedTo) builder.add(document, length, positions)
    })
    return builder.build()
  }

  /** Loads the documents with any word that satisfies a clause. */
  async loadSet(query: TermTestQuery): Promise<void> {
    const set = new PositionSet()
    this.sets.set(query, set)
    const { index, indexedTo } = this.#scope
    const visit = (document: number) => {
      if (document <= indexedTo) set.add(document)
    }
    if (query.kind === 'terms') {
      this.#budget.spend(query.terms.size)
      for (const term of query.terms) await index.visitTerm(term, visit)
      return
    }
    const accepts = termTest(query, this.#budget)
    const acceptsCounting = ({ term, documents }: TermFrequency): boolean => {
      const accepted = accepts(term)
      this.#budget.spend(accepted ? 1 + documents : 1)
      return accepted
    }
    await index.visitTerms(testSelection(query), acceptsCounting, visit)
  }

  #spend(postings: number): void {
    this.#budget.spend(postings)
    this.#postings += postings
    if (this.#postings <= POSTINGS_MAX) return
    throw new QueryError(
      'too_expensive',
      `Cannot finish the search: its words occur more than ${POSTINGS_MAX} times. Use fewer or rarer ones.`,
    )
  }
}

/** Terms outside of these satisfy no clause of the kind. */
function testSelection(query: Exclude<TermTestQuery, { readonly kind: 'terms' }>): TermSelection {
  switch (query.kind) {
    case 'termRange':
      // Whether the ends belong to the range is tested term by term; a NUL more is behind the end for sure.
      return { from: query.lower?.value ?? '', before: query.upper && `${query.upper.value}\u0000` }
    case 'prefix':
      return startingWith(query.prefix)
    case 'pattern':
      return { ...startingWith(query.literalPrefix), ...(query.contains && { contains: query.contains }) }
  }
}

/** Terms outside of these are none that the clause stands for. */
function selectionFor(query: ExpandingQuery): TermSelection {
  if (query.kind === 'phrasePrefix') return startingWith(query.prefix.text)
  const length = codePointCount(query.term)
  const lengths = [length - query.editsMax, length + query.editsMax] as const
  return { ...startingWith(query.literalPrefix), lengths }
}

function startingWith(prefix: string): TermSelection {
  return { from: prefix, before: prefix === '' ? undefined : afterPrefix(prefix) }
}

/** Which documents in the index satisfy the clauses about its words. */
export function clauseDocuments(loaded: LoadedIndex, field: string): ClauseDocuments {
  const none = new PositionSet()
  const withWord = (word: string) => loaded.lists.get(word)?.set ?? none
  const withAnyOf = (query: ExpandingQuery) =>
    PositionSet.union(loaded.statistics.expansions(query).map(({ term }) => withWord(term)))

  return (clause) => {
    const set = loaded.sets.get(clause)
    if (set !== undefined) return set
    if (!('field' in clause) || clause.field !== field) return undefined
    if (clause.kind === 'term') return withWord(clause.term)
    if (clause.kind === 'fuzzy') return withAnyOf(clause)
    if (clause.kind === 'phrase') return intersectionOf(clause.terms.map((term) => withWord(term.text)))
    if (clause.kind !== 'phrasePrefix') return undefined
    return intersectionOf([...clause.terms.map((term) => withWord(term.text)), withAnyOf(clause)])
  }
}
