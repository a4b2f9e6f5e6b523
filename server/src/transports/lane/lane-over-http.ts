import type { BodyProblem, HttpHandler, HttpReply, HttpRequest } from '../http/http-message.ts'
import { givenRequestId } from '../http/request-id.ts'
import type { LaneReply, LaneRoute } from './lane-message.ts'

/** How many content encodings a body may have been through, for routes of the lane. */
const ENCODINGS_MAX = 3

/** The answer to a request whose body could not be had. */
export type RefuseBody = (request: HttpRequest, problem: BodyProblem, detail: string) => LaneReply

/** Answers a request for a route of the lane that came by node:http, with the same answer as on the lane. */
export function createLaneHandler(route: LaneRoute, refuseBody: RefuseBody): HttpHandler {
  const answer = async (request: HttpRequest): Promise<HttpReply> => {
    const { method, path, query, headers, address } = request
    let body = ''
    if (route.bodyBytesMax > 0) {
      const read = await request.readBody({ bytesMax: route.bodyBytesMax, encodingsMax: ENCODINGS_MAX })
      if (!read.ok) return httpReplyOf(refuseBody(request, read.problem, read.detail))
      body = Buffer.from(read.bytes.buffer, read.bytes.byteOffset, read.bytes.length).toString('latin1')
    }
    const id = givenRequestId(request) ?? request.id
    return httpReplyOf(await route.answer({ method, path, query, headers, address, body, id }))
  }
  return answer
}

/** An answer of the lane as node:http sends it. */
export function httpReplyOf(reply: LaneReply): HttpReply {
  const headers: Record<string, string> = {}
  for (const line of reply.fields.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon)] = line.slice(colon + 1).trim()
  }
  return { status: reply.status, headers, body: reply.body }
}
