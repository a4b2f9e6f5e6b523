/** What is kept in memory for a connection at the moment. Only its `HeldBytes` changes it. */
export type Holder = { heldBytes: number }

/** The same for all connections of a listener unless the caller says otherwise. */
export const HELD_BYTES_MAX = 268_435_456

/**
 * Bounds the memory that all connections of a listener take together: what they have sent half of, what waits for an
 * answer, and answers that they do not take.
 *
 * Bounds of single connections cannot do that, as they multiply with the number of connections. When it becomes too
 * much, the connection that holds most is cut: never one that sends little and reads its answers.
 */
export class HeldBytes<T extends Holder> {
  readonly #bytesMax: number
  readonly #holders: () => Iterable<T>
  readonly #cut: (holder: T) => void
  #total = 0

  /** `holders` are the open connections. `cut` ends one at once. */
  constructor(bytesMax: number, holders: () => Iterable<T>, cut: (holder: T) => void) {
    this.#bytesMax = bytesMax
    this.#holders = holders
    this.#cut = cut
  }

  /** Says how much is held for a connection now; 0 when it is gone. */
  set(holder: T, bytes: number): void {
    const more = bytes - holder.heldBytes
    holder.heldBytes = bytes
    this.#total += more
    if (more > 0 && this.#total > this.#bytesMax) this.#cutLargest()
  }

  #cutLargest(): void {
    let largest: T | undefined
    for (const holder of this.#holders()) {
      if (largest === undefined || holder.heldBytes > largest.heldBytes) largest = holder
    }
    if (largest === undefined) return
    this.set(largest, 0)
    this.#cut(largest)
  }
}
