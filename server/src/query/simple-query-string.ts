import { QueryError } from './query-error.ts'
import { parseError } from './query-string.ts'

/** A `simple_query_string` query, as a tree. */
export type SimpleNode = SimpleLeaf | SimpleGroup

/** What is tested; escapes are resolved. */
export type SimpleLeaf =
  /** All documents: the whole query is `*`. */
  | { readonly kind: 'all' }
  /** To be analyzed by each field. */
  | { readonly kind: 'text'; readonly text: string }
  /** To be analyzed by each field; the terms follow each other, with at most `slop` moves. */
  | { readonly kind: 'phrase'; readonly text: string; readonly slop: number }
  /** Terms that start with the text. */
  | { readonly kind: 'prefix'; readonly text: string }
  /** One term that may have that many typing errors. */
  | { readonly kind: 'fuzzy'; readonly text: string; readonly edits: 1 | 2 }

/** Several operands, joined by the rules of `joinSimpleOperands`; may be empty, which finds nothing. */
export type SimpleGroup = { readonly kind: 'group'; readonly operands: readonly SimpleOperand[] }

/**
 * One operand, and the operator written before it (absent: the default). `empty` is a pair of quotes or parentheses with
 * nothing in it, which takes the operator before it away.
 */
export type SimpleOperand =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'operand'
      readonly operator?: 'and' | 'or'
      readonly isNegated: boolean
      readonly node: SimpleNode
    }

/** Which operators of the language are operators; the others are plain characters. A sum of `SIMPLE_FLAGS`. */
export type SimpleFlags = number

const SIMPLE_FLAGS = {
  AND: 1,
  NOT: 2,
  OR: 4,
  PREFIX: 8,
  PHRASE: 16,
  PRECEDENCE: 32,
  ESCAPE: 64,
  WHITESPACE: 128,
  FUZZY: 256,
  NEAR: 512,
  SLOP: 512,
} as const

/** All operators: the default. */
export const ALL_SIMPLE_FLAGS: SimpleFlags = 1023

/** Operands of one query, over all groups. */
const OPERANDS_MAX = 1024
/** Parentheses within each other. */
const NESTING_MAX = 100

/**
 * Reads the `flags` argument: names in any case, joined by `|`, or their sum as a number. `NONE` and `ALL` decide alone;
 * negative numbers, and the empty text, mean all.
 *
 * @throws {QueryError} `malformed` on an unknown name.
 */
export function parseSimpleFlags(value: string | number): SimpleFlags {
  if (typeof value === 'number') return value < 0 ? ALL_SIMPLE_FLAGS : value & ALL_SIMPLE_FLAGS
  if (value === '') return ALL_SIMPLE_FLAGS
  let flags = 0
  for (const name of value.split('|').filter((part) => part !== '')) {
    const known = name.toUpperCase()
    if (known === 'NONE') return 0
    if (known === 'ALL') return ALL_SIMPLE_FLAGS
    if (!isFlagName(known)) {
      throw new QueryError('malformed', `Unknown simple_query_string flag [${name}]`)
    }
    flags |= SIMPLE_FLAGS[known]
  }
  return flags
}

function isFlagName(name: string): name is keyof typeof SIMPLE_FLAGS {
  return Object.hasOwn(SIMPLE_FLAGS, name)
}

/**
 * Parses the text of a `simple_query_string` query, with the rules of Lucene's simple query parser. Every text has a
 * meaning: an operator where it makes no sense is plain text, or is read over.
 *
 * @throws {QueryError} `malformed` when there are more than 1024 operands, or parentheses are nested more than 100 deep.
 */
export function parseSimpleQueryString(text: string, flags: SimpleFlags): SimpleNode {
  if (text.trim() === '*') return { kind: 'all' }
  return new SimpleParser(text, flags).parse()
}

/**
 * Joins the operands of a group from left to right, without precedence: a change of operator puts all before it into a
 * group of its own. Undefined when no operand is left.
 *
 * `resolve` turns a node into a query, or into undefined when analysis leaves nothing of it; such an operand leaves its
 * operator to the next. `negate` makes the query of `-x`, `combine` that of two or more queries under one operator.
 */
export function joinSimpleOperands<Q>(
  group: SimpleGroup,
  defaultOperator: 'and' | 'or',
  make: {
    readonly resolve: (node: SimpleNode) => Q | undefined
    readonly negate: (query: Q) => Q
    readonly combine: (operator: 'and' | 'or', queries: readonly Q[]) => Q
  },
): Q | undefined {
  let joined: { readonly operator: 'and' | 'or' | undefined; readonly queries: readonly Q[] } | undefined
  let pending: 'and' | 'or' | undefined
  for (const operand of group.operands) {
    if (operand.kind === 'empty') {
      pending = undefined
      continue
    }
    if (joined !== undefined) pending ??= operand.operator
    const resolved = make.resolve(operand.node)
    if (resolved === undefined) continue

    const query = operand.isNegated ? make.negate(resolved) : resolved
    if (joined === undefined) joined = { operator: undefined, queries: [query] }
    else {
      const operator = pending ?? defaultOperator
      const before = operator === joined.operator ? joined.queries : [combined(joined, make.combine)]
      joined = { operator, queries: [...before, query] }
    }
    pending = undefined
  }
  return joined === undefined ? undefined : combined(joined, make.combine)
}

function combined<Q>(
  joined: { readonly operator: 'and' | 'or' | undefined; readonly queries: readonly Q[] },
  combine: (operator: 'and' | 'or', queries: readonly Q[]) => Q,
): Q {
  const [first] = joined.queries
  if (first !== undefined && joined.operator === undefined) return first
  return combine(joined.operator ?? 'or', joined.queries)
}

const WHITESPACE = ' \t\n\r'
/** Typing errors that `~` without a number allows, and the most that a number can allow. */
const EDITS_MAX = 2

/** Reads from left to right; groups by calling itself on the part of the text between the parentheses. */
class SimpleParser {
  readonly #text: string
  readonly #flags: SimpleFlags
  /** Place of the closing parenthesis for each opening one that has it. */
  readonly #closing: ReadonlyMap<number, number>
  #at = 0
  #depth = 0
  #operands = 0

  constructor(text: string, flags: SimpleFlags) {
    this.#text = text
    this.#flags = flags
    this.#closing = this.#matchParentheses()
  }

  parse(): SimpleGroup {
    return this.#group(this.#text.length)
  }

  #has(flag: keyof typeof SIMPLE_FLAGS): boolean {
    return (this.#flags & SIMPLE_FLAGS[flag]) !== 0
  }

  #matchParentheses(): ReadonlyMap<number, number> {
    const closing = new Map<number, number>()
    const open: number[] = []
    for (let at = 0; at < this.#text.length; at += 1) {
      const character = this.#text.charAt(at)
      if (character === '\\' && this.#has('ESCAPE')) at += 1
      else if (character === '(') open.push(at)
      else if (character === ')') {
        const start = open.pop()
        if (start !== undefined) closing.set(start, at)
      }
    }
    return closing
  }

  #group(end: number): SimpleGroup {
    this.#depth += 1
    if (this.#depth > NESTING_MAX) throw this.#tooComplex()
    const operands: SimpleOperand[] = []
    let operator: 'and' | 'or' | undefined
    let isNegated = false
    while (this.#at < end) {
      const character = this.#text.charAt(this.#at)
      if (character === '-' && this.#has('NOT')) {
        this.#at += 1
        isNegated = !isNegated
        continue
      }
      const written = this.#operator(character)
      if (written !== undefined) {
        this.#at += 1
        operator ??= written
      } else if (!this.#skip(character)) {
        const node = this.#operand(character, end)
        if (node === 'empty') operands.push({ kind: 'empty' })
        else if (node !== undefined) {
          operands.push({ kind: 'operand', ...(operator !== undefined && { operator }), isNegated, node })
        }
        if (node !== undefined) {
          this.#operands += 1
          if (this.#operands > OPERANDS_MAX) throw this.#tooComplex()
          operator = undefined
        }
      }
      // A minus counts only right before what it negates.
      isNegated = false
    }
    this.#depth -= 1
    return { kind: 'group', operands }
  }

  #operator(character: string): 'and' | 'or' | undefined {
    if (character === '+' && this.#has('AND')) return 'and'
    return character === '|' && this.#has('OR') ? 'or' : undefined
  }

  /** Reads over white space and closing parentheses that nothing opened. */
  #skip(character: string): boolean {
    const isSkipped =
      (WHITESPACE.includes(character) && this.#has('WHITESPACE')) ||
      (character === ')' && this.#has('PRECEDENCE'))
    if (isSkipped) this.#at += 1
    return isSkipped
  }

  /** An operand; undefined when what is here makes none. */
  #operand(character: string, end: number): SimpleNode | 'empty' | undefined {
    if (character === '(' && this.#has('PRECEDENCE')) return this.#parenthesized()
    if (character === '"' && this.#has('PHRASE')) return this.#phrase(end)
    return this.#word(end)
  }

  #parenthesized(): SimpleNode | 'empty' | undefined {
    const start = this.#at + 1
    const close = this.#closing.get(this.#at)
    this.#at = start
    if (close === undefined) return undefined
    const group = this.#group(close)
    this.#at = close + 1
    return close === start ? 'empty' : group
  }

  #phrase(end: number): SimpleNode | 'empty' | undefined {
    const start = this.#at + 1
    this.#at = start
    const close = this.#findQuote(start, end)
    if (close === undefined) return undefined
    this.#at = close + 1
    const text = this.#unescape(this.#text.slice(start, close))
    const isSloppy = this.#has('NEAR') && this.#text.charAt(this.#at) === '~' && this.#at < end
    if (!isSloppy) return close === start ? 'empty' : { kind: 'phrase', text, slop: 0 }
    this.#at += 1
    if (this.#at === end) return { kind: 'phrase', text, slop: 0 }
    const slop = this.#number(end)
    // Whatever ends the number is taken with it, even an operator, as in Lucene.
    this.#at = Math.min(end, this.#at + 1)
    return { kind: 'phrase', text, slop }
  }

  #findQuote(start: number, end: number): number | undefined {
    for (let at = start; at < end; at += 1) {
      const character = this.#text.charAt(at)
      if (character === '"') return at
      if (character === '\\' && this.#has('ESCAPE')) at += 1
    }
    return undefined
  }

  #word(end: number): SimpleNode | undefined {
    let text = ''
    let isPrefix = false
    while (this.#at < end) {
      const character = this.#text.charAt(this.#at)
      if (character === '\\' && this.#has('ESCAPE')) {
        isPrefix = false
        if (this.#at + 1 < end) text += this.#text.charAt(this.#at + 1)
        this.#at = Math.min(end, this.#at + 2)
        continue
      }
      if (this.#endsWord(character)) break
      if (character === '~' && text !== '' && this.#has('FUZZY')) {
        this.#at += 1
        const edits = Math.min(EDITS_MAX, this.#number(end))
        return edits === 1 || edits === 2 ? { kind: 'fuzzy', text, edits } : { kind: 'text', text }
      }
      isPrefix = character === '*' && text !== '' && this.#has('PREFIX')
      text += character
      this.#at += 1
    }
    if (text === '') return undefined
    return isPrefix ? { kind: 'prefix', text: text.slice(0, -1) } : { kind: 'text', text }
  }

  #endsWord(character: string): boolean {
    switch (character) {
      case '"':
        return this.#has('PHRASE')
      case '|':
        return this.#has('OR')
      case '+':
        return this.#has('AND')
      case '(':
      case ')':
        return this.#has('PRECEDENCE')
      default:
        return WHITESPACE.includes(character) && this.#has('WHITESPACE')
    }
  }

  /** The number after a tilde, up to the end of the word: two when there is none, 0 when it is no whole number. */
  #number(end: number): number {
    const start = this.#at
    while (this.#at < end && !this.#endsWord(this.#text.charAt(this.#at))) this.#at += 1
    const digits = this.#text.slice(start, this.#at)
    if (digits === '') return EDITS_MAX
    const number = /^[+-]?[0-9]+$/.test(digits) ? Number(digits) : 0
    return number < 0 || number > INTEGER_MAX ? 0 : number
  }

  #unescape(text: string): string {
    return this.#has('ESCAPE') ? text.replace(/\\(.?)/gs, '$1') : text
  }

  #tooComplex(): QueryError {
    const reason = `it has more than ${OPERANDS_MAX} operands, or is nested more than ${NESTING_MAX} levels deep`
    return parseError(this.#text, `: ${reason}`)
  }
}

const INTEGER_MAX = 0x7fffffff
