import { networkOf } from '../../../core/access/network-of.ts'
import type { Authenticator } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Authenticated } from '../principal.ts'
import { shownCredentials } from './basic-credentials.ts'
import type { UrlRules } from './url-rules.ts'

/** Checks a password. Undefined: it is wrong. @throws {KnoxRefusal} it cannot be checked now, or too often. */
export type CheckPassword = (
  request: KnoxRequest,
  username: string,
  password: string,
) => Promise<Authenticated | undefined>

/** As Shiro spells it. */
export const CHALLENGE = { 'WWW-Authenticate': 'BASIC realm="application"' } as const

/**
 * `ShiroProvider`: HTTP Basic on the paths that need it. A path that no rule names needs it too, where Knox answers 500.
 *
 * There are no session cookies: credentials come with every request.
 */
export function createShiro(rules: UrlRules, checkPassword: CheckPassword): Authenticator {
  return async (request) => {
    if (rules(request.path) === 'anon') return { name: 'anonymous', groups: [] }
    const shown = shownCredentials(request.http)
    const caller =
      shown.kind === 'basic' ? await checkPassword(request, shown.username, shown.password) : undefined
    if (caller === undefined) throw new KnoxRefusal(401, undefined, CHALLENGE)
    return caller
  }
}

/** What passwords of a directory are checked with. */
export type DirectoryParts = {
  readonly bind: (username: string, password: string) => Promise<'right' | 'wrong' | 'unavailable'>
  /** Counts an attempt; the ms that it comes too soon, or 0. */
  readonly admit: (attempt: { readonly username: string; readonly address: string | undefined }) => number
}

/** Checks passwords against a directory, and keeps clients from trying out many. */
export function createDirectoryCheck({ bind, admit }: DirectoryParts): CheckPassword {
  return async ({ address }, username, password) => {
    const network = address === undefined ? undefined : networkOf(address)
    const tooSoonMs = admit({ username, address: network })
    if (tooSoonMs > 0) {
      throw new KnoxRefusal(429, undefined, { 'Retry-After': String(Math.ceil(tooSoonMs / 1000)) })
    }
    switch (await bind(username, password)) {
      case 'right':
        return { name: username, groups: [] }
      case 'wrong':
        return undefined
      case 'unavailable':
        throw new KnoxRefusal(503, 'The directory of users does not answer', { 'Retry-After': '5' })
    }
  }
}
