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
  readonly documents: readonly number[]
  /** For each document the index of its class. */
  readonly classes: readonly number[]
  readonly occurrences: readonly Occurrence[]
}

/** Gathers a posting list, document by document in ascending order. */
export class PostingListBuilder {
  readonly #documents: number[] = []
  readonly #classes: number[] = []
  readonly #occurrences: Occurrence[] = []
  readonly #classOf = new Map<number | string, number>()
  readonly #positional: boolean

  /** `positional`: occurrences at other positions are other classes; else only their number counts. */
  constructor(positional: boolean) {
    this.#positional = positional
  }

  get size(): number {
    return this.#documents.length
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
    this.#documents.push(document)
    this.#classes.push(index)
  }

  build(): PostingList {
    return {
      positional: this.#positional,
      documents: this.#documents,
      classes: this.#classes,
      occurrences: this.#occurrences,
    }
  }
}

/** More than a term can occur in one document. */
const FREQUENCIES = 2 ** 26

/** The documents of a posting list; none when there is no list. */
export function documentsOfList(list: PostingList | undefined): PositionSet {
  const set = new PositionSet()
  for (const document of list?.documents ?? []) set.add(document)
  return set
}
