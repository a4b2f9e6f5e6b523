import { type AnalyzerName, analyze, parseAnalyzerName, type Token } from '../analyzer.ts'
import type { Field } from '../field-table.ts'
import { MATCH_NONE, type Query } from '../filter.ts'
import { minimumShouldMatch } from '../minimum-should-match.ts'
import type { QueryError } from '../query-error.ts'
import {
  type Argument,
  type Body,
  booleanArgument,
  COMMON,
  ignored,
  integerArgument,
  isBody,
  malformed,
  type ReadBy,
  type Readers,
  readArguments,
  type Scalar,
  scalarArgument,
  soleField,
  textArgument,
  uncreatable,
} from './arguments.ts'
import { nameOf, type ParseContext, type Target, targetOf, typeName } from './context.ts'
import {
  expansionsArgument,
  type FuzzyOptions,
  fuzzinessArgument,
  fuzzyQuery,
  prefixLengthArgument,
  prefixQuery,
} from './pattern-clauses.ts'
import { exactQuery, isTerms, leniently, requireTerms } from './values.ts'

/** How a text is turned into clauses on a field. */
export type MatchOptions = {
  readonly operator: 'or' | 'and'
  readonly minimumShouldMatch?: Scalar
  readonly analyzer?: AnalyzerName
  readonly zeroTermsQuery: 'none' | 'all'
  readonly lenient: boolean
  readonly fuzzy?: FuzzyOptions
  readonly slop: number
  readonly expansionsMax: number
}

/** What the words of a text must do: occur, stand together, or the same with the last one unfinished. */
export type MatchType = 'boolean' | 'phrase' | 'phrasePrefix' | 'boolPrefix'

/** `match` */
export function parseMatch(body: Body, context: ParseContext): Query {
  return parseMatchClause('match', 'boolean', BOOLEAN_READERS, body, context)
}

/** `match_phrase` */
export function parseMatchPhrase(body: Body, context: ParseContext): Query {
  return parseMatchClause('match_phrase', 'phrase', PHRASE_READERS, body, context)
}

/** `match_phrase_prefix` */
export function parseMatchPhrasePrefix(body: Body, context: ParseContext): Query {
  const readers = { ...PHRASE_READERS, max_expansions: expansionsArgument }
  return parseMatchClause('match_phrase_prefix', 'phrasePrefix', readers, body, context)
}

/** `match_bool_prefix` */
export function parseMatchBoolPrefix(body: Body, context: ParseContext): Query {
  return parseMatchClause('match_bool_prefix', 'boolPrefix', BOOL_PREFIX_READERS, body, context)
}

const BOOL_PREFIX_READERS = {
  ...COMMON,
  query: scalarArgument,
  operator: operatorArgument,
  minimum_should_match: scalarArgument,
  fuzziness: fuzzinessArgument,
  prefix_length: prefixLengthArgument,
  max_expansions: expansionsArgument,
  fuzzy_transpositions: booleanArgument,
  fuzzy_rewrite: ignored,
  analyzer: analyzerArgument,
}

const BOOLEAN_READERS = {
  ...BOOL_PREFIX_READERS,
  lenient: booleanArgument,
  zero_terms_query: zeroTermsArgument,
  auto_generate_synonyms_phrase_query: booleanArgument,
  cutoff_frequency: ignored,
}

const PHRASE_READERS = {
  ...COMMON,
  query: scalarArgument,
  slop: slopArgument,
  analyzer: analyzerArgument,
  zero_terms_query: zeroTermsArgument,
}

/** Arguments that say how a text is matched; each clause allows some of them. */
export const MATCH_READERS = { ...BOOLEAN_READERS, ...PHRASE_READERS }

/** What was read of `MATCH_READERS`. */
export type MatchArguments = Partial<ReadBy<typeof MATCH_READERS>>

function parseMatchClause(
  clause: string,
  type: MatchType,
  readers: Readers,
  body: Body,
  context: ParseContext,
): Query {
  const field = soleField(clause, body)
  if (Array.isArray(field.value)) {
    throw malformed(`[${clause}] unknown token [START_ARRAY] after [${field.name}]`)
  }
  const given: MatchArguments = readArguments(
    clause,
    isBody(field.value) ? field.value : { query: field.value },
    readers,
  )
  if (given.query === undefined) throw malformed('No text specified for text query')
  const target = targetOf(field.name, context)
  return matchQuery(type, target, given.query, matchOptions(given), given.boost ?? 1, context)
}

/** How a text is matched by the arguments of a clause. */
export function matchOptions(given: MatchArguments): MatchOptions {
  const expansionsMax = given.max_expansions ?? EXPANSIONS
  return {
    operator: given.operator ?? 'or',
    zeroTermsQuery: given.zero_terms_query ?? 'none',
    lenient: given.lenient ?? false,
    slop: given.slop ?? 0,
    expansionsMax,
    ...(given.minimum_should_match !== undefined && { minimumShouldMatch: given.minimum_should_match }),
    ...(given.analyzer !== undefined && { analyzer: given.analyzer }),
    ...(given.fuzziness !== undefined && {
      fuzzy: {
        fuzziness: given.fuzziness,
        prefixLength: given.prefix_length ?? 0,
        transpositions: given.fuzzy_transpositions ?? true,
        expansionsMax,
      },
    }),
  }
}

/** Terms that an unfinished or misspelt word stands for unless told otherwise. */
export const EXPANSIONS = 50

/**
 * The query for a text in one field: the text is analyzed as the field is, and its tokens are combined.
 *
 * @throws {QueryError} `malformed` when the text cannot be a value of the field, unless leniency was asked for.
 */
export function matchQuery(
  type: MatchType,
  target: Target,
  value: Scalar,
  options: MatchOptions,
  boost: number,
  context: ParseContext,
): Query {
  if (target === undefined) return MATCH_NONE
  return leniently(options.lenient, () => {
    if (type === 'phrasePrefix') requireText(target)
    if (type === 'boolPrefix') requireTerms('prefix', target)
    const analyzer = options.analyzer ?? defaultAnalyzer(target)
    if (analyzer === 'keyword' && type !== 'phrasePrefix') {
      return wholeValueQuery(type, target, value, options, boost, context)
    }
    context.clauses.read(value)
    const tokens = analyze(analyzer, String(value))
    if (tokens.length === 0) {
      return options.zeroTermsQuery === 'all' && type !== 'boolPrefix' ? { kind: 'all', boost } : MATCH_NONE
    }
    context.clauses.add(tokens.length)
    return type === 'phrase' || type === 'phrasePrefix'
      ? phraseQuery(type, target, tokens, options, boost, context)
      : wordsQuery(type, target, tokens, options, boost, context)
  })
}

function defaultAnalyzer(target: Field | '_id'): AnalyzerName {
  return target !== '_id' && target.type === 'text' ? 'standard' : 'keyword'
}

function requireText(target: Field | '_id'): void {
  if (target !== '_id' && target.type === 'text') return
  throw uncreatable(
    `Can only use phrase prefix queries on text fields - not on [${nameOf(target)}] which is of type [${typeName(target)}]`,
  )
}

function wholeValueQuery(
  type: MatchType,
  target: Field | '_id',
  value: Scalar,
  options: MatchOptions,
  boost: number,
  context: ParseContext,
): Query {
  if (type === 'boolPrefix') return prefixQuery(requireTerms('prefix', target), String(value), false, boost)
  return wordQuery(target, value, options, boost, context)
}

function wordQuery(
  target: Field | '_id',
  value: Scalar,
  options: MatchOptions,
  boost: number,
  context: ParseContext,
): Query {
  if (options.fuzzy === undefined) return exactQuery(target, value, boost, context)
  return fuzzyQuery(requireTerms('fuzzy', target), String(value), options.fuzzy, boost)
}

function wordsQuery(
  type: MatchType,
  target: Field | '_id',
  tokens: readonly Token[],
  options: MatchOptions,
  boost: number,
  context: ParseContext,
): Query {
  const last = tokens.at(-1)
  const single = tokens.length === 1
  const words = tokens.map((token) =>
    type === 'boolPrefix' && token === last
      ? prefixQuery(requireTerms('prefix', target), token.text, false, single ? boost : 1)
      : wordQuery(target, token.text, options, single ? boost : 1, context),
  )
  return words[0] !== undefined && single ? words[0] : combineWords(words, options, boost)
}

/** Several words with an operator between them. */
export function combineWords(
  words: readonly Query[],
  options: { readonly operator: 'or' | 'and'; readonly minimumShouldMatch?: Scalar },
  boost: number,
): Query {
  const isOr = options.operator === 'or'
  const wanted = options.minimumShouldMatch
  const spec = typeof wanted === 'boolean' ? String(wanted) : wanted
  // With "and" there are no optional clauses, so that any positive minimum asks for more than there are.
  const minimum = spec === undefined ? 0 : minimumShouldMatch(spec, isOr ? words.length : 0)
  return {
    kind: 'bool',
    must: isOr ? [] : words,
    filter: [],
    should: isOr ? words : [],
    mustNot: [],
    shouldMin: Math.max(isOr ? 1 : 0, minimum),
    boost,
  }
}

function phraseQuery(
  type: 'phrase' | 'phrasePrefix',
  target: Field | '_id',
  tokens: readonly Token[],
  options: MatchOptions,
  boost: number,
  context: ParseContext,
): Query {
  const [first, ...others] = tokens
  if (type === 'phrase' && first !== undefined && others.length === 0) {
    return exactQuery(target, first.text, boost, context)
  }
  if (target === '_id' || target.type !== 'text') throw withoutPositions(target)

  const { slop, expansionsMax } = options
  if (type === 'phrase') return { kind: 'phrase', field: target.path, terms: tokens, slop, boost }
  const prefix = tokens.at(-1)
  if (prefix === undefined) return MATCH_NONE
  const terms = tokens.slice(0, -1)
  return { kind: 'phrasePrefix', field: target.path, terms, prefix, slop, expansionsMax, boost }
}

function withoutPositions(target: Field | '_id'): QueryError {
  return target !== '_id' && isTerms(target)
    ? uncreatable(`field:[${target.path}] was indexed without position data; cannot run PhraseQuery`)
    : uncreatable(
        `Can only use phrase queries on text fields - not on [${nameOf(target)}] which is of type [${typeName(target)}]`,
      )
}

/** or, and; in any case. */
export function operatorArgument(argument: Argument): 'or' | 'and' {
  const text = textArgument(argument)
  const operator = text.toLowerCase()
  if (operator === 'or' || operator === 'and') return operator
  throw malformed(`No enum constant org.elasticsearch.index.query.Operator.${text.toUpperCase()}`)
}

/** The name of an analyzer. */
export function analyzerArgument(argument: Argument): AnalyzerName {
  const name = textArgument(argument)
  const analyzer = parseAnalyzerName(name)
  if (analyzer === undefined) throw malformed(`[${argument.clause}] analyzer [${name}] not found`)
  return analyzer
}

function zeroTermsArgument(argument: Argument): 'none' | 'all' {
  const text = textArgument(argument)
  const wanted = text.toLowerCase()
  if (wanted === 'none' || wanted === 'all') return wanted
  throw malformed(`Unsupported zero_terms_query value [${text}]`)
}

/** Moves that the words of a phrase may be out of place. */
export function slopArgument(argument: Argument): number {
  const slop = integerArgument(argument)
  if (slop < 0) throw malformed('No negative slop allowed.')
  return slop
}
