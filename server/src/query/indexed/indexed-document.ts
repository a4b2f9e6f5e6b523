import type { IndexedField, PreparedDocument } from '../prepared-document.ts'
import type { PositionSet } from './position-set.ts'
import type { PostingList } from './posting-list.ts'

/**
 * What an index tells of a document as far as one query asks: its words among the query's, and in which sets it is.
 * Documents of the same shape are the same to a query that asks for nothing else.
 */
export class Shape {
  readonly text: IndexedField
  readonly #present: readonly boolean[]
  /** What one query made of this shape, once it was asked. */
  judged: { readonly score: number | undefined } | undefined

  constructor(text: IndexedField, present: readonly boolean[]) {
    this.text = text
    this.#present = present
  }

  isIn(set: number): boolean {
    return this.#present[set] === true
  }
}

/** Names of fields that stand for sets of documents; no mapping can have them. */
const SET_PREFIX = '\u0000set:'

/** The field that the documents of a set have, and no other. */
export function setField(set: number): string {
  return `${SET_PREFIX}${set}`
}

const IN_SET: IndexedField = { kind: 'number', values: [] }

/** A document as an index knows it; its other fields are there when its row was read. */
export class IndexedDocument implements PreparedDocument {
  readonly position: number
  readonly shape: Shape
  /** The document made of the row. */
  readonly row: PreparedDocument | undefined
  readonly #textField: string

  constructor(position: number, shape: Shape, textField: string, row: PreparedDocument | undefined) {
    this.position = position
    this.shape = shape
    this.#textField = textField
    this.row = row
  }

  /** Empty when the row was not read. */
  get id(): string {
    return this.row?.id ?? ''
  }

  field(path: string): IndexedField | undefined {
    if (path === this.#textField) return this.shape.text
    if (path.startsWith(SET_PREFIX)) {
      return this.shape.isIn(Number(path.slice(SET_PREFIX.length))) ? IN_SET : undefined
    }
    return this.row?.field(path)
  }

  nested(path: string): readonly PreparedDocument[] {
    return this.row?.nested(path) ?? []
  }
}

/** Tells the shapes of documents, which must be asked for in ascending order. */
export class ShapeReader {
  readonly #terms: readonly string[]
  readonly #lists: readonly PostingList[]
  readonly #sets: readonly PositionSet[]
  readonly #cursors: number[]
  readonly #digits: number[]
  readonly #shapes = new Map<number | string, Shape>()
  readonly #fitsNumber: boolean

  constructor(lists: ReadonlyMap<string, PostingList>, sets: readonly PositionSet[]) {
    this.#terms = [...lists.keys()]
    this.#lists = [...lists.values()]
    this.#sets = sets
    this.#cursors = this.#lists.map(() => 0)
    this.#digits = [...this.#lists, ...sets].map(() => 0)
    const shapes = this.#lists.reduce((product, list) => product * (list.occurrences.length + 1), 1)
    this.#fitsNumber = shapes * 2 ** sets.length <= Number.MAX_SAFE_INTEGER
  }

  shapeOf(position: number): Shape {
    this.#readDigits(position)
    const key = this.#fitsNumber ? this.#numberKey() : this.#digits.join()
    const known = this.#shapes.get(key)
    if (known !== undefined) return known
    const shape = this.#makeShape()
    // A bound for queries of which every document has a shape of its own; those gain nothing from remembering.
    if (this.#shapes.size < SHAPES_MAX) this.#shapes.set(key, shape)
    return shape
  }

  /** For each list one more than the class of the document, or 0; for each set 1 or 0. */
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

  #makeShape(): Shape {
    const terms = new Map<string, readonly number[]>()
    let length = 0
    for (const [index, term] of this.#terms.entries()) {
      const digit = this.#digits[index] ?? 0
      const occurrence = digit === 0 ? undefined : this.#lists[index]?.occurrences[digit - 1]
      if (occurrence === undefined) continue
      terms.set(term, occurrence.positions)
      length = occurrence.length
    }
    const present = this.#sets.map((_, index) => this.#digits[this.#lists.length + index] === 1)
    return new Shape({ kind: 'text', terms, length }, present)
  }
}

/** Shapes that one search remembers. */
const SHAPES_MAX = 100_000
