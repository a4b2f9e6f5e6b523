import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type InformationEvent,
  request as requestHttp,
} from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { sendableFields } from '../../../transports/http/field-lines.ts'
import type { FieldLines } from '../../../transports/http/http-message.ts'
import { BodyBroken } from '../../../transports/http/request-stream.ts'
import type { ProxySettings } from './proxy-settings.ts'
import { createSilenceWatch, type SilenceWatch } from './silence-watch.ts'

/** What is asked of an upstream. */
export type UpstreamRequest = {
  readonly method: string
  readonly pathOn: (upstream: URL) => string
  readonly headersFor: (upstream: URL) => Readonly<Record<string, string>>
  /** Not read before there is a connection to an upstream. */
  readonly body: Readable
  /** Bytes of it; undefined: it comes in chunks. */
  readonly length: number | undefined
  /** Asked for once a body in chunks has ended: what follows it. */
  readonly trailers: () => FieldLines
  /** Told what an upstream says before its answer: any status of 1xx but 101. */
  readonly informed: (information: InformationEvent, upstream: URL) => void
  /** Aborted when nobody waits for the answer any more. */
  readonly gone: AbortSignal
  readonly isUpgrade: boolean
}

/** What connections to an upstream are made with. */
export type UpstreamPool = {
  readonly http: Agent
  readonly https: Agent
}

/** Why there is no answer. */
export type UpstreamFailure =
  /** No connection: nothing of the request was sent. */
  | 'unreachable'
  | 'connect_timeout'
  /** A connection that had been kept was closed at the other end, before any answer. */
  | 'stale'
  | 'broken'
  /** It did not answer in time, or did not take the request in time. */
  | 'timeout'
  /** The client did not send in time. */
  | 'client_timeout'
  | 'body_too_large'
  | 'gone'

/** How an upstream answered. Who gets a response or a socket must consume or destroy it. */
export type UpstreamAnswer =
  | { readonly kind: 'response'; readonly response: IncomingMessage; readonly upstream: URL }
  | {
      readonly kind: 'upgraded'
      readonly response: IncomingMessage
      readonly socket: Duplex
      readonly head: Uint8Array
      readonly upstream: URL
    }
  | {
      readonly kind: 'failed'
      readonly why: UpstreamFailure
      readonly detail: string
      readonly upstream: URL
    }

type Bounds = Pick<
  ProxySettings,
  'connectTimeoutMs' | 'firstByteTimeoutMs' | 'idleTimeoutMs' | 'certificates' | 'upstreams'
>

const NOTHING = new Uint8Array(0)

/** Longest head of an upstream's answer, in bytes. */
const ANSWER_HEAD_BYTES_MAX = 65_536

/** Methods that mean the same when they come twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']

/**
 * Asks the upstreams in turn until a connection is made; the one to which it is made answers, or nobody does.
 *
 * A request without a body that may come twice is asked again, on a new connection, when one that had been kept turns
 * out to be closed.
 */
export async function askUpstreams(
  request: UpstreamRequest,
  pool: UpstreamPool,
  bounds: Bounds,
): Promise<UpstreamAnswer> {
  const [first, ...others] = bounds.upstreams
  if (first === undefined) throw new Error('A proxied service without upstreams')
  const mayRepeat = request.length === 0 && IDEMPOTENT.includes(request.method)
  let answer = await askOnce(first, request, pool, bounds)
  for (const next of [undefined, ...others]) {
    if (answer.kind !== 'failed') return answer
    if (answer.why === 'stale' && mayRepeat) {
      answer = await askOnce(answer.upstream, request, undefined, bounds)
      if (answer.kind !== 'failed') return answer
    }
    const isUntouched = answer.why === 'unreachable' || answer.why === 'connect_timeout'
    if (next !== undefined && isUntouched) answer = await askOnce(next, request, pool, bounds)
  }
  return answer
}

/** Without `pool` on a connection of its own. */
function askOnce(
  upstream: URL,
  request: UpstreamRequest,
  pool: UpstreamPool | undefined,
  bounds: Bounds,
): Promise<UpstreamAnswer> {
  return new Promise((resolve) => new Asking({ upstream, request, bounds, resolve }).begin(pool))
}

/** One request to one upstream, until its answer has come whole. */
class Asking {
  readonly #upstream: URL
  readonly #request: UpstreamRequest
  readonly #bounds: Bounds
  readonly #resolve: (answer: UpstreamAnswer) => void
  readonly #watch: SilenceWatch
  #outgoing: ClientRequest | undefined
  #socket: Socket | undefined
  #response: IncomingMessage | undefined
  #connecting: NodeJS.Timeout | undefined
  #failure: UpstreamFailure | undefined
  #isSettled = false

  constructor(parts: {
    readonly upstream: URL
    readonly request: UpstreamRequest
    readonly bounds: Bounds
    readonly resolve: (answer: UpstreamAnswer) => void
  }) {
    this.#upstream = parts.upstream
    this.#request = parts.request
    this.#bounds = parts.bounds
    this.#resolve = parts.resolve
    this.#watch = createSilenceWatch(
      () => (this.#socket?.bytesRead ?? 0) + (this.#socket?.bytesWritten ?? 0),
      () => this.#silent(),
    )
  }

  begin(pool: UpstreamPool | undefined): void {
    const { gone } = this.#request
    if (gone.aborted) return void this.#fail('gone', '')
    const outgoing = this.#send(pool)
    this.#outgoing = outgoing
    gone.addEventListener('abort', this.#giveUp)
    this.#connecting = setTimeout(() => {
      this.#abort('connect_timeout')
    }, this.#bounds.connectTimeoutMs)
    outgoing.once('socket', (socket) => this.#connect(socket))
    outgoing.on('information', (information) => this.#request.informed(information, this.#upstream))
    outgoing.once('response', (response) => this.#answered(response))
    outgoing.once('upgrade', (response, socket, head) => this.#upgraded(response, socket, head))
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      this.#fail(this.#failure ?? this.#whyBroken(error), error.code ?? error.message)
    })
    // Nothing else tells that the other end hung up on a request whose error is already known.
    outgoing.once('close', () => this.#fail(this.#failure ?? 'broken', 'closed'))
  }

  #send(pool: UpstreamPool | undefined): ClientRequest {
    const { method, pathOn, headersFor } = this.#request
    const isSecure = this.#upstream.protocol === 'https:'
    const { hostname, port } = this.#upstream
    const { certificates } = this.#bounds
    const send = isSecure ? requestHttps : requestHttp
    return send({
      protocol: this.#upstream.protocol,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      ...(port !== '' && { port }),
      method,
      path: pathOn(this.#upstream),
      headers: headersFor(this.#upstream),
      agent: pool === undefined ? false : isSecure ? pool.https : pool.http,
      maxHeaderSize: ANSWER_HEAD_BYTES_MAX,
      ...(certificates !== undefined && { ca: certificates }),
    })
  }

  #connect(socket: Socket): void {
    const isSecure = 'secureConnecting' in socket && socket.secureConnecting === true
    if (!socket.connecting && !isSecure) return void this.#connected(socket)
    const event = this.#upstream.protocol === 'https:' ? 'secureConnect' : 'connect'
    const connected = (): void => this.#connected(socket)
    socket.once(event, connected)
  }

  #connected(socket: Socket): void {
    const outgoing = this.#outgoing
    if (outgoing === undefined || outgoing.destroyed) return
    clearTimeout(this.#connecting)
    this.#socket = socket
    const { body, length, trailers } = this.#request
    const { firstByteTimeoutMs, idleTimeoutMs } = this.#bounds
    if (length === 0) {
      outgoing.end()
      this.#watch.begin(firstByteTimeoutMs)
      return
    }
    this.#watch.begin(idleTimeoutMs)
    outgoing.once('finish', () => {
      if (this.#response === undefined && !this.#isSettled) this.#watch.begin(firstByteTimeoutMs)
    })
    body.on('error', this.#bodyFailed)
    body.once('close', () => {
      // The listener lost interest in a body of which the upstream still wants the rest.
      if (!body.readableEnded) outgoing.destroy()
    })
    // The head shall not wait for the first byte of the body, nor become UTF-8 as with `flushHeaders`.
    outgoing.write(NOTHING)
    // Before the pipe hears of the end, and ends the request.
    if (length === undefined) body.once('end', () => outgoing.addTrailers(sendableFields(trailers())))
    body.pipe(outgoing)
  }

  readonly #bodyFailed = (error: Error): void => {
    this.#abort(error instanceof BodyBroken && error.problem === 'too_large' ? 'body_too_large' : 'gone')
  }

  readonly #giveUp = (): void => this.#abort('gone')

  #silent(): void {
    if (this.#response !== undefined) {
      this.#response.destroy(new Error('Nothing came from the upstream for too long'))
    }
    const outgoing = this.#outgoing
    const waitsForClient = outgoing !== undefined && !outgoing.writableEnded && !outgoing.writableNeedDrain
    this.#abort(waitsForClient ? 'client_timeout' : 'timeout')
  }

  #abort(why: UpstreamFailure): void {
    this.#failure ??= why
    this.#outgoing?.destroy()
    this.#response?.destroy()
  }

  #whyBroken({ code }: NodeJS.ErrnoException): UpstreamFailure {
    if (this.#socket === undefined) return 'unreachable'
    const isReset = code === 'ECONNRESET' || code === 'EPIPE'
    return isReset && this.#outgoing?.reusedSocket === true ? 'stale' : 'broken'
  }

  #answered(response: IncomingMessage): void {
    this.#response = response
    // Who sends it on hears of it too; until then nobody does.
    response.on('error', () => {})
    response.once('close', () => this.#over())
    this.#watch.begin(this.#bounds.idleTimeoutMs)
    this.#settle({ kind: 'response', response, upstream: this.#upstream })
  }

  #upgraded(response: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#over()
    if (!this.#request.isUpgrade || response.headers.upgrade?.toLowerCase() !== 'websocket') {
      socket.destroy()
      return void this.#fail('broken', 'it changed the protocol without being asked')
    }
    socket.on('error', () => socket.destroy())
    this.#settle({ kind: 'upgraded', response, socket, head, upstream: this.#upstream })
  }

  #fail(why: UpstreamFailure, detail: string): void {
    if (this.#response === undefined) this.#over()
    this.#settle({ kind: 'failed', why, detail, upstream: this.#upstream })
  }

  #settle(answer: UpstreamAnswer): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#resolve(answer)
  }

  /** Nothing of the upstream's is awaited any more. */
  #over(): void {
    clearTimeout(this.#connecting)
    this.#watch.stop()
    this.#request.gone.removeEventListener('abort', this.#giveUp)
    this.#request.body.off('error', this.#bodyFailed)
  }
}
