/** Code points from `first` to `last`, both included. */
export type CodePointRange = { readonly first: number; readonly last: number }

/**
 * A set of texts, as an expression. Expressions that are written alike are the same object, so that they can be compared
 * and remembered by `id`; only `RegexpTerms` makes them.
 */
export type RegexpTerm = {
  readonly id: number
  /** Whether the empty text is in the set. */
  readonly acceptsEmpty: boolean
} & RegexpShape

type RegexpShape =
  /** No text at all. */
  | { readonly kind: 'nothing' }
  /** The empty text. */
  | { readonly kind: 'empty' }
  /** One code point out of these. */
  | { readonly kind: 'set'; readonly ranges: readonly CodePointRange[] }
  | { readonly kind: 'sequence'; readonly head: RegexpTerm; readonly tail: RegexpTerm }
  | { readonly kind: 'union'; readonly parts: readonly RegexpTerm[] }
  | { readonly kind: 'intersection'; readonly parts: readonly RegexpTerm[] }
  | { readonly kind: 'complement'; readonly part: RegexpTerm }
  | { readonly kind: 'repeat'; readonly part: RegexpTerm; readonly min: number; readonly max: number }

const LAST_CODE_POINT = 0x10ffff

/**
 * Makes expressions, in a form that keeps the number of different ones small: nested sequences, unions and intersections
 * are flattened and sorted, doubles and parts without effect left out.
 */
export class RegexpTerms {
  readonly #known = new Map<string, RegexpTerm>()
  readonly nothing: RegexpTerm = this.#make('0', { kind: 'nothing' }, false)
  readonly empty: RegexpTerm = this.#make('1', { kind: 'empty' }, true)
  readonly anyCharacter: RegexpTerm = this.set([{ first: 0, last: LAST_CODE_POINT }])
  readonly anyText: RegexpTerm = this.complement(this.nothing)

  /** How many different expressions there are. */
  get size(): number {
    return this.#known.size
  }

  set(ranges: readonly CodePointRange[]): RegexpTerm {
    if (ranges.length === 0) return this.nothing
    const key = `s${ranges.map((range) => `${range.first}-${range.last}`).join()}`
    return this.#make(key, { kind: 'set', ranges }, false)
  }

  /** One code point that is in none of the sets. */
  setWithout(excluded: readonly CodePointRange[]): RegexpTerm {
    const ranges: CodePointRange[] = []
    let first = 0
    for (const range of [...excluded].sort((left, right) => left.first - right.first)) {
      if (range.first > first) ranges.push({ first, last: range.first - 1 })
      first = Math.max(first, range.last + 1)
    }
    if (first <= LAST_CODE_POINT) ranges.push({ first, last: LAST_CODE_POINT })
    return this.set(ranges)
  }

  sequence(head: RegexpTerm, tail: RegexpTerm): RegexpTerm {
    if (head === this.nothing || tail === this.nothing) return this.nothing
    if (head === this.empty) return tail
    if (tail === this.empty) return head
    if (head.kind === 'sequence') return this.sequence(head.head, this.sequence(head.tail, tail))
    const acceptsEmpty = head.acceptsEmpty && tail.acceptsEmpty
    return this.#make(`q${head.id},${tail.id}`, { kind: 'sequence', head, tail }, acceptsEmpty)
  }

  union(terms: readonly RegexpTerm[]): RegexpTerm {
    const parts = flatten(terms, 'union', this.nothing)
    if (parts.includes(this.anyText)) return this.anyText
    const [first = this.nothing] = parts
    if (parts.length < 2) return first
    const acceptsEmpty = parts.some((part) => part.acceptsEmpty)
    return this.#make(`u${parts.map((part) => part.id).join()}`, { kind: 'union', parts }, acceptsEmpty)
  }

  intersection(terms: readonly RegexpTerm[]): RegexpTerm {
    const parts = flatten(terms, 'intersection', this.anyText)
    if (parts.includes(this.nothing)) return this.nothing
    const [first = this.anyText] = parts
    if (parts.length < 2) return first
    const acceptsEmpty = parts.every((part) => part.acceptsEmpty)
    return this.#make(
      `i${parts.map((part) => part.id).join()}`,
      { kind: 'intersection', parts },
      acceptsEmpty,
    )
  }

  complement(part: RegexpTerm): RegexpTerm {
    if (part.kind === 'complement') return part.part
    return this.#make(`c${part.id}`, { kind: 'complement', part }, !part.acceptsEmpty)
  }

  /** Between `min` and `max` times; `max` may be infinite. */
  repeat(part: RegexpTerm, min: number, max: number): RegexpTerm {
    if (min > max) return this.nothing
    if (max === 0 || part === this.empty) return this.empty
    if (part === this.nothing) return min === 0 ? this.empty : this.nothing
    if (min === 1 && max === 1) return part
    const needed = part.acceptsEmpty ? 0 : min
    return this.#make(
      `r${part.id},${needed},${max}`,
      { kind: 'repeat', part, min: needed, max },
      needed === 0,
    )
  }

  #make(key: string, shape: RegexpShape, acceptsEmpty: boolean): RegexpTerm {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const term = { ...shape, id: this.#known.size, acceptsEmpty }
    this.#known.set(key, term)
    return term
  }
}

function flatten(
  terms: readonly RegexpTerm[],
  kind: 'union' | 'intersection',
  withoutEffect: RegexpTerm,
): readonly RegexpTerm[] {
  const parts = terms.flatMap((term) => (term.kind === kind ? term.parts : [term]))
  const different = new Set(parts.filter((part) => part !== withoutEffect))
  return [...different].sort((left, right) => left.id - right.id)
}
