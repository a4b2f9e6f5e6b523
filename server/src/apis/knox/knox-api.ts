import type { HttpHandler, HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import {
  type DeployedTopology,
  type DeployParts,
  deployTopology,
  type OwnRequest,
} from './deploy-topology.ts'
import { printErrorPage } from './error-page.ts'
import { KnoxRefusal, type KnoxRequest } from './knox-request.ts'
import { TopologyProblem } from './topologies/topology-problem.ts'
import type { Topology } from './topology.ts'

/** What this API needs of the rest of the server. */
export type KnoxApiParts = DeployParts & {
  /** First segment of every URL, such as `gateway`. */
  readonly gatewayPath: string
  /** The address of a client, proxies that are trusted left out; undefined: unknown. */
  readonly addressOf: (request: HttpRequest) => string | undefined
  /** The distinguished name in the certificate of a client; undefined: it showed none that counts. */
  readonly clientNameOf: (request: HttpRequest) => string | undefined
  /** Most bytes of a body that is read whole. */
  readonly bodyBytesMax: number
  /** Most content encodings of a body. */
  readonly encodingsMax: number
}

/** Knox's API: one application for each topology. */
export interface KnoxApi {
  /** Answers every URL below `/GATEWAY_PATH`. */
  readonly handler: HttpHandler
  /** Whether GET on a path only asks who asks, which needs neither body nor connection. */
  readonly asksWho: (path: string) => boolean
  /** The answer to a request that there is no room for. Does not read the body. */
  readonly overloaded: (request: HttpRequest) => HttpReply
  /**
   * Offers these topologies from now on, each of which that is the same object as before staying as it is. One that
   * cannot be offered leaves its last good version in place.
   *
   * Answers why, by name of the topology.
   */
  offer(topologies: ReadonlyMap<string, Topology>): ReadonlyMap<string, string>
}

/** Joins Knox's API to an HTTP listener. */
export function createKnoxApi(parts: KnoxApiParts): KnoxApi {
  let deployed: ReadonlyMap<string, DeployedTopology> = new Map()
  const prefix = `/${parts.gatewayPath}/`

  function find(path: string): { readonly name: string; readonly rest: string } | undefined {
    if (!path.startsWith(prefix)) return undefined
    const below = path.slice(prefix.length)
    const end = below.indexOf('/')
    return { name: end === -1 ? below : below.slice(0, end), rest: end === -1 ? '/' : below.slice(end) }
  }

  return {
    async handler(http) {
      const place = find(http.path)
      const topology = place && deployed.get(place.name)
      if (place === undefined || topology === undefined) {
        return printErrorPage(http, {
          status: 404,
          message: undefined,
          topology: place?.name ?? parts.gatewayPath,
        })
      }
      return topology.answer(
        requestOf(http, { base: prefix + place.name, name: place.name, rest: place.rest }, parts),
      )
    },
    asksWho: (path) => {
      const place = find(path)
      return place !== undefined && deployed.get(place.name)?.asksWho(place.rest) === true
    },
    overloaded: (http) =>
      printErrorPage(http, {
        status: 503,
        message: undefined,
        topology: find(http.path)?.name ?? parts.gatewayPath,
        headers: { 'Retry-After': '1' },
      }),
    offer(topologies) {
      const problems = new Map<string, string>()
      const next = new Map<string, DeployedTopology>()
      for (const [name, topology] of topologies) {
        const known = deployed.get(name)
        try {
          next.set(name, known?.topology === topology ? known : deployTopology(topology, parts))
        } catch (error) {
          if (!(error instanceof TopologyProblem)) throw error
          problems.set(name, error.message)
          if (known !== undefined) next.set(name, known)
        }
      }
      // All at once: no request sees some topologies of before and some of after.
      deployed = next
      return problems
    },
  }
}

function requestOf(
  http: HttpRequest,
  { base, name, rest }: { readonly base: string; readonly name: string; readonly rest: string },
  parts: KnoxApiParts,
): OwnRequest {
  let body: ReturnType<KnoxRequest['body']> | undefined
  let query: URLSearchParams | undefined
  const clientName = parts.clientNameOf(http)
  return {
    ...(clientName !== undefined && { clientName }),
    http,
    topology: name,
    base,
    path: rest,
    // Few look at it.
    get query() {
      query ??= new URLSearchParams(http.query)
      return query
    },
    body: () => {
      body ??= readBody(http, parts)
      return body
    },
    streamed: false,
    address: parts.addressOf(http),
  }
}

const FORM = 'application/x-www-form-urlencoded'

async function readBody(
  http: HttpRequest,
  { bodyBytesMax, encodingsMax }: KnoxApiParts,
): ReturnType<KnoxRequest['body']> {
  const body = await http.readBody({ bytesMax: bodyBytesMax, encodingsMax })
  if (!body.ok) {
    const status = body.problem === 'too_large' ? 413 : body.problem === 'unsupported_encoding' ? 415 : 400
    throw new KnoxRefusal(status, `Cannot read the body: ${body.detail}`)
  }
  const text = Buffer.from(body.bytes).toString('utf8')
  const type = http.headers['content-type']
  const isForm = typeof type === 'string' && type.replace(/;.*$/s, '').trim().toLowerCase() === FORM
  return { text, form: isForm ? new URLSearchParams(text) : undefined }
}
