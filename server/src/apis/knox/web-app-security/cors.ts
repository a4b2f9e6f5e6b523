import type { HttpReply } from '../../../transports/http/http-message.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import { TopologyProblem } from '../topologies/topology-problem.ts'
import type { Params } from '../topology.ts'

/** What websites of other origins may do. */
export type Cors = {
  /** The answer to a preflight. @throws {KnoxRefusal} the origin or method is not allowed. */
  before(request: KnoxRequest): HttpReply | undefined
  headers(request: KnoxRequest): Readonly<Record<string, string>>
}

/**
 * The rules of `cors.*`. Unlike in Knox, any origin (`*`) never comes with credentials: every website could use the
 * passwords that a browser remembers.
 */
export function createCors(params: Params, where: string): Cors {
  const allowed = listOf(params.get('cors.allowOrigin') ?? '*')
  const isAnyAllowed = allowed.includes('*')
  const withSubdomains = params.get('cors.allowSubdomains')?.trim().toLowerCase() === 'true'
  const methods = listOf(params.get('cors.supportedMethods') ?? 'GET,POST,HEAD,OPTIONS').map((method) =>
    method.toUpperCase(),
  )
  const supportedHeaders = params.get('cors.supportedHeaders') ?? '*'
  const exposed = listOf(params.get('cors.exposedHeaders') ?? '').join(', ')
  const withCredentials =
    !isAnyAllowed && (params.get('cors.supportsCredentials') ?? 'true').trim().toLowerCase() === 'true'
  const maxAge = maxAgeOf(params.get('cors.maxAge') ?? '-1', where)

  const isAllowed = (origin: string): boolean =>
    isAnyAllowed ||
    allowed.includes(origin) ||
    (withSubdomains && allowed.some((each) => isSubdomain(origin, each)))

  return {
    before(request) {
      const origin = originOf(request)
      if (origin === undefined) return undefined
      if (!isAllowed(origin)) throw new KnoxRefusal(403, `CORS origin denied: ${origin}`)
      const wanted = request.http.headers['access-control-request-method']
      if (request.http.method !== 'OPTIONS' || typeof wanted !== 'string') {
        if (methods.includes(request.http.method)) return undefined
        throw new KnoxRefusal(405, `Unsupported HTTP method: ${request.http.method}`)
      }
      if (!methods.includes(wanted.toUpperCase())) {
        throw new KnoxRefusal(405, `Unsupported HTTP method: ${wanted}`)
      }
      const asked = request.http.headers['access-control-request-headers']
      const answered = supportedHeaders.trim() === '*' ? asked : supportedHeaders
      return {
        status: 200,
        headers: {
          'Access-Control-Allow-Methods': methods.join(', '),
          ...(typeof answered === 'string' && { 'Access-Control-Allow-Headers': answered }),
          ...(maxAge >= 0 && { 'Access-Control-Max-Age': String(maxAge) }),
        },
        body: '',
      }
    },
    headers(request) {
      const origin = originOf(request)
      if (origin === undefined) return { Vary: 'Origin' }
      if (!isAllowed(origin)) return { Vary: 'Origin' }
      return {
        Vary: 'Origin',
        'Access-Control-Allow-Origin': isAnyAllowed ? '*' : origin,
        ...(withCredentials && { 'Access-Control-Allow-Credentials': 'true' }),
        ...(exposed !== '' && { 'Access-Control-Expose-Headers': exposed }),
      }
    },
  }
}

function originOf({ http }: KnoxRequest): string | undefined {
  const { origin } = http.headers
  if (origin === undefined) return undefined
  // Twice is not to be chosen from; it is an origin that is never allowed.
  return typeof origin === 'string' ? origin : 'null'
}

function isSubdomain(origin: string, of: string): boolean {
  const [scheme, host] = of.split('://')
  return host !== undefined && origin.startsWith(`${scheme}://`) && origin.endsWith(`.${host}`)
}

function maxAgeOf(text: string, where: string): number {
  const seconds = Number(text.trim())
  if (Number.isSafeInteger(seconds)) return seconds
  throw new TopologyProblem(
    `${where}: parameter "cors.maxAge" is "${text}", and must be a whole number of seconds`,
  )
}

function listOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((each) => each !== '')
}
