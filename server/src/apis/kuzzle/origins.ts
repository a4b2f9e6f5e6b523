import { type Origins, originOf } from '../../transports/http/origins.ts'
import { fail } from './kuzzle-errors.ts'
import type { RequestContext } from './request.ts'

/** @throws {KuzzleError} `api.process.unauthorized_origin` */
export function checkOrigin(headers: RequestContext['headers'], origins: Origins): void {
  const origin = originOf(headers)
  if (origin !== undefined && !origins.isAllowed(origin)) fail('api.process.unauthorized_origin', origin)
}

/**
 * Passes unless a website of another host uses a cookie without being listed: a browser adds cookies to the requests of
 * all hosts below the same domain, whether its owner meant that or not. `*` stands for websites that show a token.
 *
 * @throws {KuzzleError} `api.process.unauthorized_origin`
 */
export function checkCookieOrigin(headers: RequestContext['headers'], origins: Origins): void {
  const origin = originOf(headers)
  if (origin === undefined || origins.isListed(origin) || isOwnWebsite(headers, origin)) return
  fail('api.process.unauthorized_origin', origin)
}

/** Browsers say so themselves (Fetch Metadata), but not over plain HTTP; then the names are compared. */
function isOwnWebsite(headers: RequestContext['headers'], origin: string): boolean {
  const { host } = headers
  if (headers['sec-fetch-site'] === 'same-origin') return true
  const name = URL.parse(origin)?.hostname
  return name !== undefined && typeof host === 'string' && name === URL.parse(`http://${host}`)?.hostname
}
