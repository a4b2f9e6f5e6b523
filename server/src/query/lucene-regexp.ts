import { QueryError } from './query-error.ts'
import { RegexpAutomaton } from './regexp-automaton.ts'
import { parseRegexp, type RegexpFlags } from './regexp-parser.ts'
import type { RegexpTerm } from './regexp-terms.ts'
import type { StepBudget } from './step-budget.ts'

export type { RegexpFlags } from './regexp-parser.ts'

/** Tests whole terms against a pattern. */
export type TermMatcher = {
  /**
   * Whether the pattern matches the whole term; the work is taken from the budget.
   *
   * @throws {QueryError} `too_expensive` when the budget, or a bound of the pattern's own, is exceeded.
   */
  matches(term: string, budget: StepBudget): boolean
}

/** A regular expression, ready to test terms. */
export type RegexpMatcher = TermMatcher & {
  /** Every term that matches starts with it; may be empty. */
  readonly literalPrefix: string
}

/** Characters of a pattern, in UTF-16 units. */
const PATTERN_UNITS_MAX = 1000

/** All optional operators: the default. */
export const ALL_REGEXP_FLAGS: RegexpFlags = {
  complement: true,
  interval: true,
  intersection: true,
  anyString: true,
  empty: true,
  automaton: true,
}

const NO_REGEXP_FLAGS: RegexpFlags = {
  complement: false,
  interval: false,
  intersection: false,
  anyString: false,
  empty: false,
  automaton: false,
}

const FLAG_NAMES: Readonly<Record<string, Partial<RegexpFlags>>> = {
  ALL: ALL_REGEXP_FLAGS,
  NONE: {},
  COMPLEMENT: { complement: true },
  INTERVAL: { interval: true },
  INTERSECTION: { intersection: true },
  ANYSTRING: { anyString: true },
  EMPTY: { empty: true },
  AUTOMATON: { automaton: true },
}

/**
 * Reads the `flags` argument of the `regexp` clause: names in any case, joined by `|`. The empty text means all.
 *
 * @throws {QueryError} `malformed` on an unknown name.
 */
export function parseRegexpFlags(text: string): RegexpFlags {
  if (text === '') return ALL_REGEXP_FLAGS
  let flags = NO_REGEXP_FLAGS
  for (const name of text.split('|').filter((part) => part !== '')) {
    const known = name.toUpperCase()
    if (!Object.hasOwn(FLAG_NAMES, known)) {
      throw new QueryError('malformed', `failed to create query: Unknown regexp flag [${name}]`)
    }
    flags = { ...flags, ...FLAG_NAMES[known] }
  }
  return flags
}

/**
 * Compiles a regular expression in Lucene 8's syntax; it must match whole terms.
 *
 * The automaton is built while terms are tested, so that compiling takes time linear in the pattern. `caseInsensitive`
 * makes no difference between upper and lower case of ASCII letters, except in ranges such as `[a-z]`. `statesMax`
 * bounds the states of the automaton.
 *
 * @throws {QueryError} `malformed` when the pattern is longer than 1000 UTF-16 units or breaks the syntax.
 */
export function compileRegexp(
  pattern: string,
  flags: RegexpFlags,
  options: { readonly caseInsensitive: boolean; readonly statesMax: number },
): RegexpMatcher {
  if (pattern.length > PATTERN_UNITS_MAX) {
    throw new QueryError(
      'malformed',
      `failed to create query: The length of regex [${pattern.length}] used in the Regexp Query request has ` +
        `exceeded the allowed maximum of [${PATTERN_UNITS_MAX}]. This maximum can be set by changing the ` +
        '[index.max_regex_length] index level setting.',
    )
  }
  const { terms, root } = parseRegexp(pattern, flags, options.caseInsensitive)
  const automaton = new RegexpAutomaton(terms, root, pattern, options.statesMax)
  return {
    literalPrefix: literalPrefix(root),
    matches: (term, budget) => automaton.accepts(term, budget),
  }
}

function literalPrefix(root: RegexpTerm): string {
  let prefix = ''
  let term: RegexpTerm | undefined = root
  while (term !== undefined) {
    const head: RegexpTerm = term.kind === 'sequence' ? term.head : term
    const [range, another] = head.kind === 'set' ? head.ranges : []
    if (range === undefined || another !== undefined || range.first !== range.last) return prefix
    prefix += String.fromCodePoint(range.first)
    term = term.kind === 'sequence' ? term.tail : undefined
  }
  return prefix
}
