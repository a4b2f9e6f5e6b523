import type { WebAppSecurity } from '../knox-filter.ts'
import type { Params, Provider } from '../topology.ts'
import { createCors } from './cors.ts'
import { createCsrfCheck } from './csrf.ts'
import { createRateLimit, type Timing } from './rate-limit.ts'

/** What each topology without `WebAppSec` has: nothing. */
export const NO_WEB_APP_SECURITY: WebAppSecurity = { before: () => undefined, headers: () => ({}) }

/**
 * The guards of `WebAppSec`, all of which are off unless switched on: limits first, so that nothing is done for those who
 * ask too often, then CSRF, then CORS.
 *
 * @throws {TopologyProblem} a parameter cannot be understood.
 */
export function createWebAppSecurity({ params }: Provider, file: string, timing: Timing): WebAppSecurity {
  const where = `${file}: provider "WebAppSec"`
  const limit = isOn(params, 'rate.limiting.enabled') ? createRateLimit(params, where, timing) : undefined
  const csrf = isOn(params, 'csrf.enabled') ? createCsrfCheck(params) : undefined
  const cors = isOn(params, 'cors.enabled') ? createCors(params, where) : undefined
  const fixed = fixedHeaders(params)
  return {
    before(request) {
      const held = limit?.(request)
      csrf?.(request)
      const preflight = cors?.before(request)
      // A preflight is answered at once: it asks for nothing that could be too much.
      return preflight ?? held
    },
    headers: (request) => (cors === undefined ? fixed : { ...fixed, ...cors.headers(request) }),
  }
}

/** Headers with a value of their own each. */
const HEADERS: readonly (readonly [switchName: string, header: string, param: string, initial: string])[] = [
  ['xframe.options.enabled', 'X-Frame-Options', 'xframe.options', 'DENY'],
  ['xcontent-type.options.enabled', 'X-Content-Type-Options', 'xcontent-type.options', 'nosniff'],
  ['xss.protection.enabled', 'X-XSS-Protection', 'xss.protection', '1;mode=block'],
  ['strict.transport.enabled', 'Strict-Transport-Security', 'strict.transport', 'max-age=31536000'],
]

const OTHER_HEADERS = 'security.header.'

function fixedHeaders(params: Params): Readonly<Record<string, string>> {
  const headers: [string, string][] = HEADERS.filter(([switchName]) => isOn(params, switchName)).map(
    ([, header, param, initial]) => [header, params.get(param) ?? initial],
  )
  for (const [param, value] of params) {
    if (param.startsWith(OTHER_HEADERS)) headers.push([param.slice(OTHER_HEADERS.length), value])
  }
  return Object.fromEntries(headers)
}

function isOn(params: Params, name: string): boolean {
  return params.get(name)?.trim().toLowerCase() === 'true'
}
