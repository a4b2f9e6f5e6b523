import type { HttpRequest } from './http-message.ts'

/** What the client calls its request in `X-Request-Id`, when that may stand in a header, a log and an audit event as it is. */
export function givenRequestId({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  const given = headers['x-request-id']
  return isPlainRequestId(given) ? given : undefined
}

/** Whether something is a text that may name a request wherever it is told. */
export function isPlainRequestId(id: unknown): id is string {
  return typeof id === 'string' && PLAIN.test(id)
}

const PLAIN = /^[\x21-\x7e]{1,128}$/
