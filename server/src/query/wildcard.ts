import type { TermMatcher } from './lucene-regexp.ts'
import type { StepBudget } from './step-budget.ts'

/** A wildcard pattern, ready to test terms. */
export type WildcardMatcher = TermMatcher & {
  /** Every term that matches starts with it; may be empty. */
  readonly literalPrefix: string
}

const ANY_ONE = -1
const ANY_RUN = -2
/** Code points of the pattern, and the two above. */
type Pattern = readonly number[]

/**
 * Compiles a pattern of the `wildcard` clause: `*` stands for any run of characters, `?` for exactly one (a code point),
 * and `\` takes the meaning from the character after it. It must match whole terms.
 *
 * The empty pattern matches nothing, not even the empty term, as in Lucene. `caseInsensitive` makes no difference between upper and lower case of ASCII letters; others stay exact.
 */
export function compileWildcard(
  pattern: string,
  { caseInsensitive }: { readonly caseInsensitive: boolean },
): WildcardMatcher {
  const fold = caseInsensitive ? foldAscii : sameCodePoint
  const parts = parsePattern(pattern).map(fold)
  return {
    literalPrefix: literalPrefix(parts, caseInsensitive),
    matches: (term, budget) => parts.length > 0 && matchWildcard(parts, term, fold, budget),
  }
}

function parsePattern(pattern: string): Pattern {
  const parts: number[] = []
  let isEscaped = false
  for (const character of pattern) {
    if (character === '\\' && !isEscaped) {
      isEscaped = true
      continue
    }
    if (character === '*' && !isEscaped) {
      if (parts.at(-1) !== ANY_RUN) parts.push(ANY_RUN)
    } else if (character === '?' && !isEscaped) parts.push(ANY_ONE)
    else parts.push(codePointOf(character))
    isEscaped = false
  }
  // A backslash at the end has nothing to escape and stands for itself.
  if (isEscaped) parts.push(codePointOf('\\'))
  return parts
}

function codePointOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

function sameCodePoint(codePoint: number): number {
  return codePoint
}

/** Lower case for ASCII capitals; everything else, the marks of a pattern included, as it is. */
function foldAscii(codePoint: number): number {
  return codePoint >= 0x41 && codePoint <= 0x5a ? codePoint + 0x20 : codePoint
}

function literalPrefix(parts: Pattern, caseInsensitive: boolean): string {
  const end = parts.findIndex((part) => part < 0 || (caseInsensitive && part >= 0x61 && part <= 0x7a))
  return String.fromCodePoint(
    ...parts.slice(0, end === -1 ? Math.min(parts.length, PREFIX_MAX) : Math.min(end, PREFIX_MAX)),
  )
}

/** Code points of a literal prefix; more would not narrow a search further. */
const PREFIX_MAX = 1000

const STEPS_SPENT_AT_ONCE = 1000

/**
 * Greedy: when a part does not fit, the last `*` takes one character more and the parts after it start again. An earlier
 * `*` never has to be looked at again.
 */
function matchWildcard(
  parts: Pattern,
  term: string,
  fold: (codePoint: number) => number,
  budget: StepBudget,
): boolean {
  let at = 0
  let part = 0
  let runEnd = 0
  let afterRun = -1
  let steps = 0
  while (at < term.length) {
    steps += 1
    if (steps % STEPS_SPENT_AT_ONCE === 0) budget.spend(STEPS_SPENT_AT_ONCE)
    const wanted = parts[part]
    const found = term.codePointAt(at) ?? 0
    if (wanted === ANY_RUN) {
      afterRun = part + 1
      runEnd = at
      part += 1
    } else if (wanted === ANY_ONE || wanted === fold(found)) {
      part += 1
      at += found > 0xffff ? 2 : 1
    } else if (afterRun !== -1) {
      runEnd += (term.codePointAt(runEnd) ?? 0) > 0xffff ? 2 : 1
      at = runEnd
      part = afterRun
    } else break
  }
  budget.spend(steps % STEPS_SPENT_AT_ONCE)
  if (at < term.length) return false
  while (parts[part] === ANY_RUN) part += 1
  return part === parts.length
}
