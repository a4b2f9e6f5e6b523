import type { Field } from '../field-table.ts'
import { type BoolQuery, type Bound, boosted, MATCH_NONE, type Query } from '../filter.ts'
import { type Fuzziness, parseFuzziness } from '../fuzzy.ts'
import { parseRegexpFlags } from '../lucene-regexp.ts'
import {
  escapeQueryString,
  joinQueryStringClauses,
  parseQueryString,
  type QueryStringClause,
  type QueryStringGroup,
  type QueryStringLeaf,
  type QueryStringNode,
} from '../query-string.ts'
import {
  type Body,
  booleanArgument,
  COMMON,
  ignored,
  integerArgument,
  malformed,
  numberArgument,
  type ReadBy,
  readArguments,
  scalarArgument,
  textArgument,
  textsArgument,
} from './arguments.ts'
import type { ParseContext } from './context.ts'
import { analyzerArgument, type MatchOptions, matchOptions, operatorArgument } from './match-clauses.ts'
import {
  type BoostedTarget,
  bestField,
  type MultiMatchType,
  multiMatchQuery,
  selectFields,
  TIE_BREAKERS,
  typeArgument,
} from './multi-match.ts'
import {
  expansionsArgument,
  fuzzinessArgument,
  fuzzyQuery,
  prefixLengthArgument,
  prefixQuery,
  REGEXP_STATES,
  REGEXP_WEIGHT,
  regexpQuery,
  wildcardQuery,
} from './pattern-clauses.ts'
import { leavesNothing, normalize, quotedTarget, withMinimum } from './query-string-fields.ts'
import { rangeQuery } from './range-clause.ts'
import { existsQuery } from './term-clauses.ts'
import { leniently, requireTerms } from './values.ts'

const READERS = {
  ...COMMON,
  query: textArgument,
  default_field: textArgument,
  fields: textsArgument,
  default_operator: operatorArgument,
  analyzer: analyzerArgument,
  quote_analyzer: analyzerArgument,
  allow_leading_wildcard: booleanArgument,
  analyze_wildcard: booleanArgument,
  lenient: booleanArgument,
  fuzziness: fuzzinessArgument,
  fuzzy_prefix_length: prefixLengthArgument,
  fuzzy_max_expansions: expansionsArgument,
  fuzzy_transpositions: booleanArgument,
  fuzzy_rewrite: ignored,
  phrase_slop: integerArgument,
  minimum_should_match: scalarArgument,
  tie_breaker: numberArgument,
  type: typeArgument,
  time_zone: textArgument,
  escape: booleanArgument,
  quote_field_suffix: textArgument,
  max_determinized_states: integerArgument,
  rewrite: ignored,
  enable_position_increments: booleanArgument,
  auto_generate_synonyms_phrase_query: booleanArgument,
}

type Given = ReadBy<typeof READERS>

/** `query_string` */
export function parseQueryStringClause(body: Body, context: ParseContext): Query {
  const given = readArguments('query_string', body, READERS)
  const { query: text, default_field: defaultField, fields } = given
  if (text === undefined) throw malformed('[query_string] must be provided with a [query]')
  if (defaultField !== undefined && fields !== undefined) {
    throw malformed('cannot use [fields] parameter in conjunction with [default_field]')
  }
  if (text.trim() === '') return MATCH_NONE

  context.clauses.read(text)
  const builder = new QueryStringBuilder(given, context)
  const options = { ...(builder.onlyField !== undefined && { defaultField: builder.onlyField }) }
  const node = parseQueryString(given.escape === true ? escapeQueryString(text) : text, options)
  const query = builder.build(node) ?? MATCH_NONE
  return boosted(withMinimum(query, given.minimum_should_match), given.boost ?? 1)
}

/** Turns the syntax tree into a query. */
class QueryStringBuilder {
  /** The one field that everything without a field is about. */
  readonly onlyField: string | undefined
  readonly #given: Given
  readonly #context: ParseContext
  readonly #defaults: readonly BoostedTarget[]
  readonly #isAll: boolean
  readonly #words: MatchOptions
  readonly #type: MultiMatchType
  readonly #tieBreaker: number

  constructor(given: Given, context: ParseContext) {
    const names = given.default_field === undefined ? given.fields : [given.default_field]
    const { targets, all } = selectFields(names, context)
    const lenient = given.lenient ?? all
    const [only] = names?.length === 1 ? names : []
    this.onlyField = only === undefined || only.includes('*') ? undefined : only.split('^')[0]
    this.#given = given
    this.#context = context
    this.#defaults = targets
    this.#isAll = all
    this.#type = given.type ?? 'best_fields'
    this.#tieBreaker = given.tie_breaker ?? TIE_BREAKERS[this.#type]
    this.#words = {
      ...matchOptions({
        operator: given.default_operator ?? 'or',
        slop: given.phrase_slop ?? 0,
        ...(given.analyzer !== undefined && { analyzer: given.analyzer }),
      }),
      lenient,
    }
  }

  /** The query of a node; undefined when analysis leaves nothing of it. */
  build(node: QueryStringNode): Query | undefined {
    const query = node.kind === 'group' ? this.#group(node) : this.#leaf(node)
    return query && boosted(query, node.boost ?? 1)
  }

  #group(group: QueryStringGroup): Query | undefined {
    const joined = joinQueryStringClauses(group.clauses, this.#words.operator, (clause) =>
      this.#clause(clause),
    )
    if (joined.length === 0) return undefined
    const of = (occurrence: string) =>
      joined.filter((one) => one.occurrence === occurrence).map((one) => one.query)
    const [must, should, mustNot] = [of('must'), of('should'), of('mustNot')]
    const shouldMin = must.length === 0 && should.length > 0 ? 1 : 0
    return { kind: 'bool', must, filter: [], should, mustNot, shouldMin, boost: 1 }
  }

  /** Words next to each other in one field stand in the group each for itself. */
  #clause(clause: QueryStringClause): readonly Query[] {
    this.#context.clauses.add(1)
    const query = this.build(clause.node)
    if (query === undefined) return []
    return clause.isWordRun && query.kind === 'bool' ? wordsOf(query) : [query]
  }

  #leaf(leaf: QueryStringLeaf): Query | undefined {
    switch (leaf.kind) {
      case 'text':
        return this.#text(this.#targets(leaf), leaf.text, this.#type, this.#words)
      case 'phrase':
        return this.#phrase(leaf.text, leaf.slop, this.#quotedTargets(leaf))
      case 'fuzzy':
        return this.#each(leaf, leaf.text, (field) => this.#fuzzy(field, leaf.text, leaf.fuzziness))
      case 'prefix':
        return this.#each(leaf, leaf.text, (field) =>
          prefixQuery(requireTerms('prefix', field), normalize(field, leaf.text), false, 1),
        )
      case 'wildcard':
        return this.#wildcard(leaf, leaf.pattern)
      case 'regexp':
        return this.#each(leaf, '', (field) => this.#regexp(field, leaf.pattern))
      case 'range':
        return this.#each(leaf, '', (field) => this.#range(field, leaf.lower, leaf.upper))
      case 'exists':
        return this.#exists(leaf.field)
    }
  }

  #targets(leaf: { readonly field?: string }): readonly BoostedTarget[] {
    return leaf.field === undefined ? this.#defaults : selectFields([leaf.field], this.#context).targets
  }

  /** Phrases look into the field with the suffix where there is one. */
  #quotedTargets(leaf: { readonly field?: string }): readonly BoostedTarget[] {
    const suffix = this.#given.quote_field_suffix
    const targets = this.#targets(leaf)
    return suffix === undefined ? targets : targets.map((one) => quotedTarget(one, suffix, this.#context))
  }

  #text(
    targets: readonly BoostedTarget[],
    text: string,
    type: MultiMatchType,
    options: MatchOptions,
  ): Query | undefined {
    if (leavesNothing(targets, text, options.analyzer, this.#context)) return undefined
    return multiMatchQuery({ type, tieBreaker: this.#tieBreaker }, targets, text, options, 1, this.#context)
  }

  #phrase(text: string, slop: number | undefined, targets: readonly BoostedTarget[]): Query | undefined {
    const analyzer = this.#given.quote_analyzer ?? this.#words.analyzer
    const options = {
      ...this.#words,
      ...(slop !== undefined && { slop }),
      ...(analyzer !== undefined && { analyzer }),
    }
    return this.#text(targets, text, 'phrase', options)
  }

  /** The best of a test in each field, for each of which a text is read. */
  #each(leaf: { readonly field?: string }, text: string, make: (field: Field | '_id') => Query): Query {
    const queries = this.#targets(leaf).map(({ target, boost }) => {
      if (target === undefined) return MATCH_NONE
      this.#context.clauses.read(text)
      const query = leniently(this.#words.lenient, () => make(target))
      return boosted(query, boost)
    })
    return bestField(queries, this.#tieBreaker, 1)
  }

  #fuzzy(field: Field | '_id', text: string, fuzziness: Fuzziness | undefined): Query {
    const options = {
      fuzziness: fuzziness ?? this.#given.fuzziness ?? parseFuzziness('AUTO'),
      prefixLength: this.#given.fuzzy_prefix_length ?? 0,
      transpositions: this.#given.fuzzy_transpositions ?? true,
      expansionsMax: this.#given.fuzzy_max_expansions ?? 50,
    }
    return fuzzyQuery(requireTerms('fuzzy', field), normalize(field, text), options, 1)
  }

  #wildcard(leaf: { readonly field?: string }, pattern: string): Query {
    if (this.#given.allow_leading_wildcard === false && /^[*?]/.test(pattern)) {
      throw malformed(`Failed to parse query [${this.#given.query}]`)
    }
    return this.#each(leaf, pattern, (field) =>
      wildcardQuery(requireTerms('wildcard', field), normalize(field, pattern), false, 1),
    )
  }

  #regexp(field: Field | '_id', pattern: string): Query {
    this.#context.clauses.read(pattern, REGEXP_WEIGHT)
    const statesMax = Math.min(this.#given.max_determinized_states ?? REGEXP_STATES, REGEXP_STATES)
    const options = { flags: parseRegexpFlags('ALL'), caseInsensitive: false, statesMax }
    return regexpQuery(requireTerms('regexp', field), normalize(field, pattern), options, 1)
  }

  #range(field: Field | '_id', lower: Bound<string> | undefined, upper: Bound<string> | undefined): Query {
    if (field === '_id') throw malformed('Field [_id] of type [_id] does not support range queries')
    const bound = (given: Bound<string>) => ({ ...given, value: normalize(field, given.value) })
    const range = { ...(lower && { lower: bound(lower) }), ...(upper && { upper: bound(upper) }) }
    const timeZone = this.#given.time_zone
    return rangeQuery(field, range, 1, timeZone === undefined ? {} : { timeZone }, this.#context)
  }

  #exists(field: string | undefined): Query {
    if (field === '*' || (field === undefined && this.#isAll)) return { kind: 'all', boost: 1 }
    if (field !== undefined) return existsQuery(field, 1, this.#context)
    return this.#each({}, '', (target) =>
      existsQuery(target === '_id' ? '_id' : target.path, 1, this.#context),
    )
  }
}

function wordsOf(query: BoolQuery): readonly Query[] {
  return [...query.must, ...query.should].map((word) => boosted(word, query.boost))
}
