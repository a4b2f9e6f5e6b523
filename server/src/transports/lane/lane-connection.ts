import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { MeteredConnection } from '../held-bytes.ts'
import type { Peer } from '../peer.ts'
import { httpDate } from './http-date.ts'
import { type LaneHead, mayBecomeLaneHead, parseLaneHead } from './lane-head.ts'
import type { LaneLimits } from './lane-listener-options.ts'
import { type LaneReply, type LaneRequest, type LaneRoute, printLaneReply } from './lane-message.ts'
import { PlainLaneRequest } from './plain-lane-request.ts'

/** What the connections of one lane share. */
export type LaneOwner = {
  readonly routes: readonly LaneRoute[]
  readonly limits: LaneLimits
  readonly overloaded: LaneReply
  /** Requests of all connections that wait for their answer. */
  running: number
  isClosing: boolean
  /** How often `LaneConnection.check` was called for all connections. */
  checks: number
  hold(connection: LaneConnection, bytes: number): void
  /** Calls the connection's `answerWaiting` once all sockets that have something to read now were read. */
  enqueue(connection: LaneConnection): void
  passOn(connection: LaneConnection): void
  failed(error: unknown, requestId: string): void
}

/** What a connection waits for; `turn`: for `answerWaiting`; `end`: for its last bytes to be taken. */
type Phase = 'first request' | 'next request' | 'head' | 'body' | 'turn' | 'answer' | 'reader' | 'end'

/** Longest head that is kept to compare the next one with, in bytes. */
const REMEMBERED_HEAD_MAX = 2_048

/**
 * One connection of the lane: reads requests, has them answered one after the other, and writes the answers.
 *
 * Text holds one character for each byte, so that nothing is decoded or copied on the way.
 */
export class LaneConnection implements MeteredConnection {
  readonly socket: Socket
  readonly peer: Peer
  heldBytes = 0
  readonly #owner: LaneOwner
  #phase: Phase = 'first request'
  /** `LaneOwner.checks` when the phase began. */
  #since: number
  /** Where `#since` was when the first byte of the unfinished request came. */
  #requestSince: number
  /** What came of an unfinished request, and everything behind it, in pieces. */
  #pieces: string[] = []
  #piecesLength = 0
  /** So many bytes must have come before it is worth while to look again. */
  #wanted = 0
  /** The head of the last request and what was made of it: clients repeat themselves. */
  #lastHeadText = ''
  #lastHead: LaneHead | undefined
  /** Body of the request that waits for its turn; its head is `#lastHead`. */
  #waitingBody = ''
  #isPassedOn = false
  /** The client sends no more. */
  #isHalfClosed = false

  constructor(socket: Socket, peer: Peer, owner: LaneOwner) {
    this.socket = socket
    this.peer = peer
    this.#owner = owner
    this.#since = owner.checks
    this.#requestSince = owner.checks
    socket.on('data', this.#take).on('end', this.#ended).on('drain', this.#drained).on('error', ignore)
  }

  /** Nothing of a request is here that would have to be answered. */
  get isIdle(): boolean {
    return this.#phase === 'next request' || (this.#phase === 'first request' && this.#piecesLength === 0)
  }

  /** Ends the connection if what it waits for took too long. `checkMs` is the time between two calls. */
  check(checkMs: number): void {
    const { limits, checks } = this.#owner
    const waitedMs = (checks - this.#since) * checkMs
    switch (this.#phase) {
      case 'first request':
      case 'head':
        if (waitedMs > limits.headersTimeoutMs) this.#refuse('408 Request Timeout')
        return
      case 'body':
        if ((checks - this.#requestSince) * checkMs > limits.requestTimeoutMs)
          this.#refuse('408 Request Timeout')
        return
      case 'next request':
        if (waitedMs > limits.keepAliveTimeoutMs) this.socket.destroy()
        return
      case 'reader':
      case 'end':
        if (waitedMs > limits.idleTimeoutMs) this.socket.destroy()
        return
      case 'turn':
      case 'answer':
        return
    }
  }

  /** Answers the request that waits for its turn, if it still does. */
  answerWaiting(): void {
    const head = this.#lastHead
    if (this.#phase !== 'turn' || head === undefined || this.socket.destroyed) return
    const reply = this.#ask(head, this.#waitingBody)
    this.#waitingBody = ''
    if (reply instanceof Promise) return void this.#awaitReply(reply, head.method, '')
    this.#finish(reply, head.method)
  }

  readonly #take = (chunk: Buffer): void => {
    if (this.#phase === 'turn') this.answerWaiting()
    if (this.#phase === 'end') return
    const text = chunk.toString('latin1')
    if (this.#phase === 'answer' || this.#phase === 'reader') return void this.#keep(text, 0)
    if (this.#piecesLength === 0) return void this.#read(text)
    this.#keep(text, this.#wanted)
    if (this.#piecesLength >= this.#wanted) this.#read(this.#takePieces())
  }

  /** Answers all requests in `text` that came whole, and keeps the rest. */
  #read(text: string): void {
    const owner = this.#owner
    let at = 0
    let answers = ''
    while (at < text.length) {
      const headEnd = this.#headEnd(text, at)
      const head = headEnd === at ? undefined : this.#lastHead
      const end = headEnd + (head?.bodyLength ?? 0)
      if (head === undefined || end > text.length) {
        this.#send(answers)
        const rest = at === 0 ? text : text.slice(at)
        return void (head === undefined ? this.#readUnfinished(rest) : this.#await('body', rest, end - at))
      }
      const body = head.bodyLength === 0 ? '' : text.slice(headEnd, end)
      // By far the most come alone. They wait until all that came was read, and are answered together: what has to be found
      // out once before an answer, such as whether another process changed the store, is then found out once for all.
      if (at === 0 && end === text.length) return void this.#awaitTurn(body)
      const reply = this.#ask(head, body)
      at = end
      this.#begin('next request')
      if (reply instanceof Promise) {
        this.#send(answers)
        return void this.#awaitReply(reply, head.method, text.slice(at))
      }
      answers += printLaneReply(reply, head.method, httpDate(), owner.isClosing)
      if (owner.isClosing) return void this.#sendLast(answers)
      if (answers.length > owner.limits.answersBytesMax) {
        if (!this.#send(answers)) return void this.#awaitReader(text.slice(at))
        answers = ''
      }
    }
    if (!this.#send(answers)) this.#awaitReader('')
  }

  /** Writes answers; false when the client does not take them as fast as they come. */
  #send(answers: string): boolean {
    const mayGoOn = answers === '' || this.socket.write(answers, 'latin1')
    this.#hold()
    return mayGoOn
  }

  #sendLast(answers: string): void {
    this.#begin('end')
    this.socket.write(answers, 'latin1')
    this.#hold()
    this.socket.destroySoon()
  }

  /** Where the head that begins at `at` ends, with `#lastHead` being what it says; `at` when it is unfinished or foreign. */
  #headEnd(text: string, at: number): number {
    const known = this.#lastHeadText
    if (known !== '' && text.startsWith(known, at)) return at + known.length
    const gap = text.indexOf('\r\n\r\n', at)
    if (gap === -1 || gap + 4 - at > this.#owner.limits.headBytesMax) return at
    const head = copyOf(text.slice(at, gap + 4))
    const parsed = parseLaneHead(head, this.#owner.routes)
    this.#lastHead = parsed
    this.#lastHeadText = parsed === undefined || head.length > REMEMBERED_HEAD_MAX ? '' : head
    return parsed === undefined ? at : gap + 4
  }

  /** Begins with a head that did not come whole, or that is not for the lane. */
  #readUnfinished(text: string): void {
    const { routes, limits } = this.#owner
    const mayWait = text.length < limits.headBytesMax && !text.includes('\r\n\r\n')
    if (mayWait && mayBecomeLaneHead(text, routes)) return void this.#await('head', text, 0)
    this.#passOn(text)
  }

  #ask(head: LaneHead, body: string): LaneReply | Promise<LaneReply> {
    const owner = this.#owner
    const { route } = head
    const request: LaneRequest = new PlainLaneRequest(head, this.peer.address, body)
    if (owner.running >= owner.limits.concurrentRequestsMax) return owner.overloaded
    try {
      return route.answer(request)
    } catch (error) {
      return this.#failure(error)
    }
  }

  #failure(error: unknown): LaneReply {
    const requestId = randomUUID()
    this.#owner.failed(error, requestId)
    return {
      status: 500,
      fields: 'Content-Type: text/plain; charset=utf-8\r\n',
      body: `Internal error; request ${requestId}\n`,
    }
  }

  /** Reads no further until the answer is there, so that answers stay in order. */
  #awaitReply(reply: Promise<LaneReply>, method: string, rest: string): void {
    this.#owner.running += 1
    this.#begin('answer')
    this.socket.pause()
    this.#keep(rest, 0)
    const answer = (given: LaneReply): void => {
      this.#owner.running -= 1
      if (!this.socket.destroyed) this.#finish(given, method)
    }
    reply.then(answer, (error: unknown) => answer(this.#failure(error)))
  }

  #awaitTurn(body: string): void {
    this.#begin('turn')
    this.#waitingBody = body
    this.#owner.enqueue(this)
  }

  /** Writes an answer for which the connection waited, and goes on with what came meanwhile. */
  #finish(reply: LaneReply, method: string): void {
    const text = printLaneReply(reply, method, httpDate(), this.#owner.isClosing)
    if (this.#owner.isClosing) return void this.#sendLast(text)
    if (this.#send(text)) this.#resume()
    else this.#awaitReader(this.#takePieces())
  }

  /** Reads no further until the client has taken its answers. */
  #awaitReader(rest: string): void {
    this.#begin('reader')
    this.socket.pause()
    this.#keep(rest, 0)
  }

  readonly #drained = (): void => {
    if (this.#phase === 'reader') this.#resume()
  }

  #resume(): void {
    this.#begin('next request')
    const rest = this.#takePieces()
    if (rest !== '') {
      this.#hold()
      this.#read(rest)
    } else if (this.#isHalfClosed) return void this.socket.end()
    if (!this.#isPassedOn && this.socket.isPaused() && this.#phase !== 'answer' && this.#phase !== 'reader') {
      this.socket.resume()
    }
  }

  #await(phase: 'head' | 'body', text: string, wanted: number): void {
    if (this.#phase === 'next request') this.#requestSince = this.#owner.checks
    const goesOn = this.#phase === phase || (phase === 'head' && this.#phase === 'first request')
    if (!goesOn) this.#begin(phase)
    this.#keep(text, wanted)
  }

  #keep(text: string, wanted: number): void {
    if (text !== '') this.#pieces.push(text)
    this.#piecesLength += text.length
    this.#wanted = wanted
    this.#hold()
  }

  #takePieces(): string {
    const text = this.#pieces.length === 1 ? (this.#pieces[0] ?? '') : this.#pieces.join('')
    this.#pieces = []
    this.#piecesLength = 0
    this.#wanted = 0
    return text
  }

  #begin(phase: Phase): void {
    this.#phase = phase
    this.#since = this.#owner.checks
  }

  #hold(): void {
    const bytes = this.#piecesLength + this.socket.writableLength
    if (bytes !== this.heldBytes && !this.socket.destroyed) this.#owner.hold(this, bytes)
  }

  /** Gives the connection away together with all that was not answered. */
  #passOn(text: string): void {
    const { socket } = this
    this.#isPassedOn = true
    socket.off('data', this.#take).off('end', this.#ended).off('drain', this.#drained).off('error', ignore)
    socket.pause()
    socket.unshift(Buffer.from(text, 'latin1'))
    this.#owner.hold(this, 0)
    this.#owner.passOn(this)
  }

  /** The client sends no more; what it began can never be finished. */
  readonly #ended = (): void => {
    this.#isHalfClosed = true
    if (this.#phase === 'turn') this.answerWaiting()
    if (this.#phase === 'end' || this.#phase === 'answer' || this.#phase === 'reader') return
    if (this.#piecesLength > 0) this.#refuse('400 Bad Request')
    else this.socket.end()
  }

  #refuse(status: string): void {
    this.#begin('end')
    this.socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
      this.socket.destroy(),
    )
  }
}

/** A connection that breaks off is closed; there is nobody who could be told. */
function ignore(): void {}

/** The same text without the longer one that it was cut from, which could not be freed as long as this is kept. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
