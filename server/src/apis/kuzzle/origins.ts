import { fail } from './kuzzle-errors.ts'
import type { RequestContext } from './request.ts'

/** Which websites may have their visitors' browsers call. */
export type Origins = {
  /** True for a list that holds `*`. */
  readonly all: boolean
  isAllowed(origin: string): boolean
}

/** Origins as the settings list them: exactly, or as regular expressions; `*` stands for all. */
export function createOrigins(list: readonly string[], areExpressions: boolean): Origins {
  if (list.includes('*')) return { all: true, isAllowed: () => true }
  if (!areExpressions) {
    const known = new Set(list)
    return { all: false, isAllowed: (origin) => known.has(origin) }
  }
  const expressions = list.map((text) => new RegExp(text))
  return { all: false, isAllowed: (origin) => expressions.some((expression) => expression.test(origin)) }
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
