import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { HELD_BYTES_MAX } from '../held-bytes.ts'
import type { Peer } from '../peer.ts'
import type { HttpHandler, HttpReply, HttpRequest } from './http-message.ts'

/** Every bound of the HTTP listener. Times in ms, sizes in bytes. */
export type HttpLimits = {
  /** Most open connections, upgraded ones included; further ones are dropped as they arrive. */
  readonly connectionsMax: number
  /** Most requests being answered at once; further ones get the `overloaded` reply. */
  readonly concurrentRequestsMax: number
  /** Most requests that one connection may have running at once; one more, and it is closed after their answers. */
  readonly pipelinedMax: number
  /** Most bytes kept for all connections together: bodies, requests that wait, answers not taken. See `HeldBytes`. */
  readonly heldBytesMax: number
  /** Longest request line and headers together; longer ones are answered with 431. */
  readonly headerBytesMax: number
  /** Within this time all headers of a request must have arrived, else 408. */
  readonly headersTimeoutMs: number
  /** Within this time the whole request must have arrived, else 408. */
  readonly requestTimeoutMs: number
  /** How long a connection without a request stays open. */
  readonly keepAliveTimeoutMs: number
  /** A connection on which no byte moves for this long is cut, in whatever state. */
  readonly idleTimeoutMs: number
  /** A body that nobody wanted and that is announced to be no longer than this does not end the connection. */
  readonly skippedBytesMax: number
  /** How much of a longer body that nobody wanted is read and thrown away, so that the client sees the answer. */
  readonly unreadBytesMax: number
  /** How long that may take. */
  readonly unreadTimeoutMs: number
  /** How long `close` lets running requests finish. */
  readonly drainTimeoutMs: number
}

/** What holds unless the caller says otherwise. */
export const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 10_000,
  concurrentRequestsMax: 50_100,
  pipelinedMax: 32,
  heldBytesMax: HELD_BYTES_MAX,
  headerBytesMax: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  idleTimeoutMs: 120_000,
  skippedBytesMax: 65_536,
  unreadBytesMax: 8_388_608,
  unreadTimeoutMs: 2_000,
  drainTimeoutMs: 8_000,
}

/** What an HTTP listener needs. */
export type HttpListenerOptions = {
  readonly host: string
  /** 0 picks a free port. */
  readonly port: number
  readonly handler: HttpHandler
  /** The answer while too many requests are running. Must be quick and must not read the body. */
  readonly overloaded: (request: HttpRequest) => HttpReply
  /** Paths on which requests for a WebSocket go to `handler`, with `upgrade`, rather than to that of `acceptUpgrades`. */
  readonly takesUpgrades?: (path: string) => boolean
  /** Told when a handler broke its promise and failed; the client got a bare 500 naming `requestId`. */
  readonly onError: (error: unknown, requestId: string) => void
  /** Overrides of {@link HTTP_LIMITS}. */
  readonly limits?: Partial<HttpLimits>
}

/** Takes over the socket of an upgrade request; answers and ends it in every case. */
export type UpgradeHandler = (upgrade: Upgrade) => void

/** A request to speak WebSocket from now on. */
export type Upgrade = {
  readonly incoming: IncomingMessage
  readonly socket: Socket
  /** What the client already sent beyond the request. */
  readonly head: Buffer
  readonly peer: Peer
}

/** An open HTTP listener. */
export interface HttpListener {
  /** Where it listens: the address as the system names it, and the port really taken. */
  readonly address: string
  readonly port: number
  /** How many requests are being answered right now. */
  readonly runningRequests: number
  /** How many connections are open, upgraded ones included. */
  readonly openConnections: number
  /**
   * From now on requests to upgrade to WebSocket go to `handler`, but those of `takesUpgrades`; without one they are
   * ordinary requests.
   */
  acceptUpgrades(handler: UpgradeHandler): void
  /**
   * Stops accepting, ends idle connections, lets running requests finish with `Connection: close`, and cuts what
   * is left after `drainTimeoutMs`. Connections that `acceptUpgrades` gave away are for those to end, before or meanwhile.
   */
  close(): Promise<void>
}

/** An HTTP listener to which others hand connections that they accepted. */
export interface AdoptingHttpListener extends HttpListener {
  /**
   * Serves a connection from now on as if it had just been accepted. It must be half open (`allowHalfOpen`), paused, and
   * without listeners of others; what was read of it already must have been put back with `unshift`. `peer` is who
   * is asking.
   */
  adopt(socket: Socket, peer: Peer): void
}
