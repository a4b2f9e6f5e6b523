import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { HeldBytes } from '../held-bytes.ts'
import { type Peer, peerOf } from '../peer.ts'
import { discardBody } from './discard-body.ts'
import { type ConnectionState, createConnectionState, createExchange, type Exchange } from './exchange.ts'
import {
  type AdoptingHttpListener,
  HTTP_LIMITS,
  type HttpLimits,
  type HttpListener,
  type HttpListenerOptions,
  type UpgradeHandler,
} from './http-listener-options.ts'
import type { HttpReply } from './http-message.ts'
import { isTimeout, malformedReply } from './malformed-reply.ts'
import { NodeHttpRequest, pathOf, type RequestOwner } from './node-http-request.ts'
import { hasBody } from './request-body.ts'
import { hasSeveralHosts } from './several-hosts.ts'
import { openRequestStream, sendReplyStream } from './stream-exchange.ts'
import { createTunedServer } from './tuned-server.ts'
import {
  isStreamed,
  isWhole,
  type StreamedBodyPlan,
  type StreamedReply,
  type WholeReply,
  writeReplyHead,
  writeStreamHead,
  writeUpgradeHead,
} from './write-reply.ts'

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

/** An HTTP listener without an address of its own: it serves the connections that others hand to it. */
export function createAdoptingHttpListener(
  options: Omit<HttpListenerOptions, 'host' | 'port'>,
): AdoptingHttpListener {
  const listener = new NodeHttpListener({ ...options, host: '', port: 0 })
  listener.listenToNobody()
  return listener
}

/** What node:http keeps of a request and its answer beside their bodies, roughly. */
const EXCHANGE_BYTES = 8_192

const SEVERAL_HOSTS: WholeReply = { status: 400, headers: {}, body: '' }

class NodeHttpListener implements AdoptingHttpListener {
  readonly #options: HttpListenerOptions
  readonly #limits: HttpLimits
  readonly #server: Server
  readonly #connections = new Map<Duplex, ConnectionState>()
  readonly #held: HeldBytes<ConnectionState>
  #running = 0
  #upgradeHandler: UpgradeHandler | undefined
  #closing: Promise<void> | undefined
  /** Called when the last connection ended. */
  #deserted: (() => void) | undefined

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

  listenToNobody(): void {
    // From then on node:http watches its timeouts, of whichever connections.
    this.#server.emit('listening')
  }

  adopt(socket: Socket, peer: Peer): void {
    this.#remember(socket, peer)
    this.#server.emit('connection', socket)
    socket.resume()
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
        const finish = (): void => {
          clearTimeout(hardStop)
          resolve()
        }
        // node:http does not wait for connections that it did not accept itself.
        if (this.#connections.size === 0) finish()
        else this.#deserted = finish
      })
      // node:http ends connections that wait for their next request, but not those that never sent a first one.
      for (const { socket, latest } of this.#connections.values()) {
        if (latest === undefined && socket.bytesRead === 0) socket.destroy()
      }
    })
  }

  #connected(socket: Socket): void {
    if (!this.#connections.has(socket)) this.#remember(socket, peerOf(socket))
  }

  #remember(socket: Socket, peer: Peer): void {
    const state = createConnectionState(socket, peer)
    this.#connections.set(socket, state)
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#held.set(state, 0)
      for (const tell of state.whenGone) tell()
      if (this.#connections.size === 0) this.#deserted?.()
    })
  }

  #received(incoming: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const state = this.#connections.get(incoming.socket)
    if (state === undefined) return void incoming.socket.destroy()
    const exchange = createExchange(incoming, response, state)
    exchange.continueOwed = awaitsContinue
    this.#hold(exchange, EXCHANGE_BYTES)
    if (state.running >= this.#limits.pipelinedMax) state.isOverrun = true
    if (state.isOverrun || state.refused !== undefined || incoming.socket.destroyed) return
    state.latest = incoming
    const request = this.#requestOf(exchange)
    if (hasSeveralHosts(incoming)) {
      state.refused = incoming
      return void this.#answer(exchange, request, SEVERAL_HOSTS)
    }
    this.#handle(exchange, request, (reply) => this.#answer(exchange, request, reply))
  }

  #requestOf(exchange: Exchange, upgrade?: 'websocket'): NodeHttpRequest {
    const { incoming, response, state } = exchange
    const beforeReading = (): void => {
      if (exchange.continueOwed) response.writeContinue()
      exchange.continueOwed = false
    }
    const owner: RequestOwner = {
      beforeReading,
      held: (bytes) => this.#hold(exchange, bytes),
      openStream: (limits) => openRequestStream(exchange, limits, beforeReading),
    }
    return new NodeHttpRequest(incoming, state, owner, upgrade)
  }

  /** Asks for the reply to a request, which counts as running until it is there, and sent if it is a stream. */
  #handle(exchange: Exchange, request: NodeHttpRequest, answer: (reply: WholeReply) => void): void {
    this.#running += 1
    exchange.state.running += 1
    const take = (reply: HttpReply): void => {
      if (isStreamed(reply)) this.#stream(exchange, request, reply)
      if (!isWhole(reply)) return
      this.#settle(exchange)
      answer(reply)
    }
    const reply = this.#ask(request)
    if (reply instanceof Promise) {
      reply.then(take, (error: unknown) => take(this.#failure(error, request)))
    } else {
      take(reply)
    }
  }

  #settle({ state, forget }: Exchange): void {
    this.#running -= 1
    state.running -= 1
    forget?.()
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

  #failure(error: unknown, request: NodeHttpRequest): WholeReply {
    this.#options.onError(error, request.id)
    return {
      status: 500,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: `Internal error; request ${request.id}\n`,
    }
  }

  #answer(exchange: Exchange, request: NodeHttpRequest, reply: WholeReply): void {
    const { incoming, response, state, continueOwed } = exchange
    if (response.destroyed || response.socket?.destroyed) return
    const unread = continueOwed || this.#leavesTooMuchUnread(incoming)
    const close = unread || state.isOverrun || state.refused === incoming || this.#closing !== undefined
    let body: WholeReply['body']
    try {
      body = writeReplyHead(response, reply, close)
    } catch (error) {
      body = writeReplyHead(response, this.#failure(error, request), close)
    }
    this.#hold(exchange, body.length)
    if (!unread || continueOwed) return void response.end(body, () => this.#sent(exchange))
    if (body.length > 0) response.write(body)
    else response.flushHeaders()
    this.#endUnread(exchange)
  }

  #stream(exchange: Exchange, request: NodeHttpRequest, reply: StreamedReply): void {
    const { response, state, continueOwed } = exchange
    const settled = (): void => this.#settle(exchange)
    const isOver = response.destroyed || state.socket.destroyed
    const close = continueOwed || state.isOverrun || this.#closing !== undefined
    let plan: StreamedBodyPlan = { hasBody: false, length: undefined, isChunked: false }
    try {
      if (!isOver) plan = writeStreamHead(response, reply, close)
    } catch (error) {
      reply.body.destroy()
      settled()
      return void this.#answer(exchange, request, this.#failure(error, request))
    }
    const end = (): void => {
      response.end(() => this.#sent(exchange))
      if (!continueOwed) this.#skipRest(exchange)
    }
    if (plan.hasBody) {
      const hold = (bytes: number): void => this.#hold(exchange, bytes)
      return void sendReplyStream(exchange, reply, plan, { hold, end, settled })
    }
    reply.body.destroy()
    settled()
    if (!isOver) end()
  }

  /** Ends an answer to a request whose body still arrives: a socket closed on unread bytes is reset, and the answer lost. */
  #endUnread(exchange: Exchange): void {
    exchange.body?.destroy()
    discardBody(exchange.incoming, this.#limits, () => exchange.response.end(() => this.#sent(exchange)))
  }

  /** Throws away what still comes of a body whose streamed answer has ended, but not for long. */
  #skipRest({ incoming, body, state }: Exchange): void {
    if (incoming.complete || !hasBody(incoming)) return
    body?.destroy()
    incoming.on('error', () => {}).resume()
    const deadline = setTimeout(() => state.socket.destroy(), this.#limits.unreadTimeoutMs)
    incoming.once('close', () => clearTimeout(deadline))
  }

  #sent(exchange: Exchange): void {
    this.#hold(exchange, -exchange.heldBytes)
    const { socket, running } = exchange.state
    // It began before there was a reason to say that it is the last one.
    if (this.#closing !== undefined && running === 0) socket.end()
  }

  #leavesTooMuchUnread(incoming: IncomingMessage): boolean {
    if (incoming.complete || !hasBody(incoming)) return false
    const announced = Number(incoming.headers['content-length'] ?? Number.POSITIVE_INFINITY)
    return announced > this.#limits.skippedBytesMax
  }

  #mayUpgrade(incoming: IncomingMessage): boolean {
    if (hasSeveralHosts(incoming)) return false
    if (incoming.method !== 'GET' || incoming.headers.upgrade?.toLowerCase() !== 'websocket') return false
    return this.#isOwnUpgrade(incoming) ? !hasBody(incoming) : this.#upgradeHandler !== undefined
  }

  #isOwnUpgrade({ url = '' }: IncomingMessage): boolean {
    return this.#options.takesUpgrades?.(pathOf(url)) === true
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const state = this.#connections.get(socket)
    if (state === undefined) return void socket.destroy()
    if (this.#isOwnUpgrade(incoming)) return void this.#receivedUpgrade(incoming, state, head)
    if (this.#upgradeHandler === undefined) return void socket.destroy()
    this.#upgradeHandler({ incoming, socket: state.socket, head, peer: state })
  }

  #receivedUpgrade(incoming: IncomingMessage, state: ConnectionState, head: Buffer): void {
    const { socket } = state
    // Answers to earlier requests would get mixed up with what is spoken from now on.
    if (state.running > 0) return void socket.destroy()
    socket.on('error', () => socket.destroy())
    const response = new ServerResponse(incoming)
    response.assignSocket(socket)
    response.once('finish', () => socket.destroySoon())
    // Whatever the answer is, no other request can follow.
    state.isOverrun = true
    const exchange = createExchange(incoming, response, state)
    const request = this.#requestOf(exchange, 'websocket')
    this.#handle(exchange, request, (reply) => {
      if (reply.takeOver === undefined || reply.status !== 101) {
        return void this.#answer(exchange, request, reply)
      }
      try {
        if (!socket.destroyed) writeUpgradeHead(response, reply)
      } catch (error) {
        this.#options.onError(error, request.id)
        socket.destroy()
      }
      response.detachSocket(socket)
      socket.setTimeout(0)
      // Also when the client is gone by now: what is behind has to learn it.
      reply.takeOver(socket, head)
    })
  }

  /** Bad HTTP, or a request that did not arrive in time. */
  #malformed(error: Error, socket: Duplex): void {
    const state = this.#connections.get(socket)
    // A body that is passed on may take its time: the connection is watched for silence instead. node:http tells but once.
    if (isTimeout(error) && state?.latest?.complete === false && state.streamed === state.latest) return
    // An error amid pipelined requests must not be taken for the answer to an earlier one.
    const answerable =
      state !== undefined &&
      state.streaming === 0 &&
      (state.running === 0 || (state.running === 1 && state.latest?.complete === false)) &&
      !(state.running === 0 && state.latest?.complete === false)
    if (!answerable || !socket.writable || socket.writableEnded) return void socket.destroy()
    socket.end(malformedReply(error), () => socket.destroy())
  }
}
