import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** Why a body that is passed on as it comes ended before its end. */
export class BodyBroken extends Error {
  override readonly name = 'BodyBroken'
  readonly problem: 'too_large' | 'aborted'

  constructor(problem: 'too_large' | 'aborted', message: string) {
    super(message)
    this.problem = problem
  }
}

/** What a request body stream needs of its exchange. */
type StreamedBodyOptions = {
  /** More bytes than that break it. */
  readonly bytesMax: number
  /** Called once when somebody really wants the body. */
  readonly beforeReading: () => void
}

/**
 * The body of a request as it comes, read from the client no faster than it is read here.
 *
 * Fails with `BodyBroken`. Destroying it leaves the connection as it is, so that there still can be an answer.
 */
export class StreamedBody extends Readable {
  readonly #incoming: IncomingMessage
  readonly #options: StreamedBodyOptions
  #isReading = false
  #length = 0

  constructor(incoming: IncomingMessage, options: StreamedBodyOptions) {
    super()
    this.#incoming = incoming
    this.#options = options
  }

  override _read(): void {
    if (!this.#isReading) this.#begin()
    else this.#incoming.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#incoming.off('data', this.#take).off('end', this.#finish).off('error', this.#abort)
    this.#incoming.off('close', this.#abort)
    if (!this.#incoming.complete && !this.#incoming.destroyed) this.#incoming.pause()
    done(error)
  }

  #begin(): void {
    this.#isReading = true
    // node:http says nothing of the end of a body that is not there.
    if (announcedLength(this.#incoming) === 0) return void this.push(null)
    if (this.#incoming.destroyed) return void this.#abort()
    this.#options.beforeReading()
    this.#incoming.on('data', this.#take).on('end', this.#finish).on('error', this.#abort)
    this.#incoming.on('close', this.#abort)
  }

  readonly #take = (chunk: Uint8Array): void => {
    this.#length += chunk.length
    const { bytesMax } = this.#options
    if (this.#length > bytesMax) {
      this.destroy(new BodyBroken('too_large', `more than ${bytesMax} bytes, which is the limit`))
    } else if (!this.push(chunk)) {
      this.#incoming.pause()
    }
  }

  readonly #finish = (): void => {
    this.#incoming.off('close', this.#abort)
    this.push(null)
  }

  readonly #abort = (): void => {
    this.destroy(new BodyBroken('aborted', 'the client went away before the end of the body'))
  }
}

/** The announced length of a body in bytes; undefined: it comes in chunks. */
export function announcedLength(incoming: IncomingMessage): number | undefined {
  if (incoming.headers['transfer-encoding'] !== undefined) return undefined
  return Number(incoming.headers['content-length'] ?? 0)
}
