import type { ApiKey } from '../../core/keys/api-key.ts'
import { executeSearch, queriesOf } from '../../query/execute-search.ts'
import type { Query } from '../../query/filter.ts'
import { IndexedDocument } from '../../query/indexed/indexed-document.ts'
import { executeIndexedSearch } from '../../query/indexed/indexed-search.ts'
import { loadIndex } from '../../query/indexed/load-index.ts'
import type { IndexedScope } from '../../query/indexed/text-index.ts'
import type { PreparedDocument } from '../../query/prepared-document.ts'
import type { Search, SearchPage } from '../../query/search.ts'
import { compileCandidates } from '../../query/sql/compile.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { rememberedSlices } from '../remembered-slices.ts'
import type { DocumentReader } from './document-reader.ts'
import type { KeyIndex } from './key-index.ts'
import { countRows } from './table-search.ts'

/** Positions that are read at once. */
const POSITIONS_AT_ONCE = 5000

/**
 * Finds a page of an owner's keys with the index of their descriptions.
 *
 * @throws {QueryError} `too_expensive`
 */
export async function pageByIndex(
  index: KeyIndex,
  documents: DocumentReader<ApiKey>,
  search: Search,
): Promise<SearchPage<ApiKey>> {
  const scope = indexedScope(index, documents)
  if (!documents.rows.candidates.selective) {
    const page = await executeIndexedSearch(search, scope)
    return { ...page, hits: recordsOf(page.hits, documents) }
  }
  // Few keys can match, and another index finds them: only their scores depend on all the others.
  const page = await executeSearch(search, documents, {
    statistics: async (demands, budget) =>
      (await loadIndex(queriesOf(search), demands, scope, budget)).statistics,
  })
  return { ...page, hits: documents.recordsOf(page.hits) }
}

function indexedScope(index: KeyIndex, documents: DocumentReader<ApiKey>): IndexedScope {
  const { rows } = documents
  const { indexedTo } = index
  return {
    index,
    indexedTo,
    unindexed: rememberedSlices(() => documents.documentsIn({ after: indexedTo })),
    documents: () => documents.documentsIn({ upTo: indexedTo }),
    *positions() {
      for (const range of rows.ranges(POSITIONS_AT_ONCE, { upTo: indexedTo })) yield rows.seqsIn(range)
    },
    documentsAt: (positions) => documents.prepare(rows.candidatesAt(positions)),
    candidates: () => documents.candidatesIn({ upTo: indexedTo }),
    canTell: (query) => compileCandidates(query, rows.table.columns, SQLITE).exact,
    *positionsOf(query) {
      const reader = rows.withCandidates(compileCandidates(query, rows.table.columns, SQLITE))
      for (const range of reader.ranges(POSITIONS_AT_ONCE, { upTo: indexedTo })) {
        yield reader.candidateSeqsIn(range)
      }
    },
    async count(query) {
      const candidates = compileCandidates(query, rows.table.columns, SQLITE)
      return candidates.exact ? countRows(rows.withCandidates(candidates)) : countByJudging(documents, query)
    },
  }
}

/** How many keys satisfy a query on something that no column tells of, such as a member of the metadata. */
async function countByJudging(documents: DocumentReader<ApiKey>, query: Query): Promise<number> {
  const search: Search = { query: { kind: 'all', boost: 1 }, postFilter: query, from: 0, size: 0 }
  return (await executeSearch(search, { documents: documents.documents })).total
}

/** The keys of documents; those that the index alone told of are read now. */
function recordsOf(hits: readonly PreparedDocument[], documents: DocumentReader<ApiKey>): readonly ApiKey[] {
  const known = hits.map((hit) => (hit instanceof IndexedDocument ? hit.row : hit))
  const unread = hits.filter((_, index) => known[index] === undefined).map((hit) => hit.position)
  const read = new Map(
    documents.prepare(documents.rows.candidatesAt(unread)).map((document) => [document.position, document]),
  )
  const found = hits.map((hit, index) => known[index] ?? read.get(hit.position))
  // A key that was removed since it was found is none of the hits any more.
  return documents.recordsOf(found.filter((document) => document !== undefined))
}
