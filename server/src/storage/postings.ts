import type { VisitPosting } from '../query/indexed/text-index.ts'

/**
 * Where a term occurs, as bytes: for each document, in ascending order, the distance from the one before, its token
 * count, the number of the term's positions, and the distances between those; all as variable-length numbers of seven
 * bits a byte, the lowest first. The first distance counts from 0, and a distance of 0 says that the next one does so
 * again: two lists become one with nothing but a 0 between them.
 */
export type PostingBytes = Uint8Array

/** One document in a list. */
export type Posting = {
  readonly document: number
  readonly length: number
  readonly positions: readonly number[]
}

/** A list, and how many documents it has. */
export type PostingList = { readonly documents: number; readonly bytes: PostingBytes }

/** What stands between two lists that became one. */
export const LIST_END = 0

/** Gathers the documents with a term, in ascending order. Documents are numbered from 1. */
export class PostingsBuilder {
  readonly #bytes: number[] = []
  #documents = 0
  #previous = 0
  #document = 0
  #length = 0
  #positions: number[] = []

  /** Adds a position, in ascending order; `length` is the token count of its document. */
  add(document: number, length: number, position: number): void {
    if (document !== this.#document) {
      this.#endDocument()
      this.#document = document
      this.#length = length
    }
    this.#positions.push(position)
  }

  /** Everything that was added, and how many documents that is. */
  build(): PostingList {
    this.#endDocument()
    return { documents: this.#documents, bytes: Uint8Array.from(this.#bytes) }
  }

  #endDocument(): void {
    const positions = this.#positions
    if (positions.length === 0) return
    const bytes = this.#bytes
    writeNumber(bytes, this.#document - this.#previous)
    writeNumber(bytes, this.#length)
    writeNumber(bytes, positions.length)
    let last = 0
    for (const position of positions) {
      writeNumber(bytes, position - last)
      last = position
    }
    this.#previous = this.#document
    this.#documents += 1
    this.#positions = []
  }
}

/** Adds a number to some bytes. */
export function writeNumber(bytes: number[], number: number): void {
  let rest = number
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}

/** Reads numbers from a part of some bytes. */
export class NumberReader {
  readonly #bytes: Uint8Array
  /** Where the next number starts. */
  at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  next(): number {
    const first = this.#bytes[this.at] ?? 0
    this.at += 1
    return first < 128 ? first : this.#afterFirst(first - 128)
  }

  #afterFirst(low: number): number {
    let number = low
    for (let factor = 128; ; factor *= 128) {
      const byte = this.#bytes[this.at] ?? 0
      this.at += 1
      if (byte < 128) return number + byte * factor
      number += (byte - 128) * factor
    }
  }
}

/** Visits the documents of a list, which may be a part of more bytes, in order. */
export function visitPostings(
  bytes: PostingBytes,
  visit: VisitPosting,
  from = 0,
  to: number = bytes.length,
): void {
  const reader = new NumberReader(bytes, from)
  const positions: number[] = []
  let document = 0
  while (reader.at < to) {
    const distance = reader.next()
    if (distance === LIST_END) {
      document = 0
      continue
    }
    document += distance
    const length = reader.next()
    const count = reader.next()
    positions.length = count
    let position = 0
    for (let index = 0; index < count; index += 1) {
      position += reader.next()
      positions[index] = position
    }
    visit(document, length, positions)
  }
}

/** The documents of a list, which may be a part of more bytes. */
export function decodePostings(bytes: PostingBytes, from?: number, to?: number): readonly Posting[] {
  const postings: Posting[] = []
  const add: VisitPosting = (document, length, positions) => {
    postings.push({ document, length, positions: [...positions] })
  }
  visitPostings(bytes, add, from, to)
  return postings
}

/** A list of documents, which are in order. */
export function encodePostings(postings: readonly Posting[]): PostingList {
  const builder = new PostingsBuilder()
  for (const { document, length, positions } of postings) {
    for (const position of positions) builder.add(document, length, position)
  }
  return builder.build()
}
