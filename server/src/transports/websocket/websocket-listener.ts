import { type WebSocket, WebSocketServer } from 'ws'
import { HeldBytes } from '../held-bytes.ts'
import type { Upgrade } from '../http/http-listener-options.ts'
import { WebSocketConnection, type WebSocketContext } from './websocket-connection.ts'
import type { WebSocketListenerOptions } from './websocket-listener-options.ts'
import { WEBSOCKET_LIMITS, type WebSocketListener } from './websocket-listener-options.ts'

/**
 * Accepts WebSockets on an HTTP listener and hands their messages to the handler.
 *
 * Text frames and binary frames that are UTF-8 are messages; empty ones are ignored. Limits, silence, slow readers
 * and malformed frames are dealt with here.
 */
export function openWebSocketListener(options: WebSocketListenerOptions): WebSocketListener {
  return new WsListener(options)
}

class WsListener implements WebSocketListener {
  readonly #context: WebSocketContext
  readonly #server: WebSocketServer
  readonly #connections = new Set<WebSocketConnection>()
  readonly #sweep: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: WebSocketListenerOptions) {
    const { heartbeat } = options
    const limits = { ...WEBSOCKET_LIMITS, ...options.limits }
    this.#context = {
      handler: options.handler,
      onError: options.onError,
      ...(options.onRateExceeded && { onRateExceeded: options.onRateExceeded }),
      heartbeat: heartbeat && { ping: Buffer.from(heartbeat.ping), pong: Buffer.from(heartbeat.pong) },
      limits,
      now: options.now ?? (() => performance.now()),
      held: new HeldBytes(
        limits.heldBytesMax,
        () => this.#connections,
        (connection) => connection.cut(),
      ),
    }
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: limits.messageBytesMax,
    })
    if (limits.idleTimeoutMs > 0) {
      // Silence is noticed at most a quarter too late; one timer for all sockets costs nothing per message.
      this.#sweep = setInterval(() => this.#closeIdle(), Math.ceil(limits.idleTimeoutMs / 4))
    }
    options.http.acceptUpgrades((upgrade) => this.#accept(upgrade))
  }

  get openConnections(): number {
    return this.#connections.size
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #drain(): Promise<void> {
    clearInterval(this.#sweep)
    await Promise.all([...this.#connections].map((connection) => connection.drain()))
  }

  #accept(upgrade: Upgrade): void {
    upgrade.socket.on('error', () => upgrade.socket.destroy())
    if (this.#closing !== undefined || this.#connections.size >= this.#context.limits.connectionsMax) {
      upgrade.socket.end(UNAVAILABLE, () => upgrade.socket.destroy())
      return
    }
    this.#server.handleUpgrade(upgrade.incoming, upgrade.socket, upgrade.head, (webSocket) =>
      this.#opened(webSocket, upgrade),
    )
  }

  #opened(webSocket: WebSocket, upgrade: Upgrade): void {
    const connection = new WebSocketConnection(webSocket, upgrade, this.#context)
    this.#connections.add(connection)
    this.#tell(connection, () => this.#context.handler.opened(connection))
    void connection.gone.then(() => {
      this.#connections.delete(connection)
      this.#tell(connection, () => this.#context.handler.closed(connection))
    })
  }

  #tell(connection: WebSocketConnection, what: () => void): void {
    try {
      what()
    } catch (error) {
      this.#context.onError(error, connection.id)
    }
  }

  #closeIdle(): void {
    for (const connection of this.#connections) connection.closeIfIdle()
  }
}

const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
