/** How long a search goes on before other requests get their turn, in ms. */
const TURN_MS = 4

/** Gives the event loop its turn between pieces of a long computation. Pieces should take a few ms at most. */
export class Turns {
  #started = performance.now()

  /** Resolves at once, or after everything else that waits when this turn has lasted long enough. */
  async yieldIfLong(): Promise<void> {
    if (performance.now() - this.#started < TURN_MS) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#started = performance.now()
  }
}
