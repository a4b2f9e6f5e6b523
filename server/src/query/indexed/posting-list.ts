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
  readonly #table: ClassTable

  /** `positional`: occurrences at other positions are other classes; else only their number counts. */
  constructor(positional: boolean) {
    this.#table = new ClassTable(positional)
  }

  get size(): number {
    return this.#size
  }

  /** `positions` may be reused by the caller afterwards. */
  add(document: number, length: number, positions: readonly number[]): void {
    if (this.#size === this.#documents.length) this.#grow()
    this.#documents[this.#size] = document
    this.#classes[this.#size] = this.#table.find(length, positions)
    this.#size += 1
  }

  build(): PostingList {
    return listFrom(this.#table, this.#documents.slice(0, this.#size), this.#classes.slice(0, this.#size))
  }

  #grow(): void {
    const documents = new Float64Array(2 * this.#size)
    const classes = new Uint32Array(2 * this.#size)
    documents.set(this.#documents)
    classes.set(this.#classes)
    this.#documents = documents
    this.#classes = classes
  }
}

/** Some lists of one term, each behind the one before, as one; without the documents that `isLeftOut` names. */
export function joinLists(
  lists: readonly PostingList[],
  positional: boolean,
  isLeftOut: ((document: number) => boolean) | undefined,
): PostingList {
  const all = lists.reduce((sum, list) => sum + list.documents.length, 0)
  const documents = new Float64Array(all)
  const classes = new Uint32Array(all)
  const table = new ClassTable(positional)
  let size = 0
  for (const list of lists) {
    const classOf = Uint32Array.from(list.occurrences, ({ length, positions }) =>
      table.find(length, positions),
    )
    for (let index = 0; index < list.documents.length; index += 1) {
      const document = list.documents[index] ?? 0
      if (isLeftOut?.(document) === true) continue
      documents[size] = document
      classes[size] = classOf[list.classes[index] ?? 0] ?? 0
      size += 1
    }
  }
  return listFrom(table, documents.subarray(0, size), classes.subarray(0, size))
}

/** The ways in which a term occurs in documents, each once. */
class ClassTable {
  readonly positional: boolean
  readonly occurrences: Occurrence[] = []
  readonly #indexes = new Map<number | string, number>()

  /** `positional`: occurrences at other positions are other ones; else only their number counts. */
  constructor(positional: boolean) {
    this.positional = positional
  }

  /** `positions` may be reused by the caller afterwards. */
  find(length: number, positions: readonly number[]): number {
    const key = this.positional ? `${length}:${positions.join()}` : length * FREQUENCIES + positions.length
    const known = this.#indexes.get(key)
    if (known !== undefined) return known
    const index = this.occurrences.length
    this.occurrences.push({ length, positions: positions.slice() })
    this.#indexes.set(key, index)
    return index
  }
}

function listFrom(table: ClassTable, documents: Float64Array, classes: Uint32Array): PostingList {
  const { positional, occurrences } = table
  return { positional, documents, classes, occurrences, set: PositionSet.ofAscending(documents) }
}

/** Documents that a list has room for before it grows. */
const FIRST_CAPACITY = 128

/** More than a term can occur in one document. */
const FREQUENCIES = 2 ** 26
