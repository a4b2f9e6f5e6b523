import { computeAggregations, queriesOfAggregations } from './aggregations.ts'
import { type Judge, judgeOf } from './evaluate.ts'
import type { Query } from './filter.ts'
import { BestHits, compareByKeys, type Hit, hitOrder, type NestedFilter, sortValues } from './order.ts'
import type { PreparedDocument } from './prepared-document.ts'
import type { Search, SortKey } from './search.ts'
import { type Demand, type ScopeStatistics, StatisticsCounter, statisticsDemand } from './statistics.ts'
import { StepBudget } from './step-budget.ts'
import { yieldIfLong } from './turns.ts'

/**
 * Documents in slices and in creation order. Between slices the event loop gets its turn, so that one should take no
 * longer than a few ms to judge.
 */
export type DocumentSlices = () =>
  | Iterable<readonly PreparedDocument[]>
  | AsyncIterable<readonly PreparedDocument[]>

/** What a search looks at. */
export type SearchScope = {
  /** Every document in scope. Asked for twice when scores depend on all of them. */
  readonly documents: DocumentSlices
  /** At least those that match. Absent: every document. */
  readonly candidates?: DocumentSlices
}

/** How a search is carried out. */
export type ExecuteOptions = {
  /** Elementary steps that one search may take. */
  readonly stepsMax?: number
  /** The counts that a search demands, from an index; absent: all documents are counted first. */
  readonly statistics?: (
    demands: readonly Demand[],
    budget: StepBudget,
  ) => ScopeStatistics | Promise<ScopeStatistics>
  /** How documents are judged; absent: by `judgeOf`, which whatever is given here must agree with. */
  readonly judgeOf?: typeof judgeOf
  /** Matches that are behind the page for sure and not among the candidates; asked for at the end. */
  readonly matchesBeyond?: () => number
}

/** One page of matching documents. */
export type FoundPage = {
  readonly hits: readonly PreparedDocument[]
  /** Exact number of matches, whatever the page. */
  readonly total: number
  readonly aggregations?: Readonly<Record<string, unknown>>
}

/** Steps of one search unless told otherwise: some seconds of work. */
export const SEARCH_STEPS_MAX = 200_000_000

/** Documents of an array in slices for `executeSearch`. */
export function* slicesOf(documents: readonly PreparedDocument[]): Generator<readonly PreparedDocument[]> {
  for (let start = 0; start < documents.length; start += SLICE_DOCUMENTS) {
    yield documents.slice(start, start + SLICE_DOCUMENTS)
  }
}

const SLICE_DOCUMENTS = 250

/**
 * Finds the page of documents that a search asks for. The order is by score, or as the search sorts; ties are in
 * creation order.
 *
 * @throws {QueryError} `too_expensive` when the steps run out.
 */
export async function executeSearch(
  search: Search,
  scope: SearchScope,
  options: ExecuteOptions = {},
): Promise<FoundPage> {
  const budget = new StepBudget(options.stepsMax ?? SEARCH_STEPS_MAX)
  const demands = demandsOf(search)
  const statistics =
    (await options.statistics?.(demands, budget)) ?? (await countStatistics(demands, scope.documents, budget))

  const makeJudge = options.judgeOf ?? judgeOf
  const collector = new PageCollector(search, budget, (query, scored) =>
    makeJudge(query, { statistics, budget, scored }),
  )
  for await (const slice of politely(scope.candidates ?? scope.documents)) {
    for (const document of slice) {
      budget.spend(1)
      collector.consider(document)
      // Judging one document may take long: waiting is worth a look each time, and costs nothing when it is not due.
      const turn = yieldIfLong()
      if (turn !== undefined) await turn
    }
  }
  return collector.page(options.matchesBeyond?.() ?? 0)
}

function demandsOf(search: Search): readonly Demand[] {
  return statisticsDemand(
    queriesOf(search).map((query) => ({ query, scored: query === search.query && ranksByScore(search) })),
  )
}

/** Every query of a search: what it looks for, what narrows hits and sort keys, and what aggregations filter by. */
export function queriesOf(search: Search): readonly Query[] {
  const filters = (search.sort ?? []).flatMap((key) => key.nested?.filter ?? [])
  const postFilter = search.postFilter === undefined ? [] : [search.postFilter]
  return [search.query, ...postFilter, ...filters, ...queriesOfAggregations(search.aggregations ?? {})]
}

async function countStatistics(
  demands: readonly Demand[],
  documents: DocumentSlices,
  budget: StepBudget,
): Promise<ScopeStatistics> {
  const counter = new StatisticsCounter(demands, budget)
  if (demands.length === 0) return counter
  for await (const slice of politely(documents)) {
    for (const document of slice) counter.add(document)
  }
  return counter
}

async function* politely(documents: DocumentSlices): AsyncGenerator<readonly PreparedDocument[]> {
  for await (const slice of documents()) {
    yield slice
    await yieldIfLong()
  }
}

type MakeJudge = (query: Query, scored: boolean) => Judge

class PageCollector {
  readonly #search: Search
  readonly #makeJudge: MakeJudge
  readonly #budget: StepBudget
  readonly #judge: Judge
  readonly #postJudge: Judge | undefined
  readonly #acceptsNested: NestedFilter
  readonly #best: BestHits
  readonly #order: (a: Hit, b: Hit) => number
  readonly #bestByValue = new Map<string | number | undefined, Hit>()
  readonly #aggregated: PreparedDocument[] = []
  #total = 0

  constructor(search: Search, budget: StepBudget, makeJudge: MakeJudge) {
    this.#search = search
    this.#budget = budget
    this.#makeJudge = makeJudge
    this.#judge = makeJudge(search.query, ranksByScore(search))
    this.#postJudge = search.postFilter === undefined ? undefined : makeJudge(search.postFilter, false)
    this.#acceptsNested = nestedFilter(search.sort ?? [], makeJudge)
    this.#order = hitOrder(search.sort)
    this.#best = new BestHits(search.from + search.size, this.#order)
  }

  consider(document: PreparedDocument): void {
    const score = this.#judge(document)
    if (score === undefined) return
    if (this.#search.aggregations !== undefined) this.#aggregated.push(document)
    if (this.#postJudge?.(document) === undefined && this.#postJudge !== undefined) return

    this.#total += 1
    const keys = this.#search.sort ?? []
    const hit = { document, score, values: sortValues(keys, document, score, this.#acceptsNested) }
    if (!this.#comesAfter(hit)) return
    if (this.#search.collapse === undefined) this.#best.add(hit)
    else this.#collapse(hit, this.#search.collapse)
  }

  page(matchesBeyond: number): FoundPage {
    for (const hit of this.#bestByValue.values()) this.#best.add(hit)
    const { from, size, aggregations } = this.#search
    const hits = this.#best.sorted().slice(from, from + size)
    return {
      hits: hits.map((hit) => hit.document),
      total: this.#total + matchesBeyond,
      ...(aggregations !== undefined && {
        aggregations: computeAggregations(aggregations, this.#aggregated.toSorted(byPosition), {
          matcherOf: (query) => {
            const judge = this.#makeJudge(query, false)
            return (document) => judge(document) !== undefined
          },
          budget: this.#budget,
        }),
      }),
    }
  }

  #comesAfter(hit: Hit): boolean {
    const { sort, searchAfter } = this.#search
    if (searchAfter === undefined || sort === undefined) return true
    const after = searchAfter.map((value) => value ?? undefined)
    return compareByKeys(sort, hit.values, after) > 0
  }

  #collapse(hit: Hit, field: string): void {
    const indexed = hit.document.field(field)
    const value = indexed === undefined || indexed.kind === 'text' ? undefined : indexed.values[0]
    const known = this.#bestByValue.get(value)
    if (known === undefined || this.#order(hit, known) < 0) this.#bestByValue.set(value, hit)
  }
}

/** Documents that are not in an index come behind those that are. */
function byPosition(a: PreparedDocument, b: PreparedDocument): number {
  return a.position - b.position
}

function nestedFilter(keys: readonly SortKey[], makeJudge: MakeJudge): NestedFilter {
  const judges = new Map<SortKey, Judge>()
  for (const key of keys) {
    if (key.nested?.filter !== undefined) judges.set(key, makeJudge(key.nested.filter, false))
  }
  return (key, object) => {
    const judge = judges.get(key)
    return judge === undefined || judge(object) !== undefined
  }
}

/** Whether the order of the hits depends on their scores. */
export function ranksByScore(search: Search): boolean {
  return search.sort === undefined || search.sort.some((key) => key.field === '_score')
}
