import { fieldTable } from '../field-table.ts'
import { MATCH_NONE, type NestedQuery, type Query } from '../filter.ts'
import { minimumShouldMatch } from '../minimum-should-match.ts'
import {
  type Argument,
  type Body,
  booleanArgument,
  COMMON,
  ignored,
  isBody,
  malformed,
  numberArgument,
  readArguments,
  type Scalar,
  scalarArgument,
  textArgument,
  tokenOf,
  uncreatable,
} from './arguments.ts'
import type { ParseContext } from './context.ts'

/** Depth of `bool` in `bool` that is allowed. */
const BOOL_DEPTH_MAX = 20

/** `bool` */
export function parseBool(body: Body, context: ParseContext): Query {
  if (context.boolDepth >= BOOL_DEPTH_MAX) {
    throw malformed(
      'The nested depth of the query exceeds the maximum nested depth for bool queries set in [indices.query.bool.max_nested_depth]',
    )
  }
  const inner = { ...context, boolDepth: context.boolDepth + 1 }
  const occurrence = (argument: Argument) => innerQueries(argument, inner)
  const given = readArguments(
    'bool',
    body,
    {
      ...COMMON,
      must: occurrence,
      filter: occurrence,
      should: occurrence,
      must_not: occurrence,
      minimum_should_match: scalarArgument,
      adjust_pure_negative: booleanArgument,
    },
    'field',
  )
  const { must = [], filter = [], should = [], must_not: mustNot = [], boost = 1 } = given
  if (must.length + filter.length + should.length + mustNot.length === 0) return { kind: 'all', boost }
  if (must.length + filter.length + should.length === 0 && given.adjust_pure_negative === false) {
    return MATCH_NONE
  }
  const least = must.length + filter.length === 0 && should.length > 0 ? 1 : 0
  const shouldMin = Math.max(least, shouldMinimum(given.minimum_should_match, should.length))
  return { kind: 'bool', must, filter, should, mustNot, shouldMin, boost }
}

function shouldMinimum(wanted: Scalar | undefined, optional: number): number {
  if (wanted === undefined) return 0
  return minimumShouldMatch(typeof wanted === 'boolean' ? String(wanted) : wanted, optional)
}

/** One query or an array of them. */
function innerQueries({ clause, name, value }: Argument, context: ParseContext): readonly Query[] {
  if (Array.isArray(value)) return value.map((one) => context.parse(one, context))
  if (isBody(value)) return [context.parse(value, context)]
  throw malformed(`[${clause}] ${name} doesn't support values of type: ${tokenOf(value)}`)
}

/** One query. */
function innerQuery({ clause, name, value }: Argument, context: ParseContext): Query {
  if (Array.isArray(value)) throw malformed('unexpected token [START_ARRAY]')
  if (isBody(value)) return context.parse(value, context)
  throw malformed(`[${clause}] query does not support [${name}]`)
}

/** `constant_score` */
export function parseConstantScore(body: Body, context: ParseContext): Query {
  const given = readArguments('constant_score', body, {
    ...COMMON,
    filter: (argument: Argument) => innerQuery(argument, context),
  })
  if (given.filter === undefined) throw malformed("[constant_score] requires a 'filter' element")
  return { kind: 'constant', query: given.filter, boost: given.boost ?? 1 }
}

/** `dis_max` */
export function parseDisMax(body: Body, context: ParseContext): Query {
  const given = readArguments('dis_max', body, {
    ...COMMON,
    queries: (argument: Argument) => innerQueries(argument, context),
    tie_breaker: numberArgument,
  })
  const { queries = [], tie_breaker: tieBreaker = 0, boost = 1 } = given
  if (queries.length === 0) throw malformed("[dis_max] requires 'queries' field with at least one clause")
  return { kind: 'disMax', queries, tieBreaker, boost }
}

/** `boosting` */
export function parseBoosting(body: Body, context: ParseContext): Query {
  const query = (argument: Argument) => innerQuery(argument, context)
  const given = readArguments('boosting', body, {
    ...COMMON,
    positive: query,
    negative: query,
    negative_boost: numberArgument,
  })
  const { positive, negative, negative_boost: negativeBoost, boost = 1 } = given
  // The stray quotes at the end of these are Elasticsearch's.
  if (positive === undefined) throw malformed("[boosting] query requires 'positive' query to be set'")
  if (negative === undefined) throw malformed("[boosting] query requires 'negative' query to be set'")
  if (negativeBoost === undefined || negativeBoost < 0) {
    throw malformed("[boosting] query requires 'negative_boost' to be set to be a positive value'")
  }
  return { kind: 'boosting', positive, negative, negativeBoost, boost }
}

/** `nested` */
export function parseNested(body: Body, context: ParseContext): Query {
  const { path, ignoreUnmapped } = nestedHead(body)
  const type = fieldTable(context.mapping).object.get(path)?.type
  const inner = type === 'nested' ? { ...context, nestedPath: path } : context
  const given = readArguments('nested', body, {
    ...NESTED_READERS,
    query: (argument: Argument) => innerQuery(argument, inner),
  })
  const { query, score_mode: scoreMode = 'avg', boost = 1 } = given
  if (query === undefined) throw malformed("[nested] requires 'query' field")
  if (type === 'nested') return { kind: 'nested', path, query, scoreMode, boost }
  if (ignoreUnmapped) return MATCH_NONE
  throw uncreatable(
    type === undefined
      ? `[nested] failed to find nested object under path [${path}]`
      : `[nested] nested object under path [${path}] is not of nested type`,
  )
}

const NESTED_READERS = {
  ...COMMON,
  path: textArgument,
  query: ignored,
  score_mode: scoreModeArgument,
  ignore_unmapped: booleanArgument,
  inner_hits: innerHitsArgument,
}

function nestedHead(body: Body): { readonly path: string; readonly ignoreUnmapped: boolean } {
  const given = readArguments('nested', body, NESTED_READERS)
  if (given.path === undefined) throw malformed("[nested] requires 'path' field")
  return { path: given.path, ignoreUnmapped: given.ignore_unmapped ?? false }
}

const SCORE_MODES = ['avg', 'sum', 'min', 'max', 'none'] as const

function scoreModeArgument(argument: Argument): NestedQuery['scoreMode'] {
  const text = textArgument(argument)
  const mode = SCORE_MODES.find((known) => known === text)
  if (mode === undefined) throw malformed(`No score mode for child query [${text}] found`)
  return mode
}

function innerHitsArgument({ value }: Argument): undefined {
  if (!isBody(value)) throw malformed(`[nested] unknown token [${tokenOf(value)}] after [inner_hits]`)
}
