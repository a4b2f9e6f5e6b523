import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import type { WebSocket } from 'ws'
import type { Connection } from '../connection.ts'
import type { HeldBytes, MeteredConnection } from '../held-bytes.ts'
import type { Upgrade } from '../http/http-listener-options.ts'
import { requestHeaders } from '../http/node-http-request.ts'
import { isLocalRequest } from '../local-request.ts'
import { MessageLane } from '../message-lane.ts'
import { FrameCounter } from './frame-counter.ts'
import type { WebSocketLimits, WebSocketListenerOptions } from './websocket-listener-options.ts'

/** What all connections of a listener share. */
export type WebSocketContext = Pick<WebSocketListenerOptions, 'handler' | 'onRateExceeded' | 'onError'> & {
  readonly limits: WebSocketLimits
  readonly heartbeat: { readonly ping: Buffer; readonly pong: Buffer } | undefined
  readonly now: () => number
  readonly held: HeldBytes<WebSocketConnection>
}

/** One open WebSocket. */
export class WebSocketConnection implements Connection, MeteredConnection {
  readonly id = randomUUID()
  readonly carrier = 'websocket'
  readonly address: string
  readonly local: boolean
  readonly headers: Connection['headers']
  /** Resolves when the socket is gone, however it went. */
  readonly gone: Promise<void>
  heldBytes = 0
  readonly #webSocket: WebSocket
  readonly #upgrade: Upgrade
  readonly #context: WebSocketContext
  readonly #lane: MessageLane
  readonly #frames: FrameCounter
  /** UTF-16 units of the messages that are being answered. */
  #runningLength = 0
  #closing = false
  #cut: NodeJS.Timeout | undefined
  #windowStart: number
  #messagesInWindow = 0
  #activeAt: number
  #bytesSeen: number

  constructor(webSocket: WebSocket, upgrade: Upgrade, context: WebSocketContext) {
    this.#webSocket = webSocket
    this.#upgrade = upgrade
    this.#context = context
    this.address = upgrade.peer.address
    this.headers = requestHeaders(upgrade.incoming)
    const { httpVersion } = upgrade.incoming
    this.local = isLocalRequest(upgrade.peer, { headers: this.headers, httpVersion })
    this.#bytesSeen = upgrade.socket.bytesRead
    this.#activeAt = context.now()
    this.#windowStart = this.#activeAt
    this.#lane = new MessageLane({
      inFlightMax: context.limits.inFlightMax,
      waitingMax: context.limits.waitingMax,
      run: (text) => this.#run(text),
      pause: () => webSocket.pause(),
      resume: () => webSocket.resume(),
      overflow: () => this.#refuseFurther(),
      failed: (error) => context.onError(error, this.id),
    })
    this.#frames = new FrameCounter(context.limits.framesPerMessageMax, () => this.#refuseFurther())
    this.gone = new Promise((resolve) => webSocket.once('close', resolve))
    this.#listen()
  }

  send(text: string): void {
    this.#push(text)
  }

  close(code: number = NORMAL_CLOSURE): void {
    if (this.#closing) return
    this.#closing = true
    this.#webSocket.close(isSendable(code) ? code : NORMAL_CLOSURE)
    this.#cutSoon()
  }

  /** Closes the socket when it has been silent for too long and owes nothing to the client. */
  closeIfIdle(): void {
    const bytesRead = this.#upgrade.socket.bytesRead
    const now = this.#context.now()
    if (bytesRead !== this.#bytesSeen || !this.#lane.isIdle) {
      this.#bytesSeen = bytesRead
      this.#activeAt = now
    } else if (now - this.#activeAt >= this.#context.limits.idleTimeoutMs) {
      this.close(GOING_AWAY)
    }
  }

  /** Ends the connection at once, without a word. */
  cut(): void {
    this.#closing = true
    this.#webSocket.terminate()
  }

  /** Reads no more, lets running messages finish in time, then closes; resolves when the socket is gone. */
  async drain(): Promise<void> {
    this.#webSocket.pause()
    let deadline: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, this.#context.limits.drainTimeoutMs)
    })
    await Promise.race([this.#lane.drain(), late, this.gone])
    clearTimeout(deadline)
    this.close(GOING_AWAY)
    // What comes now is dropped, but the client's own close frame must get through.
    this.#webSocket.resume()
    await this.gone
  }

  #listen(): void {
    this.#upgrade.socket.on('data', (chunk) => {
      this.#frames.take(chunk)
      this.#noteHeld()
    })
    this.#webSocket.on('message', (data, binary) => this.#received(data, binary))
    this.#webSocket.on('ping', (data) => this.#answerPing(data))
    // The library closes the socket with the code that fits the error; all that is left is to be patient with
    // the client no longer than with others.
    this.#webSocket.on('error', () => this.#cutSoon())
    void this.gone.then(() => this.#ended())
  }

  #received(data: unknown, binary: boolean): void {
    if (this.#closing || !Buffer.isBuffer(data) || data.length === 0) return
    const { heartbeat } = this.#context
    if (heartbeat?.ping.equals(data)) {
      this.#push(heartbeat.pong)
      return
    }
    // The library has checked text frames; binary ones are taken as text too, as Kuzzle does.
    if (binary && !isUtf8(data)) {
      this.close(INVALID_PAYLOAD)
      return
    }
    const text = data.toString()
    if (this.#isTooFast()) this.#context.onRateExceeded?.(this, text)
    else this.#lane.take(text)
  }

  async #run(text: string): Promise<void> {
    this.#runningLength += text.length
    this.#noteHeld()
    try {
      await this.#context.handler.received(this, text)
    } finally {
      this.#runningLength -= text.length
      this.#noteHeld()
    }
  }

  /** Says what is kept of this client now: half a message, running messages, answers that it does not take. */
  readonly #noteHeld = (): void => {
    const isOpen = this.#webSocket.readyState !== CLOSED
    const bytes = this.#frames.messageBytes + this.#runningLength + this.#webSocket.bufferedAmount
    if (isOpen) this.#context.held.set(this, bytes)
  }

  /** Closes the socket of a client that would fill the memory, and reads nothing more of it. */
  #refuseFurther(): void {
    this.close(POLICY_VIOLATION)
    this.#webSocket.pause()
  }

  /** Pongs go the way of all messages, so that a client that pings and never reads is found out. */
  #answerPing(data: Buffer): void {
    if (!this.#mayPush()) return
    this.#webSocket.pong(data, false, this.#noteHeld)
    this.#noteHeld()
  }

  #push(message: string | Buffer): void {
    if (!this.#mayPush()) return
    // A message to a client that is just going away is lost, and the close event says so.
    this.#webSocket.send(message, TEXT, this.#noteHeld)
    this.#noteHeld()
  }

  #mayPush(): boolean {
    if (this.#closing || this.#webSocket.readyState !== OPEN) return false
    // Looked at before the message is added: one long answer does not make a slow reader.
    if (this.#webSocket.bufferedAmount <= this.#context.limits.bufferedBytesMax) return true
    this.close(INTERNAL_ERROR)
    return false
  }

  #isTooFast(): boolean {
    const { messagesPerSecondMax } = this.#context.limits
    if (messagesPerSecondMax <= 0) return false
    const now = this.#context.now()
    if (now - this.#windowStart >= 1_000) {
      this.#windowStart = now
      this.#messagesInWindow = 0
    }
    this.#messagesInWindow += 1
    return this.#messagesInWindow > messagesPerSecondMax
  }

  #cutSoon(): void {
    this.#closing = true
    this.#cut ??= setTimeout(() => this.#webSocket.terminate(), this.#context.limits.closeGraceMs)
  }

  #ended(): void {
    this.#closing = true
    clearTimeout(this.#cut)
    this.#lane.close()
    this.#context.held.set(this, 0)
  }
}

const OPEN = 1
const CLOSED = 3
const TEXT = { binary: false }

const NORMAL_CLOSURE = 1000
const GOING_AWAY = 1001
const INVALID_PAYLOAD = 1007
const POLICY_VIOLATION = 1008
const INTERNAL_ERROR = 1011

/** Codes that may travel in a close frame (RFC 6455 section 7.4). */
function isSendable(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006
}
