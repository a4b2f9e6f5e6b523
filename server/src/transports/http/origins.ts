import type { HttpRequest } from './http-message.ts'

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
export function originOf(headers: HttpRequest['headers']): string | undefined {
  const origin = headers['origin']
  return typeof origin === 'string' || origin === undefined ? origin : origin.join(', ')
}

/** What lets a browser show the answer to the website that asked; undefined when it may not, or none did. */
export function corsHeaders(
  headers: HttpRequest['headers'],
  origins: Origins,
): Readonly<Record<string, string>> | undefined {
  const origin = originOf(headers)
  return origin !== undefined && origins.isAllowed(origin)
    ? { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' }
    : undefined
}
