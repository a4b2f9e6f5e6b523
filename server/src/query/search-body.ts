import { type Aggregation, parseAggregations } from './aggregations.ts'
import { type Body, isBody, malformed, tokenOf, uncreatable } from './elasticsearch/arguments.ts'
import { parseElasticsearch, type QueryScope, refuseScripts } from './elasticsearch.ts'
import { fieldTable } from './field-table.ts'
import { MATCH_ALL, type Query } from './filter.ts'
import { translateKoncorde } from './koncorde.ts'
import { QueryError } from './query-error.ts'
import type { Search } from './search.ts'
import { parseSearchAfter, parseSort } from './sort.ts'
import { parseSourceFilter, type SourceFilter } from './source-filter.ts'

/** The language that a query is written in. */
export type QueryLanguage = 'elasticsearch' | 'koncorde'

/** The part of the matches that is asked for. */
export type PageRequest = { readonly from: number; readonly size: number }

/** Matches that can be reached by `from` and `size`. */
export const RESULT_WINDOW_MAX = 10_000

/**
 * Reads the body of a search for API keys, which is the query itself: one clause, an array of clauses that must all
 * match, or nothing for all keys. The query may also be wrapped as `{query: ...}`, with nothing beside it.
 *
 * @throws {QueryError}
 */
export function parseKeySearch(
  body: unknown,
  page: PageRequest,
  language: QueryLanguage,
  scope: QueryScope,
): Search {
  checkPage(page)
  const query = parseKeyQuery(unwrap(body), language, scope)
  return { query, mapping: scope.mapping, from: page.from, size: page.size }
}

/** Members that show that an object is a search body and not a clause. */
const WRAPPER = 'query'

function unwrap(body: unknown): unknown {
  if (!isBody(body) || !Object.hasOwn(body, WRAPPER)) return body
  const beside = Object.keys(body).find((name) => name !== WRAPPER)
  if (beside !== undefined) throw forbiddenSearchKey(beside)
  const query = body[WRAPPER]
  if (isBody(query) || Array.isArray(query)) return query
  throw wrongType('body.query', 'object')
}

function parseKeyQuery(query: unknown, language: QueryLanguage, scope: QueryScope): Query {
  if (!Array.isArray(query)) return parseQuery(query, language, scope)
  const elements: readonly unknown[] = query
  const clauses = elements.map((one) => (language === 'koncorde' ? translateKoncorde(one) : one))
  return parseElasticsearch({ bool: { must: clauses } }, scope)
}

/** A query in either language; absent or empty: everything. */
function parseQuery(query: unknown, language: QueryLanguage, scope: QueryScope): Query {
  if (query === undefined || query === null) return MATCH_ALL
  if (!isBody(query)) throw wrongType('body.query', 'object')
  if (Object.keys(query).length === 0) return MATCH_ALL
  return parseElasticsearch(language === 'koncorde' ? translateKoncorde(query) : query, scope)
}

/** A search in a collection, and what of its hits' sources is answered. */
export type CollectionSearch = { readonly search: Search; readonly sourceFilter: SourceFilter | undefined }

/** Members of a search body that Kuzzle lets through. */
const SEARCH_KEYS: ReadonlySet<string> = new Set([
  'aggregations',
  'aggs',
  'collapse',
  'explain',
  'fields',
  'from',
  'highlight',
  'post_filter',
  'query',
  'search_after',
  'search_timeout',
  'size',
  'sort',
  'suggest',
  '_name',
  '_source',
  '_source_excludes',
  '_source_includes',
])

/**
 * Reads the body of a search for users, profiles, roles or credentials: `{query, sort, aggs, ...}`. The page is that of
 * the arguments; `from` and `size` in the body do not count.
 *
 * @throws {QueryError}
 */
export function parseCollectionSearch(
  body: unknown,
  page: PageRequest,
  language: QueryLanguage,
  scope: QueryScope,
): CollectionSearch {
  checkPage(page)
  const given = searchBody(body)
  refuseScripts(given)
  const sort = isAbsent(given['sort']) ? [] : parseSort(given['sort'], scope)
  const collapse = parseCollapse(given['collapse'], scope)
  const aggregations = aggregationsOf(given, scope)
  const postFilter = isAbsent(given['post_filter'])
    ? undefined
    : parseElasticsearch(given['post_filter'], scope)
  const searchAfter = isAbsent(given['search_after'])
    ? undefined
    : parseSearchAfter(given['search_after'], sort, scope)
  if (searchAfter !== undefined && page.from > 0) {
    throw uncreatable('`from` parameter must be set to 0 when `search_after` is used.')
  }
  return {
    search: {
      query: parseQuery(given['query'], language, scope),
      mapping: scope.mapping,
      from: page.from,
      size: page.size,
      ...(sort.length > 0 && { sort }),
      ...(searchAfter !== undefined && { searchAfter }),
      ...(postFilter !== undefined && { postFilter }),
      ...(collapse !== undefined && { collapse }),
      ...(aggregations !== undefined && { aggregations }),
    },
    sourceFilter: parseSourceFilter(given),
  }
}

/** The body's members, all of them allowed; those without visible effect are of the right type. */
function searchBody(body: unknown): Body {
  if (body === undefined || body === null) return {}
  if (!isBody(body)) throw wrongType('body', 'object')
  for (const [name, value] of Object.entries(body)) {
    if (value !== undefined && !SEARCH_KEYS.has(name)) throw forbiddenSearchKey(name)
  }
  for (const name of ['highlight', 'suggest', 'collapse'] as const) requireShape(body, name, isBody)
  requireShape(body, 'explain', (value) => typeof value === 'boolean')
  requireShape(body, 'fields', Array.isArray)
  return body
}

function requireShape(body: Body, name: string, fits: (value: unknown) => boolean): void {
  const value = body[name]
  if (isAbsent(value) || fits(value)) return
  throw malformed(`Unknown key for a ${tokenOf(value)} in [${name}].`)
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

function aggregationsOf(body: Body, scope: QueryScope): Readonly<Record<string, Aggregation>> | undefined {
  const value = body['aggs'] ?? body['aggregations']
  return isAbsent(value) ? undefined : parseAggregations(value, scope)
}

function parseCollapse(value: unknown, scope: QueryScope): string | undefined {
  if (!isBody(value)) return undefined
  const name = value['field']
  if (typeof name !== 'string') throw malformed('no field specified for collapse')
  const type = fieldTable(scope.mapping).leaf.get(name)?.type
  if (type === undefined) throw malformed(`no mapping found for \`${name}\` in order to collapse on`)
  if (type === 'text' || type === 'date' || type === 'boolean') {
    throw malformed(`unknown type for collapse field \`${name}\`, only keywords and numbers are accepted`)
  }
  return name
}

function checkPage({ from, size }: PageRequest): void {
  if (from < 0) throw malformed('[from] parameter cannot be negative')
  if (size < 0) throw malformed('[size] parameter cannot be negative')
  if (from + size > RESULT_WINDOW_MAX) {
    throw malformed(
      `Result window is too large, from + size must be less than or equal to: [${RESULT_WINDOW_MAX}] but was ` +
        `[${from + size}]. See the scroll api for a more efficient way to request large data sets. This limit can be ` +
        'set by changing the [index.max_result_window] index level setting.',
    )
  }
}

function forbiddenSearchKey(name: string): QueryError {
  return new QueryError(
    'forbidden_search_key',
    `The argument "${name}" is not allowed at this level of a search query.`,
    { subject: name },
  )
}

function wrongType(subject: string, expected: string): QueryError {
  return new QueryError('invalid_type', `Wrong type for argument "${subject}" (expected: ${expected})`, {
    subject,
    expected,
  })
}
