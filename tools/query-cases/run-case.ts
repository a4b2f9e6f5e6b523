import { asKuzzleError } from '../../server/src/apis/kuzzle/domain-errors.ts'
import { parseElasticsearch, type QueryScope } from '../../server/src/query/elasticsearch.ts'
import { MATCH_ALL, type Query } from '../../server/src/query/filter.ts'
import { translateKoncorde } from '../../server/src/query/koncorde.ts'
import type { Mapping } from '../../server/src/query/mapping.ts'
import { parseKeySearch, type QueryLanguage } from '../../server/src/query/search-body.ts'
import type { CaseDocument } from './case-keys.ts'
import type { CaseStore } from './case-store.ts'
import type { FoundIds } from './case-tables.ts'

/** What a case expects instead of hits. */
type ExpectedError = { readonly status: number; readonly id: string | readonly string[] }

/** One query over all documents of a collection. */
export type QueryCase = {
  readonly name: string
  readonly lang?: QueryLanguage
  readonly query: unknown
  /** Matching ids, sorted. */
  readonly ids?: readonly string[]
  /** Groups of equal score, best first. */
  readonly order?: readonly (readonly string[])[]
  readonly error?: ExpectedError
  readonly certain?: boolean
}

/** One whole call of searchApiKeys. */
export type PagingCase = {
  readonly name: string
  readonly userId: string
  readonly lang?: QueryLanguage
  readonly query: unknown
  readonly from?: number
  readonly size?: number
  readonly hits?: readonly string[]
  readonly total?: number
  readonly error?: ExpectedError
  readonly certain?: boolean
}

type Collection = {
  readonly documents: readonly CaseDocument[]
  readonly mapping: Mapping
  readonly cases?: readonly QueryCase[]
}

/** A file of cases. */
export type CasesFile = Collection & {
  /** The clock for date math: epoch ms. */
  readonly now: number
  readonly analysis?: readonly { readonly text: string; readonly tokens: readonly string[] }[]
  readonly paging?: readonly PagingCase[]
  readonly extra?: readonly (Collection & { readonly collection: string })[]
}

/** How a case went; no problem: as it expects. */
export type CaseOutcome = {
  readonly name: string
  readonly certain: boolean
  readonly problem: string | undefined
}

/** Matches that a case may have. */
const PAGE_MAX = 10_000

/** Default page of searchApiKeys. */
const KEYS_PAGE = 10

/** Runs one query over all documents. */
export async function runCase(store: CaseStore, one: QueryCase, now: number): Promise<CaseOutcome> {
  const scope = { mapping: store.mapping, now }
  const found = await attempt(() => {
    const query = parseCaseQuery(one.query, one.lang, scope)
    return store.search({ query, mapping: store.mapping, from: 0, size: PAGE_MAX })
  })
  const problem = one.error === undefined ? hitsProblem(one, found) : errorProblem(one.error, found)
  return { name: one.name, certain: one.certain ?? true, problem }
}

function parseCaseQuery(query: unknown, language: QueryLanguage | undefined, scope: QueryScope): Query {
  if (language === 'koncorde') return parseElasticsearch(translateKoncorde(query), scope)
  return JSON.stringify(query) === '{}' ? MATCH_ALL : parseElasticsearch(query, scope)
}

/** Runs one call of searchApiKeys. */
export async function runPaging(store: CaseStore, one: PagingCase, now: number): Promise<CaseOutcome> {
  const scope = { mapping: store.mapping, now }
  const page = { from: one.from ?? 0, size: one.size ?? KEYS_PAGE }
  const found = await attempt(() =>
    store.searchKeys(one.userId, parseKeySearch(one.query, page, one.lang ?? 'elasticsearch', scope)),
  )
  const problem = one.error === undefined ? pageProblem(one, found) : errorProblem(one.error, found)
  return { name: `paging: ${one.name}`, certain: one.certain ?? true, problem }
}

type Found = FoundIds | { readonly error: unknown }

async function attempt(find: () => Promise<FoundIds>): Promise<Found> {
  try {
    return await find()
  } catch (error) {
    return { error }
  }
}

function hitsProblem(one: QueryCase, found: Found): string | undefined {
  if ('error' in found) return `refused: ${printError(found.error)}`
  const ids = one.ids ?? one.order?.flat() ?? []
  return (
    difference('ids', [...ids].sort(), [...found.ids].sort()) ??
    (one.order === undefined ? undefined : difference('order', one.order.flat(), found.ids))
  )
}

function pageProblem(one: PagingCase, found: Found): string | undefined {
  if ('error' in found) return `refused: ${printError(found.error)}`
  return (
    (one.hits === undefined ? undefined : difference('hits', one.hits, found.ids)) ??
    (one.total === undefined ? undefined : difference('total', one.total, found.total))
  )
}

function errorProblem(expected: ExpectedError, found: Found): string | undefined {
  const wanted: readonly string[] = typeof expected.id === 'string' ? [expected.id] : expected.id
  if (!('error' in found)) return `expected ${wanted.join(' or ')}, found ${found.total} hits`
  const refusal = asKuzzleError(found.error)
  if (refusal === undefined) return `broke: ${printError(found.error)}`
  const id = refusal.id ?? 'none'
  if (!wanted.includes(id)) return `expected ${wanted.join(' or ')}, found ${id} (${refusal.message})`
  return difference('status', expected.status, refusal.status)
}

function difference(what: string, expected: unknown, found: unknown): string | undefined {
  const [wanted, got] = [JSON.stringify(expected), JSON.stringify(found)]
  return wanted === got ? undefined : `expected ${what} ${wanted}, found ${got}`
}

function printError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
