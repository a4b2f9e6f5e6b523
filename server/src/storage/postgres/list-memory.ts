import type { PostingList } from '../../query/indexed/posting-list.ts'

/** Postings that a node keeps in memory, of 12 bytes each; a list counts for this many more, whatever it has. */
const POSTINGS_MAX = 4_000_000
const LIST_EXTRA = 40

/**
 * Where words occur in segments, of those that were asked for lately. Nothing ever becomes wrong, since segments never
 * change, and no two have the same id.
 */
export class ListMemory {
  readonly #lists = new Map<string, PostingList>()
  readonly #postingsMax: number
  #postings = 0

  constructor(postingsMax: number = POSTINGS_MAX) {
    this.#postingsMax = postingsMax
  }

  get(segment: string, term: string, positional: boolean): PostingList | undefined {
    const key = keyOf(segment, term, positional)
    const list = this.#lists.get(key)
    if (list === undefined) return undefined
    // The longest unused come first.
    this.#lists.delete(key)
    this.#lists.set(key, list)
    return list
  }

  set(segment: string, term: string, list: PostingList): void {
    const key = keyOf(segment, term, list.positional)
    const known = this.#lists.get(key)
    if (known !== undefined) this.#postings -= costOf(known)
    this.#lists.delete(key)
    this.#lists.set(key, list)
    this.#postings += costOf(list)
    for (const [oldest, forgotten] of this.#lists) {
      if (this.#postings <= this.#postingsMax) return
      this.#lists.delete(oldest)
      this.#postings -= costOf(forgotten)
    }
  }
}

function keyOf(segment: string, term: string, positional: boolean): string {
  return `${segment}${positional ? '+' : '-'}${term}`
}

function costOf({ documents, occurrences }: PostingList): number {
  return documents.length + LIST_EXTRA * (1 + occurrences.length)
}
