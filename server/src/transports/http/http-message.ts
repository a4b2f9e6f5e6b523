import type { Duplex, Readable } from 'node:stream'
import type { PeerTls } from '../peer.ts'

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
  /** Of an encrypted connection; absent: it is not encrypted. */
  readonly tls?: PeerTls
  /** Somebody on this very host asks, see {@link isLocalRequest}. */
  readonly local: boolean
  /** Random, unique for each request. */
  readonly id: string
  /** The connection is over by now: nobody is there for an answer. */
  readonly isGone: boolean
  /** The client wants to speak this from now on, and a reply with `takeOver` may let it. Absent: an ordinary request. */
  readonly upgrade?: 'websocket'
  /** Reads the body once; bounded while it arrives and while it is being decompressed. */
  readBody(limits: { readonly bytesMax: number; readonly encodingsMax: number }): Promise<Body>
  /** Instead of `readBody`: the body as it comes, for those who pass it on. */
  stream(limits: StreamLimits): RequestStream
}

/** Bounds of a request that is passed on. The time in which other requests must have come whole does not count. */
export type StreamLimits = {
  /** Longest body as received. */
  readonly bytesMax: number
  /** A connection on which no byte moves for this long is cut, until the answer was sent. */
  readonly silenceMsMax: number
}

/** A request that is passed on while it comes. */
export type RequestStream = {
  /** Content encodings as they came. Read from the client no faster than here; fails with `BodyBroken`. */
  readonly body: Readable
  /** Announced bytes of the body, which it may still exceed or miss by failing; undefined: it comes in chunks. */
  readonly length: number | undefined
  /** Aborted when the connection ends before the answer was sent. */
  readonly gone: AbortSignal
  /** What came behind a body in chunks; whole once the body has ended. */
  readonly trailers: () => FieldLines
  /**
   * Tells the client something before the answer: a status of 1xx but 101. Nothing happens where that cannot be: the
   * client speaks HTTP/1.0, takes nothing at the moment, waits for an earlier answer, or has its answer.
   */
  readonly inform: (status: number, headers: HttpReply['headers']) => void
}

/** Header fields as they came: names and values in turn. */
export type FieldLines = readonly string[]

/** What follows the body of an answer. */
export type ReplyTrailers = {
  /** Names that the head of the answer tells. */
  readonly announced: readonly string[]
  /** Asked for once the body has ended; fields that cannot be sent are left out. */
  readonly lines: () => FieldLines
}

/** One HTTP answer. */
export type HttpReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /**
   * A stream is sent as it comes, with the `Content-Length` that the headers name, or in chunks. One that fails, or is
   * not as long as announced, cuts the connection: no client takes it for whole. It is destroyed when nobody wants it.
   */
  readonly body: string | Uint8Array | Readable
  /** Of a streamed body; sent where that goes in chunks, which HTTP/1.0 does not know. */
  readonly trailers?: ReplyTrailers
  /** With status 101, for requests with `upgrade`: is given the connection, which may be over, and what already came on it. */
  readonly takeOver?: (socket: Duplex, head: Uint8Array) => void
}

/** Answers requests; must never reject: a failure is an answer too. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpReply> | HttpReply
