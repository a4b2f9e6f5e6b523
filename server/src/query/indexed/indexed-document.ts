import type { IndexedField, PreparedDocument } from '../prepared-document.ts'
import type { PositionSet } from './position-set.ts'
import type { PostingList } from './posting-list.ts'

/**
 * What indexes tell of a document as far as one query asks. Documents of the same shape are the same to a query that
 * asks for nothing else.
 */
export class Shape {
  readonly #fields: ReadonlyMap<string, IndexedField>
  /** What one query made of this shape, once it was asked. */
  judged: { readonly score: number | undefined } | undefined
  /** How many documents of this shape there were so far. */
  documents = 0

  constructor(fields: ReadonlyMap<string, IndexedField>) {
    this.#fields = fields
  }

  field(path: string): IndexedField | undefined {
    return this.#fields.get(path)
  }
}

/** The field that the documents of a set have, and no other; no mapping can have a field of this name. */
export function setField(set: number): string {
  return `\u0000set:${set}`
}

/** A document as indexes know it; everything else is there when its row was read. */
export class IndexedDocument implements PreparedDocument {
  readonly position: number
  readonly shape: Shape
  /** The document made of the row. */
  readonly row: PreparedDocument | undefined

  constructor(position: number, shape: Shape, row: PreparedDocument | undefined) {
    this.position = position
    this.shape = shape
    this.row = row
  }

  /** Empty when the row was not read. */
  get id(): string {
    return this.row?.id ?? ''
  }

  field(path: string): IndexedField | undefined {
    return this.shape.field(path) ?? this.row?.field(path)
  }

  nested(path: string): readonly PreparedDocument[] {
    return this.row?.nested(path) ?? []
  }
}

/** What is known of many documents: where words of a text field occur, and which documents are in some sets. */
export type KnownSets = {
  readonly textField: string
  /** By word. */
  readonly lists: ReadonlyMap<string, PostingList>
  /** Sets under the numbers of their fields. */
  readonly sets: readonly PositionSet[]
  /** Documents with a term in a keyword field. */
  readonly terms: readonly { readonly field: string; readonly term: string; readonly set: PositionSet }[]
}

/** Tells the shapes of documents, which must be asked for in ascending order. */
export class ShapeReader {
  readonly #known: KnownSets
  readonly #lists: readonly PostingList[]
  readonly #sets: readonly PositionSet[]
  readonly #cursors: number[]
  /** For each list one more than the class of the document, or 0; for each set 1 or 0. */
  readonly #digits: number[]
  readonly #shapes = new Map<number | string, Shape>()
  readonly #fitsNumber: boolean

  constructor(known: KnownSets) {
    this.#known = known
    this.#lists = [...known.lists.values()]
    this.#sets = [...known.sets, ...known.terms.map((term) => term.set)]
    this.#cursors = this.#lists.map(() => 0)
    this.#digits = [...this.#lists, ...this.#sets].map(() => 0)
    const shapes = this.#lists.reduce((product, list) => product * (list.occurrences.length + 1), 1)
    this.#fitsNumber = shapes * 2 ** this.#sets.length <= Number.MAX_SAFE_INTEGER
  }

  shapeOf(position: number): Shape {
    this.#readDigits(position)
    const key = this.#fitsNumber ? this.#numberKey() : this.#digits.join()
    const known = this.#shapes.get(key)
    if (known !== undefined) return known
    const shape = new Shape(this.#fields())
    // A bound for queries of which every document has a shape of its own; those gain nothing from remembering.
    if (this.#shapes.size < SHAPES_MAX) this.#shapes.set(key, shape)
    return shape
  }

  /** The shapes that are remembered. */
  remembered(): Iterable<Shape> {
    return this.#shapes.values()
  }

  #readDigits(position: number): void {
    for (let index = 0; index < this.#lists.length; index += 1) {
      const list = this.#lists[index]
      if (list === undefined) continue
      let cursor = this.#cursors[index] ?? 0
      while ((list.documents[cursor] ?? Number.POSITIVE_INFINITY) < position) cursor += 1
      this.#cursors[index] = cursor
      this.#digits[index] = list.documents[cursor] === position ? (list.classes[cursor] ?? 0) + 1 : 0
    }
    for (let index = 0; index < this.#sets.length; index += 1) {
      this.#digits[this.#lists.length + index] = this.#sets[index]?.has(position) === true ? 1 : 0
    }
  }

  #numberKey(): number {
    let key = 0
    for (let index = 0; index < this.#digits.length; index += 1) {
      const list = this.#lists[index]
      const radix = list === undefined ? 2 : list.occurrences.length + 1
      key = key * radix + (this.#digits[index] ?? 0)
    }
    return key
  }

  #fields(): ReadonlyMap<string, IndexedField> {
    const fields = new Map<string, IndexedField>([[this.#known.textField, this.#text()]])
    const { sets, terms } = this.#known
    for (const set of sets.keys()) if (this.#isIn(set)) fields.set(setField(set), IN_SET)
    for (const [index, { field, term }] of terms.entries()) {
      if (!this.#isIn(sets.length + index)) continue
      const known = fields.get(field)
      const others = known?.kind === 'keyword' ? known.values : []
      fields.set(field, { kind: 'keyword', values: [...others, term] })
    }
    return fields
  }

  #isIn(set: number): boolean {
    return this.#digits[this.#lists.length + set] === 1
  }

  #text(): IndexedField {
    const terms = new Map<string, readonly number[]>()
    let length = 0
    for (const [index, term] of [...this.#known.lists.keys()].entries()) {
      const digit = this.#digits[index] ?? 0
      const occurrence = digit === 0 ? undefined : this.#lists[index]?.occurrences[digit - 1]
      if (occurrence === undefined) continue
      terms.set(term, occurrence.positions)
      length = occurrence.length
    }
    return { kind: 'text', terms, length }
  }
}

const IN_SET: IndexedField = { kind: 'number', values: [] }

/** Shapes that one search remembers. */
const SHAPES_MAX = 100_000
