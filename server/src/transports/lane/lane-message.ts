import { STATUS_CODES } from 'node:http'
import { givenRequestId } from '../http/request-id.ts'

/** One request on the fast lane, with its whole body. */
export type LaneRequest = {
  readonly method: string
  /** Path as sent, without query string, still percent-encoded. */
  readonly path: string
  /** Query string as sent, without `?`; empty when there is none. */
  readonly query: string
  /** Names in lower case. On the lane nothing comes twice; over node:http what came twice may be an array. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Of the peer. */
  readonly address: string
  /** One character for each byte; empty when there is none. */
  readonly body: string
  /** What the client calls the request, see `givenRequestId`, or else a random one; made when it is first read. */
  readonly id: string
}

/** One answer of the fast lane. */
export type LaneReply = {
  /** One that may have a body: neither 204 nor 304. */
  readonly status: number
  /** Header lines, each ended by CR LF, in ASCII; none that says length or connection. */
  readonly fields: string
  /** ASCII. */
  readonly body: string
}

/** What one path of the lane does. */
export type LaneRoute = {
  readonly methods: readonly string[]
  /** Of letters, digits, `/`, `-`, `_` and `.` only. */
  readonly path: string
  /** Which requests it means: those of the path alone, or all below it as well (`/path/...`). */
  readonly reach: 'path' | 'below'
  /** Which of these paths it means; the others go to node:http. Absent: all of them. */
  readonly accepts?: (path: string) => boolean
  /** Requests that announce a longer body go to node:http; 0 for what takes none. In bytes. */
  readonly bodyBytesMax: number
  /** Requests with any of these headers, named in lower case, go to node:http. */
  readonly passesOn?: readonly string[]
  /** Answers at once whenever it can; a promise makes the connection wait. Must not fail. */
  readonly answer: (request: LaneRequest) => LaneReply | Promise<LaneReply>
}

const STATUS_LINES: readonly string[] = Object.entries(STATUS_CODES).reduce(
  (lines: string[], [code, text]) => {
    lines[Number(code)] = `HTTP/1.1 ${code} ${text}\r\n`
    return lines
  },
  [],
)

/** The text of an answer, one character for each byte; `close` tells the client that no other one follows. */
export function printLaneReply(reply: LaneReply, method: string, date: string, close: boolean): string {
  // A HEAD request gets the headers of the body, not the body (RFC 9110 section 9.3.2).
  const body = method === 'HEAD' ? '' : reply.body
  const ending = close ? '\r\nConnection: close\r\n\r\n' : '\r\n\r\n'
  return `${STATUS_LINES[reply.status] ?? STATUS_LINES[500]}${reply.fields}${date}Content-Length: ${reply.body.length}${ending}${body}`
}

/** The same answer with the client's own name of the request, when it gave one. */
export function repeatRequestId(reply: LaneReply, request: Pick<LaneRequest, 'headers'>): LaneReply {
  const given = givenRequestId(request)
  return given === undefined ? reply : { ...reply, fields: `${reply.fields}X-Request-Id: ${given}\r\n` }
}

/** A value as JSON in ASCII, for bodies of answers. */
export function asciiJson(value: unknown): string {
  const text = JSON.stringify(value)
  return text.replace(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const BEYOND_ASCII = /[\u007f-\uffff]/g
