import type { Connection, MessageHandler } from '../connection.ts'
import { HELD_BYTES_MAX } from '../held-bytes.ts'
import type { HttpListener } from '../http/http-listener-options.ts'

/** Every bound of the WebSocket listener. Times in ms, sizes in bytes. */
export type WebSocketLimits = {
  /** Most open sockets; further upgrades are answered with 503. */
  readonly connectionsMax: number
  /** Longest message; a longer one closes the socket with 1009. */
  readonly messageBytesMax: number
  /** Most frames that may make up one message; more close the socket with 1008. */
  readonly framesPerMessageMax: number
  /** A socket that sends nothing for this long is closed with 1001; 0: never. */
  readonly idleTimeoutMs: number
  /** Messages that one socket may send in a second; 0: any number. */
  readonly messagesPerSecondMax: number
  /** Messages of one socket being answered at once; beyond it the socket is not read. */
  readonly inFlightMax: number
  /** Messages already received while the socket is not read; more close it with 1008. */
  readonly waitingMax: number
  /** Unsent bytes of one socket beyond which the client is too slow and closed with 1011. */
  readonly bufferedBytesMax: number
  /** Most bytes kept for all sockets together: unfinished messages, running ones, and answers not taken. See `HeldBytes`. */
  readonly heldBytesMax: number
  /** How long a client may take to answer a close frame before it is cut. */
  readonly closeGraceMs: number
  /** How long `close` lets running messages finish. */
  readonly drainTimeoutMs: number
}

/** What holds unless the caller says otherwise. */
export const WEBSOCKET_LIMITS: WebSocketLimits = {
  connectionsMax: 10_000,
  messageBytesMax: 1_048_576,
  framesPerMessageMax: 1_024,
  idleTimeoutMs: 60_000,
  messagesPerSecondMax: 0,
  inFlightMax: 100,
  waitingMax: 16_384,
  bufferedBytesMax: 8_388_608,
  heldBytesMax: HELD_BYTES_MAX,
  closeGraceMs: 2_000,
  drainTimeoutMs: 6_000,
}

/** What a WebSocket listener needs. */
export type WebSocketListenerOptions = {
  /** Whose upgrade requests are accepted, on any path. */
  readonly http: HttpListener
  readonly handler: MessageHandler
  /** A message that is exactly `ping` is answered with `pong` without asking the handler. */
  readonly heartbeat?: { readonly ping: string; readonly pong: string }
  /** A message beyond `messagesPerSecondMax`; the handler never sees it. */
  readonly onRateExceeded?: (connection: Connection, text: string) => void
  /** Told when the handler broke its promise and failed. */
  readonly onError: (error: unknown, connectionId: string) => void
  /** Overrides of {@link WEBSOCKET_LIMITS}. */
  readonly limits?: Partial<WebSocketLimits>
  /** Milliseconds that only go forward; a hand-set clock in tests. */
  readonly now?: () => number
}

/** An open WebSocket listener. */
export interface WebSocketListener {
  readonly openConnections: number
  /**
   * Refuses upgrades, reads no further message, lets running ones finish, then closes every socket with 1001;
   * cuts what is left after `drainTimeoutMs` and `closeGraceMs`. Its HTTP listener may close at the same time.
   */
  close(): Promise<void>
}
