/** A piece of a `query_string` query. `text` is as it was written, quotes and escapes included. */
export type QueryStringToken = { readonly kind: QueryStringTokenKind; readonly text: string }

/** What a piece is; `bareOperator` is an operator with white space after it, which is only text. */
export type QueryStringTokenKind =
  | 'and'
  | 'or'
  | 'not'
  | '+'
  | '-'
  | 'bareOperator'
  | '('
  | ')'
  | ':'
  | '*'
  | '^'
  | 'number'
  | 'quoted'
  | 'term'
  | 'slop'
  | 'prefix'
  | 'wildcard'
  | 'regexp'
  | '['
  | '{'
  | 'to'
  | ']'
  | '}'
  | 'rangeQuoted'
  | 'rangeValue'

/** Tokens after one of these follow other rules, until the token that ends it. */
type LexerState = 'default' | 'range' | 'boost'

/**
 * Cuts a `query_string` query into tokens, as Lucene's classic query parser does; undefined when some part of it is no
 * token. Linear in the text.
 */
export function lexQueryString(text: string): readonly QueryStringToken[] | undefined {
  const tokens: QueryStringToken[] = []
  let state: LexerState = 'default'
  let at = 0
  for (;;) {
    at += matchLength(SKIPPED[state], text, at)
    if (at === text.length) return tokens
    const token = LEXERS[state](text, at)
    if (token === undefined) return undefined
    tokens.push(token)
    at += token.text.length
    state = stateAfter(token.kind, state)
  }
}

function stateAfter(kind: QueryStringTokenKind, state: LexerState): LexerState {
  if (kind === '[' || kind === '{') return 'range'
  if (kind === '^') return 'boost'
  if (kind === ']' || kind === '}' || kind === 'number') return 'default'
  return state
}

const LEXERS: Readonly<Record<LexerState, (text: string, at: number) => QueryStringToken | undefined>> = {
  default: lexDefault,
  range: lexRange,
  boost: (text, at) => lexPattern('number', NUMBER, text, at),
}

/** White space before a token. Within a range only a space ends a value, so that other white space is part of it. */
const SKIPPED: Readonly<Record<LexerState, RegExp>> = {
  default: /[ \t\n\r\u3000]*/y,
  range: /(?: |[\t\n\r\u3000](?=[ \]}]|$))*/y,
  boost: /(?:)/y,
}
const NUMBER = /[0-9]+(?:\.[0-9]+)?/y
const START = String.raw`(?:[^ \t\n\r\u3000+\-!():^[\]"{}~*?\\/]|\\[\s\S])`
const WORD = new RegExp(`${START}(?:${START}|[-+])*`, 'y')
const WORD_WITH_WILDCARDS = new RegExp(`(?:${START}|[*?])(?:${START}|[-+*?])*`, 'y')
const QUOTED = /"(?:[^"\\]|\\.)*"/sy
const REGEXP = /\/(?:\\\/|[^/])*\//y
const SLOP = new RegExp(`~(?:${START}|[-+])*`, 'y')
const RANGE_QUOTED = /"(?:\\"|[^"])+"/y
const RANGE_VALUE = /[^ \]}]+/y
const WHITESPACE_CHARACTERS = ' \t\n\r\u3000'

const SINGLE: Readonly<Record<string, QueryStringTokenKind>> = {
  '+': '+',
  '-': '-',
  '!': 'not',
  '(': '(',
  ')': ')',
  ':': ':',
  '^': '^',
  '[': '[',
  '{': '{',
}

const KEYWORDS: Readonly<Record<string, QueryStringTokenKind>> = {
  AND: 'and',
  '&&': 'and',
  OR: 'or',
  '||': 'or',
  NOT: 'not',
}

function lexDefault(text: string, at: number): QueryStringToken | undefined {
  const character = text.charAt(at)
  const next = text.charAt(at + 1)
  if ('+-!'.includes(character) && next !== '' && WHITESPACE_CHARACTERS.includes(next)) {
    return { kind: 'bareOperator', text: character + next }
  }
  const single = SINGLE[character]
  if (single !== undefined) return { kind: single, text: character }
  if (character === '"') return lexPattern('quoted', QUOTED, text, at)
  if (character === '/') return lexPattern('regexp', REGEXP, text, at)
  if (character === '~') return lexPattern('slop', SLOP, text, at)
  return lexWord(text, at)
}

function lexWord(text: string, at: number): QueryStringToken | undefined {
  const wordLength = matchLength(WORD, text, at)
  const length = matchLength(WORD_WITH_WILDCARDS, text, at)
  if (length === 0) return undefined

  const word = text.slice(at, at + length)
  if (length === wordLength) return { kind: keyword(word) ?? 'term', text: word }
  if (word === '*') return { kind: '*', text: word }
  const isPrefix = wordLength > 0 && length === wordLength + 1 && word.endsWith('*')
  return { kind: isPrefix ? 'prefix' : 'wildcard', text: word }
}

function keyword(word: string): QueryStringTokenKind | undefined {
  return Object.hasOwn(KEYWORDS, word) ? KEYWORDS[word] : undefined
}

function lexRange(text: string, at: number): QueryStringToken | undefined {
  const character = text.charAt(at)
  if (character === ']' || character === '}') return { kind: character, text: character }
  const quotedLength = matchLength(RANGE_QUOTED, text, at)
  const valueLength = matchLength(RANGE_VALUE, text, at)
  if (quotedLength >= valueLength) return { kind: 'rangeQuoted', text: text.slice(at, at + quotedLength) }
  const value = text.slice(at, at + valueLength)
  return { kind: value === 'TO' ? 'to' : 'rangeValue', text: value }
}

function lexPattern(
  kind: QueryStringTokenKind,
  pattern: RegExp,
  text: string,
  at: number,
): QueryStringToken | undefined {
  const length = matchLength(pattern, text, at)
  return length === 0 ? undefined : { kind, text: text.slice(at, at + length) }
}

/** Length of what a sticky pattern matches at a place; 0 when it does not. */
function matchLength(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}
