/** Why a request body could not be had. */
export type BodyProblem = 'too_large' | 'too_many_encodings' | 'unsupported_encoding' | 'corrupt' | 'aborted'

/** A request's body with all content encodings undone, or why there is none; `detail` is safe to show. */
export type Body =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly problem: BodyProblem; readonly detail: string }

/** One HTTP request, before anything of it is understood. */
export type HttpRequest = {
  readonly method: string
  /** Path as sent, without query string, still percent-encoded. */
  readonly path: string
  /** Query string as sent, without `?`; empty when there is none. */
  readonly query: string
  /**
   * Names in lower case. A header that may come once but came more often, such as `authorization`, is an array of
   * all its values: refuse it rather than choose. List headers that came more often are joined by commas.
   */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly address: string
  /** Somebody on this very host asks, see {@link isLocalRequest}. */
  readonly local: boolean
  /** Random, unique for each request. */
  readonly id: string
  /** The connection is over by now: nobody is there for an answer. */
  readonly isGone: boolean
  /** Reads the body once; bounded while it arrives and while it is being decompressed. */
  readBody(limits: { readonly bytesMax: number; readonly encodingsMax: number }): Promise<Body>
}

/** One HTTP answer. */
export type HttpReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string | Uint8Array
}

/** Answers requests; must never reject: a failure is an answer too. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpReply> | HttpReply
