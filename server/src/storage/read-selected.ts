import { codePointCount } from '../query/code-point-order.ts'
import type { TermSelection } from '../query/indexed/text-index.ts'
import { ChunkReader, firstFrom, type TermChunk } from './term-chunk.ts'

/**
 * Stops at each selected term of a chunk, of those after `after`; `selection.before` is the end in any case.
 */
export function readSelected(
  chunk: TermChunk,
  selection: TermSelection & { readonly before: string },
  after: string,
  stop: (reader: ChunkReader) => void,
): void {
  const { from, before, contains, lengths } = selection
  if (contains !== undefined && !chunk.terms.includes(contains)) return
  const reader = new ChunkReader(chunk)
  const { terms } = reader
  // Nothing is between a word and itself with a NUL behind.
  const first = Math.max(firstFrom(terms, from), firstFrom(terms, `${after}\u0000`))
  const end = firstFrom(terms, before)
  for (let index = 0; index < end; index += 1) {
    reader.next()
    if (index < first) continue
    if (contains !== undefined && !reader.term.includes(contains)) continue
    if (lengths === undefined || hasLength(reader.term, lengths)) stop(reader)
  }
}

function hasLength(term: string, [least, most]: readonly [number, number]): boolean {
  // There are at most as many code points as units, and at least half as many.
  if (term.length < least || term.length > 2 * most) return false
  const count = codePointCount(term)
  return count >= least && count <= most
}
