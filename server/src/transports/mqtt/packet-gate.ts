import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** Bounds of a gate. */
type PacketGateOptions = {
  /** Longest packet, its header included. */
  readonly packetBytesMax: number
  /** How long the socket may take to send what is left when the gate is destroyed. */
  readonly closeGraceMs: number
}

/**
 * A socket as the MQTT broker sees it: only packets of bounded length get through, and reading can be held.
 *
 * The broker's parser collects a packet of up to 256 MB in memory before it looks at it; the gate reads the length
 * in its header (MQTT 3.1.1 section 2.2.3) and ends the connection first.
 */
export class PacketGate extends Duplex {
  readonly #socket: Socket
  readonly #closeGraceMs: number
  readonly #scanner: PacketScanner
  readonly #progressed: () => void
  #held = false

  /** `progressed` is called when bytes have come or gone. */
  constructor(socket: Socket, options: PacketGateOptions, progressed: () => void) {
    super({ readableHighWaterMark: READ_AHEAD_BYTES })
    this.#socket = socket
    this.#closeGraceMs = options.closeGraceMs
    this.#progressed = progressed
    this.#scanner = new PacketScanner(options.packetBytesMax)
    socket.on('data', (chunk) => this.#received(chunk))
    socket.on('end', () => this.push(null))
    socket.on('error', () => this.destroy())
    socket.on('close', () => this.destroy())
  }

  /** Bytes that the client has not taken yet. */
  get unsentBytes(): number {
    return this.writableLength + this.#socket.writableLength
  }

  /** Bytes of the packet that has arrived in part. */
  get packetBytes(): number {
    return this.#scanner.packetBytes
  }

  /** Ends the connection at once, without a word. */
  cut(): void {
    this.#socket.destroy()
  }

  /** Reads nothing from the socket until `release`. */
  hold(): void {
    this.#held = true
    this.#socket.pause()
  }

  release(): void {
    this.#held = false
    this.#socket.resume()
  }

  override _read(): void {
    if (!this.#held) this.#socket.resume()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    const isTaken = this.#socket.write(chunk, this.#progressed)
    if (isTaken) done()
    else this.#socket.once('drain', done)
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', done)
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const socket = this.#socket
    if (!socket.destroyed) {
      // What was written last is the answer that the client is waiting for.
      const cut = setTimeout(() => socket.destroy(), this.#closeGraceMs)
      socket.once('close', () => clearTimeout(cut))
      socket.resume()
      socket.destroySoon()
    }
    done(error)
  }

  #received(chunk: Buffer): void {
    if (this.destroyed) return
    if (!this.#scanner.take(chunk)) {
      this.destroy(new Error('MQTT packet longer than allowed, or of no valid length'))
      return
    }
    if (!this.push(chunk)) this.#socket.pause()
    this.#progressed()
  }
}

/** How much is read before the broker has dealt with it; bounds how many messages a held gate may still let out. */
const READ_AHEAD_BYTES = 16_384

/** Follows the packets in the bytes of a client, split anywhere. */
class PacketScanner {
  readonly #packetBytesMax: number
  /** Bytes of the present packet's header seen so far: its type, then up to four of its length. */
  #headerBytes = 0
  #remaining = 0
  #skip = 0
  #bodyBytes = 0

  constructor(packetBytesMax: number) {
    this.#packetBytesMax = packetBytesMax
  }

  /** Bytes of the present packet seen so far. */
  get packetBytes(): number {
    return this.#skip > 0 ? this.#bodyBytes - this.#skip : 0
  }

  /** False when a packet is too long, or its length is malformed. */
  take(chunk: Uint8Array): boolean {
    let position = 0
    while (position < chunk.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - position)
        this.#skip -= skipped
        position += skipped
      } else {
        if (!this.#header(chunk[position] ?? 0)) return false
        position += 1
      }
    }
    return true
  }

  #header(byte: number): boolean {
    this.#headerBytes += 1
    if (this.#headerBytes === 1) return true
    const digit = this.#headerBytes - 2
    this.#remaining += (byte & 0x7f) * 128 ** digit
    if (byte >= 0x80) return digit < LENGTH_DIGITS_MAX - 1
    const fits = this.#headerBytes + this.#remaining <= this.#packetBytesMax
    this.#skip = this.#remaining
    this.#bodyBytes = this.#remaining
    this.#headerBytes = 0
    this.#remaining = 0
    return fits
  }
}

const LENGTH_DIGITS_MAX = 4
