/** Where a server whose URL has no path says how it takes tokens (RFC 9728 section 3). */
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource'

/**
 * URL of the metadata of a server, given the server's own without a slash at its end. RFC 9728 section 3.1: the well-known
 * part stands between the host and the path.
 */
export function resourceMetadataUrl(baseUrl: string): string {
  const pathAt = baseUrl.indexOf('/', baseUrl.indexOf('://') + '://'.length)
  if (pathAt === -1) return `${baseUrl}${RESOURCE_METADATA_PATH}`
  return `${baseUrl.slice(0, pathAt)}${RESOURCE_METADATA_PATH}${baseUrl.slice(pathAt)}`
}
