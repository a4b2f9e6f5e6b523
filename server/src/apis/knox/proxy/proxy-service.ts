import { Agent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Readable } from 'node:stream'
import type { HttpReply, HttpRequest, RequestStream } from '../../../transports/http/http-message.ts'
import { encodeHeader, printIdentity } from '../identity-headers.ts'
import type { KnoxService } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import type { Topology, TopologyService } from '../topology.ts'
import { type CredentialPlaces, credentialPlacesOf } from './credential-places.ts'
import { answeredHeaders, forwardedHeaders, type StrippedHeaders, viaOf } from './forwarded-headers.ts'
import { joinSockets } from './joined-sockets.ts'
import {
  announcedTrailers,
  answeredTrailers,
  forwardedTrailerOf,
  passedLines,
  takesTrailers,
} from './passed-trailers.ts'
import { type ProxySettings, proxySettingsOf } from './proxy-settings.ts'
import type { RunningStreams } from './running-streams.ts'
import { leavesBase, targetOn, withoutParameters } from './target-path.ts'
import {
  askUpstreams,
  type UpstreamAnswer,
  type UpstreamFailure,
  type UpstreamPool,
  type UpstreamRequest,
} from './upstream-exchange.ts'
import { publicLocation } from './upstream-location.ts'
import { refuseForeignWebsite } from './website-check.ts'

/** What proxied services share. */
export type ProxyParts = {
  /** Scheme, host and port by which the client calls this server, and its path if a proxy in front has one. */
  readonly baseUrlOf: (request: HttpRequest) => string
  /** Reads a file of certificates as PEM. */
  readonly readCertificates: (path: string) => string
  readonly running: RunningStreams
  /** Told why an upstream did not answer, which clients do not learn. */
  readonly onFailure: (failure: ProxyFailure, requestId: string) => void
}

/** Why an upstream did not answer. */
export type ProxyFailure = {
  readonly topology: string
  readonly role: string
  /** Scheme, host, port and path of the upstream. */
  readonly upstream: string
  readonly why: UpstreamFailure
  /** What the system or the upstream said, such as `ECONNREFUSED`. */
  readonly detail: string
}

/**
 * A service whose requests are passed on to its URL once the caller is known: bodies and answers as they come, WebSockets
 * included. The upstream is told who asks, and never sees the credentials of the client.
 *
 * @throws {TopologyProblem} a URL or parameter cannot be understood.
 */
export function createProxyService(
  service: TopologyService,
  topology: Topology,
  parts: ProxyParts,
): KnoxService {
  const settings = proxySettingsOf(service, topology.file, parts.readCertificates)
  const { path, concurrentMax } = settings
  const proxy: Proxy = {
    role: service.role,
    settings,
    parts,
    places: credentialPlacesOf(topology),
    ownsCors: topology.providers.some(
      ({ params }) => params.get('cors.enabled')?.trim().toLowerCase() === 'true',
    ),
    pool: openPool(concurrentMax),
  }
  let running = 0
  return {
    role: service.role,
    matches: (asked) => asked === path || asked.startsWith(`${path}/`),
    streams: true,
    async answer(request, principal) {
      if (running >= concurrentMax) {
        throw new KnoxRefusal(503, `${concurrentMax} requests are running, which is the limit`, {
          'Retry-After': '1',
        })
      }
      running += 1
      let isOver = false
      const over = (): void => {
        if (!isOver) running -= 1
        isOver = true
      }
      try {
        return await pass(proxy, { request, principal }, over)
      } catch (error) {
        over()
        throw error
      }
    },
  }
}

type Proxy = {
  readonly role: string
  readonly settings: ProxySettings
  readonly parts: ProxyParts
  readonly places: CredentialPlaces
  /** The topology itself says which websites may read answers. */
  readonly ownsCors: boolean
  readonly pool: UpstreamPool
}

type Call = { readonly request: KnoxRequest; readonly principal: Principal }

/** Connections that are kept for the next request, and for how long: less than servers usually keep theirs. */
const KEPT_CONNECTIONS_MAX = 32
const KEPT_MS = 4_000

function openPool(concurrentMax: number): UpstreamPool {
  const options = {
    keepAlive: true,
    maxSockets: concurrentMax,
    maxFreeSockets: KEPT_CONNECTIONS_MAX,
    timeout: KEPT_MS,
  }
  // Kept connections let the process end, and go by themselves when the topology does.
  return { http: new Agent(options), https: new HttpsAgent(options) }
}

/** Passes one request on. `over` is called once nothing of it is on its way any more; not when this throws. */
async function pass(proxy: Proxy, call: Call, over: () => void): Promise<HttpReply> {
  const { settings, pool } = proxy
  const { http, path } = call.request
  const rest = path.slice(settings.path.length)
  // It would show what this server adds.
  if (http.method === 'TRACE') throw new KnoxRefusal(405)
  if (leavesBase(rest)) throw new KnoxRefusal(400, 'The path must not contain ".."')
  if (/[#\0]/.test(rest + http.query)) throw new KnoxRefusal(400, 'The URL must not contain "#"')
  if (http.upgrade !== undefined) refuseForeignWebsite(http)
  const stream = http.stream({
    bytesMax: settings.bodyBytesMax,
    silenceMsMax: silenceMsMaxOf(settings),
  })
  // Whoever reads it hears of it; before, it is known from the connection.
  stream.body.on('error', () => {})
  if ((stream.length ?? 0) > settings.bodyBytesMax) throw new KnoxRefusal(413)
  const answer = await askUpstreams(upstreamRequest(proxy, call, stream), pool, settings)
  if (answer.kind === 'failed') throw explain(proxy, call.request, answer)
  return reply(proxy, call, { answer, over })
}

/** Longer than every other patience, so that the client is told what happened. */
function silenceMsMaxOf({
  connectTimeoutMs,
  firstByteTimeoutMs,
  idleTimeoutMs,
  upstreams,
}: ProxySettings): number {
  const longest =
    connectTimeoutMs * upstreams.length + 2 * Math.max(firstByteTimeoutMs, idleTimeoutMs) + 10_000
  return Math.min(longest, TIMER_MS_MAX)
}

/** Timers of Node.js can wait no longer. */
const TIMER_MS_MAX = 2_147_483_647

function upstreamRequest(proxy: Proxy, call: Call, stream: RequestStream): UpstreamRequest {
  const { settings, places } = proxy
  const { http, path } = call.request
  const { headers: came } = http
  const rest = path.slice(settings.path.length)
  const query = withoutParameters(http.query, places.isParameter)
  const headers = passedHeaders(proxy, call)
  const framing: Record<string, string> = {}
  if (stream.length === undefined) framing['transfer-encoding'] = 'chunked'
  else if (stream.length > 0) framing['content-length'] = String(stream.length)
  const passesTrailer = forwardedTrailerOf(came, strippedBy(proxy), settings.addedHeaders.keys())
  const announced = announcedTrailers(came['trailer'], passesTrailer)
  if (stream.length === undefined && announced.length > 0) framing['trailer'] = announced.join(', ')
  const isUpgrade = http.upgrade !== undefined
  if (!isUpgrade && takesTrailers(came)) {
    framing['te'] = 'trailers'
    framing['connection'] = 'keep-alive, TE'
  }
  if (isUpgrade) {
    framing['connection'] = 'Upgrade'
    framing['upgrade'] = 'websocket'
  }
  return {
    method: http.method,
    pathOn: (upstream) => targetOn(upstream, rest, query),
    headersFor: (upstream) => ({ ...headers, ...framing, host: upstream.host }),
    body: stream.body,
    length: stream.length,
    trailers: () => passedLines(stream.trailers(), passesTrailer),
    informed: (information, upstream) => {
      // That one is ours to say, and nobody behind was asked for it.
      if (information.statusCode === 100) return
      const headers = answeredHeaders(information, changedHeader(proxy, call, upstream))
      stream.inform(information.statusCode, headers)
    },
    gone: stream.gone,
    isUpgrade,
  }
}

/** What must not reach the upstream from a client. */
function strippedBy({ settings: { identity }, places }: Proxy): StrippedHeaders {
  return { ...places, identity: [identity.nameHeader, identity.groups.prefix] }
}

function passedHeaders(proxy: Proxy, { request, principal }: Call): Readonly<Record<string, string>> {
  const { http, address, base } = request
  const { settings, parts } = proxy
  const { identity, addedHeaders } = settings
  const { protocol, host } = urlCalled(parts, http)
  return {
    ...forwardedHeaders(http.headers, strippedBy(proxy)),
    via: viaOf(http.headers),
    'x-forwarded-for': address ?? http.address,
    'x-forwarded-proto': protocol.slice(0, -1),
    'x-forwarded-host': host,
    'x-forwarded-context': base,
    ...printIdentity(principal, identity),
    'X-Latchkey-User': encodeHeader(principal.effective),
    ...(principal.key !== undefined && { 'X-Latchkey-Key-Id': encodeHeader(principal.key.id) }),
    ...Object.fromEntries(addedHeaders),
  }
}

/** @throws {KnoxRefusal} the client calls this server by a name that is none. */
function urlCalled({ baseUrlOf }: ProxyParts, http: HttpRequest): URL {
  const url = baseUrlOf(http)
  if (URL.canParse(url)) return new URL(url)
  throw new KnoxRefusal(400, 'The header "Host" names no host')
}

type Failed = Extract<UpstreamAnswer, { kind: 'failed' }>

/** What the client is told of each failure; a new one does not compile until it is here. */
const FAILURES: Readonly<Record<UpstreamFailure, readonly [status: number, message: string]>> = {
  unreachable: [502, 'The service behind cannot be reached'],
  connect_timeout: [504, 'The service behind cannot be reached'],
  stale: [502, 'The service behind broke off'],
  broken: [502, 'The service behind broke off'],
  timeout: [504, 'The service behind did not answer in time'],
  client_timeout: [408, 'The request did not come in time'],
  body_too_large: [413, 'The body is longer than the limit'],
  gone: [400, 'The request did not come whole'],
}

/** Faults of the client, which operators need not hear of. */
const OF_THE_CLIENT: readonly UpstreamFailure[] = ['client_timeout', 'body_too_large', 'gone']

function explain(
  { role, parts }: Proxy,
  { http, topology }: KnoxRequest,
  { why, detail, upstream }: Failed,
): KnoxRefusal {
  if (!OF_THE_CLIENT.includes(why)) {
    parts.onFailure({ topology, role, upstream: upstream.href, why, detail }, http.id)
  }
  const [status, message] = FAILURES[why]
  return new KnoxRefusal(status, message)
}

type Answered = { readonly answer: Exclude<UpstreamAnswer, Failed>; readonly over: () => void }

/** The reply that an answer becomes. */
function reply(proxy: Proxy, call: Call, { answer, over }: Answered): HttpReply {
  const { response } = answer
  const status = response.statusCode ?? 502
  const headers = answeredHeaders(response, changedHeader(proxy, call, answer.upstream))
  if (answer.kind === 'upgraded') {
    const { socket, head } = answer
    const end = { socket, head }
    socket.once('close', over)
    return {
      status: 101,
      headers,
      body: '',
      takeOver: (client, clientHead) => {
        const forget = registered(proxy, call, () => cut())
        const cut = joinSockets({ socket: client, head: clientHead }, end, {
          idleTimeoutMs: proxy.settings.idleTimeoutMs,
          over: forget,
        })
      },
    }
  }
  const forget = registered(proxy, call, () => response.destroy(new Error('The key has ended')))
  response.once('close', () => {
    forget()
    over()
  })
  const hasBody = call.request.http.method !== 'HEAD' && status !== 204 && status !== 304
  // Read to its end, so that the connection can serve the next request.
  if (!hasBody) response.resume()
  if (!hasBody) return { status, headers, body: Readable.from([]) }
  return { status, headers, body: response, trailers: answeredTrailers(response) }
}

/** Has it cut when the key ends, if the topology wants that. Answers how to forget it. */
function registered({ settings, parts }: Proxy, { principal: { key } }: Call, cut: () => void): () => void {
  return settings.cutsStreams && key !== undefined ? parts.running.add(key.fingerprint, cut) : () => {}
}

const REFERENCES = ['location', 'content-location']

function changedHeader({ settings, parts, ownsCors, places }: Proxy, { request }: Call, upstream: URL) {
  const { http, base, path } = request
  return (name: string, value: string): string | undefined => {
    if (ownsCors && name.startsWith('access-control-')) return undefined
    if (!REFERENCES.includes(name)) return value
    const query = withoutParameters(http.query, places.isParameter)
    const asked = new URL(targetOn(upstream, path.slice(settings.path.length), query), upstream.origin)
    const front = urlCalled(parts, http).pathname.replace(/\/+$/, '')
    return publicLocation(value, {
      path: front + base + settings.path,
      asked,
      upstreams: settings.upstreams,
    })
  }
}
