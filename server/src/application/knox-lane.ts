import type { HttpReply, HttpRequest } from '../transports/http/http-message.ts'
import type { LaneReply, LaneRequest, LaneRoute } from '../transports/lane/lane-message.ts'
import type { OpenKnox } from './open-knox.ts'

/** What proxies ask of topologies for each of their own requests, on the lane; everything else of Knox's passes it by. */
export function createKnoxLane({ api, gatewayPath }: Pick<OpenKnox, 'api' | 'gatewayPath'>): LaneRoute {
  return {
    methods: ['GET'],
    path: `/${gatewayPath}`,
    reach: 'below',
    accepts: api.asksWho,
    bodyBytesMax: 0,
    answer: async (request) => laneReplyOf(await api.handler(new PlainRequest(request))),
  }
}

/** A request of the lane as the languages see it: without a body, and of which nobody has to know the connection. */
class PlainRequest implements HttpRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: HttpRequest['headers']
  readonly address: string
  readonly local = false
  readonly isGone = false
  readonly #asked: LaneRequest

  constructor(asked: LaneRequest) {
    const { method, path, query, headers, address } = asked
    this.method = method
    this.path = path
    this.query = query
    this.headers = headers
    this.address = address
    this.#asked = asked
  }

  get id(): string {
    return this.#asked.id
  }

  readBody(): ReturnType<HttpRequest['readBody']> {
    return Promise.resolve({ ok: true, bytes: NOTHING })
  }

  stream(): never {
    throw new Error(`Cannot stream request ${this.id}: it has no body`)
  }
}

const NOTHING = new Uint8Array(0)

/** @throws {TypeError} a header that cannot be sent. */
function laneReplyOf({ status, headers, body }: HttpReply): LaneReply {
  let fields = ''
  for (const name in headers) {
    const value = headers[name] ?? ''
    for (const each of typeof value === 'string' ? [value] : value) fields += fieldOf(name, each)
  }
  if (typeof body === 'string') {
    return { status, fields, body: body === '' ? '' : Buffer.from(body).toString('latin1') }
  }
  if (body instanceof Uint8Array) return { status, fields, body: Buffer.from(body).toString('latin1') }
  throw new TypeError('Cannot send a stream on the lane')
}

function fieldOf(name: string, value: string): string {
  if (PRINTABLE.test(value)) return `${name}: ${value}\r\n`
  throw new TypeError(`Cannot send the header "${name}": it has characters that no header may have`)
}

const PRINTABLE = /^[\t\x20-\x7e]*$/
