import type { Field } from '../field-table.ts'
import { type BoolQuery, boosted, MATCH_ALL, MATCH_NONE, type Query } from '../filter.ts'
import { parseFuzziness } from '../fuzzy.ts'
import {
  ALL_SIMPLE_FLAGS,
  joinSimpleOperands,
  parseSimpleFlags,
  parseSimpleQueryString,
  type SimpleFlags,
  type SimpleNode,
} from '../simple-query-string.ts'
import {
  type Argument,
  type Body,
  booleanArgument,
  COMMON,
  malformed,
  type ReadBy,
  readArguments,
  scalarArgument,
  textArgument,
  textsArgument,
} from './arguments.ts'
import type { ParseContext } from './context.ts'
import { analyzerArgument, type MatchOptions, matchOptions, operatorArgument } from './match-clauses.ts'
import { type BoostedTarget, bestField, multiMatchQuery, selectFields } from './multi-match.ts'
import { expansionsArgument, fuzzyQuery, prefixLengthArgument, prefixQuery } from './pattern-clauses.ts'
import { leavesNothing, normalize, quotedTarget, withMinimum } from './query-string-fields.ts'
import { leniently, requireTerms } from './values.ts'

const READERS = {
  ...COMMON,
  query: textArgument,
  fields: textsArgument,
  default_operator: operatorArgument,
  flags: flagsArgument,
  analyzer: analyzerArgument,
  lenient: booleanArgument,
  minimum_should_match: scalarArgument,
  fuzzy_prefix_length: prefixLengthArgument,
  fuzzy_max_expansions: expansionsArgument,
  fuzzy_transpositions: booleanArgument,
  analyze_wildcard: booleanArgument,
  quote_field_suffix: textArgument,
  auto_generate_synonyms_phrase_query: booleanArgument,
}

type Given = ReadBy<typeof READERS>

/** `simple_query_string` */
export function parseSimpleQueryStringClause(body: Body, context: ParseContext): Query {
  const given = readArguments('simple_query_string', body, READERS)
  const text = given.query
  if (text === undefined) throw malformed('[simple_query_string] query text missing')
  if (text.trim() === '') return MATCH_NONE

  context.clauses.read(text)
  const node = parseSimpleQueryString(text, given.flags ?? ALL_SIMPLE_FLAGS)
  const query = new SimpleBuilder(given, context).build(node) ?? MATCH_NONE
  return boosted(withMinimum(query, given.minimum_should_match), given.boost ?? 1)
}

function flagsArgument(argument: Argument): SimpleFlags {
  const value = scalarArgument(argument)
  return parseSimpleFlags(typeof value === 'number' ? value : String(value))
}

/** The share of the fields that are not the best one: their scores add up. */
const TIE_BREAKER = 1

/** Turns the syntax tree into a query. */
class SimpleBuilder {
  readonly #given: Given
  readonly #context: ParseContext
  readonly #targets: readonly BoostedTarget[]
  readonly #words: MatchOptions

  constructor(given: Given, context: ParseContext) {
    const { targets, all } = selectFields(given.fields, context)
    this.#given = given
    this.#context = context
    this.#targets = targets
    this.#words = {
      ...matchOptions({
        operator: given.default_operator ?? 'or',
        ...(given.analyzer !== undefined && { analyzer: given.analyzer }),
      }),
      lenient: given.lenient ?? all,
    }
  }

  /** The query of a node; undefined when analysis leaves nothing of it. */
  build(node: SimpleNode): Query | undefined {
    this.#context.clauses.add(1)
    switch (node.kind) {
      case 'all':
        return MATCH_ALL
      case 'group':
        return joinSimpleOperands<Query>(node, this.#words.operator, {
          resolve: (inner) => this.build(inner),
          negate: anythingBut,
          combine: combined,
        })
      case 'text':
        return this.#text(this.#targets, node.text, 'most_fields', this.#words)
      case 'phrase':
        return this.#text(this.#quotedTargets(), node.text, 'phrase', { ...this.#words, slop: node.slop })
      case 'prefix':
        return this.#each(node.text, (field) =>
          prefixQuery(requireTerms('prefix', field), normalize(field, node.text), false, 1),
        )
      case 'fuzzy':
        return this.#each(node.text, (field) =>
          this.#fuzzy(requireTerms('fuzzy', field), node.text, node.edits),
        )
    }
  }

  #quotedTargets(): readonly BoostedTarget[] {
    const suffix = this.#given.quote_field_suffix
    if (suffix === undefined) return this.#targets
    return this.#targets.map((one) => quotedTarget(one, suffix, this.#context))
  }

  #text(
    targets: readonly BoostedTarget[],
    text: string,
    type: 'most_fields' | 'phrase',
    options: MatchOptions,
  ): Query | undefined {
    if (leavesNothing(targets, text, options.analyzer, this.#context)) return undefined
    const tieBreaker = type === 'phrase' ? 0 : TIE_BREAKER
    return multiMatchQuery({ type, tieBreaker }, targets, text, options, 1, this.#context)
  }

  /** The best of a test in each field, for each of which a text is read. */
  #each(text: string, make: (field: Field | '_id') => Query): Query {
    const queries = this.#targets.map(({ target, boost }) => {
      if (target === undefined) return MATCH_NONE
      this.#context.clauses.read(text)
      const query = leniently(this.#words.lenient, () => make(target))
      return boosted(query, boost)
    })
    return bestField(queries, TIE_BREAKER, 1)
  }

  #fuzzy(field: Field, text: string, edits: 1 | 2): Query {
    const options = {
      fuzziness: parseFuzziness(edits),
      prefixLength: this.#given.fuzzy_prefix_length ?? 0,
      transpositions: this.#given.fuzzy_transpositions ?? true,
      expansionsMax: this.#given.fuzzy_max_expansions ?? 50,
    }
    return fuzzyQuery(field, normalize(field, text), options, 1)
  }
}

const NO_CLAUSES: BoolQuery = {
  kind: 'bool',
  must: [],
  filter: [],
  should: [],
  mustNot: [],
  shouldMin: 0,
  boost: 1,
}

/** Everything that the query does not find; joined by "or" it is an alternative like any other. */
function anythingBut(query: Query): Query {
  return { ...NO_CLAUSES, mustNot: [query], should: [MATCH_ALL], shouldMin: 1 }
}

function combined(operator: 'and' | 'or', queries: readonly Query[]): Query {
  return operator === 'and'
    ? { ...NO_CLAUSES, must: queries }
    : { ...NO_CLAUSES, should: queries, shouldMin: 1 }
}
