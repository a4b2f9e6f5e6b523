import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HeldBytes, type MeteredConnection } from '../held-bytes.ts'
import { type Peer, peerOf } from '../peer.ts'
import type { HttpListenerOptions, UpgradeHandler } from './http-listener-options.ts'
import { HTTP_LIMITS, type HttpLimits, type HttpListener } from './http-listener-options.ts'
import type { HttpReply } from './http-message.ts'
import { NodeHttpRequest } from './node-http-request.ts'
import { hasBody } from './request-body.ts'
import { writeReplyHead } from './write-reply.ts'

/**
 * Listens for HTTP/1.1 and hands each request to the handler.
 *
 * Limits, timeouts and malformed HTTP are dealt with here; the handler sees only whole, well-framed requests.
 *
 * @throws {Error} The address cannot be listened on, with the system's reason.
 */
export async function openHttpListener(options: HttpListenerOptions): Promise<HttpListener> {
  const listener = new NodeHttpListener(options)
  await listener.listen()
  return listener
}

/** What we remember of a connection. */
type ConnectionState = Peer &
  MeteredConnection & {
    readonly socket: Socket
    /** Requests not yet answered. */
    running: number
    /** More requests came than may run at once: it ends after the answers to those that run. */
    isOverrun: boolean
    /** The request that came last. */
    latest: IncomingMessage | undefined
  }

/** One request on its way to an answer. */
type Exchange = {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  readonly state: ConnectionState
  /** The client waits for "100 Continue" before it sends the body. */
  continueOwed: boolean
  /** What of its connection's `heldBytes` is kept for it, until the answer is sent. */
  heldBytes: number
}

/** What node:http keeps of a request and its answer beside their bodies, roughly. */
const EXCHANGE_BYTES = 8_192

class NodeHttpListener implements HttpListener {
  readonly #options: HttpListenerOptions
  readonly #limits: HttpLimits
  readonly #server: Server
  readonly #connections = new Map<Duplex, ConnectionState>()
  readonly #held: HeldBytes<ConnectionState>
  #running = 0
  #upgradeHandler: UpgradeHandler | undefined
  #closing: Promise<void> | undefined

  constructor(options: HttpListenerOptions) {
    this.#options = options
    this.#limits = { ...HTTP_LIMITS, ...options.limits }
    this.#held = new HeldBytes(
      this.#limits.heldBytesMax,
      () => this.#connections.values(),
      ({ socket }) => socket.destroy(),
    )
    this.#server = createTunedServer(this.#limits, (incoming) => this.#mayUpgrade(incoming))
    this.#server.on('connection', (socket) => this.#connected(socket))
    this.#server.on('request', (incoming, response) => this.#received(incoming, response, false))
    this.#server.on('checkContinue', (incoming, response) => this.#received(incoming, response, true))
    this.#server.on('upgrade', (incoming, socket, head) => this.#upgrade(incoming, socket, head))
    this.#server.on('clientError', (error, socket) => this.#malformed(error, socket))
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#options.port, this.#options.host, () => {
        this.#server.off('error', reject)
        // Accepting can fail later (no file descriptors left); that must not end the process.
        this.#server.on('error', (error) => this.#options.onError(error, ''))
        resolve()
      })
    })
  }

  get address(): string {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.address : this.#options.host
  }

  get port(): number {
    const bound = this.#server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : this.#options.port
  }

  get runningRequests(): number {
    return this.#running
  }

  get openConnections(): number {
    return this.#connections.size
  }

  acceptUpgrades(handler: UpgradeHandler): void {
    this.#upgradeHandler = handler
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      const hardStop = setTimeout(() => {
        for (const socket of this.#connections.keys()) socket.destroy()
      }, this.#limits.drainTimeoutMs)
      this.#server.close(() => {
        clearTimeout(hardStop)
        resolve()
      })
      // node:http ends connections that wait for their next request, but not those that never sent a first one.
      for (const { socket, latest } of this.#connections.values()) {
        if (latest === undefined && socket.bytesRead === 0) socket.destroy()
      }
    })
  }

  #connected(socket: Socket): void {
    const state = { ...peerOf(socket), socket, running: 0, isOverrun: false, latest: undefined, heldBytes: 0 }
    this.#connections.set(socket, state)
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#held.set(state, 0)
    })
  }

  #received(incoming: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const state = this.#connections.get(incoming.socket)
    if (state === undefined) return void incoming.socket.destroy()
    const exchange: Exchange = { incoming, response, state, continueOwed: awaitsContinue, heldBytes: 0 }
    this.#hold(exchange, EXCHANGE_BYTES)
    if (state.running >= this.#limits.pipelinedMax) state.isOverrun = true
    if (state.isOverrun || incoming.socket.destroyed) return
    const request = new NodeHttpRequest(incoming, state, {
      beforeReading: () => {
        if (exchange.continueOwed) response.writeContinue()
        exchange.continueOwed = false
      },
      held: (bytes) => this.#hold(exchange, bytes),
    })
    this.#running += 1
    state.running += 1
    state.latest = incoming

    const answer = (reply: HttpReply): void => {
      this.#running -= 1
      state.running -= 1
      this.#answer(exchange, request, reply)
    }
    const reply = this.#ask(request)
    if (reply instanceof Promise) {
      reply.then(answer, (error: unknown) => answer(this.#failure(error, request)))
    } else {
      answer(reply)
    }
  }

  /** Notes that more or fewer bytes are kept for an exchange; of a connection that ended, nothing is kept. */
  #hold(exchange: Exchange, bytes: number): void {
    const { state } = exchange
    exchange.heldBytes += bytes
    if (!state.socket.destroyed) this.#held.set(state, state.heldBytes + bytes)
  }

  #ask(request: NodeHttpRequest): Promise<HttpReply> | HttpReply {
    const isOverloaded = this.#running > this.#limits.concurrentRequestsMax
    try {
      return isOverloaded ? this.#options.overloaded(request) : this.#options.handler(request)
    } catch (error) {
      return this.#failure(error, request)
    }
  }

  #failure(error: unknown, request: NodeHttpRequest): HttpReply {
    this.#options.onError(error, request.id)
    return {
      status: 500,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: `Internal error; request ${request.id}\n`,
    }
  }

  #answer(exchange: Exchange, request: NodeHttpRequest, reply: HttpReply): void {
    const { incoming, response, state, continueOwed } = exchange
    if (response.destroyed || response.socket?.destroyed) return
    const unread = continueOwed || this.#leavesTooMuchUnread(incoming)
    const close = unread || state.isOverrun || this.#closing !== undefined
    let body: HttpReply['body']
    try {
      body = writeReplyHead(response, reply, close)
    } catch (error) {
      body = writeReplyHead(response, this.#failure(error, request), close)
    }
    this.#hold(exchange, body.length)
    const sent = (): void => this.#hold(exchange, -exchange.heldBytes)
    // A client that waits for "100 Continue" sends no body after a final answer.
    if (!unread || continueOwed) {
      response.end(body, sent)
      return
    }
    // The body was refused while it arrives: a socket closed on unread bytes is reset, and the answer lost.
    if (body.length > 0) response.write(body)
    else response.flushHeaders()
    discardBody(incoming, this.#limits, () => response.end(sent))
  }

  #leavesTooMuchUnread(incoming: IncomingMessage): boolean {
    if (incoming.complete || !hasBody(incoming)) return false
    const announced = Number(incoming.headers['content-length'] ?? Number.POSITIVE_INFINITY)
    return announced > this.#limits.skippedBytesMax
  }

  #mayUpgrade(incoming: IncomingMessage): boolean {
    if (this.#upgradeHandler === undefined || incoming.method !== 'GET') return false
    return incoming.headers.upgrade?.toLowerCase() === 'websocket'
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const peer = this.#connections.get(socket)
    if (peer === undefined || this.#upgradeHandler === undefined) return void socket.destroy()
    this.#upgradeHandler({ incoming, socket: peer.socket, head, peer })
  }

  /** Bad HTTP, or a request that did not arrive in time. */
  #malformed(error: Error, socket: Duplex): void {
    const state = this.#connections.get(socket)
    // An error amid pipelined requests must not be taken for the answer to an earlier one.
    const answerable =
      state !== undefined &&
      (state.running === 0 || (state.running === 1 && state.latest?.complete === false)) &&
      !(state.running === 0 && state.latest?.complete === false)
    if (!answerable || !socket.writable || socket.writableEnded) return void socket.destroy()
    socket.end(malformedReply(error), () => socket.destroy())
  }
}

function createTunedServer(
  limits: HttpLimits,
  shouldUpgrade: (incoming: IncomingMessage) => boolean,
): Server {
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: true,
    noDelay: true,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // How late a timeout may be noticed: a quarter of it, as it is only checked now and then.
    connectionsCheckingInterval: Math.ceil(Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs) / 4),
    // Requests without a body, most of ours, need no stream.
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: shouldUpgrade,
  })
  server.timeout = limits.idleTimeoutMs
  server.maxConnections = limits.connectionsMax
  // node:http would silently leave out the headers beyond this number, a second Authorization among them.
  // `headerBytesMax` bounds them.
  server.maxHeadersCount = 0
  return server
}

/** Throws away the rest of a body, within bounds, and then calls `done` once. */
function discardBody(incoming: IncomingMessage, limits: HttpLimits, done: () => void): void {
  let length = 0
  const finish = (): void => {
    clearTimeout(deadline)
    incoming.off('data', count).off('end', finish).off('error', finish).off('close', finish)
    done()
  }
  const count = (chunk: Uint8Array): void => {
    length += chunk.length
    if (length > limits.unreadBytesMax) finish()
  }
  const deadline = setTimeout(finish, limits.unreadTimeoutMs)
  incoming.on('data', count).on('end', finish).on('error', finish).on('close', finish)
  incoming.resume()
}

function malformedReply(error: Error): string {
  const code = 'code' in error ? error.code : undefined
  const status = MALFORMED_STATUS.get(code) ?? '400 Bad Request'
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
}

const MALFORMED_STATUS: ReadonlyMap<unknown, string> = new Map([
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', '413 Content Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
])
