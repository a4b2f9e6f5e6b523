import type { Caller } from '../../core/access/caller.ts'
import type { Origin } from '../../core/audit/audit-event.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { HttpRequest } from '../../transports/http/http-message.ts'
import { bearerToken } from '../../transports/http/request-head.ts'
import { invalid, Problem } from './problem.ts'
import { refusedToken } from './problem-document.ts'

/**
 * Who asks, by the session or key that the request shows. With `counted` that is one of the uses of a key; it is always
 * one request of its owner.
 *
 * @throws {Problem} `token.missing` and those of refused tokens.
 * @throws {DomainError} `request.too_many`
 */
export async function authenticate(
  { authority, clock }: { readonly authority: KeyAuthority; readonly clock: Clock },
  request: HttpRequest,
  origin: Origin,
  access: 'counted' | 'uncounted',
): Promise<Caller> {
  const shown = shownToken(request)
  if (shown === undefined) {
    throw new Problem(
      'token.missing',
      'Cannot answer without a token: show a key or session as "Authorization: Bearer ..." or "X-API-Key: ..."',
    )
  }
  const { tokens } = authority
  const verdict = await (access === 'counted' ? tokens.verify(shown, origin) : tokens.inspect(shown, origin))
  if (!verdict.valid) throw refusedToken(verdict, clock.now())
  const caller = await tokens.identify(verdict.token, origin)
  await tokens.countRequest(caller.user)
  return caller
}

/**
 * The token that a request shows, in one place and once, so that nobody in front of us checks another one.
 *
 * @throws {Problem} `request.invalid`
 */
export function shownToken({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  const authorization = headers['authorization']
  const apiKey = headers['x-api-key']
  if (authorization !== undefined && typeof authorization !== 'string') {
    throw invalid('authorization', 'may be given once')
  }
  const bearer = authorization === undefined ? undefined : bearerToken(authorization)
  if (apiKey === undefined) return bearer
  // Repeated headers of this name are joined by commas, which no token has.
  if (typeof apiKey !== 'string' || apiKey.includes(',')) throw invalid('x-api-key', 'may be given once')
  if (bearer !== undefined) throw invalid('x-api-key', 'a token was also given as "Authorization"')
  return apiKey.trim()
}
