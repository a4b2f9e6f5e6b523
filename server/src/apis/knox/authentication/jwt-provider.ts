import type { UserId } from '../../../core/ids.ts'
import type { ApiKey } from '../../../core/keys/api-key.ts'
import { tokenDisplayId } from '../../../core/keys/knox-token.ts'
import type { KeyCheck, KeyVerdict, RefusalReason } from '../../../core/keys/verdict.ts'
import type { JwtVerdict, KnoxClaims } from '../knox-claims.ts'
import type { Authenticator } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Authenticated } from '../principal.ts'
import type { Provider } from '../topology.ts'
import { namesForeignIssuer } from './foreign-issuer.ts'
import {
  isPresentedJwt,
  MALFORMED_KEY,
  type PresentedToken,
  presentedToken,
  tokenPlacesOf,
} from './presented-token.ts'

/** What tokens are checked with. */
export type TokenChecks = {
  /** Checks a key of any family and counts its use. `id`: as the token says; `knownId`: there is such a token. */
  readonly checkKey: (
    token: string,
    check: KeyCheck,
  ) => Promise<{ readonly verdict: KeyVerdict; readonly id?: string; readonly knownId: boolean }>
  readonly checkJwt: (jwt: string) => Promise<JwtVerdict>
  /** Checks the key of this id, whose holder has proved to be that by a signature, and counts its use. */
  readonly checkHolder: (id: string, check: KeyCheck) => Promise<KeyVerdict>
  readonly now: () => number
  /** All refusals say the same to callers who are not known: nothing tells a wrong secret from an unknown id. */
  readonly uniformRefusals: boolean
}

/** Paths below a topology that nobody needs to be known for. */
const ALWAYS_OPEN = ['/knoxtoken/api/v1/jwks.json']

/**
 * `JWTProvider`: API keys of any language, and JSON Web Tokens that the token services here issued.
 *
 * Keys are accepted unless `knox.token.exp.server-managed` is false. All other parameters concern JWTs alone, as in Knox.
 */
export function createJwtProvider({ params }: Provider, checks: TokenChecks): Authenticator {
  const places = tokenPlacesOf(params)
  const openPaths = [
    ...ALWAYS_OPEN,
    ...(params.get('jwt.unauthenticated.path.list') ?? '').split(/[;,]/).map((path) => path.trim()),
  ]
  const keysAccepted = params.get('knox.token.exp.server-managed')?.trim().toLowerCase() !== 'false'
  const expectations = expectationsOf(params)

  return async (request) => {
    if (openPaths.includes(request.path)) return { name: 'anonymous', groups: [] }
    try {
      const token = await presentedToken(request, places)
      if (token === undefined) return refuse(undefined, 'no_credentials')
      if (isPresentedJwt(token)) {
        // Who acts for the subject must be somebody too (RFC 8693 section 2.1).
        if (token.actor !== undefined) await callerOfJwt(request, token.actor, checks, expectations)
        return await callerOfJwt(request, token.text, checks, expectations)
      }
      if (!keysAccepted) return refuse(UNMANAGED)
      return await callerOfKey(request, token, checks)
    } catch (error) {
      throw uniform(error, checks.uniformRefusals)
    }
  }
}

const UNMANAGED =
  'Error in token provider config: passcode use with knox.token.exp.server-managed set to false.'

/** What a JWT must say besides being signed here; an empty list expects nothing. */
type Expectations = {
  readonly audiences: readonly string[]
  readonly issuers: readonly string[]
  readonly algorithms: readonly string[]
  readonly types: readonly string[]
  /** No JWT is accepted at all. */
  readonly none: boolean
}

function expectationsOf(params: Provider['params']): Expectations {
  const listOf = (name: string) =>
    (params.get(name) ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')
  return {
    audiences: listOf('knox.token.audiences'),
    issuers: listOf('jwt.expected.issuer'),
    algorithms: listOf('jwt.expected.sigalg'),
    types: listOf('knox.token.allowed.jws.types'),
    none: namesForeignIssuer(params) !== undefined,
  }
}

function isExpected(claims: KnoxClaims, { audiences, issuers, algorithms, types }: Expectations): boolean {
  const isOf = (expected: readonly string[], values: readonly string[]) =>
    expected.length === 0 || values.some((value) => expected.includes(value))
  return (
    isOf(issuers, [claims.issuer]) &&
    isOf(algorithms, [claims.algorithm]) &&
    isOf(types, [claims.type]) &&
    isOf(audiences, claims.audiences)
  )
}

async function callerOfJwt(
  request: KnoxRequest,
  jwt: string,
  { checkJwt, checkHolder, now }: TokenChecks,
  expectations: Expectations,
): Promise<Authenticated> {
  if (expectations.none) return refuse(undefined)
  const verdict = await checkJwt(jwt)
  if (!verdict.ok && verdict.reason !== 'expired') return refuse(undefined)
  const { claims } = verdict
  if (!isExpected(claims, expectations)) return refuse(undefined)
  const { subject: name, groups, tokenId } = claims
  if (!claims.managed || tokenId === undefined) return verdict.ok ? { name, groups } : refuse(EXPIRED)
  // What is kept here counts, and not what the token says of itself: it may have been renewed since.
  const state = await checkHolder(tokenId, checkOf(request))
  const key = state.found?.key
  if (state.refusal === undefined && key !== undefined) return { name, groups, key }
  return refuseKey(state, { shownId: tokenDisplayId(tokenId), knownId: false, now: now() })
}

const EXPIRED = 'Token has expired'

async function callerOfKey(
  request: KnoxRequest,
  { text }: PresentedToken,
  { checkKey, now }: TokenChecks,
): Promise<Authenticated> {
  const { verdict, id, knownId } = await checkKey(text, checkOf(request))
  const key = verdict.found?.key
  if (verdict.refusal === undefined && key !== undefined) return { name: nameOf(key), groups: [], key }
  return refuseKey(verdict, { shownId: tokenDisplayId(id ?? key?.id ?? ''), knownId, now: now() })
}

function checkOf({ address }: KnoxRequest): KeyCheck {
  return address === undefined ? {} : { address }
}

/** `shownId`: the id as messages show it. `knownId`: there is a key of that id. */
function refuseKey(
  verdict: KeyVerdict,
  { shownId, knownId, now }: { readonly shownId: string; readonly knownId: boolean; readonly now: number },
): never {
  const { status, message } = KEY_REFUSALS[verdict.refusal ?? 'unknown'](shownId, knownId)
  if (status === 401) return refuse(message)
  const { retryAt } = verdict
  const seconds = retryAt === undefined ? undefined : Math.max(1, Math.ceil((retryAt - now) / 1_000))
  throw new KnoxRefusal(status, message, seconds === undefined ? {} : { 'Retry-After': String(seconds) })
}

/** Tokens of clients that are applications of others act under the id of the token, not for their owner. */
function nameOf(key: ApiKey): string | UserId {
  const isThirdParty = key.knox?.type === 'CLIENT_ID' && key.knox.thirdPartyApp !== false
  return isThirdParty ? key.id : key.owner
}

type KeyRefusal = { readonly status: number; readonly message: string | undefined }

/** What Knox says of each; a reason that is new does not compile until it is here. */
const KEY_REFUSALS: Readonly<Record<RefusalReason, (id: string, knownId: boolean) => KeyRefusal>> = {
  malformed: () => ({ status: 401, message: MALFORMED_KEY }),
  unknown: (id, knownId) => ({
    status: 401,
    message: knownId ? 'Invalid passcode' : `Unknown token: ${id}`,
  }),
  revoked: (id) => ({ status: 401, message: `Unknown token: ${id}` }),
  disabled: (id) => ({ status: 401, message: `Token ${id} is disabled` }),
  expired: () => ({ status: 401, message: EXPIRED }),
  forbidden: () => ({ status: 403, message: undefined }),
  insufficient: () => ({ status: 403, message: undefined }),
  rate_limited: () => ({ status: 429, message: undefined }),
  usage_exceeded: () => ({ status: 429, message: undefined }),
}

/** Knox sends no challenge; RFC 6750 section 3 asks for one, without an error when nothing was shown. */
function refuse(message: string | undefined, kind: 'no_credentials' | 'bad_token' = 'bad_token'): never {
  const error = kind === 'bad_token' ? ', error="invalid_token"' : ''
  throw new KnoxRefusal(401, message, { 'WWW-Authenticate': `Bearer realm="latchkey"${error}` })
}

function uniform(error: unknown, uniformRefusals: boolean): unknown {
  if (!(error instanceof KnoxRefusal) || error.status !== 401) return error
  const challenge = { 'WWW-Authenticate': 'Bearer realm="latchkey", error="invalid_token"', ...error.headers }
  return new KnoxRefusal(401, uniformRefusals ? undefined : error.shown, challenge)
}
