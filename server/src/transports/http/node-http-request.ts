import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isLocalRequest } from '../local-request.ts'
import type { Peer, PeerTls } from '../peer.ts'
import type { Body, HttpRequest, RequestStream, StreamLimits } from './http-message.ts'
import { type BodyLimits, type BodyObserver, readRequestBody } from './request-body.ts'

/** What a request asks of its listener. */
export type RequestOwner = BodyObserver & {
  readonly openStream: (limits: StreamLimits) => RequestStream
}

/** A request of node:http as the languages see it. What few of them ask for is worked out when asked for. */
export class NodeHttpRequest implements HttpRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: HttpRequest['headers']
  readonly address: string
  readonly tls?: PeerTls
  readonly upgrade?: 'websocket'
  readonly #incoming: IncomingMessage
  readonly #peer: Peer
  readonly #owner: RequestOwner
  #id: string | undefined
  #bodyAsked = false

  constructor(incoming: IncomingMessage, peer: Peer, owner: RequestOwner, upgrade?: 'websocket') {
    const target = originForm(incoming.url ?? '/')
    const mark = target.indexOf('?')
    this.method = incoming.method ?? ''
    this.path = mark === -1 ? target : target.slice(0, mark)
    this.query = mark === -1 ? '' : target.slice(mark + 1)
    this.headers = requestHeaders(incoming)
    this.address = peer.address
    this.#incoming = incoming
    this.#peer = peer
    this.#owner = owner
    if (peer.tls !== undefined) this.tls = peer.tls
    if (upgrade !== undefined) this.upgrade = upgrade
  }

  get id(): string {
    this.#id ??= randomUUID()
    return this.#id
  }

  get local(): boolean {
    return isLocalRequest(this.#peer, { headers: this.headers, httpVersion: this.#incoming.httpVersion })
  }

  get isGone(): boolean {
    return this.#incoming.socket.destroyed
  }

  readBody(limits: BodyLimits): Promise<Body> {
    if (this.#bodyAsked)
      return Promise.reject(new Error(`Cannot read body of request ${this.id}: already read`))
    this.#bodyAsked = true
    return readRequestBody(this.#incoming, limits, this.#owner)
  }

  stream(limits: StreamLimits): RequestStream {
    if (this.#bodyAsked) throw new Error(`Cannot stream request ${this.id}: its body was already read`)
    this.#bodyAsked = true
    return this.#owner.openStream(limits)
  }
}

/**
 * The headers of a request, names in lower case.
 *
 * A name that came twice and may come once is an array of all its values, so that nobody takes the first and
 * trusts it while somebody in front of us trusted the last. Others are joined (RFC 9110 section 5.3).
 */
export function requestHeaders(incoming: IncomingMessage): HttpRequest['headers'] {
  const headers = incoming.headers
  let names = 0
  for (const _ in headers) names += 1
  // As many names as fields: nothing came twice, which is nearly always so, and no copy is needed.
  if (names * 2 === incoming.rawHeaders.length) return headers
  const repeated = repeatedSingletons(incoming.rawHeaders)
  return repeated.size === 0 ? headers : { ...headers, ...Object.fromEntries(repeated) }
}

/** Fields that are one value, not a list: a second one is a mistake or an attack. */
const SINGLETONS: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'max-forwards',
  'origin',
  'proxy-authorization',
  'referer',
  'user-agent',
])

function repeatedSingletons(rawHeaders: readonly string[]): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase()
    if (!SINGLETONS.has(name)) continue
    const value = rawHeaders[index + 1] ?? ''
    const known = values.get(name)
    if (known === undefined) values.set(name, [value])
    else known.push(value)
  }
  for (const [name, all] of values) {
    if (all.length === 1) values.delete(name)
  }
  return values
}

/** The path of a request's target, without query string. */
export function pathOf(target: string): string {
  const path = originForm(target)
  const mark = path.indexOf('?')
  return mark === -1 ? path : path.slice(0, mark)
}

/** `http://host/path` as `/path`: servers must accept both (RFC 9112 section 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target)
  if (absolute === null) return target
  const rest = target.slice(absolute[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}
