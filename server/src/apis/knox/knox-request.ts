import type { HttpRequest } from '../../transports/http/http-message.ts'

/** A request to a service of a topology. */
export type KnoxRequest = {
  readonly http: HttpRequest
  /** Name of the topology. */
  readonly topology: string
  /** Path of the topology itself, such as `/gateway/sandbox`. */
  readonly base: string
  /** What follows the topology in the path, still percent-encoded, beginning with `/`. */
  readonly path: string
  /** The query string, decoded as HTML forms are; values of a name in their order. */
  readonly query: URLSearchParams
  /**
   * The body, read once and kept, at most `BODY_BYTES_MAX`; and as a form when its content type says so, else
   * undefined. Not to be called when `streamed`.
   *
   * @throws {KnoxRefusal} when the body cannot be had.
   */
  body(): Promise<{ readonly text: string; readonly form: URLSearchParams | undefined }>
  /** The body is passed on as it comes: nobody may read it. */
  readonly streamed: boolean
  /** Address of the client, proxies that are trusted left out; undefined: unknown. */
  readonly address: string | undefined
  /** Distinguished name in the certificate that the client showed; absent: it showed none that counts. */
  readonly clientName?: string
}

/** Ends the processing of a request with an error page, as the servlet container of Knox shows one. */
export class KnoxRefusal extends Error {
  override readonly name = 'KnoxRefusal'
  readonly status: number
  /** Shown to the client; absent: the name of the status. */
  readonly shown: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, shown?: string, headers: Readonly<Record<string, string>> = {}) {
    super(shown ?? `Status ${status}`)
    this.status = status
    this.shown = shown
    this.headers = headers
  }
}
