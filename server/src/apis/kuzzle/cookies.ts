import type { Session } from '../../core/access/session.ts'
import { fail } from './kuzzle-errors.ts'
import type { KuzzleRequest } from './request.ts'

const COOKIE_NAME = 'authToken'

/** What a browser is told to forget the token with. */
export const EMPTY_TOKEN_COOKIE = `${COOKIE_NAME}=null; Path=/; HttpOnly; SameSite=Strict`

/** As far in the future as a cookie can state; Kuzzle gives tokens that never expire a cookie that is long dead. */
const NEVER = new Date(253_402_300_799_000)

/** The cookie that keeps a session's token where scripts cannot read it. */
export function tokenCookie(token: string, session: Session): string {
  const expires = (session.expiresAt === undefined ? NEVER : new Date(session.expiresAt)).toUTCString()
  return `${COOKIE_NAME}=${token}; Path=/; Expires=${expires}; HttpOnly; SameSite=Strict`
}

/**
 * The token in a request's cookies; a cookie that was emptied is none.
 *
 * @throws {KuzzleError} `security.cookie.invalid`
 */
export function tokenOfCookie(request: KuzzleRequest): string | undefined {
  const header = request.context.headers['cookie']
  if (header === undefined) return undefined
  const value = cookieValue(typeof header === 'string' ? header : header.join('; '))
  return value === 'null' ? undefined : value
}

/** True when a request asks for cookies in place of tokens that scripts see. */
export function wantsCookie(request: KuzzleRequest): boolean {
  return request.boolean('cookieAuth')
}

function cookieValue(header: string): string | undefined {
  for (const part of header.split(';')) {
    const at = part.indexOf('=')
    if (at === -1 || part.slice(0, at).trim() !== COOKIE_NAME) continue
    return decode(part.slice(at + 1).trim())
  }
  return undefined
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value)
  } catch {
    return fail('security.cookie.invalid')
  }
}
