import { type Judge, type JudgeContext, judgeOf } from '../evaluate.ts'
import { type ExecuteOptions, executeSearch, type FoundPage, queriesOf } from '../execute-search.ts'
import type { Query, TermQuery } from '../filter.ts'
import type { PreparedDocument } from '../prepared-document.ts'
import type { Search } from '../search.ts'
import type { Demand, ScopeStatistics } from '../statistics.ts'
import type { StepBudget } from '../step-budget.ts'
import { yieldIfLong } from '../turns.ts'
import { IndexedDocument, ShapeReader } from './indexed-document.ts'
import { clauseDocuments, loadIndex } from './load-index.ts'
import { PositionSet } from './position-set.ts'
import type { PostingList } from './posting-list.ts'
import type { IndexedScope } from './text-index.ts'
import { asksOnlyFor, drivingSet, otherWants, overSets } from './text-plan.ts'

/**
 * As `executeSearch`, for many documents with an index of one of their fields: the index tells which documents to look
 * at, and often everything about them, so that few rows are read.
 *
 * Hits whose rows were not read know nothing but their position.
 *
 * @throws {QueryError} `too_expensive`
 */
export function executeIndexedSearch(
  search: Search,
  scope: IndexedScope,
  options: Pick<ExecuteOptions, 'stepsMax'> = {},
): Promise<FoundPage> {
  const plan = new IndexPlan(search, scope)
  return executeSearch(
    search,
    { documents: () => plan.documents() },
    {
      ...options,
      statistics: (demands, budget) => plan.prepare(demands, budget),
      judgeOf: (query, context) => plan.judge(query, context),
      matchesBeyond: () => plan.matchesBeyond(),
    },
  )
}

/** Positions, or rows, that become documents at once. */
const SLICE_POSITIONS = 250

/** Rows that are read one by one rather than asking SQL for all that satisfy other clauses. */
const READ_ROWS_MAX = 20_000

class IndexPlan {
  readonly #search: Search
  readonly #scope: IndexedScope
  readonly #isPlain: boolean
  /** Indexes alone tell everything that the search needs to know of a document. */
  #needsNoRows = false
  #lists: ReadonlyMap<string, PostingList> = new Map()
  readonly #sets = new Map<Query, PositionSet>()
  readonly #terms: { readonly field: string; readonly term: string; readonly set: PositionSet }[] = []
  readonly #setNumbers = new Map<Query, number>()
  /** Documents among which all matches are; undefined: any. */
  #driving: PositionSet | undefined
  #shapes: ShapeReader | undefined
  /** Of documents of one shape, which all score alike, no more than these can be on the page. */
  readonly #alikeMax: number
  #budget: StepBudget | undefined

  constructor(search: Search, scope: IndexedScope) {
    this.#search = search
    this.#scope = scope
    this.#isPlain = isPlain(search)
    this.#alikeMax = ranksByScoreAlone(search)
      ? Math.max(1, search.from + search.size)
      : Number.POSITIVE_INFINITY
  }

  /** Loads what the search needs of the indexes, and answers the counts that it demands. */
  async prepare(demands: readonly Demand[], budget: StepBudget): Promise<ScopeStatistics> {
    const { field } = this.#scope.index
    const { query } = this.#search
    this.#budget = budget
    const loaded = await loadIndex(queriesOf(this.#search), demands, this.#scope, budget)
    this.#lists = loaded.lists
    for (const [clause, set] of loaded.sets) this.#sets.set(clause, set)
    const documentsOf = clauseDocuments({ ...loaded, sets: this.#sets }, field)
    this.#driving = drivingSet(query, documentsOf)
    this.#needsNoRows = this.#isPlain && asksOnlyFor(query, field)
    if (this.#isPlain && !this.#needsNoRows && (this.#driving?.size ?? READ_ROWS_MAX) >= READ_ROWS_MAX) {
      await this.#loadOthers(budget)
      this.#driving = drivingSet(query, documentsOf)
    }
    for (const clause of this.#sets.keys()) this.#setNumbers.set(clause, this.#setNumbers.size)
    return loaded.statistics
  }

  /** Judges documents of the index by what it tells, and all others by themselves. */
  judge(query: Query, context: JudgeContext): Judge {
    const ofDocument = judgeOf(query, context)
    const ofIndexed = judgeOf(overSets(query, this.#setNumbers), context)
    const remembers = this.#needsNoRows && query === this.#search.query
    return (document) => {
      if (!(document instanceof IndexedDocument)) return ofDocument(document)
      if (!remembers) return ofIndexed(document)
      document.shape.judged ??= { score: ofIndexed(document) }
      return document.shape.judged.score
    }
  }

  async *documents(): AsyncGenerator<readonly PreparedDocument[]> {
    const shapes = new ShapeReader({
      textField: this.#scope.index.field,
      lists: this.#lists,
      sets: [...this.#sets.values()],
      terms: this.#terms,
    })
    if (this.#needsNoRows) {
      this.#shapes = shapes
      const slices =
        this.#driving === undefined ? this.#scope.positions() : this.#driving.slices(SLICE_POSITIONS)
      for await (const positions of slices) yield this.#documentsOf(positions, shapes)
    } else {
      for await (const rows of this.#rows()) {
        yield rows.map((row) => new IndexedDocument(row.position, shapes.shapeOf(row.position), row))
      }
    }
    yield* this.#scope.unindexed()
  }

  /** Matches that are on no page before theirs and were left out of `documents`. */
  matchesBeyond(): number {
    let matches = 0
    for (const { judged, documents } of this.#shapes?.remembered() ?? []) {
      if (judged?.score !== undefined) matches += Math.max(0, documents - this.#alikeMax)
    }
    return matches
  }

  #documentsOf(positions: readonly number[], shapes: ShapeReader): readonly PreparedDocument[] {
    const documents: PreparedDocument[] = []
    for (const position of positions) {
      const shape = shapes.shapeOf(position)
      shape.documents += 1
      if (shape.documents <= this.#alikeMax) documents.push(new IndexedDocument(position, shape, undefined))
    }
    this.#budget?.spend(positions.length - documents.length)
    return documents
  }

  async *#rows(): AsyncGenerator<readonly PreparedDocument[]> {
    if (this.#driving === undefined) {
      yield* this.#scope.candidates()
      return
    }
    for (const positions of this.#driving.slices(SLICE_POSITIONS)) yield this.#scope.documentsAt(positions)
  }

  /** Asks SQL for all documents that satisfy clauses about other fields, if that leaves nothing to read rows for. */
  async #loadOthers(budget: StepBudget): Promise<void> {
    const wants = otherWants(this.#search.query, this.#scope.index.field, (query) =>
      this.#scope.canTell(query),
    )
    if (wants === undefined) return
    for (const query of wants.sets) this.#sets.set(query, await this.#loadSet(query, budget))
    for (const query of wants.terms) this.#terms.push(await this.#loadTerm(query, budget))
    this.#needsNoRows = true
  }

  async #loadTerm(query: TermQuery, budget: StepBudget) {
    return { field: query.field, term: query.term, set: await this.#loadSet(query, budget) }
  }

  async #loadSet(query: Query, budget: StepBudget): Promise<PositionSet> {
    const set = new PositionSet()
    for await (const positions of this.#scope.positionsOf(query)) {
      budget.spend(positions.length)
      for (const position of positions) set.add(position)
      await yieldIfLong()
    }
    return set
  }
}

/** Whether the query alone tells which hits are answered, and in which order. */
function isPlain(search: Search): boolean {
  const { sort, postFilter, collapse, aggregations } = search
  const wantsFields = [postFilter, collapse, aggregations].some((part) => part !== undefined)
  return !wantsFields && (sort ?? []).every((key) => key.field === '_score' || key.field === '_doc')
}

/** Whether hits are ordered by their scores, those with the same score by their age. */
function ranksByScoreAlone({ sort, searchAfter }: Search): boolean {
  return searchAfter === undefined && (sort ?? []).every((key) => key.field === '_score')
}
