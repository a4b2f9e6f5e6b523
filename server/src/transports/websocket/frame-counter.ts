/**
 * Counts the frames and bytes of each WebSocket message in the bytes of a client, without looking at what they carry.
 *
 * The WebSocket library bounds the bytes of a message, but keeps each fragment as an object of its own: a message
 * of a million one-byte fragments costs a hundred times its length in memory. Framing: RFC 6455 section 5.2.
 */
export class FrameCounter {
  readonly #framesPerMessageMax: number
  readonly #exceeded: () => void
  /** Bytes of the present frame's header seen so far; the first two tell how long it is. */
  readonly #header = new Uint8Array(HEADER_BYTES_MAX)
  #headerLength = 0
  /** Bytes of payload still to be skipped. */
  #skip = 0
  #frames = 0
  /** The present frame is part of a message; otherwise it is a control frame. */
  #isData = false
  #isFinal = false
  #messageBytes = 0

  constructor(framesPerMessageMax: number, exceeded: () => void) {
    this.#framesPerMessageMax = framesPerMessageMax
    this.#exceeded = exceeded
  }

  /** Payload of the present message that has arrived, while its end has not. */
  get messageBytes(): number {
    return this.#messageBytes
  }

  /** Takes the next bytes of the stream, split anywhere. */
  take(chunk: Uint8Array): void {
    let position = 0
    while (position < chunk.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - position)
        this.#skip -= skipped
        position += skipped
        this.#passed(skipped)
        continue
      }
      this.#header[this.#headerLength] = chunk[position] ?? 0
      this.#headerLength += 1
      position += 1
      if (this.#headerLength >= 2 && this.#headerLength === this.#wholeHeaderLength()) this.#frame()
    }
  }

  #wholeHeaderLength(): number {
    const second = this.#header[1] ?? 0
    const masked = second >= MASKED
    return 2 + extendedLengthBytes(second & LENGTH_BITS) + (masked ? MASK_BYTES : 0)
  }

  #frame(): void {
    this.#headerLength = 0
    this.#skip = this.#payloadLength()
    const first = this.#header[0] ?? 0
    // Control frames may come between the fragments of a message and are no part of it.
    this.#isData = (first & OPCODE_BITS) < CONTROL_OPCODES
    if (!this.#isData) return
    this.#isFinal = first >= FINAL
    this.#frames = this.#isFinal ? 0 : this.#frames + 1
    this.#passed(0)
    if (this.#frames > this.#framesPerMessageMax) this.#exceeded()
  }

  #passed(payloadBytes: number): void {
    if (!this.#isData) return
    const isOver = this.#isFinal && this.#skip === 0
    this.#messageBytes = isOver ? 0 : this.#messageBytes + payloadBytes
  }

  #payloadLength(): number {
    const short = (this.#header[1] ?? 0) & LENGTH_BITS
    const bytes = extendedLengthBytes(short)
    if (bytes === 0) return short
    // Lengths beyond 2^53 lose precision, which does not matter: the library has refused the frame by then.
    return this.#header.subarray(2, 2 + bytes).reduce((length, byte) => length * 256 + byte, 0)
  }
}

const HEADER_BYTES_MAX = 14
const MASK_BYTES = 4
const FINAL = 0x80
const MASKED = 0x80
const OPCODE_BITS = 0x0f
const LENGTH_BITS = 0x7f
const CONTROL_OPCODES = 0x08

function extendedLengthBytes(short: number): number {
  if (short === 126) return 2
  return short === 127 ? 8 : 0
}
