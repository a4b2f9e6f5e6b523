import { randomUUID } from 'node:crypto'
import type { Caller } from '../../core/access/caller.ts'
import type { Origin } from '../../core/audit/audit-event.ts'
import { DomainError } from '../../core/errors.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { IdempotencyStore } from '../../core/ports/idempotency-store.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import { corsHeaders, createOrigins, type Origins, originOf } from '../../transports/http/origins.ts'
import { RESOURCE_METADATA_PATH, resourceMetadataUrl } from '../../transports/http/resource-metadata.ts'
import { authenticate } from './authenticate.ts'
import type { Endpoint, EndpointAnswer, EndpointContext, Method } from './endpoint.ts'
import { ENDPOINTS } from './endpoints.ts'
import type { GithubKeys } from './github-keys.ts'
import { answerOnce, idempotencyKeyOf, type NamedRequest } from './idempotency.ts'
import { Problem } from './problem.ts'
import { asProblem, problemReply } from './problem-document.ts'
import { createRouter, type Place } from './router.ts'
import { type AddressOf, originOfRequest, type Scene, sceneOf } from './scene.ts'

/** Settings that this API itself obeys; see `settings/settings.ts` for their meaning. */
export type NativeSettings = {
  readonly maxRequestSize: number
  readonly maxEncodingLayers: number
  readonly accessControlAllowOrigin: readonly string[]
  readonly accessControlAllowOriginUseRegExp: boolean
  readonly accessControlAllowHeaders: string
  /** URL under which clients reach this server; absent: by the name that they call it. */
  readonly publicUrl?: string
  /** Everything here can be asked under that URL; otherwise administration has a listener of its own. */
  readonly isApiPublic: boolean
}

/** Where this API writes what operators should know. Fits `pino`. Facts never hold what a client sent as a secret. */
export interface NativeLog {
  error(facts: Readonly<Record<string, unknown>>, message: string): void
}

/**
 * What answers `/v1/verify` and `/v1/verify/batch`, with any method: the routes that services ask all the time. They get
 * whole requests, and make whole replies.
 */
export type Verification = { readonly verify: HttpHandler; readonly batch: HttpHandler }

/** What this API needs of the rest of the server. */
export type NativeApiParts = {
  readonly authority: KeyAuthority
  readonly idempotency: IdempotencyStore
  readonly clock: Clock
  readonly log: NativeLog
  readonly settings: NativeSettings
  /** Absent: reports of GitHub are not taken. */
  readonly githubKeys?: GithubKeys
  /** Absent: these routes do not exist. */
  readonly verification?: Verification
  readonly addressOf: AddressOf
}

/** Latchkey's own API under `/v1`. */
export type NativeApi = {
  /** Answers every URL, if need be with `request.not_found`. */
  readonly handler: HttpHandler
  /** The answer to a request that there is no room for. Does not read the body. */
  readonly overloaded: (request: HttpRequest) => HttpReply
  /** From now on refuses requests with `server.shutting_down`; those that run are finished. */
  close(): void
}

/** Builds Latchkey's own API. Holds nothing that must be released. */
export function createNativeApi(parts: NativeApiParts): NativeApi {
  const { authority, clock, settings, log, verification, addressOf } = parts
  const router = createRouter(ENDPOINTS)
  const origins = createOrigins(settings.accessControlAllowOrigin, settings.accessControlAllowOriginUseRegExp)
  const limits = { bytesMax: settings.maxRequestSize, encodingsMax: settings.maxEncodingLayers }
  const tellOfOutage = outageTeller(log, clock)
  const allowedHeaders = [settings.accessControlAllowHeaders, ...OWN_REQUEST_HEADERS].join(', ')
  const { publicUrl, isApiPublic } = settings
  const standing = {
    authority,
    clock,
    isApiPublic,
    ...(parts.githubKeys !== undefined && { githubKeys: parts.githubKeys }),
  }
  // Proxies pass on what they were asked for, with the path of the public URL at its end.
  const metadataPath = publicUrl && new URL(resourceMetadataUrl(publicUrl)).pathname
  let isClosing = false

  const explain = (error: unknown, { requestId }: Scene): Problem => {
    tellOfOutage(error)
    const known = asProblem(error)
    if (known !== undefined) return known
    const reference = randomUUID()
    log.error({ err: error, reference, requestId }, 'A request failed unexpectedly')
    return new Problem('server.internal', `Cannot answer: look for ${reference} in the log`, { cause: error })
  }

  async function handler(request: HttpRequest): Promise<HttpReply> {
    const scene = sceneOf(request, publicUrl)
    try {
      return finished(request, scene, await answer(request, scene))
    } catch (error) {
      return finished(request, scene, refusal(request, scene, explain(error, scene)))
    }
  }

  async function answer(request: HttpRequest, scene: Scene): Promise<HttpReply> {
    if (isClosing) throw new Problem('server.shutting_down', 'Cannot answer: the server is shutting down')
    checkOrigin(request, origins)
    const place = router.find(request.path === metadataPath ? RESOURCE_METADATA_PATH : request.path)
    const verify = verification && verificationAt(verification, request.path)
    const allow = verify === undefined ? place?.allow : VERIFICATION_METHODS
    if (request.method === 'OPTIONS' && allow !== undefined) return preflight(allow, allowedHeaders)
    if (verify !== undefined) return verify(request)
    const found = endpointFor(request, place)
    checkAccept(request, found)
    const origin = originOfRequest(request, scene, addressOf)
    const caller = await callerOf(request, found, origin)
    const read = await found.read({ request, id: place?.id ?? '' }, limits)
    const context: EndpointContext = { ...standing, caller, origin, baseUrl: scene.baseUrl }
    const named = nameOf(request, found)
    const answered = named
      ? await answerOnce({ ...named, store: parts.idempotency, request, read, context })
      : await read.answer(context)
    return printAnswer(answered, found)
  }

  const callerOf = (request: HttpRequest, { access }: Endpoint, origin: Origin): Promise<Caller> =>
    access === 'none'
      ? authority.tokens.identify(undefined, origin)
      : authenticate({ authority, clock }, request, origin, access)

  const finished = (request: HttpRequest, { requestId }: Scene, reply: HttpReply): HttpReply => ({
    ...reply,
    headers: {
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...reply.headers,
      // A verification names itself, in its refusals too.
      'X-Request-Id': reply.headers['X-Request-Id'] ?? requestId,
      ...corsHeaders(request.headers, origins),
      'Access-Control-Expose-Headers': OWN_REPLY_HEADERS,
    },
  })

  return {
    handler,
    overloaded: (request) => {
      const scene = sceneOf(request, publicUrl)
      const problem = new Problem('server.overloaded', 'Cannot answer: too many requests are being answered')
      return finished(request, scene, refusal(request, scene, problem))
    },
    close: () => {
      isClosing = true
    },
  }
}

const OWN_REQUEST_HEADERS = ['Authorization', 'Idempotency-Key', 'X-API-Key', 'X-Request-Id']
const OWN_REPLY_HEADERS =
  'Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id'

const OAUTH_PATHS = new Set(ENDPOINTS.filter(({ speaksOAuth }) => speaksOAuth).map(({ path }) => path))

function refusal({ path }: HttpRequest, scene: Scene, problem: Problem): HttpReply {
  return problemReply(problem, { ...scene, speaksOAuth: OAUTH_PATHS.has(path) })
}

const VERIFICATION_METHODS = 'POST, OPTIONS'

function verificationAt({ verify, batch }: Verification, path: string): HttpHandler | undefined {
  if (path === '/v1/verify') return verify
  return path === '/v1/verify/batch' ? batch : undefined
}

/** @throws {Problem} `request.not_found`, `request.method_not_allowed` */
function endpointFor({ method, path }: HttpRequest, place: Place | undefined): Endpoint {
  if (place === undefined) {
    throw new Problem(
      'request.not_found',
      `Cannot find ${path.slice(0, SHOWN_PATH_LENGTH_MAX)}: there is no such route`,
    )
  }
  const wanted = method === 'HEAD' ? 'GET' : method
  const found = isMethod(wanted) ? place.endpoints.get(wanted) : undefined
  if (found !== undefined) return found
  throw new Problem('request.method_not_allowed', `Cannot ${method} this path: it has ${place.allow}`, {
    headers: { Allow: place.allow },
  })
}

const SHOWN_PATH_LENGTH_MAX = 128
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

function isMethod(method: string): method is Method {
  return METHODS.has(method)
}

/** @throws {Problem} `request.origin_forbidden` */
function checkOrigin({ headers }: HttpRequest, origins: Origins): void {
  const origin = originOf(headers)
  if (origin === undefined || origins.isAllowed(origin)) return
  throw new Problem('request.origin_forbidden', 'Cannot answer this website: it is not listed')
}

/** What a browser asks before it lets a website call, and what anybody may ask (RFC 9110 section 9.3.7). */
function preflight(allow: string, allowedHeaders: string): HttpReply {
  return {
    status: 204,
    headers: {
      Allow: allow,
      'Access-Control-Allow-Methods': allow,
      'Access-Control-Allow-Headers': allowedHeaders,
      'Access-Control-Max-Age': '600',
    },
    body: '',
  }
}

const JSON_RANGES: ReadonlySet<string> = new Set(['*/*', 'application/*', 'application/json'])

/** @throws {Problem} `request.not_acceptable` when the client takes anything but JSON (RFC 9110 section 12.5.1). */
function checkAccept({ headers }: HttpRequest, { answers }: Endpoint): void {
  const accept = headers['accept']
  if (typeof accept !== 'string' || accept.trim() === '') return
  if (Object.values(answers).every(({ schema }) => schema === undefined)) return
  const isAccepted = accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    return JSON_RANGES.has(type) && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
  })
  if (!isAccepted)
    throw new Problem('request.not_acceptable', 'Cannot answer: this route answers application/json')
}

/** The name of a request that may have one, if it has. @throws {Problem} `request.invalid` */
function nameOf(
  request: HttpRequest,
  { idempotent: repeats }: Endpoint,
): Pick<NamedRequest, 'name' | 'repeats'> | undefined {
  const name = repeats && idempotencyKeyOf(request)
  return repeats === undefined || name === undefined ? undefined : { name, repeats }
}

function printAnswer({ status, json, headers }: EndpointAnswer, { cacheable }: Endpoint): HttpReply {
  return {
    status,
    headers: {
      ...(json !== undefined && { 'Content-Type': 'application/json' }),
      ...(cacheable && { 'Cache-Control': 'public, max-age=300' }),
      ...headers,
    },
    body: json === undefined ? '' : JSON.stringify(json),
  }
}

/** While the storage cannot be used, the log says so this often. */
const OUTAGE_TOLD_EVERY_MS = 10_000

/** Clients cannot mend the storage, so somebody else must hear of it; but not once for each request. */
function outageTeller(log: NativeLog, clock: Clock): (error: unknown) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  return (error) => {
    if (!(error instanceof DomainError && error.code === 'storage.unavailable')) return
    const now = clock.now()
    if (now - toldAt < OUTAGE_TOLD_EVERY_MS) return
    toldAt = now
    log.error({ reason: error.message }, 'Requests fail because the storage cannot be used')
  }
}
