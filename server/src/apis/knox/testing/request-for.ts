import type { HttpRequest } from '../../../transports/http/http-message.ts'
import type { KnoxRequest } from '../knox-request.ts'

/** A request to the topology `sandbox`, as filters and services see it. `target`: path below it, and query string. */
export function requestFor(
  method: string,
  target: string,
  {
    headers = {},
    body = '',
    address = '127.0.0.1',
  }: {
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    readonly address?: string
  } = {},
): KnoxRequest {
  const [path = '/', query = ''] = target.split('?')
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
  return {
    http: httpRequest(method, `/gateway/sandbox${path}`, { query, headers, body, address }),
    topology: 'sandbox',
    base: '/gateway/sandbox',
    path,
    query: new URLSearchParams(query),
    body: () => Promise.resolve({ text: body, form: isForm ? new URLSearchParams(body) : undefined }),
    streamed: false,
    address,
  }
}

function httpRequest(
  method: string,
  path: string,
  {
    query,
    headers,
    body,
    address,
  }: {
    readonly query: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    readonly address: string
  },
): HttpRequest {
  return {
    method,
    path,
    query,
    headers,
    address,
    local: false,
    id: 'request-1',
    isGone: false,
    stream: () => {
      throw new Error('The request of this test has no stream')
    },
    readBody: () => Promise.resolve({ ok: true, bytes: Buffer.from(body) }),
  }
}
