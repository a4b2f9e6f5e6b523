import { type AnalyzerName, analyze } from '../analyzer.ts'
import type { Field } from '../field-table.ts'
import { type BlendedQuery, boosted, MATCH_NONE, type Query, type TermQuery } from '../filter.ts'
import {
  type Argument,
  type Body,
  malformed,
  numberArgument,
  parseNumber,
  readArguments,
  type Scalar,
  textArgument,
  textsArgument,
} from './arguments.ts'
import { fieldsLike, type ParseContext, type Target, targetOf } from './context.ts'
import {
  combineWords,
  MATCH_READERS,
  type MatchOptions,
  type MatchType,
  matchOptions,
  matchQuery,
} from './match-clauses.ts'
import { exactQuery, leniently } from './values.ts'

/** A field to search in; an unmapped one finds nothing. */
export type BoostedTarget = { readonly target: Target; readonly boost: number }

type BoostedField = BoostedTarget & { readonly target: Field | '_id' }

/** The fields that a clause names, patterns expanded; `all`: every field, which makes the clause lenient. */
export type FieldSelection = { readonly targets: readonly BoostedTarget[]; readonly all: boolean }

/** How the results of several fields become one. */
export type MultiMatchType =
  | 'best_fields'
  | 'most_fields'
  | 'cross_fields'
  | 'phrase'
  | 'phrase_prefix'
  | 'bool_prefix'

const READERS = {
  ...MATCH_READERS,
  fields: textsArgument,
  type: typeArgument,
  tie_breaker: numberArgument,
}

const WORDS: Readonly<Record<Exclude<MultiMatchType, 'cross_fields'>, MatchType>> = {
  best_fields: 'boolean',
  most_fields: 'boolean',
  phrase: 'phrase',
  phrase_prefix: 'phrasePrefix',
  bool_prefix: 'boolPrefix',
}

/** How much the fields count that are not the best one, unless told otherwise. */
export const TIE_BREAKERS: Readonly<Record<MultiMatchType, number>> = {
  best_fields: 0,
  most_fields: 1,
  cross_fields: 0,
  phrase: 0,
  phrase_prefix: 0,
  bool_prefix: 1,
}

/** `multi_match` */
export function parseMultiMatch(body: Body, context: ParseContext): Query {
  const given = readArguments('multi_match', body, READERS)
  const { query, type = 'best_fields' } = given
  if (query === undefined) throw malformed('No text specified for multi_match query')
  if (given.fuzziness !== undefined && NOT_FUZZY.has(type)) {
    throw malformed(`Fuzziness not allowed for type [${type}]`)
  }
  if (given.slop !== undefined && type === 'bool_prefix') {
    throw malformed(`[slop] not allowed for type [${type}]`)
  }
  const { targets, all } = selectFields(given.fields, context)
  const options = { ...matchOptions(given), lenient: given.lenient ?? all }
  const tieBreaker = given.tie_breaker ?? TIE_BREAKERS[type]
  return multiMatchQuery({ type, tieBreaker }, targets, query, options, given.boost ?? 1, context)
}

const NOT_FUZZY: ReadonlySet<MultiMatchType> = new Set(['cross_fields', 'phrase', 'phrase_prefix'])

/** Reads names of fields, each with an optional `^boost`; without names, every field. */
export function selectFields(names: readonly string[] | undefined, context: ParseContext): FieldSelection {
  const wanted = names === undefined || names.length === 0 ? ['*'] : names
  const boosts = new Map<Field | '_id', number>()
  let unmapped = false
  for (const name of wanted) {
    context.clauses.read(name)
    const { pattern, boost } = splitBoost(name)
    const target = targetOf(pattern, context)
    const fields = pattern.includes('*') ? fieldsLike(pattern, context) : target === undefined ? [] : [target]
    if (fields.length === 0 && !pattern.includes('*')) unmapped = true
    for (const field of fields) boosts.set(field, (boosts.get(field) ?? 1) * boost)
  }
  const targets: BoostedTarget[] = [...boosts].map(([target, boost]) => ({ target, boost }))
  if (unmapped) targets.push({ target: undefined, boost: 1 })
  return { targets, all: wanted.some((name) => splitBoost(name).pattern === '*') }
}

function splitBoost(name: string): { readonly pattern: string; readonly boost: number } {
  const at = name.indexOf('^')
  if (at === -1) return { pattern: name, boost: 1 }
  const boost = parseNumber(name.slice(at + 1))
  if (boost === undefined) throw malformed(`For input string: "${name.slice(at + 1)}"`)
  if (boost < 0) {
    throw malformed(`negative [boost] are not allowed in [${name}], use a value between 0 and 1 to deboost`)
  }
  return { pattern: name.slice(0, at), boost }
}

/** A text in several fields. */
export function multiMatchQuery(
  how: { readonly type: MultiMatchType; readonly tieBreaker: number },
  targets: readonly BoostedTarget[],
  value: Scalar,
  options: MatchOptions,
  boost: number,
  context: ParseContext,
): Query {
  if (how.type === 'cross_fields')
    return crossFieldsQuery(targets, value, options, how.tieBreaker, boost, context)
  const type = WORDS[how.type]
  const queries = targets.map((one) => matchQuery(type, one.target, value, options, one.boost, context))
  return bestField(queries, how.tieBreaker, boost)
}

/** The best of the queries and a share of the others; with one query, that one. */
export function bestField(queries: readonly Query[], tieBreaker: number, boost: number): Query {
  const [first, second] = queries
  if (first === undefined) return MATCH_NONE
  if (second === undefined) return boosted(first, boost)
  return { kind: 'disMax', queries, tieBreaker, boost }
}

/**
 * Every word may be in any of the fields that are analyzed the same way; groups of differently analyzed fields are
 * searched each on its own.
 */
function crossFieldsQuery(
  targets: readonly BoostedTarget[],
  value: Scalar,
  options: MatchOptions,
  tieBreaker: number,
  boost: number,
  context: ParseContext,
): Query {
  const groups = new Map<AnalyzerName, BoostedField[]>()
  for (const { target, boost: fieldBoost } of targets) {
    if (target === undefined) continue
    const isText = target !== '_id' && target.type === 'text'
    const analyzer = options.analyzer ?? (isText ? 'standard' : 'keyword')
    groups.set(analyzer, [...(groups.get(analyzer) ?? []), { target, boost: fieldBoost }])
  }
  const queries = [...groups].map(([analyzer, group]) =>
    crossGroupQuery(analyzer, group, value, options, tieBreaker, context),
  )
  return bestField(queries, tieBreaker, boost)
}

function crossGroupQuery(
  analyzer: AnalyzerName,
  group: readonly BoostedField[],
  value: Scalar,
  options: MatchOptions,
  tieBreaker: number,
  context: ParseContext,
): Query {
  context.clauses.read(value)
  const words = analyzer === 'keyword' ? [value] : analyze(analyzer, String(value)).map((token) => token.text)
  if (words.length === 0) return options.zeroTermsQuery === 'all' ? { kind: 'all', boost: 1 } : MATCH_NONE
  context.clauses.add(words.length * group.length)
  const queries = words.map((word) => blendedWord(word, group, options, tieBreaker, context))
  return queries.length === 1 && queries[0] !== undefined ? queries[0] : combineWords(queries, options, 1)
}

function blendedWord(
  word: Scalar,
  group: readonly BoostedField[],
  options: MatchOptions,
  tieBreaker: number,
  context: ParseContext,
): Query {
  const terms: TermQuery[] = []
  const others: Query[] = []
  for (const { target, boost } of group) {
    const query = leniently(options.lenient, () => exactQuery(target, word, boost, context))
    if (query.kind === 'term') terms.push(query)
    else if (query.kind !== 'none') others.push(query)
  }
  const blended: BlendedQuery = { kind: 'blended', terms, tieBreaker, boost: 1 }
  if (others.length === 0) return terms.length === 0 ? MATCH_NONE : blended
  return bestField(terms.length === 0 ? others : [blended, ...others], tieBreaker, 1)
}

/** How several fields are combined. */
export function typeArgument(argument: Argument): MultiMatchType {
  const text = textArgument(argument)
  if (isMultiMatchType(text)) return text
  throw malformed(`failed to parse [multi_match] query type [${text}]. unknown type.`)
}

function isMultiMatchType(text: string): text is MultiMatchType {
  return Object.hasOwn(TIE_BREAKERS, text)
}
