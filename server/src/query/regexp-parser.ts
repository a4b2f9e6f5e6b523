import { QueryError } from './query-error.ts'
import { type CodePointRange, type RegexpTerm, RegexpTerms } from './regexp-terms.ts'

/** Which of the optional operators of Lucene's regular expressions are operators; the others are plain characters. */
export type RegexpFlags = {
  /** `~x`: anything but x. */
  readonly complement: boolean
  /** `<1-20>`: a decimal number in that interval. */
  readonly interval: boolean
  /** `x&y`: both x and y. */
  readonly intersection: boolean
  /** `@`: any text. */
  readonly anyString: boolean
  /** `#`: no text at all. */
  readonly empty: boolean
  /** `<name>`: a named automaton. There are none, so that this only decides which error tells. */
  readonly automaton: boolean
}

/**
 * Parses a regular expression of Lucene 8.
 *
 * @throws {QueryError} `malformed` with what was expected, and where.
 */
export function parseRegexp(
  pattern: string,
  flags: RegexpFlags,
  caseInsensitive: boolean,
): { readonly terms: RegexpTerms; readonly root: RegexpTerm } {
  const terms = new RegexpTerms()
  if (pattern === '') return { terms, root: terms.empty }
  return { terms, root: new RegexpParser(pattern, flags, caseInsensitive, terms).parse() }
}

const INTEGER_MAX = 0x7fffffff

/** Recursive descent; one method for each rule of the grammar, from the weakest to the strongest operator. */
class RegexpParser {
  readonly #pattern: string
  readonly #flags: RegexpFlags
  readonly #caseInsensitive: boolean
  readonly #terms: RegexpTerms
  #at = 0
  #unknownName: string | undefined

  constructor(pattern: string, flags: RegexpFlags, caseInsensitive: boolean, terms: RegexpTerms) {
    this.#pattern = pattern
    this.#flags = flags
    this.#caseInsensitive = caseInsensitive
    this.#terms = terms
  }

  parse(): RegexpTerm {
    const root = this.#union()
    if (this.#hasMore()) throw this.#refuse('end-of-string expected')
    // Lucene looks names up after it has parsed the whole pattern, so a syntax error anywhere is told first.
    if (this.#unknownName !== undefined) throw malformed(`'${this.#unknownName}' not found`)
    return root
  }

  #union(): RegexpTerm {
    const parts = [this.#intersection()]
    while (this.#take('|')) parts.push(this.#intersection())
    return this.#terms.union(parts)
  }

  #intersection(): RegexpTerm {
    const parts = [this.#sequence()]
    while (this.#flags.intersection && this.#take('&')) parts.push(this.#sequence())
    return this.#terms.intersection(parts)
  }

  #sequence(): RegexpTerm {
    const parts = [this.#repetition()]
    while (this.#hasMore() && !this.#isNext(')|') && !(this.#flags.intersection && this.#isNext('&'))) {
      parts.push(this.#repetition())
    }
    return parts.reduceRight((tail, head) => this.#terms.sequence(head, tail), this.#terms.empty)
  }

  #repetition(): RegexpTerm {
    let term = this.#complement()
    for (;;) {
      if (this.#take('?')) term = this.#terms.repeat(term, 0, 1)
      else if (this.#take('*')) term = this.#terms.repeat(term, 0, Number.POSITIVE_INFINITY)
      else if (this.#take('+')) term = this.#terms.repeat(term, 1, Number.POSITIVE_INFINITY)
      else if (this.#take('{')) term = this.#counted(term)
      else return term
    }
  }

  #counted(term: RegexpTerm): RegexpTerm {
    const min = this.#digits()
    if (min === '') throw this.#refuse('integer expected')
    let max = min
    if (this.#take(',')) max = this.#digits()
    if (!this.#take('}')) throw this.#refuse("expected '}'")
    return this.#terms.repeat(term, integer(min), max === '' ? Number.POSITIVE_INFINITY : integer(max))
  }

  #digits(): string {
    const start = this.#at
    while (this.#isNext('0123456789')) this.#at += 1
    return this.#pattern.slice(start, this.#at)
  }

  #complement(): RegexpTerm {
    let isComplement = false
    while (this.#flags.complement && this.#take('~')) isComplement = !isComplement
    const term = this.#atom()
    return isComplement ? this.#terms.complement(term) : term
  }

  #atom(): RegexpTerm {
    if (this.#take('[')) return this.#characterClass()
    if (this.#take('.')) return this.#terms.anyCharacter
    if (this.#flags.empty && this.#take('#')) return this.#terms.nothing
    if (this.#flags.anyString && this.#take('@')) return this.#terms.anyText
    if (this.#take('"')) return this.#quoted()
    if (this.#take('(')) return this.#group()
    if ((this.#flags.automaton || this.#flags.interval) && this.#take('<')) return this.#angleBrackets()
    return this.#terms.set(this.#foldCase(this.#character()))
  }

  #characterClass(): RegexpTerm {
    const isNegated = this.#take('^')
    const ranges: CodePointRange[] = []
    do {
      const first = this.#character()
      if (!this.#take('-')) {
        ranges.push(...this.#foldCase(first))
        continue
      }
      const last = this.#character()
      if (first > last) throw malformed(`invalid range: from (${first}) cannot be > to (${last})`)
      ranges.push({ first, last })
    } while (this.#hasMore() && !this.#isNext(']'))
    if (!this.#take(']')) throw this.#refuse("expected ']'")
    return isNegated ? this.#terms.setWithout(ranges) : this.#terms.set(ranges)
  }

  #quoted(): RegexpTerm {
    const end = this.#pattern.indexOf('"', this.#at)
    if (end === -1) {
      this.#at = this.#pattern.length
      throw this.#refuse(`expected '"'`)
    }
    const text = this.#pattern.slice(this.#at, end)
    this.#at = end + 1
    return this.#literal(text)
  }

  #literal(text: string): RegexpTerm {
    return Array.from(text)
      .map((character) => this.#terms.set(this.#foldCase(character.codePointAt(0) ?? 0)))
      .reduceRight((tail, head) => this.#terms.sequence(head, tail), this.#terms.empty)
  }

  #group(): RegexpTerm {
    if (this.#take(')')) return this.#terms.empty
    const term = this.#union()
    if (!this.#take(')')) throw this.#refuse("expected ')'")
    return term
  }

  #angleBrackets(): RegexpTerm {
    const end = this.#pattern.indexOf('>', this.#at)
    if (end === -1) {
      this.#at = this.#pattern.length
      throw this.#refuse("expected '>'")
    }
    const content = this.#pattern.slice(this.#at, end)
    this.#at = end
    if (!content.includes('-')) {
      if (!this.#flags.automaton) throw this.#refuse('interval syntax error')
      this.#unknownName ??= content
      this.#at = end + 1
      return this.#terms.nothing
    }
    if (!this.#flags.interval) throw this.#refuse('illegal identifier')
    const interval = /^([0-9]+)-([0-9]+)$/.exec(content)
    const [, from = '', to = ''] = interval ?? []
    if (interval === null || Number(from) > INTEGER_MAX || Number(to) > INTEGER_MAX) {
      throw this.#refuse('interval syntax error')
    }
    this.#at = end + 1
    return this.#interval(from, to)
  }

  /** Bounds of the same length fix the width of the number; otherwise it may have any number of leading zeros. */
  #interval(from: string, to: string): RegexpTerm {
    const [low, high] = [Number(from), Number(to)].sort((left, right) => left - right)
    if (low === undefined || high === undefined) return this.#terms.nothing
    if (from.length === to.length) {
      return this.#between(String(low).padStart(from.length, '0'), String(high).padStart(from.length, '0'))
    }
    const parts: RegexpTerm[] = []
    for (let digits = String(low).length; digits <= String(high).length; digits += 1) {
      const smallest = digits === 1 ? 0 : 10 ** (digits - 1)
      const first = Math.max(low, smallest)
      const last = Math.min(high, 10 ** digits - 1)
      parts.push(this.#between(String(first), String(last)))
    }
    const zeros = this.#terms.repeat(this.#literal('0'), 0, Number.POSITIVE_INFINITY)
    return this.#terms.sequence(zeros, this.#terms.union(parts))
  }

  /** Decimal numbers of one width between two of that width. */
  #between(low: string, high: string): RegexpTerm {
    if (low === '') return this.#terms.empty
    const first = Number(low[0])
    const last = Number(high[0])
    const rest = low.length - 1
    if (first === last) {
      return this.#terms.sequence(this.#digit(first, first), this.#between(low.slice(1), high.slice(1)))
    }
    const parts = [
      this.#terms.sequence(this.#digit(first, first), this.#between(low.slice(1), '9'.repeat(rest))),
      this.#terms.sequence(this.#digit(last, last), this.#between('0'.repeat(rest), high.slice(1))),
    ]
    if (first + 1 < last) {
      const any = this.#terms.repeat(this.#digit(0, 9), rest, rest)
      parts.push(this.#terms.sequence(this.#digit(first + 1, last - 1), any))
    }
    return this.#terms.union(parts)
  }

  #digit(first: number, last: number): RegexpTerm {
    return this.#terms.set([{ first: 0x30 + first, last: 0x30 + last }])
  }

  /** The next code point, or the one after a backslash. */
  #character(): number {
    this.#take('\\')
    const codePoint = this.#pattern.codePointAt(this.#at)
    if (codePoint === undefined) throw malformed('unexpected end-of-string')
    this.#at += codePoint > 0xffff ? 2 : 1
    return codePoint
  }

  /** Only ASCII letters have two cases here; ranges of a class have one. */
  #foldCase(codePoint: number): readonly CodePointRange[] {
    const isLetter = /^[A-Za-z]$/.test(String.fromCodePoint(codePoint))
    const cases = this.#caseInsensitive && isLetter ? [codePoint & ~0x20, codePoint | 0x20] : [codePoint]
    return cases.map((each) => ({ first: each, last: each }))
  }

  #hasMore(): boolean {
    return this.#at < this.#pattern.length
  }

  #isNext(characters: string): boolean {
    return this.#hasMore() && characters.includes(this.#pattern.charAt(this.#at))
  }

  #take(character: string): boolean {
    if (!this.#isNext(character)) return false
    this.#at += 1
    return true
  }

  #refuse(expectation: string): QueryError {
    return malformed(`${expectation} at position ${this.#at}`)
  }
}

function integer(digits: string): number {
  const number = Number(digits)
  if (number > INTEGER_MAX) throw malformed(`For input string: "${digits}"`)
  return number
}

function malformed(text: string): QueryError {
  return new QueryError('malformed', `failed to create query: ${text}`)
}
