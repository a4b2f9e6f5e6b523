import type { Slices } from '../query/indexed/text-index.ts'

/** Documents outside an index that are kept between counting and judging, so that they are analyzed once. */
const KEPT_DOCUMENTS_MAX = 5_000

/** The same slices each time they are asked for, from memory unless they are many. */
export function rememberedSlices<T>(read: () => Slices<T>): () => Slices<T> {
  let kept: readonly (readonly T[])[] | undefined
  return () => kept ?? readAndKeep()

  async function* readAndKeep(): AsyncGenerator<readonly T[]> {
    const seen: (readonly T[])[] = []
    let documents = 0
    for await (const slice of read()) {
      documents += slice.length
      if (documents <= KEPT_DOCUMENTS_MAX) seen.push(slice)
      yield slice
    }
    if (documents <= KEPT_DOCUMENTS_MAX) kept = seen
  }
}
