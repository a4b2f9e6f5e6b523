import type { Server, Socket } from 'node:net'
import { HeldBytes } from '../held-bytes.ts'
import type { Peer } from '../peer.ts'
import { createSocketServer } from '../tls-server.ts'
import { LaneConnection, type LaneOwner } from './lane-connection.ts'
import {
  LANE_LIMITS,
  type LaneLimits,
  type LaneListener,
  type LaneListenerOptions,
} from './lane-listener-options.ts'
import type { LaneReply, LaneRoute } from './lane-message.ts'

/**
 * Listens for HTTP/1.1 on behalf of somebody else, and answers the plainest form of requests for a few routes by itself,
 * several times as fast as node:http. A connection on which anything else comes is passed on and never seen again.
 *
 * @throws {Error} The address cannot be listened on, with the system's reason.
 */
export async function openLaneListener(options: LaneListenerOptions): Promise<LaneListener> {
  const listener = new NetLaneListener(options)
  await listener.listen()
  return listener
}

/** Requests that are answered before others get their turn: at some ten microseconds each, a few ms. */
const ANSWERS_PER_TURN = 256

/** Timeouts are looked at so many times within the shortest of them. */
const CHECKS_PER_TIMEOUT = 4

class NetLaneListener implements LaneListener, LaneOwner {
  readonly routes: readonly LaneRoute[]
  readonly limits: LaneLimits
  readonly overloaded: LaneReply
  running = 0
  isClosing = false
  checks = 0
  readonly #options: LaneListenerOptions
  readonly #server: Server
  readonly #stopServer: () => void
  readonly #connections = new Set<LaneConnection>()
  #waiting: LaneConnection[] = []
  readonly #passedOn = new Set<Socket>()
  readonly #held: HeldBytes<LaneConnection>
  #checking: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: LaneListenerOptions) {
    this.#options = options
    this.routes = options.routes
    this.overloaded = options.overloaded
    this.limits = { ...LANE_LIMITS, ...options.limits }
    this.#held = new HeldBytes(
      this.limits.heldBytesMax,
      () => this.#connections,
      ({ socket }) => socket.destroy(),
    )
    // Half open as in node:http, which may have to answer on the same socket.
    const { server, stop } = createSocketServer(options.tls, (socket, peer) => this.#connected(socket, peer))
    this.#server = server
    this.#stopServer = stop
    this.#server.maxConnections = this.limits.connectionsMax
  }

  listen(): Promise<void> {
    const { place } = this.#options
    const at =
      'path' in place ? { path: place.path } : { host: place.host, port: place.port, reusePort: place.shared }
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(at, () => {
        this.#server.off('error', reject)
        // Accepting can fail later (no file descriptors left); that must not end the process.
        this.#server.on('error', (error) => this.#options.onError(error, ''))
        this.#startChecking()
        resolve()
      })
    })
  }

  get address(): string {
    const bound = this.#server.address()
    if (bound !== null && typeof bound === 'object') return bound.address
    const { place } = this.#options
    return 'path' in place ? place.path : place.host
  }

  get port(): number {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : 0
  }

  get runningRequests(): number {
    return this.running
  }

  get openConnections(): number {
    return this.#connections.size + this.#passedOn.size
  }

  hold(connection: LaneConnection, bytes: number): void {
    this.#held.set(connection, bytes)
  }

  enqueue(connection: LaneConnection): void {
    // Immediates run once the sockets that were found readable have been read.
    if (this.#waiting.push(connection) === 1) setImmediate(this.#answerWaiting)
  }

  readonly #answerWaiting = (): void => {
    const waiting = this.#waiting
    if (waiting.length <= ANSWERS_PER_TURN) this.#waiting = []
    else {
      this.#waiting = waiting.splice(ANSWERS_PER_TURN)
      setImmediate(this.#answerWaiting)
    }
    for (const connection of waiting) connection.answerWaiting()
  }

  passOn(connection: LaneConnection): void {
    this.#connections.delete(connection)
    this.#passedOn.add(connection.socket)
    this.#options.passOn(connection.socket, connection.peer)
  }

  failed(error: unknown, requestId: string): void {
    this.#options.onError(error, requestId)
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  #connected(socket: Socket, peer: Peer): void {
    const connection = new LaneConnection(socket, peer, this)
    this.#connections.add(connection)
    socket.once('close', () => {
      this.#connections.delete(connection)
      this.#passedOn.delete(socket)
      this.#held.set(connection, 0)
    })
  }

  #startChecking(): void {
    const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, idleTimeoutMs } = this.limits
    const shortest = Math.min(headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, idleTimeoutMs)
    const checkMs = Math.ceil(shortest / CHECKS_PER_TIMEOUT)
    this.#checking = setInterval(() => {
      this.checks += 1
      for (const connection of this.#connections) connection.check(checkMs)
    }, checkMs)
    this.#checking.unref()
  }

  #drain(): Promise<void> {
    this.isClosing = true
    return new Promise((resolve) => {
      const hardStop = setTimeout(() => {
        for (const { socket } of this.#connections) socket.destroy()
        for (const socket of this.#passedOn) socket.destroy()
      }, this.limits.drainTimeoutMs)
      this.#server.close(() => {
        clearTimeout(hardStop)
        clearInterval(this.#checking)
        resolve()
      })
      this.#stopServer()
      for (const connection of this.#connections) {
        if (connection.isIdle) connection.socket.destroy()
      }
    })
  }
}
