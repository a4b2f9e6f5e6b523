import { segmentWords } from './word-segmentation.ts'

/** How a text becomes terms. */
export type AnalyzerName = 'standard' | 'simple' | 'whitespace' | 'keyword' | 'stop'

/** One term of a text, and its place among them, from 0. */
export type Token = { readonly text: string; readonly position: number }

const ANALYZERS: Readonly<Record<AnalyzerName, (text: string) => readonly Token[]>> = {
  standard: analyzeWords,
  simple: (text) => numbered(letterRuns(text)),
  whitespace: (text) => numbered(pieces(text, NOT_WHITESPACE)),
  keyword: (text) => [{ text, position: 0 }],
  stop: (text) => numbered(letterRuns(text)).filter((token) => !STOP_WORDS.has(token.text)),
}

/**
 * The terms of a text, in order, as Lucene 8 makes them.
 *
 * - `standard`: Unicode words, lower-cased.
 * - `simple`: runs of letters, lower-cased.
 * - `whitespace`: what is between white space, as it is.
 * - `keyword`: the whole text, also when it is empty.
 * - `stop`: as `simple`, without the 33 usual English stop words; what is left keeps its position.
 *
 * Terms longer than 255 UTF-16 units are cut (those of `keyword` are not). Takes time linear in the text.
 */
export function analyze(analyzer: AnalyzerName, text: string): readonly Token[] {
  return ANALYZERS[analyzer](text)
}

/** The analyzer of that name; undefined when there is none. Names are case-sensitive. */
export function parseAnalyzerName(name: string): AnalyzerName | undefined {
  return isAnalyzerName(name) ? name : undefined
}

function isAnalyzerName(name: string): name is AnalyzerName {
  return Object.hasOwn(ANALYZERS, name)
}

/**
 * The text in lower case, each code point for itself, as Java's `Character.toLowerCase` does it. Unlike JavaScript's own
 * `toLowerCase`, a final `Σ` becomes `σ` and `İ` becomes `i`.
 */
export function lowerCase(text: string): string {
  if (!DEPENDS_ON_CONTEXT.test(text)) return text.toLowerCase()
  return Array.from(text, (character) => (character === 'İ' ? 'i' : character.toLowerCase())).join('')
}

const DEPENDS_ON_CONTEXT = /[İΣ]/

function analyzeWords(text: string): readonly Token[] {
  const tokens: Token[] = []
  for (const { start, end } of segmentWords(text)) {
    tokens.push({ text: lowerCase(text.slice(start, end)), position: tokens.length })
  }
  return tokens
}

const LETTERS = /\p{L}+/gu
/** Java's `Character.isWhitespace`: no-break spaces are not, the separators U+001C to U+001F are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Java counts these control characters as white space.
const NOT_WHITESPACE = /[^\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]+/gu
const TERM_UNITS_MAX = 255

const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be but by for if in into is it no not of on or such that the their then there these they ' +
    'this to was will with'
  ).split(' '),
)

function letterRuns(text: string): readonly string[] {
  return pieces(text, LETTERS).map(lowerCase)
}

function numbered(texts: readonly string[]): readonly Token[] {
  return texts.map((text, position) => ({ text, position }))
}

/** What the pattern finds, cut after the code point that reaches the longest length of a term. */
function pieces(text: string, pattern: RegExp): readonly string[] {
  const found: string[] = []
  for (const [run] of text.matchAll(pattern)) {
    let start = 0
    while (run.length - start > TERM_UNITS_MAX) {
      const last = start + TERM_UNITS_MAX - 1
      const end = (run.codePointAt(last) ?? 0) > 0xffff ? last + 2 : last + 1
      found.push(run.slice(start, end))
      start = end
    }
    if (start < run.length) found.push(run.slice(start))
  }
  return found
}
