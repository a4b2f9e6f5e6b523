import type { ServerResponse } from 'node:http'
import type { HttpReply } from './http-message.ts'

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
  reply: HttpReply,
  close: boolean,
): HttpReply['body'] {
  const headers: string[] = []
  for (const name in reply.headers) {
    const value = reply.headers[name]
    if (value === undefined || isFraming(name)) continue
    if (typeof value === 'string') headers.push(name, value)
    else for (const each of value) headers.push(name, each)
  }
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

/** Statuses that never have a body (RFC 9112 section 6.3). */
function isBodyless(status: number): boolean {
  return status === 204 || status === 304
}

function isFraming(name: string): boolean {
  // Only names of the right length are worth the lower-casing.
  if (name.length === 14) return name.toLowerCase() === 'content-length'
  return name.length === 17 && name.toLowerCase() === 'transfer-encoding'
}
