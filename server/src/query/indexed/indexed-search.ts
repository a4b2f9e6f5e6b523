import { type Judge, type JudgeContext, judgeOf } from '../evaluate.ts'
import { type ExecuteOptions, executeSearch, type FoundPage, queriesOf } from '../execute-search.ts'
import type { Query } from '../filter.ts'
import type { PreparedDocument } from '../prepared-document.ts'
import type { Search } from '../search.ts'
import { IndexedDocument, ShapeReader } from './indexed-document.ts'
import { clauseDocuments, type LoadedIndex, loadIndex } from './load-index.ts'
import type { IndexedScope } from './text-index.ts'
import { asksOnlyFor, drivingSet, overSets } from './text-plan.ts'

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
      statistics: async (demands, budget) => {
        const loaded = await loadIndex(plan.queries, demands, scope, budget)
        plan.use(loaded)
        return loaded.statistics
      },
      judgeOf: (query, context) => plan.judge(query, context),
    },
  )
}

/** Positions that become documents at once. */
const SLICE_POSITIONS = 500

class IndexPlan {
  /** Every query of the search. */
  readonly queries: readonly Query[]
  readonly #search: Search
  readonly #scope: IndexedScope
  /** The index alone tells everything that the search needs to know of a document. */
  readonly #needsNoRows: boolean
  readonly #setNumbers = new Map<Query, number>()
  #loaded: LoadedIndex | undefined

  constructor(search: Search, scope: IndexedScope) {
    this.#search = search
    this.#scope = scope
    this.queries = queriesOf(search)
    this.#needsNoRows = needsNoRows(search, scope.index.field)
  }

  use(loaded: LoadedIndex): void {
    this.#loaded = loaded
    for (const query of loaded.sets.keys()) this.#setNumbers.set(query, this.#setNumbers.size)
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
    const loaded = this.#loaded
    if (loaded === undefined) throw new Error('The index was not loaded before its documents')
    const reader = new ShapeReader(loaded.lists, [...loaded.sets.values()])
    const driving = drivingSet(this.#search.query, clauseDocuments(loaded, this.#scope.index.field))
    if (driving === undefined && !this.#needsNoRows) {
      for (const rows of this.#scope.candidates()) yield rows.map((row) => this.#fromRow(row, reader))
    } else {
      const slices = driving === undefined ? this.#scope.positions() : inSlices(driving)
      for (const positions of slices) yield this.#fromPositions(positions, reader)
    }
    yield* this.#scope.unindexed()
  }

  #fromPositions(positions: readonly number[], reader: ShapeReader): readonly PreparedDocument[] {
    if (!this.#needsNoRows) {
      return this.#scope.documentsAt(positions).map((row) => this.#fromRow(row, reader))
    }
    const { field } = this.#scope.index
    return positions.map((position) => {
      return new IndexedDocument(position, reader.shapeOf(position), field, undefined)
    })
  }

  #fromRow(row: PreparedDocument, reader: ShapeReader): PreparedDocument {
    return new IndexedDocument(row.position, reader.shapeOf(row.position), this.#scope.index.field, row)
  }
}

function needsNoRows(search: Search, field: string): boolean {
  const { query, sort, postFilter, collapse, aggregations } = search
  const isPlain = [postFilter, collapse, aggregations].every((part) => part === undefined)
  const sortsByOrder = (sort ?? []).every((key) => key.field === '_score' || key.field === '_doc')
  return isPlain && sortsByOrder && asksOnlyFor(query, field)
}

function* inSlices(positions: Iterable<number>): Generator<readonly number[]> {
  let slice: number[] = []
  for (const position of positions) {
    slice.push(position)
    if (slice.length < SLICE_POSITIONS) continue
    yield slice
    slice = []
  }
  yield slice
}
