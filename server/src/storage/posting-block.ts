/**
 * A block of postings of one term, as bytes: for each document, in ascending order, the distance from the one before,
 * its token count, the number of the term's positions, and the distances between those; all as variable-length numbers
 * of seven bits a byte, the lowest first.
 */
export type PostingBlock = {
  /** The document that the first distance counts from. */
  readonly first: number
  readonly bytes: Uint8Array
}

/** One document in a block. */
export type Posting = {
  readonly document: number
  readonly length: number
  readonly positions: readonly number[]
}

/** Documents that a block holds at most, so that it stays small enough to be rewritten for each change. */
export const BLOCK_DOCUMENTS_MAX = 128

/** The bytes of postings; the first distance counts from `previous`. */
export function encodePostings(previous: number, postings: readonly Posting[]): Uint8Array {
  const bytes: number[] = []
  let last = previous
  for (const { document, length, positions } of postings) {
    writeNumber(bytes, document - last)
    writeNumber(bytes, length)
    writeNumber(bytes, positions.length)
    let lastPosition = 0
    for (const position of positions) {
      writeNumber(bytes, position - lastPosition)
      lastPosition = position
    }
    last = document
  }
  return Uint8Array.from(bytes)
}

function writeNumber(bytes: number[], number: number): void {
  let rest = number
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}

/** Visits the postings of a block in order; `positions` is reused for the next one. */
export function visitPostings(
  block: PostingBlock,
  visit: (document: number, length: number, positions: readonly number[]) => void,
): void {
  const { bytes } = block
  const positions: number[] = []
  let at = 0
  const readNumber = (): number => {
    let number = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at] ?? 0
      at += 1
      if (byte < 128) return number + byte * factor
      number += (byte - 128) * factor
    }
  }
  let document = block.first
  while (at < bytes.length) {
    document += readNumber()
    const length = readNumber()
    positions.length = readNumber()
    let position = 0
    for (let index = 0; index < positions.length; index += 1) {
      position += readNumber()
      positions[index] = position
    }
    visit(document, length, positions)
  }
}

/** The postings of a block as a list of their own. */
export function decodePostings(block: PostingBlock): readonly Posting[] {
  const postings: Posting[] = []
  visitPostings(block, (document, length, positions) => {
    postings.push({ document, length, positions: [...positions] })
  })
  return postings
}
