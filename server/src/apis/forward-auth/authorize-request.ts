import { parse as parseForm } from 'node:querystring'
import { parsePermissionQuery } from '../../core/keys/permission-query.ts'
import type { PermissionQuery } from '../../core/keys/verdict.ts'
import { bearerToken } from '../../transports/http/request-head.ts'
import type { LaneRequest } from '../../transports/lane/lane-message.ts'

/** Path of forward-auth; proxies that append the path of the original request ask below it. */
export const AUTHORIZE_PATH = '/v1/authorize'

/** In lower case: the header in which a proxy says what the original request needs. */
const REQUIREMENT_HEADER = 'x-required-permissions'
const REQUIREMENT_PARAMETER = 'permissions'
const PARAMETERS_MAX = 100

/** What was shown in two places, so that nobody knows which one the upstream will believe: no key looks like this. */
const AMBIGUOUS = ''

/**
 * The key that the original request shows: as a Bearer token, or in one of `keyHeaders` (names in lower case).
 * Undefined when it shows none; when it shows several, an answer that no key is like.
 */
export function shownKey(
  { headers }: Pick<LaneRequest, 'headers'>,
  keyHeaders: readonly string[],
): string | undefined {
  const authorization = headers['authorization']
  if (authorization !== undefined && typeof authorization !== 'string') return AMBIGUOUS
  let shown = authorization === undefined ? undefined : bearerToken(authorization)
  for (const name of keyHeaders) {
    const value = headers[name]
    if (value === undefined) continue
    if (shown !== undefined || typeof value !== 'string') return AMBIGUOUS
    shown = value.trim()
  }
  return shown
}

/** Reads what the original request needs. */
export interface Requirements {
  /**
   * Undefined: nothing in particular. Header and query each narrow; so a client that gets one of them past its proxy can
   * only ask for less than the proxy does. Below the path the query is the original request's, and is not looked at.
   *
   * @throws {DomainError} `policy.invalid`
   */
  of(request: Pick<LaneRequest, 'headers' | 'path' | 'query'>): PermissionQuery | undefined
}

/** Requirements that were read are remembered, as the configuration of a proxy has few; this many at most. */
const REMEMBERED_MAX = 1_000

/** A reader that remembers what it has read. */
export function createRequirements(): Requirements {
  const remembered = new Map<string, PermissionQuery>()

  const read = (text: string): PermissionQuery => {
    const known = remembered.get(text)
    if (known !== undefined) return known
    const query = parsePermissionQuery(text)
    if (remembered.size >= REMEMBERED_MAX) remembered.clear()
    remembered.set(text, query)
    return query
  }

  return {
    of({ headers, path, query }) {
      const header = headers[REQUIREMENT_HEADER]
      if (header === undefined && query === '') return undefined
      const ofHeader = typeof header === 'string' ? [header] : (header ?? [])
      const texts = path === AUTHORIZE_PATH ? [...ofHeader, ...ofQuery(query)] : ofHeader
      const [only, ...others] = texts.map(read)
      return only === undefined || others.length === 0 ? only : { kind: 'and', of: [only, ...others] }
    },
  }
}

function ofQuery(query: string): readonly string[] {
  const value = parseForm(query, '&', '=', { maxKeys: PARAMETERS_MAX })[REQUIREMENT_PARAMETER]
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** The permissions that a query names, each once: the `scope` of RFC 6750 section 3. */
export function scopeOf(query: PermissionQuery): string {
  return [...new Set(permissionsIn(query))].join(' ')
}

function permissionsIn(query: PermissionQuery): readonly string[] {
  return query.kind === 'permission'
    ? [`${query.controller}:${query.action}`]
    : query.of.flatMap((part) => permissionsIn(part))
}
