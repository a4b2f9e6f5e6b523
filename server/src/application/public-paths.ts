import type { HttpReply, HttpRequest } from '../transports/http/http-message.ts'
import { givenRequestId } from '../transports/http/request-id.ts'
import { RESOURCE_METADATA_PATH } from '../transports/http/resource-metadata.ts'
import type { RoutedApi } from './route-requests.ts'

/** What services ask about keys, and what holders of keys ask about their own. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set([
  RESOURCE_METADATA_PATH,
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
  const below = ['/v1/authorize/', '/v1/fingerprints/', `${RESOURCE_METADATA_PATH}/`, `/${gatewayPath}/`]
  return PUBLIC_PATHS.has(path) || below.some((prefix) => path.startsWith(prefix))
}

/** What the listener for everybody answers of an API: to other paths, that there is nothing. */
export function publicPartOf(api: RoutedApi, gatewayPath: string): RoutedApi {
  const isPublic = ({ path }: HttpRequest): boolean => isPublicPath(path, gatewayPath)
  return {
    handler: (request) => (isPublic(request) ? api.handler(request) : notHere(request)),
    overloaded: (request) => (isPublic(request) ? api.overloaded(request) : notHere(request)),
  }
}

function notHere(request: HttpRequest): HttpReply {
  const requestId = givenRequestId(request) ?? request.id
  const problem = {
    type: 'urn:latchkey:problem:request.not_found',
    title: 'Not found',
    status: 404,
    detail: 'There is nothing here; administration has a listener of its own',
    code: 'request.not_found',
    instance: `urn:latchkey:request:${encodeURIComponent(requestId)}`,
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
