import { parse as parseQuery } from 'node:querystring'
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts'
import { parseJson } from '../../core/json-text.ts'
import type { HttpHandler, HttpReply, HttpRequest } from '../../transports/http/http-message.ts'
import type { Origins } from '../../transports/http/origins.ts'
import { bearerToken, hasBody } from '../../transports/http/request-head.ts'
import { type EnvelopeFacts, type EnvelopeSubject, printEnvelope } from './envelope.ts'
import type { Answer, Funnel } from './funnel.ts'
import type { Gate } from './gate.ts'
import { FIELDS_MAX, readHttpBody } from './http-body.ts'
import { createReplies } from './http-reply.ts'
import { fail, KuzzleError } from './kuzzle-errors.ts'
import { isArgument, KuzzleRequest, parseBody, parseRequest, parseVolatile } from './request.ts'
import { normalisePath, type RouteMatch, type Router } from './router.ts'
import type { KuzzleSettings } from './server-facts.ts'

/** What this API over HTTP is made of. */
export type HttpParts = {
  readonly funnel: Funnel
  readonly router: Router
  readonly gate: Gate
  readonly origins: Origins
  readonly settings: KuzzleSettings
  readonly envelopes: EnvelopeFacts
}

/** Kuzzle's API over HTTP. */
export type KuzzleOverHttp = {
  /** Answers every URL, if need be with `network.http.url_not_found`. */
  readonly handler: HttpHandler
  /** The answer to a request that there is no room for. Does not read the body. */
  readonly overloaded: (request: HttpRequest) => HttpReply
}

/** Joins Kuzzle's API to an HTTP listener. */
export function createKuzzleOverHttp(parts: HttpParts): KuzzleOverHttp {
  const { funnel, router, gate, settings, envelopes } = parts
  const replies = createReplies(parts)

  async function handler(request: HttpRequest): Promise<HttpReply> {
    let body: JsonValue | undefined
    try {
      if (hasBody(request)) body = await readHttpBody(request, settings)
    } catch (error) {
      return replies.bare(request, funnel.explain(error, request.id))
    }
    const requestId = requestIdOf(request)
    try {
      return await route(request, requestId, body)
    } catch (error) {
      const envelope = printEnvelope(envelopes, { requestId }, { error: funnel.explain(error, requestId) })
      return replies.enveloped(request, { envelope, extras: {} })
    }
  }

  async function route(
    request: HttpRequest,
    requestId: string,
    body: JsonValue | undefined,
  ): Promise<HttpReply> {
    const path = normalisePath(request.path)
    const special = specials.get(`${request.method} ${path}`)
    if (special !== undefined) return replies.enveloped(request, await special(request, requestId, body))
    if (request.method === 'OPTIONS') return replies.enveloped(request, plain(requestId, {}))
    if (!VERBS.has(request.method)) return fail('network.http.unsupported_verb', request.method)
    const match = router.match(request.method, path) ?? fail('network.http.url_not_found', request.path)
    const answer = await funnel.answer(requestOfRoute(request, requestId, body, match, settings))
    return replies.enveloped(request, answer, match.deprecated)
  }

  const plain = (requestId: string, result: unknown, error?: KuzzleError): Answer => ({
    envelope: printEnvelope(envelopes, { requestId } satisfies EnvelopeSubject, { result, error }),
    extras: {},
  })

  type Special = (
    request: HttpRequest,
    requestId: string,
    body: JsonValue | undefined,
  ) => Answer | Promise<Answer>

  const specials: ReadonlyMap<string, Special> = new Map<string, Special>([
    ['HEAD /', (_request, requestId) => plain(requestId, {})],
    ['GET /_healthcheck', (_request, requestId) => plain(requestId, null)],
    [
      'GET /_ready',
      (_request, requestId) =>
        plain(requestId, null, gate.isOpen ? undefined : new KuzzleError('api.process.overloaded')),
    ],
    ['POST /_query', (request, requestId, body) => funnel.answer(requestOfQuery(request, requestId, body))],
  ])

  return {
    handler,
    overloaded: (request) => replies.bare(request, new KuzzleError('api.process.overloaded')),
  }
}

const VERBS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'])

/** A request whose controller and action the URL says; its query string and path hold the arguments. */
function requestOfRoute(
  http: HttpRequest,
  requestId: string,
  body: JsonValue | undefined,
  match: RouteMatch,
  settings: KuzzleSettings,
): KuzzleRequest {
  const args = new Map<string, JsonValue>()
  const query = http.query === '' ? {} : parseQuery(http.query, '&', '=', { maxKeys: FIELDS_MAX })
  for (const [name, value = ''] of Object.entries(query)) {
    // Kuzzle lets `?controller=` and `?action=` replace what the path says; a proxy that filters by path would be
    // fooled. Its documentation writes `_id=null` where it means no id.
    if (isArgument(name) && !(name === '_id' && value === 'null')) args.set(name, value)
  }
  for (const [name, value] of match.parameters) args.set(name, value)
  const token = settings.allowTokenInQuery ? query['jwt'] : undefined
  const members = {
    controller: match.controller,
    action: match.action,
    requestId,
    jwt: shownToken(http) ?? (typeof token === 'string' ? token : undefined),
    volatile: volatileOf(http),
    body: parseBody(body),
    args,
  }
  return new KuzzleRequest(members, contextOf(http))
}

/** A request that the body of `/_query` holds whole. */
function requestOfQuery(http: HttpRequest, requestId: string, body: JsonValue | undefined): KuzzleRequest {
  if (body === undefined) return fail('api.assert.body_required')
  if (!isJsonObject(body)) return fail('api.assert.invalid_type', 'body', 'object')
  const token = Object.hasOwn(body, 'jwt') ? undefined : shownToken(http)
  const volatile = Object.hasOwn(body, 'volatile') ? undefined : volatileOf(http)
  const message: JsonObject = {
    ...body,
    requestId,
    ...(token !== undefined && { jwt: token }),
    ...(volatile !== undefined && { volatile }),
  }
  return parseRequest(message, requestId, contextOf(http))
}

function contextOf(http: HttpRequest): KuzzleRequest['context'] {
  const { address, local, headers } = http
  return { protocol: 'http', address, local, headers, isGone: () => http.isGone }
}

function requestIdOf({ headers, id }: HttpRequest): string {
  const given = headers['x-kuzzle-request-id']
  return typeof given === 'string' && given !== '' ? given : id
}

/** Schemes that are not ours leave the request anonymous. */
function shownToken({ headers }: HttpRequest): string | undefined {
  const authorization = headers['authorization']
  if (authorization === undefined) return undefined
  if (typeof authorization !== 'string') {
    return fail('network.http.unexpected_error', 'the header "authorization" came more than once')
  }
  return bearerToken(authorization)
}

function volatileOf({ headers }: HttpRequest): JsonObject | undefined {
  const text = headers['x-kuzzle-volatile']
  if (typeof text !== 'string') return undefined
  const parsed = parseJson(text)
  if (!parsed.ok) return fail('network.http.volatile_parse_failed', parsed.detail)
  return parseVolatile(parsed.value)
}
