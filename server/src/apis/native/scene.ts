import type { Origin } from '../../core/audit/audit-event.ts'
import { isHost } from '../../transports/http/host.ts'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import { givenRequestId } from '../../transports/http/request-id.ts'
import { resourceMetadataUrl } from '../../transports/http/resource-metadata.ts'
import type { ProblemScene } from './problem-document.ts'

/** What answers say of the request and of the server. */
export type Scene = ProblemScene & {
  /** URL under which the client reached this server, without a slash at its end. */
  readonly baseUrl: string
}

/** Of a request; `publicUrl` as in `NativeSettings`. */
export function sceneOf(
  request: Pick<HttpRequest, 'headers' | 'id' | 'tls'>,
  publicUrl: string | undefined,
): Scene {
  const baseUrl = publicUrl ?? calledUrl(request)
  const requestId = givenRequestId(request) ?? request.id
  return { requestId, baseUrl, metadataUrl: resourceMetadataUrl(baseUrl) }
}

function calledUrl({ headers, tls }: Pick<HttpRequest, 'headers' | 'tls'>): string {
  const host = headers['host']
  const scheme = tls === undefined ? 'http' : 'https'
  return typeof host === 'string' && isHost(host) ? `${scheme}://${host}` : `${scheme}://localhost`
}

/** Finds out the address of a client, also behind proxies that are trusted; undefined: unknown. */
export type AddressOf = (request: HttpRequest) => string | undefined

/** Where a request came from, for the audit trail. */
export function originOfRequest(request: HttpRequest, { requestId }: Scene, addressOf: AddressOf): Origin {
  const address = addressOf(request)
  return { ...(address !== undefined && { address }), carrier: 'http', requestId, local: request.local }
}
