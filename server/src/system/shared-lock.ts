const FREE = 0

/** How often a thread looks again before it goes to sleep. */
const SPINS = 200
/** How long it sleeps at most before it looks again, in ms: a thread that died does not wake anybody. */
const SLEEP_MS = 1

/**
 * A lock among threads, for work of microseconds that cannot fail. Holding it blocks the event loops of those who wait.
 */
export class SharedLock {
  readonly #words: Int32Array
  readonly #thread: number

  /** `words`: shared memory of which the first word is the lock. `thread`: a number of this thread's own, above 0. */
  constructor(words: Int32Array, thread: number) {
    this.#words = words
    this.#thread = thread
  }

  /** Does `work` while no other thread holds the lock. */
  hold<T>(work: () => T): T {
    this.#take()
    try {
      return work()
    } finally {
      Atomics.store(this.#words, 0, FREE)
      Atomics.notify(this.#words, 0, 1)
    }
  }

  /** Lets go of it when this lock's thread, which has ended, still holds it. */
  abandon(): void {
    Atomics.compareExchange(this.#words, 0, this.#thread, FREE)
    Atomics.notify(this.#words, 0)
  }

  #take(): void {
    for (let tries = 1; ; tries++) {
      const holder = Atomics.compareExchange(this.#words, 0, FREE, this.#thread)
      if (holder === FREE) return
      if (tries > SPINS) Atomics.wait(this.#words, 0, holder, SLEEP_MS)
    }
  }
}
