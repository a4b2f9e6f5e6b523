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
import { POSTGRES } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { rememberedSlices } from '../remembered-slices.ts'
import { type DocumentReader, seqIn } from './document-reader.ts'
import type { KeyIndex } from './key-index.ts'

/**
 * Finds a page of an owner's keys with the index of their descriptions. `documents` reads from the snapshot that the index
 * is of.
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
    return { ...page, hits: await recordsOf(page.hits, documents) }
  }
  // Few keys can match, and another index finds them: only their scores depend on all the others.
  const page = await executeSearch(search, documents, {
    statistics: async (demands, budget) =>
      (await loadIndex(queriesOf(search), demands, scope, budget)).statistics,
  })
  return { ...page, hits: documents.recordsOf(page.hits) }
}

function indexedScope(index: KeyIndex, documents: DocumentReader<ApiKey>): IndexedScope {
  const { indexedTo, reworded } = index
  const isIn = indexed(index)
  const isOut =
    reworded.length === 0
      ? sql`seq > ${indexedTo}::bigint`
      : sql`(seq > ${indexedTo}::bigint OR ${seqIn(reworded)})`
  const compile = (query: Query) => compileCandidates(query, documents.table.columns, POSTGRES)
  const everything = documents.withCandidates(compile({ kind: 'all', boost: 1 }))
  return {
    index,
    indexedTo,
    unindexed: rememberedSlices(() => documents.documentsIn(isOut)),
    documents: () => documents.documentsIn(isIn),
    positions: () => everything.seqsIn(isIn),
    documentsAt: (positions) => documents.candidatesAt(positions),
    candidates: () => documents.candidatesIn(isIn),
    canTell: (query) => compile(query).exact,
    positionsOf: (query) => documents.withCandidates(compile(query)).seqsIn(isIn),
    async count(query) {
      const candidates = compile(query)
      if (candidates.exact) return documents.withCandidates(candidates).count()
      return countByJudging(documents, query)
    },
  }
}

function indexed({ indexedTo, reworded }: KeyIndex): SqlText {
  return reworded.length === 0
    ? sql`seq <= ${indexedTo}::bigint`
    : sql`(seq <= ${indexedTo}::bigint AND NOT ${seqIn(reworded)})`
}

/** How many keys satisfy a query on something that no column tells of, such as a member of the metadata. */
async function countByJudging(documents: DocumentReader<ApiKey>, query: Query): Promise<number> {
  const search: Search = { query: { kind: 'all', boost: 1 }, postFilter: query, from: 0, size: 0 }
  return (await executeSearch(search, { documents: documents.documents })).total
}

/** The keys of documents; those that the index alone told of are read now. */
async function recordsOf(
  hits: readonly PreparedDocument[],
  documents: DocumentReader<ApiKey>,
): Promise<readonly ApiKey[]> {
  const known = hits.map((hit) => (hit instanceof IndexedDocument ? hit.row : hit))
  const unread = hits.filter((_, index) => known[index] === undefined).map((hit) => hit.position)
  const read = new Map(
    (await documents.candidatesAt(unread)).map((document) => [document.position, document]),
  )
  const found = hits.map((hit, index) => known[index] ?? read.get(hit.position))
  return documents.recordsOf(found.filter((document) => document !== undefined))
}
