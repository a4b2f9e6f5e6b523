import type { LaneRoute } from './lane-message.ts'

/** A request head that the lane understands in full. */
export type LaneHead = {
  readonly route: LaneRoute
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the body that follows. */
  readonly bodyLength: number
}

/**
 * What the lane makes of the head of a request, from the request line to the empty line; undefined when it is anything
 * but the plainest form of a request for one of the routes, and node:http has to look at it.
 *
 * That is what keeps requests from being smuggled: no header comes twice, nothing but one exact `Content-Length` says
 * where the body ends, and no byte stands where readers of HTTP disagree. What is refused here loses only time.
 */
export function parseLaneHead(text: string, routes: readonly LaneRoute[]): LaneHead | undefined {
  const [whole, method = '', path = '', query = ''] = HEAD.exec(text) ?? []
  if (whole === undefined) return undefined
  const route = routes.find((each) => isFor(each, method, path))
  if (route === undefined) return undefined
  const headers = readHeaders(text)
  if (headers === undefined || !HOST.test(headers['host'] ?? '')) return undefined
  if (route.passesOn?.some((name) => name in headers) === true) return undefined
  const connection = headers['connection']
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined
  const length = headers['content-length'] ?? '0'
  if (!LENGTH.test(length)) return undefined
  const bodyLength = Number(length)
  // What a GET with a body means is not defined (RFC 9110 section 9.3.1).
  if (bodyLength > (BODYLESS_METHODS.has(method) ? 0 : route.bodyBytesMax)) return undefined
  return { route, method, path, query, headers, bodyLength }
}

/**
 * Whether what came so far of a head may still become one for the lane. Answers no as soon as it cannot, because
 * node:http refuses many mistakes before it has seen the end of the head.
 */
export function mayBecomeLaneHead(text: string, routes: readonly LaneRoute[]): boolean {
  if (!routes.some((route) => mayBecomeFor(route, text))) return false
  const lineEnd = text.indexOf('\r\n')
  if (lineEnd === -1) return UNFINISHED_REQUEST_LINE.test(text)
  return REQUEST_LINE.test(text.slice(0, lineEnd)) && UNFINISHED_HEADERS.test(text.slice(lineEnd + 2))
}

/**
 * A request line in origin form and header lines, without the alternatives that RFC 9112 allows to read and forbids to
 * write. No two neighbouring repetitions accept the same character, so that matching takes linear time.
 */
const HEAD =
  /^([A-Z]{3,7}) (\/[\w/.~!$&'()*+,;=:@%-]*)(?:\?([\w/.~!$&'()*+,;=:@%?-]*))? HTTP\/1\.1\r\n(?:[\w-]+:[\t\x20-\x7e]*\r\n)+\r\n$/

const REQUEST_LINE = /^[A-Z]{3,7} \/[\w/.~!$&'()*+,;=:@%-]*(?:\?[\w/.~!$&'()*+,;=:@%?-]*)? HTTP\/1\.1$/
const UNFINISHED_REQUEST_LINE =
  /^[A-Z]{1,7}(?: (?:\/[\w/.~!$&'()*+,;=:@%-]*(?:\?[\w/.~!$&'()*+,;=:@%?-]*)?(?: [HTP/1.]{0,8}\r?)?)?)?$/
const UNFINISHED_HEADERS = /^(?:[\w-]+:[\t\x20-\x7e]*\r\n)*(?:[\w-]*|[\w-]+:[\t\x20-\x7e]*\r?|\r)$/

const HOST = /^[\w.:[\]-]+$/
/** At most seven digits: more than any route takes. */
const LENGTH = /^(?:0|[1-9]\d{0,6})$/
const BODYLESS_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])

/** Headers that change what a request is, or how its body is to be read. */
const SPECIAL_HEADERS: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'content-encoding',
  'expect',
  'upgrade',
  'te',
  'trailer',
  'http2-settings',
  'proxy-connection',
])

function isFor(route: LaneRoute, method: string, path: string): boolean {
  if (!path.startsWith(route.path) || !route.methods.includes(method)) return false
  const isThere =
    path.length === route.path.length || (route.reach === 'below' && path[route.path.length] === '/')
  return isThere && route.accepts?.(path) !== false
}

function mayBecomeFor(route: LaneRoute, text: string): boolean {
  return route.methods.some((method) => {
    const start = `${method} ${route.path}`
    return text.length < start.length ? start.startsWith(text) : text.startsWith(start)
  })
}

/** The header fields by name in lower case; undefined when one came twice, or changes what the request is. */
function readHeaders(text: string): Record<string, string> | undefined {
  // Names come from clients, and must not find what JavaScript puts into objects.
  const headers: Record<string, string> = Object.create(null)
  const end = text.length - 2
  let at = text.indexOf('\r\n') + 2
  while (at < end) {
    const lineEnd = text.indexOf('\r\n', at)
    const colon = text.indexOf(':', at)
    const name = text.slice(at, colon).toLowerCase()
    if (name in headers || SPECIAL_HEADERS.has(name)) return undefined
    headers[name] = withoutBlanks(text, colon + 1, lineEnd)
    at = lineEnd + 2
  }
  return headers
}

/** The text between two places without spaces and tabs around it: what HTTP calls a field value. */
function withoutBlanks(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text, start)) start += 1
  while (end > start && isBlank(text, end - 1)) end -= 1
  return text.slice(start, end)
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 0x20 || code === 0x09
}
