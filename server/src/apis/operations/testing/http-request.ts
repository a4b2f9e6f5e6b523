import type { HttpReply, HttpRequest } from '../../../transports/http/http-message.ts'

/** A GET request as a listener would hand it over, with what the test says instead. */
export function requestOf(path: string, given: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'GET',
    path,
    query: '',
    headers: { host: 'latchkey.example' },
    address: '192.0.2.7',
    local: false,
    id: 'request-1',
    isGone: false,
    stream: () => {
      throw new Error('The request of this test has no stream')
    },
    readBody: async () => ({ ok: true, bytes: new Uint8Array() }),
    ...given,
  }
}

/** An answer of a handler that says no more than it must. */
export function replyOf(status: number, headers: HttpReply['headers'] = {}): HttpReply {
  return { status, headers, body: '' }
}
