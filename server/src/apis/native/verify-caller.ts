import type { KeyAuthority } from '../../core/key-authority.ts'
import { limitsOf } from '../../core/keys/api-key.ts'
import { parseKeyToken } from '../../core/keys/key-token.ts'
import type { KeyCheck, KeyVerdict, PermissionQuery } from '../../core/keys/verdict.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { LaneRequest } from '../../transports/lane/lane-message.ts'
import { shownToken } from './authenticate.ts'
import { Problem } from './problem.ts'
import { refusedToken } from './problem-document.ts'

/** What asking about keys may need: the right to verify, and with explanations that to explain as well. */
export type VerifyRight = 'verify' | 'explain'

/** Finds out whether who asks may do so. */
export type CheckCaller = (
  request: LaneRequest,
  right: VerifyRight,
) => Problem | undefined | Promise<Problem | undefined>

/** What the callers of verifications are judged by. */
export type VerifyCallerParts = {
  readonly authority: KeyAuthority
  readonly clock: Clock
  /** Of who asks; undefined: unknown. */
  readonly addressOf: (request: LaneRequest) => string | undefined
  /** Only administrators may call anything. */
  readonly failsafeMode: boolean
}

/**
 * Judges callers by the session or key that they show, from scratch for every request.
 *
 * Somebody who shows a key is judged as that key would be: one look-up, the rights of its owner, its scopes, limits and
 * credits, without waiting for anything. Verifying counts as one use of it; being asked for more rights does not.
 */
export function createCheckCaller(parts: VerifyCallerParts): CheckCaller {
  const { authority, clock, addressOf, failsafeMode } = parts

  const problemOf = (verdict: KeyVerdict, right: VerifyRight): Problem | undefined => {
    const { refusal: reason, found, limits: states, retryAt } = verdict
    if (reason === undefined) return undefined
    if (reason === 'insufficient') return missing(right)
    const standing = found && { limits: limitsOf(found), states }
    return refusedToken({ reason, retryAt, standing }, clock.now())
  }

  const checkSlowly: CheckCaller = async (request, right) => {
    const address = addressOf(request)
    const origin = {
      carrier: 'http',
      requestId: request.id,
      local: false,
      ...(address !== undefined && { address }),
    }
    const verdict = await authority.tokens.verify(shownToken(request) ?? '', origin)
    if (!verdict.valid) return refusedToken(verdict, clock.now())
    const caller = await authority.tokens.identify(verdict.token, origin)
    const isAllowed = await authority.tokens.isAllowed(caller, { controller: 'keys', action: right })
    return isAllowed ? undefined : missing(right)
  }

  return (request, right) => {
    const token = shownToken(request)
    if (token === undefined) return NO_TOKEN
    if (failsafeMode || parseKeyToken(token) === 'session') return checkSlowly(request, right)
    const address = addressOf(request)
    const check: KeyCheck = {
      permissions: NEEDED[right],
      cost: right === 'verify' ? 1 : 0,
      ...(address !== undefined && { address }),
    }
    const verdict = authority.verification.check(token, check, request)
    if (verdict instanceof Promise) return verdict.then((later) => problemOf(later, right))
    return problemOf(verdict, right)
  }
}

/** Judges callers of a listener that is open to all who can reach it: they may verify and nothing else. */
export const checkNobody: CheckCaller = (_request, right) => (right === 'verify' ? undefined : missing(right))

const NEEDED: Readonly<Record<VerifyRight, PermissionQuery>> = {
  verify: { kind: 'permission', controller: 'keys', action: 'verify' },
  explain: { kind: 'permission', controller: 'keys', action: 'explain' },
}

const NO_TOKEN = new Problem(
  'token.missing',
  'Cannot verify keys for nobody: show a key or session as "Authorization: Bearer ..." or "X-API-Key: ..."',
)

function missing(right: VerifyRight): Problem {
  return new Problem('right.missing', `Cannot ${right} keys: the right "keys:${right}" is needed`)
}
