import type { Field } from '../field-table.ts'
import { MATCH_NONE, type Query } from '../filter.ts'
import { compileFuzzy, editsFor, type Fuzziness, parseFuzziness } from '../fuzzy.ts'
import { compileRegexp, parseRegexpFlags, type RegexpFlags } from '../lucene-regexp.ts'
import { compileWildcard } from '../wildcard.ts'
import {
  type Argument,
  type Body,
  booleanArgument,
  COMMON,
  ignored,
  integerArgument,
  isBody,
  malformed,
  type Readers,
  readArguments,
  soleField,
  textArgument,
  tokenOf,
  uncreatable,
} from './arguments.ts'
import { type ParseContext, targetOf } from './context.ts'
import { foldAscii } from './term-clauses.ts'
import { requireTerms, termOf } from './values.ts'

/** How far a term may be from the one that was asked for. */
export type FuzzyOptions = {
  readonly fuzziness: Fuzziness
  /** Leading code points that must be equal. */
  readonly prefixLength: number
  /** Whether two swapped neighbours are one edit. */
  readonly transpositions: boolean
  readonly expansionsMax: number
}

const TEXT_READERS = { ...COMMON, value: textArgument, case_insensitive: booleanArgument, rewrite: ignored }

/** `prefix` */
export function parsePrefix(body: Body, context: ParseContext): Query {
  const { target, given } = readClause('prefix', body, TEXT_READERS, context)
  const value = requireValue(given.value)
  if (target === undefined) return MATCH_NONE
  return prefixQuery(target, value, given.case_insensitive ?? false, given.boost ?? 1)
}

/** Terms of a field that start with a text. */
export function prefixQuery(field: Field, text: string, ignoreCase: boolean, boost: number): Query {
  const prefix = termOf(field, text)
  if (!ignoreCase) return { kind: 'prefix', field: field.path, prefix, boost }
  const folded = foldAscii(prefix)
  const matcher = { matches: (term: string) => foldAscii(term).startsWith(folded) }
  return { kind: 'pattern', field: field.path, matcher, literalPrefix: '', contains: '', boost }
}

/** `wildcard` */
export function parseWildcard(body: Body, context: ParseContext): Query {
  const readers = { ...TEXT_READERS, wildcard: textArgument }
  const { target, given } = readClause('wildcard', body, readers, context)
  const value = requireValue(given.value ?? given.wildcard)
  if (target === undefined) return MATCH_NONE
  return wildcardQuery(target, value, given.case_insensitive ?? false, given.boost ?? 1)
}

/** Terms of a field that fit a pattern with `*` and `?`. */
export function wildcardQuery(field: Field, pattern: string, caseInsensitive: boolean, boost: number): Query {
  const normalized = termOf(field, pattern)
  const matcher = compileWildcard(normalized, { caseInsensitive })
  const contains = caseInsensitive ? '' : longestLiteral(normalized)
  return {
    kind: 'pattern',
    field: field.path,
    matcher,
    literalPrefix: matcher.literalPrefix,
    contains,
    boost,
  }
}

/** The longest run of a wildcard pattern that stands for itself; runs with escapes are left out. */
function longestLiteral(pattern: string): string {
  if (pattern.includes('\\')) return ''
  return pattern.split(/[*?]+/).reduce((longest, run) => (run.length > longest.length ? run : longest), '')
}

const REGEXP_READERS = {
  ...TEXT_READERS,
  flags: flagsArgument,
  flags_value: ignored,
  max_determinized_states: integerArgument,
}

/** Length of a regular expression that is allowed, in UTF-16 units. */
const REGEXP_LENGTH_MAX = 1000

/** Characters of other texts that take as long to read as one of a regular expression. */
export const REGEXP_WEIGHT = 10

/** States that a regular expression may need unless told otherwise. */
export const REGEXP_STATES = 10_000

/** `regexp` */
export function parseRegexp(body: Body, context: ParseContext): Query {
  const { target, given } = readClause('regexp', body, REGEXP_READERS, context)
  const pattern = requireValue(given.value)
  if (target === undefined) return MATCH_NONE
  const flags = given.flags ?? parseRegexpFlags('ALL')
  const caseInsensitive = given.case_insensitive ?? false
  const statesMax = Math.min(given.max_determinized_states ?? REGEXP_STATES, REGEXP_STATES)
  return regexpQuery(target, pattern, { flags, caseInsensitive, statesMax }, given.boost ?? 1)
}

/** Terms of a field that a regular expression of Lucene's syntax accepts as a whole. */
export function regexpQuery(
  field: Field,
  pattern: string,
  options: { readonly flags: RegexpFlags; readonly caseInsensitive: boolean; readonly statesMax: number },
  boost: number,
): Query {
  if (pattern.length > REGEXP_LENGTH_MAX) {
    throw uncreatable(
      `The length of regex [${pattern.length}] used in the Regexp Query request has exceeded the allowed maximum of ` +
        `[${REGEXP_LENGTH_MAX}]. This maximum can be set by changing the [index.max_regex_length] index level setting.`,
    )
  }
  const caseInsensitive = options.caseInsensitive || field.lowerCased
  const matcher = compileRegexp(pattern, options.flags, { caseInsensitive, statesMax: options.statesMax })
  const { literalPrefix } = matcher
  return { kind: 'pattern', field: field.path, matcher, literalPrefix, contains: '', boost }
}

/** `fuzzy` */
export function parseFuzzy(body: Body, context: ParseContext): Query {
  const { target, given } = readClause(
    'fuzzy',
    body,
    {
      ...COMMON,
      value: textArgument,
      term: textArgument,
      fuzziness: fuzzinessArgument,
      prefix_length: prefixLengthArgument,
      max_expansions: expansionsArgument,
      transpositions: booleanArgument,
      rewrite: ignored,
    },
    context,
  )
  const value = requireValue(given.value ?? given.term)
  if (target === undefined) return MATCH_NONE
  const options = {
    fuzziness: given.fuzziness ?? parseFuzziness('AUTO'),
    prefixLength: given.prefix_length ?? 0,
    transpositions: given.transpositions ?? true,
    expansionsMax: given.max_expansions ?? 50,
  }
  return fuzzyQuery(target, value, options, given.boost ?? 1)
}

/** Terms of a field that are nearly a given one. */
export function fuzzyQuery(field: Field, text: string, options: FuzzyOptions, boost: number): Query {
  const term = termOf(field, text)
  const { prefixLength, transpositions, expansionsMax } = options
  const edits = editsFor(options.fuzziness, term)
  const matcher = compileFuzzy(term, { edits, prefixLength, transpositions })
  return {
    kind: 'fuzzy',
    field: field.path,
    term,
    literalPrefix: edits === 0 ? term : [...term].slice(0, prefixLength).join(''),
    distance: (other) => matcher.distance(other),
    editsMax: edits,
    expansionsMax,
    boost,
  }
}

function readClause<R extends Readers>(clause: string, body: Body, readers: R, context: ParseContext) {
  const { name, value } = soleField(clause, body)
  if (Array.isArray(value)) throw malformed(`[${clause}] unknown token [${tokenOf(value)}] after [${name}]`)
  const given = readArguments(clause, isBody(value) ? value : { value }, readers)
  const target = targetOf(name, context)
  context.clauses.read(JSON.stringify(value), clause === 'regexp' ? REGEXP_WEIGHT : 1)
  return { given, target: target === undefined ? undefined : requireTerms(clause, target) }
}

function requireValue(value: string | undefined): string {
  if (value === undefined) throw malformed('value cannot be null')
  return value
}

function flagsArgument(argument: Argument): RegexpFlags {
  return parseRegexpFlags(textArgument(argument))
}

/** A number of edits, or how many depending on the length. */
export function fuzzinessArgument(argument: Argument): Fuzziness {
  return parseFuzziness(argument.value)
}

/** How many leading characters must be equal. */
export function prefixLengthArgument(argument: Argument): number {
  const length = integerArgument(argument)
  if (length >= 0) return length
  throw malformed(`[${argument.clause}] requires prefix length to be non-negative.`)
}

/** How many terms an unfinished or misspelt one may stand for. */
export function expansionsArgument(argument: Argument): number {
  const max = integerArgument(argument)
  if (max > 0) return max
  throw malformed(`[${argument.clause}] requires maxExpansions to be positive.`)
}
