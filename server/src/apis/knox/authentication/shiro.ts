import type { Authenticator } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import { type Authenticated, NOBODY } from '../principal.ts'
import { shownCredentials } from './basic-credentials.ts'
import type { UrlRules } from './url-rules.ts'

/** Checks a password. Undefined: it is wrong. @throws {KnoxRefusal} it cannot be checked now, or comes too often. */
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
    if (rules(request.path) === 'anon') return NOBODY
    const shown = shownCredentials(request.http)
    const caller =
      shown.kind === 'basic' && hasOneSpelling(shown.username)
        ? await checkPassword(request, shown.username, shown.password)
        : undefined
    if (caller === undefined) throw new KnoxRefusal(401, undefined, CHALLENGE)
    return caller
  }
}

/**
 * Whether a name has no blanks at its ends or beside each other, and no characters that nobody sees: directories do not
 * look at those (RFC 4518), so that one person would have many names here, each with keys of its own.
 */
function hasOneSpelling(name: string): boolean {
  return !/^\s|\s$|\s\s|[\p{Cc}\p{Default_Ignorable_Code_Point}]/u.test(name)
}

/** Checks passwords against a directory. */
export function createDirectoryCheck(
  bind: (username: string, password: string) => Promise<'right' | 'wrong' | 'unavailable'>,
): CheckPassword {
  return async (_request, username, password) => {
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
