import { analyze } from '../query/analyzer.ts'
import { compareCodePoints } from '../query/code-point-order.ts'
import { yieldIfLong } from '../query/turns.ts'
import { type Posting, PostingsBuilder } from './postings.ts'
import { ChunkWriter, type PackedChunk, wholeList } from './term-chunk.ts'

/** The words of some documents, and how many documents have words, and how many words those are. */
export type PackedWords = {
  readonly chunks: readonly PackedChunk[]
  readonly texts: number
  readonly words: number
}

/** Packs the words of documents, which arrive in ascending order. */
export class WordPacker {
  readonly #byTerm = new Map<string, PostingsBuilder>()
  #texts = 0
  #words = 0

  /** Adds a document with its text. */
  add(document: number, text: string): void {
    const tokens = analyze('standard', text)
    if (tokens.length > 0) this.#texts += 1
    this.#words += tokens.length
    for (const { text: term, position } of tokens) {
      let postings = this.#byTerm.get(term)
      if (postings === undefined) {
        postings = new PostingsBuilder()
        this.#byTerm.set(term, postings)
      }
      postings.add(document, tokens.length, position)
    }
  }

  /** Everything that was added. */
  finish(): PackedWords {
    const writer = new ChunkWriter()
    for (const [term, list] of this.#lists()) writer.add(term, [wholeList(list)])
    return this.#packed(writer)
  }

  /** As `finish`, with turns for others in between. */
  async finishPolitely(): Promise<PackedWords> {
    const writer = new ChunkWriter()
    for (const [term, list] of this.#lists()) {
      writer.add(term, [wholeList(list)])
      await yieldIfLong()
    }
    return this.#packed(writer)
  }

  *#lists() {
    for (const term of [...this.#byTerm.keys()].sort(compareCodePoints)) {
      const postings = this.#byTerm.get(term)
      if (postings !== undefined) yield [term, postings.build()] as const
    }
  }

  #packed(writer: ChunkWriter): PackedWords {
    return { chunks: writer.finish(), texts: this.#texts, words: this.#words }
  }
}

/** The words of one text, and how many they are with all their occurrences. */
export function wordsOf(
  document: number,
  text: string,
): { readonly byTerm: ReadonlyMap<string, Posting>; readonly words: number } {
  const tokens = analyze('standard', text)
  const positions = Map.groupBy(tokens, (token) => token.text)
  const byTerm = new Map<string, Posting>()
  for (const [term, at] of positions) {
    byTerm.set(term, { document, length: tokens.length, positions: at.map((token) => token.position) })
  }
  return { byTerm, words: tokens.length }
}
