import { compareCodePoints } from '../query/code-point-order.ts'
import {
  decodePostings,
  encodePostings,
  LIST_END,
  NumberReader,
  type Posting,
  type PostingBytes,
  type PostingList,
  visitPostings,
  writeNumber,
} from './postings.ts'

/**
 * Some consecutive terms in code-point order, and where they occur: as much as is stored in one row. A term that occurs
 * often goes on in the next chunks.
 */
export type TermChunk = {
  /** One a line. The standard analyzer makes no words with line ends in them. */
  readonly terms: string
  /** For each term how many documents have it, and the length of its postings; numbers as in postings. */
  readonly counts: Uint8Array
  /** One term's behind the other's. */
  readonly postings: Uint8Array
}

/** A chunk, and what it is found by. */
export type PackedChunk = TermChunk & {
  readonly firstTerm: string
  readonly lastTerm: string
  /** The last document of the last term. */
  readonly lastDocument: number
  readonly bytes: number
}

/** How large chunks get: a row of one fits into a page of an SQLite file. A single list of postings may be longer. */
export const CHUNK_BYTES_MAX = 3_900

/** Postings of one term that are a part of more bytes. */
export type PostingPart = {
  readonly documents: number
  readonly bytes: PostingBytes
  readonly from: number
  readonly to: number
}

/** Packs terms, which arrive in order, into chunks. */
export class ChunkWriter {
  readonly #bytesMax: number
  readonly #chunks: PackedChunk[] = []
  #terms: string[] = []
  #counts: number[] = []
  #parts: PostingPart[] = []
  #postingBytes = 0
  #size = 0

  constructor(bytesMax = CHUNK_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Adds a term with its documents, which are in order from part to part. */
  add(term: string, parts: readonly PostingPart[]): void {
    let gathered: PostingPart[] = []
    let size = term.length + ENTRY_EXTRA
    for (const part of parts) {
      const bytes = part.to - part.from + 1
      if (this.#size + size + bytes > this.#bytesMax && this.#size + gathered.length > 0) {
        this.#put(term, gathered)
        this.#endChunk()
        gathered = []
        size = term.length + ENTRY_EXTRA
      }
      gathered.push(part)
      size += bytes
    }
    this.#put(term, gathered)
  }

  /** All chunks. */
  finish(): readonly PackedChunk[] {
    this.#endChunk()
    return this.#chunks
  }

  #put(term: string, parts: readonly PostingPart[]): void {
    if (parts.length === 0) return
    let documents = 0
    let length = 0
    for (const [index, part] of parts.entries()) {
      if (index > 0) this.#parts.push(BETWEEN_PARTS)
      this.#parts.push(part)
      documents += part.documents
      length += part.to - part.from + (index > 0 ? 1 : 0)
    }
    this.#terms.push(term)
    writeNumber(this.#counts, documents)
    writeNumber(this.#counts, length)
    this.#postingBytes += length
    this.#size += term.length + ENTRY_EXTRA + length
  }

  #endChunk(): void {
    const firstTerm = this.#terms[0]
    const lastTerm = this.#terms.at(-1)
    if (firstTerm === undefined || lastTerm === undefined) return
    const chunk = {
      terms: this.#terms.join(LINE_END),
      counts: Uint8Array.from(this.#counts),
      postings: joinParts(this.#parts, this.#postingBytes),
    }
    const lastDocument = lastDocumentOf(this.#parts.at(-1))
    this.#chunks.push({ ...chunk, firstTerm, lastTerm, lastDocument, bytes: bytesOf(chunk) })
    this.#terms = []
    this.#counts = []
    this.#parts = []
    this.#postingBytes = 0
    this.#size = 0
  }
}

/** Roughly what a chunk takes in a file. */
export function bytesOf({ terms, counts, postings }: TermChunk): number {
  return terms.length + counts.length + postings.length
}

const LINE_END = '\n'

/** Bytes that a term takes besides itself and its postings. */
const ENTRY_EXTRA = 4

const BETWEEN_PARTS: PostingPart = { documents: 0, bytes: Uint8Array.of(LIST_END), from: 0, to: 1 }

function joinParts(parts: readonly PostingPart[], length: number): Uint8Array {
  const joined = new Uint8Array(length)
  let at = 0
  for (const { bytes, from, to } of parts) {
    // Most lists are a few bytes long, for which a loop is several times faster than `set`.
    if (to - from < FEW_BYTES) for (let read = from; read < to; read += 1) joined[at++] = bytes[read] ?? 0
    else {
      joined.set(bytes.subarray(from, to), at)
      at += to - from
    }
  }
  return joined
}

const FEW_BYTES = 32

function lastDocumentOf(part: PostingPart | undefined): number {
  let last = 0
  if (part === undefined) return last
  const visit = (document: number) => {
    last = document
  }
  visitPostings(part.bytes, visit, part.from, part.to)
  return last
}

/** Reads a chunk term by term. */
export class ChunkReader {
  readonly terms: readonly string[]
  readonly #postings: Uint8Array
  readonly #counts: NumberReader
  #index = -1
  #documents = 0
  #from = 0
  #to = 0

  constructor({ terms, counts, postings }: TermChunk) {
    this.terms = terms.split(LINE_END)
    this.#postings = postings
    this.#counts = new NumberReader(counts, 0)
  }

  /** Goes to the next term; false when there is none. */
  next(): boolean {
    this.#index += 1
    if (this.#index >= this.terms.length) return false
    this.#documents = this.#counts.next()
    this.#from = this.#to
    this.#to += this.#counts.next()
    return true
  }

  get term(): string {
    return this.terms[this.#index] ?? ''
  }

  /** How many documents of this chunk have the term. */
  get documents(): number {
    return this.#documents
  }

  /** Where the term occurs, as far as this chunk tells. */
  get part(): PostingPart {
    return { documents: this.#documents, bytes: this.#postings, from: this.#from, to: this.#to }
  }
}

/** Where a term occurs, as far as a chunk tells; undefined when it does not have the term. */
export function findTerm(chunk: TermChunk, term: string): PostingPart | undefined {
  // What looks like a line of the chunk need not be a term.
  if (!`${LINE_END}${chunk.terms}${LINE_END}`.includes(`${LINE_END}${term}${LINE_END}`)) return undefined
  const reader = new ChunkReader(chunk)
  while (reader.next()) if (reader.term === term) return reader.part
  return undefined
}

/** Index of the first of some terms, which are in order, that is `term` or after it. */
export function firstFrom(terms: readonly string[], term: string): number {
  let low = 0
  let high = terms.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareCodePoints(terms[middle] ?? '', term) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** What is left of a chunk without one document of a term, if anything; undefined when it does not have that. */
export function removeFromChunk(
  chunk: TermChunk,
  term: string,
  document: number,
): { readonly left: PackedChunk | undefined } | undefined {
  const found = findTerm(chunk, term)
  const postings = found === undefined ? [] : postingsOf(found)
  const rest = postings.filter((posting) => posting.document !== document)
  if (rest.length === postings.length) return undefined
  const writer = new ChunkWriter(Number.POSITIVE_INFINITY)
  const reader = new ChunkReader(chunk)
  while (reader.next()) {
    if (reader.term !== term) writer.add(reader.term, [reader.part])
    else if (rest.length > 0) writer.add(term, [wholeList(encodePostings(rest))])
  }
  return { left: writer.finish()[0] }
}

/** A chunk with one document more that has a term; one that grows too large becomes several. */
export function addToChunk(chunk: TermChunk, term: string, posting: Posting): readonly PackedChunk[] {
  const writer = new ChunkWriter()
  const reader = new ChunkReader(chunk)
  const place = firstFrom(reader.terms, term)
  const isKnown = reader.terms[place] === term
  for (let index = 0; reader.next(); index += 1) {
    if (index !== place) writer.add(reader.term, [reader.part])
    else if (isKnown) writer.add(term, [...partsWith(reader.part, posting)])
    else {
      writer.add(term, [wholeList(encodePostings([posting]))])
      writer.add(reader.term, [reader.part])
    }
  }
  if (place === reader.terms.length) writer.add(term, [wholeList(encodePostings([posting]))])
  return writer.finish()
}

/** The documents of a term and one more, which it does not have yet; in two parts when there are many. */
function partsWith(part: PostingPart, posting: Posting): readonly PostingPart[] {
  const postings = postingsOf(part)
  const after = postings.findIndex(({ document }) => document > posting.document)
  const all = postings.toSpliced(after < 0 ? postings.length : after, 0, posting)
  const middle = part.to - part.from < CHUNK_BYTES_MAX / 2 ? all.length : Math.ceil(all.length / 2)
  const halves = [all.slice(0, middle), all.slice(middle)].filter((half) => half.length > 0)
  return halves.map((half) => wholeList(encodePostings(half)))
}

function postingsOf({ bytes, from, to }: PostingPart): readonly Posting[] {
  return decodePostings(bytes, from, to)
}

/** A list as a part that is all of it. */
export function wholeList(list: PostingList): PostingPart {
  return { ...list, from: 0, to: list.bytes.length }
}
