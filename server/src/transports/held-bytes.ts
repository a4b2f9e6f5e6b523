/** What a connection must have for `HeldBytes`, which alone changes it: the bytes that are kept for it now. */
export type MeteredConnection = { heldBytes: number }

/** The same for all connections of a listener unless the caller says otherwise. */
export const HELD_BYTES_MAX = 268_435_456

/**
 * Bounds the memory that all connections of a listener take together: what they have sent half of, what waits for an
 * answer, and answers that they do not take.
 *
 * Bounds of single connections cannot do that, as they multiply with the number of connections. When it becomes too
 * much, the connection that takes most is cut: never one that sends little and reads its answers.
 */
export class HeldBytes<T extends MeteredConnection> {
  readonly #bytesMax: number
  readonly #open: () => Iterable<T>
  readonly #cut: (connection: T) => void
  #total = 0

  /** `open` gives the open connections. `cut` ends one at once. */
  constructor(bytesMax: number, open: () => Iterable<T>, cut: (connection: T) => void) {
    this.#bytesMax = bytesMax
    this.#open = open
    this.#cut = cut
  }

  /** Says how much is kept for a connection now; 0 when it is gone. */
  set(connection: T, bytes: number): void {
    const more = bytes - connection.heldBytes
    connection.heldBytes = bytes
    this.#total += more
    if (more > 0 && this.#total > this.#bytesMax) this.#cutLargest()
  }

  #cutLargest(): void {
    let largest: T | undefined
    for (const connection of this.#open()) {
      if (largest === undefined || connection.heldBytes > largest.heldBytes) largest = connection
    }
    if (largest === undefined) return
    this.set(largest, 0)
    this.#cut(largest)
  }
}
