import type { HttpReply, HttpRequest } from '../transports/http/http-message.ts'
import type { RoutedApi } from './route-requests.ts'

/** What services ask about keys, and what holders of keys ask about their own. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set([
  '/.well-known/oauth-protected-resource',
  '/livez',
  '/readyz',
  '/v1/authorize',
  '/v1/introspect',
  '/v1/leaks/github',
  '/v1/revoke',
  '/v1/verify',
  '/v1/verify/batch',
  '/v1/whoami',
  '/v1/whoami/revoke',
])

/**
 * Whether a path is answered by the listener for everybody when there is one for administrators besides. Paths are
 * compared as they were sent, as `routeRequests` does. Knox's services, below `/GATEWAY_PATH/`, are: their topologies
 * say who may what.
 */
export function isPublicPath(path: string, gatewayPath: string): boolean {
  return (
    PUBLIC_PATHS.has(path) ||
    path.startsWith('/v1/authorize/') ||
    path.startsWith('/v1/fingerprints/') ||
    path.startsWith(`/${gatewayPath}/`)
  )
}

/** What the listener for everybody answers of an API: to other paths, that there is nothing. */
export function publicPartOf(api: RoutedApi, gatewayPath: string): RoutedApi {
  const isPublic = ({ path }: HttpRequest): boolean => isPublicPath(path, gatewayPath)
  return {
    handler: (request) => (isPublic(request) ? api.handler(request) : notHere(request.id)),
    overloaded: (request) => (isPublic(request) ? api.overloaded(request) : notHere(request.id)),
  }
}

function notHere(requestId: string): HttpReply {
  const problem = {
    type: 'urn:latchkey:problem:request.not_found',
    title: 'Not found',
    status: 404,
    detail: 'There is nothing here; administration has a listener of its own',
    code: 'request.not_found',
    instance: requestId,
  }
  return {
    status: 404,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'X-Request-Id': requestId,
    },
    body: JSON.stringify(problem),
  }
}
