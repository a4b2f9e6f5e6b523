/** How many documents have a field with at least one token, and how many tokens they have in all. */
export type FieldStatistics = { readonly documents: number; readonly tokens: number }

/** Term saturation and length weight of BM25, and the constant factor that Elasticsearch keeps for old scores' sake. */
const K1 = 1.2
const B = 0.75
const FACTOR = K1 + 1

/** How much the presence of a term says: rare terms say more. */
export function inverseDocumentFrequency(documents: number, documentsWithTerm: number): number {
  return Math.fround(Math.log(1 + (documents - documentsWithTerm + 0.5) / (documentsWithTerm + 0.5)))
}

/** BM25 of a term or phrase in a text field: from its frequency in a document and that document's token count. */
export function textScorer(
  boost: number,
  idf: number,
  field: FieldStatistics,
): (frequency: number, length: number) => number {
  const weight = Math.fround(Math.fround(boost * FACTOR) * idf)
  const averageLength = Math.fround(field.tokens / Math.max(1, field.documents))
  return (frequency, length) => {
    const norm = K1 * (1 - B + (B * storedLength(length)) / averageLength)
    return Math.fround((weight * frequency) / (frequency + norm))
  }
}

/** BM25 of a keyword, which occurs once and has no length: its idf. */
export function keywordScore(boost: number, idf: number): number {
  return Math.fround((Math.fround(boost * FACTOR) * idf) / FACTOR)
}

/** Lengths that fit as they are into the byte that Lucene keeps for a document's length. */
const EXACT_LENGTHS = 24

/**
 * A document's length as Lucene remembers it: in one byte, exact up to 40, then rounded down to four significant bits
 * above 24. Documents of nearly the same length tie because of it.
 */
export function storedLength(length: number): number {
  if (length < EXACT_LENGTHS) return length
  const rest = length - EXACT_LENGTHS
  const dropped = Math.max(0, 32 - Math.clz32(rest) - 4)
  return EXACT_LENGTHS + ((rest >>> dropped) << dropped)
}
