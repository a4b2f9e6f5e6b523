import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { HttpReply } from './http-message.ts'

/** A reply whose body is there. */
export type WholeReply = HttpReply & { readonly body: string | Uint8Array }

/** A reply whose body is still to come. */
export type StreamedReply = HttpReply & { readonly body: Readable }

/** Whether the body of a reply is there: if not, it is streamed. */
export function isWhole(reply: HttpReply): reply is WholeReply {
  return !isStreamed(reply)
}

/** Whether the body of a reply is still to come. */
export function isStreamed(reply: HttpReply): reply is StreamedReply {
  return reply.body instanceof Readable
}

/**
 * Writes a whole reply except its end: the caller calls `response.end` with what this returns.
 *
 * Length and connection are ours to say; a reply that names `content-length` or `transfer-encoding` is not
 * believed. With `close` the client is told that no further request is answered on this connection.
 *
 * @throws {TypeError} A status or header that cannot be sent; nothing was written.
 */
export function writeReplyHead(
  response: ServerResponse,
  reply: WholeReply,
  close: boolean,
): WholeReply['body'] {
  const headers = headerLines(reply.headers)
  if (close) headers.push('Connection', 'close')
  if (isBodyless(reply.status)) {
    response.writeHead(reply.status, headers)
    return ''
  }
  headers.push('Content-Length', String(Buffer.byteLength(reply.body)))
  response.writeHead(reply.status, headers)
  // A HEAD request gets the headers of the body, not the body (RFC 9110 section 9.3.2).
  return response.req.method === 'HEAD' ? '' : reply.body
}

/** How much of a streamed reply follows its head. */
export type StreamedBodyPlan = {
  /** False: none of it. */
  readonly hasBody: boolean
  /** Bytes that were announced; undefined: it is sent in chunks, or to HTTP/1.0 until the connection ends. */
  readonly length: number | undefined
  /** Trailers may follow it. */
  readonly isChunked: boolean
}

/**
 * Writes the head of a reply whose body is a stream. The reply may name a `content-length`.
 *
 * @throws {TypeError} A status or header that cannot be sent; nothing was written.
 */
export function writeStreamHead(
  response: ServerResponse,
  reply: StreamedReply,
  close: boolean,
): StreamedBodyPlan {
  const headers = headerLines(reply.headers)
  if (close) headers.push('Connection', 'close')
  const isEmpty = isBodyless(reply.status)
  const length = isEmpty ? undefined : namedLength(reply)
  if (length !== undefined) headers.push('Content-Length', String(length))
  const hasBody = !isEmpty && response.req.method !== 'HEAD'
  const isChunked = hasBody && length === undefined && response.useChunkedEncodingByDefault
  const { announced = [] } = reply.trailers ?? {}
  if (isChunked && announced.length > 0) headers.push('Trailer', announced.join(', '))
  response.writeHead(reply.status, headers)
  return { hasBody, length, isChunked }
}

/** Writes that the connection speaks WebSocket from now on. @throws {TypeError} A header that cannot be sent. */
export function writeUpgradeHead(response: ServerResponse, { headers }: HttpReply): void {
  response.writeHead(101, [...headerLines(headers), 'Connection', 'Upgrade', 'Upgrade', 'websocket'])
  response.flushHeaders()
}

/** Names and values in turn, without those that say how long the body is. */
function headerLines(headers: HttpReply['headers']): string[] {
  const lines: string[] = []
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || isFraming(name)) continue
    if (typeof value === 'string') lines.push(name, value)
    else for (const each of value) lines.push(name, each)
  }
  return lines
}

/** @throws {TypeError} it is no length. */
function namedLength({ headers }: HttpReply): number | undefined {
  const name = Object.keys(headers).find((each) => each.toLowerCase() === 'content-length')
  const value = name === undefined ? undefined : headers[name]
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  throw new TypeError(`Cannot send a reply of the length "${String(value)}"`)
}

/** Statuses that never have a body (RFC 9112 section 6.3). */
function isBodyless(status: number): boolean {
  return status === 204 || status === 304
}

function isFraming(name: string): boolean {
  // Only names of the right length are worth the lower-casing.
  if (name.length === 14) return name.toLowerCase() === 'content-length'
  return name.length === 17 && name.toLowerCase() === 'transfer-encoding'
}
