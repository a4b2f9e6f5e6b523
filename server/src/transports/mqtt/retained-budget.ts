/** Bounds what retained messages take up, by number and by bytes of payload. */
export class RetainedBudget {
  readonly #countMax: number
  readonly #bytesMax: number
  readonly #bytesByTopic = new Map<string, number>()
  #bytes = 0

  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  /** Notes the message that a topic keeps from now on, of 0 bytes: none. False, and nothing noted, when it is too much. */
  take(topic: string, bytes: number): boolean {
    const before = this.#bytesByTopic.get(topic)
    const bytesAfter = this.#bytes - (before ?? 0) + bytes
    if (bytes === 0) {
      this.#bytesByTopic.delete(topic)
    } else {
      if (before === undefined && this.#bytesByTopic.size >= this.#countMax) return false
      if (bytesAfter > this.#bytesMax) return false
      this.#bytesByTopic.set(topic, bytes)
    }
    this.#bytes = bytesAfter
    return true
  }
}
