import { fail } from './kuzzle-errors.ts'
import type { RequestContext } from './request.ts'

/** Which websites may have their visitors' browsers call. */
export type Origins = {
  /** True for a list that holds `*`. */
  readonly all: boolean
  isAllowed(origin: string): boolean
  /** True for one that the list means by more than `*`. */
  isListed(origin: string): boolean
}

/** Origins as the settings list them: exactly, or as regular expressions; `*` stands for all. */
export function createOrigins(list: readonly string[], areExpressions: boolean): Origins {
  const all = list.includes('*')
  const isListed = listedOrigins(
    list.filter((text) => text !== '*'),
    areExpressions,
  )
  return { all, isListed, isAllowed: all ? () => true : isListed }
}

function listedOrigins(list: readonly string[], areExpressions: boolean): Origins['isListed'] {
  if (!areExpressions) {
    const known = new Set(list)
    return (origin) => known.has(origin)
  }
  const expressions = list.map((text) => new RegExp(text))
  return (origin) => expressions.some((expression) => expression.test(origin))
}

/** The website that a request comes from, if any; several are none that can be allowed, and are joined. */
export function originOf(headers: RequestContext['headers']): string | undefined {
  const origin = headers['origin']
  return typeof origin === 'string' || origin === undefined ? origin : origin.join(', ')
}

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
