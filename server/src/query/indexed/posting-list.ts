import { PositionSet } from './position-set.ts'

/** How a term occurs in one document: the document's token count, and the term's positions. */
export type Occurrence = { readonly length: number; readonly positions: readonly number[] }

/**
 * Where a term occurs: documents in ascending order. Documents in which it occurs alike share a class, of which there
 * are few: what a query makes of a document depends on the classes of its terms only.
 */
export type PostingList = {
  /** Whether documents of one class have the term at the same positions, or only as often. */
  readonly positional: boolean
  readonly documents: Float64Array
  /** For each document the index of its class. */
  readonly classes: Uint32Array
  readonly occurrences: readonly Occurrence[]
  /** The documents as a set. */
  readonly set: PositionSet
}

/** Gathers a posting list, document by document in ascending order. */
export class PostingListBuilder {
  #documents = new Float64Array(FIRST_CAPACITY)
  #classes = new Uint32Array(FIRST_CAPACITY)
  #size = 0
  readonly #occurrences: Occurrence[] = []
  readonly #set = new PositionSet()
  readonly #classOf = new Map<number | string, number>()
  readonly #positional: boolean

  /** `positional`: occurrences at other positions are other classes; else only their number counts. */
  constructor(positional: boolean) {
    this.#positional = positional
  }

  get size(): number {
    return this.#size
  }

  /** `positions` may be reused by the caller afterwards. */
  add(document: number, length: number, positions: readonly number[]): void {
    const key = this.#positional ? `${length}:${positions.join()}` : length * FREQUENCIES + positions.length
    let index = this.#classOf.get(key)
    if (index === undefined) {
      index = this.#occurrences.length
      this.#occurrences.push({ length, positions: positions.slice() })
      this.#classOf.set(key, index)
    }
    if (this.#size === this.#documents.length) this.#grow()
    this.#documents[this.#size] = document
    this.#classes[this.#size] = index
    this.#size += 1
    this.#set.add(document)
  }

  #grow(): void {
    const documents = new Float64Array(2 * this.#size)
    const classes = new Uint32Array(2 * this.#size)
    documents.set(this.#documents)
    classes.set(this.#classes)
    this.#documents = documents
    this.#classes = classes
  }

  build(): PostingList {
    return {
      positional: this.#positional,
      documents: this.#documents.subarray(0, this.#size),
      classes: this.#classes.subarray(0, this.#size),
      occurrences: this.#occurrences,
      set: this.#set,
    }
  }
}

/** Documents that a list has room for before it grows. */
const FIRST_CAPACITY = 128

/** More than a term can occur in one document. */
const FREQUENCIES = 2 ** 26
