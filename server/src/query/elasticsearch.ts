import { type Body, forbiddenKeyword, isBody, malformed } from './elasticsearch/arguments.ts'
import {
  parseBool,
  parseBoosting,
  parseConstantScore,
  parseDisMax,
  parseNested,
} from './elasticsearch/compound-clauses.ts'
import { ClauseCounter, type ParseContext } from './elasticsearch/context.ts'
import {
  parseMatch,
  parseMatchBoolPrefix,
  parseMatchPhrase,
  parseMatchPhrasePrefix,
} from './elasticsearch/match-clauses.ts'
import { parseMultiMatch } from './elasticsearch/multi-match.ts'
import { parseFuzzy, parsePrefix, parseRegexp, parseWildcard } from './elasticsearch/pattern-clauses.ts'
import { parseQueryStringClause } from './elasticsearch/query-string-clause.ts'
import { parseRange } from './elasticsearch/range-clause.ts'
import { parseSimpleQueryStringClause } from './elasticsearch/simple-query-string-clause.ts'
import {
  parseExists,
  parseIds,
  parseMatchAll,
  parseMatchNone,
  parseTerm,
  parseTerms,
  parseTermsSet,
} from './elasticsearch/term-clauses.ts'
import type { Query } from './filter.ts'
import { compileFuzzy } from './fuzzy.ts'
import type { Mapping } from './mapping.ts'
import { QueryError } from './query-error.ts'

/** What the names and dates of a query refer to. */
export type QueryScope = {
  readonly mapping: Mapping
  /** The clock for date math: epoch ms. */
  readonly now: number
}

/**
 * Reads a query of the Elasticsearch Query DSL (version 7): an object with one clause.
 *
 * `nestedPath`: the query is about the nested objects at this path instead of whole documents.
 *
 * @throws {QueryError} with Elasticsearch's reason, whenever it would refuse the query.
 */
export function parseElasticsearch(query: unknown, scope: QueryScope, nestedPath?: string): Query {
  refuseScripts(query)
  return parseClause(query, {
    mapping: scope.mapping,
    now: scope.now,
    nestedPath,
    depth: 0,
    boolDepth: 0,
    clauses: new ClauseCounter(),
    parse: parseClause,
  })
}

/** Clauses around a clause that are allowed; deeper bodies would exhaust the stack. */
const DEPTH_MAX = 100

const CLAUSES: Readonly<Record<string, (body: Body, context: ParseContext) => Query>> = {
  bool: parseBool,
  boosting: parseBoosting,
  constant_score: parseConstantScore,
  dis_max: parseDisMax,
  exists: parseExists,
  fuzzy: parseFuzzy,
  ids: parseIds,
  match: parseMatch,
  match_all: parseMatchAll,
  match_bool_prefix: parseMatchBoolPrefix,
  match_none: parseMatchNone,
  match_phrase: parseMatchPhrase,
  match_phrase_prefix: parseMatchPhrasePrefix,
  multi_match: parseMultiMatch,
  nested: parseNested,
  prefix: parsePrefix,
  query_string: parseQueryStringClause,
  range: parseRange,
  regexp: parseRegexp,
  simple_query_string: parseSimpleQueryStringClause,
  term: parseTerm,
  terms: parseTerms,
  terms_set: parseTermsSet,
  wildcard: parseWildcard,
}

/** Clauses of Elasticsearch that are never answered here. */
const FORBIDDEN_CLAUSES: ReadonlySet<string> = new Set([
  'combined_fields',
  'common',
  'distance_feature',
  'function_score',
  'geo_bounding_box',
  'geo_distance',
  'geo_polygon',
  'geo_shape',
  'has_child',
  'has_parent',
  'intervals',
  'knn',
  'more_like_this',
  'parent_id',
  'percolate',
  'pinned',
  'rank_feature',
  'script',
  'script_score',
  'shape',
  'span_containing',
  'span_field_masking',
  'span_first',
  'span_gap',
  'span_multi',
  'span_near',
  'span_not',
  'span_or',
  'span_term',
  'span_within',
  'type',
  'wrapper',
])

function parseClause(query: unknown, context: ParseContext): Query {
  if (!isBody(query)) throw malformed('[_na] query malformed, must start with start_object')
  const [first, second] = Object.entries(query)
  if (first === undefined) throw malformed('query malformed, empty clause found')

  const [name, body] = first
  if (FORBIDDEN_CLAUSES.has(name)) throw forbiddenKeyword(name)
  const parse = Object.hasOwn(CLAUSES, name) ? CLAUSES[name] : undefined
  if (parse === undefined) throw unknownClause(name)
  if (!isBody(body)) throw malformed(`[${name}] query malformed, no start_object after query name`)
  if (context.depth >= DEPTH_MAX) {
    throw malformed('The nested depth of the query exceeds the maximum nested depth for queries')
  }

  context.clauses.add(1)
  const parsed = parse(body, { ...context, depth: context.depth + 1 })
  if (second !== undefined) {
    throw malformed(`[${name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]`)
  }
  return parsed
}

function unknownClause(name: string): QueryError {
  const close = closeTo(name)
  const hint =
    close.length > 1
      ? ` did you mean any of [${close.join(', ')}]?`
      : close.map((one) => ` did you mean [${one}]?`)
  return new QueryError('unknown_clause', `unknown query [${name}]${hint}`, { subject: name })
}

/** Names longer than any clause that is close to one. */
const MISSPELT_LENGTH_MAX = 40

function closeTo(name: string): readonly string[] {
  if (name.length < 4 || name.length > MISSPELT_LENGTH_MAX) return []
  const misspelt = compileFuzzy(name, { edits: 2, prefixLength: 0, transpositions: true })
  return Object.keys(CLAUSES).filter((clause) => misspelt.distance(clause) !== undefined)
}

/** Members of a script that Kuzzle lets pass: a stored script and its arguments. */
const SCRIPT_MEMBERS: ReadonlySet<string> = new Set(['id', 'params'])

/**
 * Refuses inline scripts wherever they are, also where the name is only a field's, as Kuzzle does.
 *
 * @throws {QueryError} `forbidden_keyword`; `subject` is `script.<member>`.
 */
export function refuseScripts(body: unknown): void {
  // A stack of our own: bodies may be nested deeper than calls can be.
  const pending: unknown[] = [body]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null) continue
    if (Array.isArray(value)) {
      // Lists of values may be long.
      for (const element of value) if (typeof element === 'object') pending.push(element)
      continue
    }
    for (const [name, member] of Object.entries(value)) {
      if (name === 'script' || name === '_script') refuseScript(name, member)
      else pending.push(member)
    }
  }
}

function refuseScript(name: string, script: unknown): void {
  const members = typeof script === 'string' || (typeof script === 'object' && script !== null)
  const forbidden = members ? Object.keys(script).find((member) => !SCRIPT_MEMBERS.has(member)) : undefined
  if (forbidden !== undefined) throw forbiddenKeyword(`${name}.${forbidden}`)
}
