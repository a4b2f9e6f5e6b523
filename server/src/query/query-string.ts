import { type Fuzziness, parseFuzziness } from './fuzzy.ts'
import { QueryError } from './query-error.ts'
import { lexQueryString, type QueryStringToken, type QueryStringTokenKind } from './query-string-lexer.ts'

/** A `query_string` query, as a tree. `boost` multiplies scores and is absent where none was written. */
export type QueryStringNode = QueryStringLeaf | QueryStringGroup

/**
 * What is tested. `field` is what was written before the colon: a name, or a pattern with `*`; absent when nothing was,
 * which means the default fields.
 */
export type QueryStringLeaf =
  /** To be analyzed by each field; a field that makes one term of it compares the whole text. Escapes are resolved. */
  | QueryStringTest<'text', { readonly text: string }>
  /** To be analyzed by each field; the terms follow each other. Without `slop` the request's `phrase_slop` counts. */
  | QueryStringTest<'phrase', { readonly text: string; readonly slop?: number }>
  /** One term, not analyzed. Without `fuzziness` the request's counts. */
  | QueryStringTest<'fuzzy', { readonly text: string; readonly fuzziness?: Fuzziness }>
  /** Terms that start with the text. */
  | QueryStringTest<'prefix', { readonly text: string }>
  /** A pattern for `compileWildcard`, escapes included. Never just `*`. */
  | QueryStringTest<'wildcard', { readonly pattern: string }>
  /** A pattern for `compileRegexp`. */
  | QueryStringTest<'regexp', { readonly pattern: string }>
  /** Values between two others; an absent bound is open. `[* TO *]` has none. */
  | QueryStringTest<'range', { readonly lower?: QueryStringBound; readonly upper?: QueryStringBound }>
  /** Any value: `*`, `field:*` and `_exists_:field`; with the field `*` all documents. */
  | QueryStringTest<'exists', object>

type QueryStringTest<Kind extends string, Content> = {
  readonly kind: Kind
  readonly field?: string
  readonly boost?: number
} & Content

/** One end of a range. */
export type QueryStringBound = { readonly value: string; readonly inclusive: boolean }

/** Several clauses, joined by the rules of `joinQueryStringClauses`; at least one. */
export type QueryStringGroup = {
  readonly kind: 'group'
  readonly clauses: readonly QueryStringClause[]
  readonly boost?: number
}

/** One clause of a group, and the operators written before it. */
export type QueryStringClause = {
  readonly conjunction: 'and' | 'or' | 'none'
  readonly modifier: 'required' | 'prohibited' | 'none'
  /** Whether the text is several words that were written next to each other without an operator. */
  readonly isWordRun: boolean
  readonly node: QueryStringNode
}

/** What a clause demands of a document. */
export type Occurrence = 'must' | 'should' | 'mustNot'

/** Clauses of one query, over all groups. */
const CLAUSES_MAX = 1024
/** Parentheses within each other. */
const NESTING_MAX = 100

/**
 * Parses the text of a `query_string` query with the rules of Lucene's classic query parser.
 *
 * `defaultField` is the request's, when it names a single field; a text such as `>5` without a field is a range then.
 *
 * @throws {QueryError} `malformed` (`Failed to parse query [text]`) when the text breaks the syntax, has more than 1024
 *   clauses, or is nested more than 100 levels deep.
 */
export function parseQueryString(
  text: string,
  options: { readonly defaultField?: string } = {},
): QueryStringNode {
  const tokens = lexQueryString(text)
  const node = tokens && new QueryStringParser(text, tokens, options.defaultField).parse()
  if (node === undefined) throw parseError(text)
  return node
}

/** The text with every character escaped that has a meaning in the syntax: what the argument `escape` asks for. */
export function escapeQueryString(text: string): string {
  return text.replace(/[\\+\-!():^[\]"{}~*?|&/]/g, '\\$&')
}

/**
 * What each clause of a group demands, by the rules of Lucene's classic query parser: `AND` makes both its neighbours
 * required, `OR` leaves or makes them optional, `NOT` and `-` prohibit, `+` requires; there is no precedence.
 *
 * `resolve` turns a clause's node into queries: usually one, several for a run of words (each gets the default
 * operator's demand), none when analysis leaves nothing of it (then the clause does not count as a neighbour).
 */
export function joinQueryStringClauses<Q>(
  clauses: readonly QueryStringClause[],
  defaultOperator: 'and' | 'or',
  resolve: (clause: QueryStringClause) => readonly Q[],
): readonly { readonly occurrence: Occurrence; readonly query: Q }[] {
  const joined: { occurrence: Occurrence; readonly query: Q }[] = []
  for (const clause of clauses) {
    const previous = joined.at(-1)
    if (previous !== undefined && previous.occurrence !== 'mustNot') {
      if (clause.conjunction === 'and') previous.occurrence = 'must'
      if (clause.conjunction === 'or' && defaultOperator === 'and') previous.occurrence = 'should'
    }
    const occurrence = occurrenceOf(clause, defaultOperator)
    joined.push(...resolve(clause).map((query) => ({ occurrence, query })))
  }
  return joined
}

function occurrenceOf(clause: QueryStringClause, defaultOperator: 'and' | 'or'): Occurrence {
  if (clause.modifier === 'prohibited') return 'mustNot'
  if (defaultOperator === 'and') return clause.conjunction === 'or' ? 'should' : 'must'
  return clause.modifier === 'required' || clause.conjunction === 'and' ? 'must' : 'should'
}

/** The refusal of a text; of a very long one it quotes the start. */
export function parseError(text: string, reason = ''): QueryError {
  const quoted = text.length > QUOTED_UNITS_MAX ? `${text.slice(0, QUOTED_UNITS_MAX)}…` : text
  return new QueryError('malformed', `Failed to parse query [${quoted}]${reason}`)
}

/** UTF-16 units of a query that its refusal quotes. */
const QUOTED_UNITS_MAX = 1000

/** A word is not part of a run when one of these follows it: they need it for themselves. */
const CLAIMS_WORD: ReadonlySet<QueryStringTokenKind | undefined> = new Set([
  ':',
  '*',
  'slop',
  '^',
  'and',
  'or',
])

type Ending = { readonly boost?: number; readonly slop?: string }

/** Recursive descent over the tokens. */
class QueryStringParser {
  readonly #text: string
  readonly #tokens: readonly QueryStringToken[]
  readonly #defaultField: string | undefined
  #at = 0
  #depth = 0
  #clauses = 0

  constructor(text: string, tokens: readonly QueryStringToken[], defaultField: string | undefined) {
    this.#text = text
    this.#tokens = tokens
    this.#defaultField = defaultField
  }

  parse(): QueryStringNode {
    const node = this.#group(undefined)
    if (this.#at < this.#tokens.length) throw parseError(this.#text)
    return node
  }

  #group(field: string | undefined): QueryStringNode {
    this.#depth += 1
    if (this.#depth > NESTING_MAX) throw parseError(this.#text)
    const clauses = [this.#clause(field, 'none')]
    while (this.#at < this.#tokens.length && this.#peek() !== ')') {
      clauses.push(this.#clause(field, this.#isWordRun() ? 'none' : this.#conjunction()))
    }
    this.#depth -= 1
    const [only] = clauses
    const isPlain = clauses.length === 1 && only !== undefined && only.modifier === 'none'
    return isPlain ? only.node : { kind: 'group', clauses }
  }

  #clause(field: string | undefined, conjunction: QueryStringClause['conjunction']): QueryStringClause {
    this.#clauses += 1
    if (this.#clauses > CLAUSES_MAX) throw parseError(this.#text)
    if (conjunction === 'none' && this.#isWordRun()) {
      return { conjunction, modifier: 'none', isWordRun: true, node: this.#textNode(field, this.#wordRun()) }
    }
    const modifier = this.#modifier()
    return { conjunction, modifier, isWordRun: false, node: this.#fieldOrTest(field) }
  }

  #conjunction(): QueryStringClause['conjunction'] {
    if (this.#take('and') !== undefined) return 'and'
    return this.#take('or') !== undefined ? 'or' : 'none'
  }

  #modifier(): QueryStringClause['modifier'] {
    if (this.#take('+') !== undefined) return 'required'
    return (this.#take('-') ?? this.#take('not')) !== undefined ? 'prohibited' : 'none'
  }

  /** Whether two words or more follow that nothing claims. */
  #isWordRun(): boolean {
    return this.#peek() === 'term' && this.#peek(1) === 'term' && !CLAIMS_WORD.has(this.#peek(2))
  }

  #wordRun(): string {
    const words = [this.#expect('term').text]
    while (this.#peek() === 'term' && !CLAIMS_WORD.has(this.#peek(1))) words.push(this.#expect('term').text)
    return this.#unescape(words.join(' '))
  }

  #fieldOrTest(outerField: string | undefined): QueryStringNode {
    const field = this.#field() ?? outerField
    if (this.#take('(') === undefined) return this.#test(field)

    const node = this.#group(field)
    this.#expect(')')
    const boost = this.#boost()
    if (boost === undefined) return node
    // A boosted node may be boosted again from outside its parentheses; both count.
    return { ...node, boost: boost * (node.boost ?? 1) }
  }

  #field(): string | undefined {
    if (this.#peek(1) !== ':') return undefined
    const name = this.#take('term') ?? this.#take('*')
    if (name === undefined) throw parseError(this.#text)
    this.#expect(':')
    return this.#unescape(name.text)
  }

  #test(field: string | undefined): QueryStringLeaf {
    const token = this.#tokens[this.#at]
    this.#at += 1
    switch (token?.kind) {
      case 'quoted': {
        const { slop, boost } = this.#ending()
        const text = this.#unescape(token.text.slice(1, -1))
        // What is no number after the tilde is read over, as Lucene does.
        const moves =
          slop !== undefined && /^[0-9]+(\.[0-9]*)?$/.test(slop) ? Math.trunc(Number(slop)) : undefined
        return {
          ...this.#place(field, boost),
          kind: 'phrase',
          text,
          ...(moves !== undefined && { slop: moves }),
        }
      }
      case '[':
      case '{':
        return this.#range(field, token.kind === '[')
      case 'term':
      case 'bareOperator': {
        const { slop, boost } = this.#ending()
        const text = this.#unescape(token.kind === 'term' ? token.text : token.text.slice(0, 1))
        if (slop === undefined) return this.#textNode(field, text, boost)
        const fuzziness = slop === '' ? {} : { fuzziness: parseFuzziness(slop) }
        return { ...this.#place(field, boost), kind: 'fuzzy', text, ...fuzziness }
      }
      case 'prefix':
        return {
          kind: 'prefix',
          text: this.#unescape(token.text.slice(0, -1)),
          ...this.#place(field, this.#ending().boost),
        }
      case '*':
        return { kind: 'exists', ...this.#place(field, this.#ending().boost) }
      case 'wildcard':
        return { kind: 'wildcard', pattern: token.text, ...this.#place(field, this.#ending().boost) }
      case 'regexp':
        return {
          kind: 'regexp',
          pattern: token.text.slice(1, -1),
          ...this.#place(field, this.#ending().boost),
        }
      default:
        throw parseError(this.#text)
    }
  }

  #place(
    field: string | undefined,
    boost: number | undefined,
  ): { readonly field?: string; readonly boost?: number } {
    return { ...(field !== undefined && { field }), ...(boost !== undefined && { boost }) }
  }

  /** Text, unless it is a comparison such as `>=5`, or names a field that must exist. */
  #textNode(field: string | undefined, text: string, boost?: number): QueryStringLeaf {
    if (field === '_exists_') return { kind: 'exists', ...this.#place(text, boost) }
    const place = this.#place(field, boost)
    const [, operator, value] = /^([<>]=?)(.+)$/s.exec(text) ?? []
    if (operator === undefined || value === undefined || (field ?? this.#defaultField) === undefined) {
      return { kind: 'text', text, ...place }
    }
    const bound = { value, inclusive: operator.endsWith('=') }
    return operator.startsWith('>')
      ? { kind: 'range', lower: bound, ...place }
      : { kind: 'range', upper: bound, ...place }
  }

  #range(field: string | undefined, lowerInclusive: boolean): QueryStringLeaf {
    const lower = this.#rangeValue()
    this.#expect('to')
    const upper = this.#rangeValue()
    const upperInclusive = this.#take(']') !== undefined
    if (!upperInclusive) this.#expect('}')
    return {
      kind: 'range',
      ...(lower !== undefined && { lower: { value: lower, inclusive: lowerInclusive } }),
      ...(upper !== undefined && { upper: { value: upper, inclusive: upperInclusive } }),
      ...this.#place(field, this.#boost()),
    }
  }

  #rangeValue(): string | undefined {
    const quoted = this.#take('rangeQuoted')
    if (quoted !== undefined) return this.#unescape(quoted.text.slice(1, -1))
    const value = this.#take('to') ?? this.#expect('rangeValue')
    return value.text === '*' ? undefined : this.#unescape(value.text)
  }

  /** `~n` and `^n` after a test, in either order. */
  #ending(): Ending {
    const before = this.#slop()
    const boost = this.#boost()
    const slop = before ?? (boost === undefined ? undefined : this.#slop())
    return { ...(boost !== undefined && { boost }), ...(slop !== undefined && { slop }) }
  }

  #slop(): string | undefined {
    return this.#take('slop')?.text.slice(1)
  }

  #boost(): number | undefined {
    return this.#take('^') === undefined ? undefined : Number(this.#expect('number').text)
  }

  /** Resolves `\x` and the hexadecimal escape of a UTF-16 unit, a backslash, `u` and four digits. */
  #unescape(text: string): string {
    return text.replace(/\\(?:u(.{0,4})|(.?))/gs, (_, hexadecimal?: string, character?: string) => {
      if (hexadecimal === undefined) {
        if (character === '') throw parseError(this.#text)
        return character ?? ''
      }
      if (!/^[0-9A-Fa-f]{4}$/.test(hexadecimal)) throw parseError(this.#text)
      return String.fromCharCode(Number.parseInt(hexadecimal, 16))
    })
  }

  #peek(ahead = 0): QueryStringTokenKind | undefined {
    return this.#tokens[this.#at + ahead]?.kind
  }

  #take(kind: QueryStringTokenKind): QueryStringToken | undefined {
    const token = this.#tokens[this.#at]
    if (token?.kind !== kind) return undefined
    this.#at += 1
    return token
  }

  #expect(kind: QueryStringTokenKind): QueryStringToken {
    const token = this.#take(kind)
    if (token === undefined) throw parseError(this.#text)
    return token
  }
}
