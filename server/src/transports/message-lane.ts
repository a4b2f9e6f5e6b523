/** What a lane needs to know of the connection whose messages it carries. */
type MessageLaneOptions = {
  /** Messages being answered at once. */
  readonly inFlightMax: number
  /** Messages that arrived in spite of `pause`, waiting for their turn. */
  readonly waitingMax: number
  /** Answers one message. A rejection goes to `failed`. */
  readonly run: (text: string) => Promise<void>
  /** Stops reading; called once before `resume`. */
  readonly pause: () => void
  readonly resume: () => void
  /** More than `waitingMax` are waiting: the connection must end. */
  readonly overflow: () => void
  readonly failed: (error: unknown) => void
}

/**
 * Carries the messages of one connection to their handler, so many at a time and no more.
 *
 * When all places are taken it stops the reading of the connection: the sender feels it, instead of our memory.
 * What was already received waits in order.
 */
export class MessageLane {
  readonly #options: MessageLaneOptions
  readonly #waiting: string[] = []
  #running = 0
  #paused = false
  #closed = false
  #whenIdle: (() => void) | undefined

  constructor(options: MessageLaneOptions) {
    this.#options = options
  }

  /** Nothing is being answered. */
  get isIdle(): boolean {
    return this.#running === 0
  }

  /** Takes one message; drops it once the lane is closed. */
  take(text: string): void {
    if (this.#closed) return
    if (this.#running < this.#options.inFlightMax) {
      this.#start(text)
      return
    }
    if (this.#waiting.length >= this.#options.waitingMax) {
      this.#waiting.length = 0
      this.#options.overflow()
      return
    }
    this.#waiting.push(text)
    this.#pause()
  }

  /** Takes no further message and forgets those that wait, since nobody is there for the answers. */
  close(): void {
    this.#closed = true
    this.#waiting.length = 0
  }

  /** Takes no further message; resolves when all that was taken has been answered. */
  drain(): Promise<void> {
    this.#closed = true
    if (this.#running === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle = resolve
    })
  }

  #start(text: string): void {
    this.#running += 1
    void this.#answer(text)
  }

  async #answer(text: string): Promise<void> {
    try {
      await this.#options.run(text)
    } catch (error) {
      // In a turn of its own: a handler that throws at once for all that wait must not grow the stack.
      await Promise.resolve()
      this.#options.failed(error)
    }
    this.#finished()
  }

  #finished(): void {
    this.#running -= 1
    const next = this.#waiting.shift()
    if (next !== undefined) {
      this.#start(next)
      return
    }
    this.#resume()
    if (this.#running === 0) this.#whenIdle?.()
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#options.pause()
  }

  #resume(): void {
    if (!this.#paused || this.#closed) return
    this.#paused = false
    this.#options.resume()
  }
}
