/** Memory in which all threads of a process count what they change in one store. */
export function createChangeMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
}

/**
 * Whether this thread heard of everything that the threads of its process changed. Each counts its changes before it
 * acknowledges them; whoever then asks the store what is new hears of them. The count goes round: only differences tell.
 */
export class ThreadChanges {
  readonly #count: Int32Array
  #heard: number

  /** `memory`: what `createChangeMemory` made. */
  constructor(memory: SharedArrayBuffer) {
    this.#count = new Int32Array(memory)
    this.#heard = this.counted
  }

  /** To be read before the store is asked what is new, and given to `hear` when it has answered. */
  get counted(): number {
    return Atomics.load(this.#count, 0)
  }

  /** Counts a change of this thread, which heard of it; to be called when it is stored and not yet acknowledged. */
  count(): void {
    const before = Atomics.add(this.#count, 0, 1)
    if (before === this.#heard) this.#heard = (before + 1) | 0
  }

  /** What was counted by then was heard of. */
  hear(counted: number): void {
    if (((counted - this.#heard) | 0) > 0) this.#heard = counted
  }

  /** Another thread may have acknowledged what this one has not heard of. */
  isBehind(): boolean {
    return this.counted !== this.#heard
  }
}
