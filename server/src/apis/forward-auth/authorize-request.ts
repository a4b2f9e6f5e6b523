import { parse as parseForm } from 'node:querystring'
import { DomainError } from '../../core/errors.ts'
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
 * The key that the original request shows: as a Bearer or DPoP token, or in one of `keyHeaders` (names in lower case).
 * Undefined when it shows none; when it shows several, an answer that no key is like.
 */
export function shownKey(
  { headers }: Pick<LaneRequest, 'headers'>,
  keyHeaders: readonly string[],
): string | undefined {
  const authorization = headers['authorization']
  if (authorization !== undefined && typeof authorization !== 'string') return AMBIGUOUS
  let shown =
    authorization === undefined ? undefined : (bearerToken(authorization) ?? dpopToken(authorization))
  for (const name of keyHeaders) {
    const value = headers[name]
    if (value === undefined) continue
    if (shown !== undefined || typeof value !== 'string') return AMBIGUOUS
    shown = value.trim()
  }
  return shown
}

/** RFC 9449 section 7.1: clients with a proof call their token so. */
function dpopToken(authorization: string): string | undefined {
  return /^DPoP +([^ ]+) *$/i.exec(authorization)?.[1]
}

/** Reads what the original request needs. */
export interface Requirements {
  /**
   * Undefined: nothing in particular. Header and query each narrow; so a client that gets one of them past its proxy can
   * only ask for less than the proxy does. Below the path the query is the original request's, and is not looked at; at
   * the path itself it says nothing but permissions, as a misspelt parameter would let everybody pass.
   *
   * @throws {DomainError} `policy.invalid`
   */
  of(request: Pick<LaneRequest, 'headers' | 'path' | 'query'>): PermissionQuery | undefined
}

/** Headers and queries that were read are remembered, as the configuration of a proxy has few; this many of each. */
const REMEMBERED_MAX = 1_000

/** A reader that remembers what it has read. */
export function createRequirements(): Requirements {
  const readHeader = remembering(parsePermissionQuery)
  const readQuery = remembering(parseQueryString)
  return {
    of({ headers, path, query }) {
      const header = headers[REQUIREMENT_HEADER]
      const ofQuery = query === '' || path !== AUTHORIZE_PATH ? undefined : readQuery(query)
      if (header === undefined) return ofQuery
      const parts = typeof header === 'string' ? [readHeader(header)] : header.map(readHeader)
      return allOf(ofQuery === undefined ? parts : [...parts, ofQuery])
    },
  }
}

function remembering(read: (text: string) => PermissionQuery): (text: string) => PermissionQuery {
  const remembered = new Map<string, PermissionQuery>()
  return (text) => {
    const known = remembered.get(text)
    if (known !== undefined) return known
    const query = read(text)
    if (remembered.size >= REMEMBERED_MAX) remembered.clear()
    remembered.set(text, query)
    return query
  }
}

/** @throws {DomainError} `policy.invalid`, also for a parameter that is not known and for one too many. */
function parseQueryString(query: string): PermissionQuery {
  const { [REQUIREMENT_PARAMETER]: given, ...others } = parseForm(query, '&', '=', {
    maxKeys: PARAMETERS_MAX + 1,
  })
  const texts = typeof given === 'string' ? [given] : (given ?? [])
  const isKnown = Object.keys(others).length === 0 && texts.length > 0
  if (isKnown && texts.length <= PARAMETERS_MAX) return allOf(texts.map((text) => parsePermissionQuery(text)))
  const problem = `at ${AUTHORIZE_PATH} it may have up to ${PARAMETERS_MAX} parameters "${REQUIREMENT_PARAMETER}" and no others`
  throw new DomainError('policy.invalid', `Cannot read the query: ${problem}`, {
    member: REQUIREMENT_PARAMETER,
    problem,
  })
}

function allOf(parts: readonly PermissionQuery[]): PermissionQuery {
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : { kind: 'and', of: parts }
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
