import type { AcceptsTerm, TermFrequency } from '../query/indexed/text-index.ts'
import { yieldIfLong } from '../query/turns.ts'

/** Words that are handed on at once. */
const TERMS_AT_ONCE = 500

/** Words with the numbers of their documents, in slices. */
export function* frequencies(documents: ReadonlyMap<string, number>): Generator<readonly TermFrequency[]> {
  let slice: TermFrequency[] = []
  for (const [term, count] of documents) {
    slice.push({ term, documents: count })
    if (slice.length < TERMS_AT_ONCE) continue
    yield slice
    slice = []
  }
  if (slice.length > 0) yield slice
}

/** Those words that are accepted. */
export async function acceptedOf(
  documents: ReadonlyMap<string, number>,
  accepts: AcceptsTerm,
): Promise<ReadonlySet<string>> {
  const accepted = new Set<string>()
  for (const slice of frequencies(documents)) {
    for (const frequency of slice) if (accepts(frequency)) accepted.add(frequency.term)
    await yieldIfLong()
  }
  return accepted
}
