import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Params } from '../topology.ts'

/**
 * Requests that change something must carry a header that no website can make a browser send along.
 *
 * Checks nothing of the methods in `csrf.methodsToIgnore`; Knox issues keys for GET, which that list exempts, and that
 * is why GET issues none here.
 */
export function createCsrfCheck(params: Params): (request: KnoxRequest) => void {
  const header = (params.get('csrf.customHeader') ?? 'X-XSRF-Header').toLowerCase()
  const ignored = (params.get('csrf.methodsToIgnore') ?? 'GET,OPTIONS,HEAD')
    .split(',')
    .map((method) => method.trim().toUpperCase())
  return ({ http }) => {
    if (ignored.includes(http.method) || http.headers[header] !== undefined) return
    throw new KnoxRefusal(400, 'Missing Required Header for Vulnerability Protection')
  }
}
