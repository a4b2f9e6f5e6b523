import { forgetOldest } from './access-memory.ts'

/**
 * Records that were read lately. What is read while changes are heard of is not remembered, as it may be what was there
 * before.
 */
export class ReadMemory<Id extends string, T> {
  readonly #known = new Map<Id, T>()
  /** Changes that were heard of. */
  #epoch = 0

  recall(id: Id): { readonly found: T } | undefined {
    const found = this.#known.get(id)
    return found && { found }
  }

  /** What `load` reads; remembered if it is there and `mayRemember`. */
  async read(
    id: Id,
    load: () => Promise<T | undefined>,
    mayRemember: (record: T) => boolean = () => true,
  ): Promise<T | undefined> {
    const epoch = this.#epoch
    const record = await load()
    this.#known.delete(id)
    if (record !== undefined && epoch === this.#epoch && mayRemember(record)) {
      this.#known.set(id, record)
      forgetOldest(this.#known)
    }
    return record
  }

  /** Some of them changed. */
  forget(ids: readonly Id[]): void {
    this.#epoch += 1
    for (const id of ids) this.#known.delete(id)
  }

  /** Any of them may have changed. */
  forgetAll(): void {
    this.#epoch += 1
    this.#known.clear()
  }

  /** Drops those that are of no use any more, which is no change. */
  drop(isOver: (record: T) => boolean): void {
    for (const [id, record] of this.#known) if (isOver(record)) this.#known.delete(id)
  }
}
