import type { HttpHandler, HttpReply, HttpRequest } from '../transports/http/http-message.ts'
import { RESOURCE_METADATA_PATH } from '../transports/http/resource-metadata.ts'

/** An API as the HTTP listener sees it. */
export type RoutedApi = {
  readonly handler: HttpHandler
  /** The answer to a request that there is no room for. Does not read the body. */
  readonly overloaded: (request: HttpRequest) => HttpReply
}

/** The APIs that share the paths of one listener; those that are absent have none. */
export type RoutedApis = {
  /** Everything that no other API has. */
  readonly kuzzle: RoutedApi
  /** `/v1` and the well-known metadata. */
  readonly native: RoutedApi
  /** `/v1/authorize` and everything below it. */
  readonly forwardAuth?: RoutedApi
  /** `/metrics`, `/livez` and `/readyz`. */
  readonly operations?: RoutedApi
  /** Everything below `/PATH`. */
  readonly knox?: RoutedApi & { readonly path: string }
}

/**
 * Gives each request to the API that has its path.
 *
 * Paths are compared as they were sent: one that is written in another way, such as `/%761/keys`, is Kuzzle's, which has
 * no such route either. So a proxy that keeps `/v1` from somebody cannot be led round.
 */
export function routeRequests(apis: RoutedApis): RoutedApi {
  const operations = new Map(
    apis.operations === undefined ? [] : OPERATIONS_PATHS.map((path) => [path, apis.operations] as const),
  )
  const { knox } = apis
  const knoxPath = `/${knox?.path ?? ''}`
  const apiOf = ({ path }: HttpRequest): RoutedApi => {
    if (isBelow(path, '/v1')) {
      return apis.forwardAuth !== undefined && isBelow(path, '/v1/authorize') ? apis.forwardAuth : apis.native
    }
    if (isBelow(path, RESOURCE_METADATA_PATH)) return apis.native
    if (knox !== undefined && isBelow(path, knoxPath)) return knox
    return operations.get(path) ?? apis.kuzzle
  }
  return {
    handler: (request) => apiOf(request).handler(request),
    overloaded: (request) => apiOf(request).overloaded(request),
  }
}

const OPERATIONS_PATHS = ['/metrics', '/livez', '/readyz']

function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/')
}
