import type { ApiKey } from '../../../core/keys/api-key.ts'
import { tokenDisplayId } from '../../../core/keys/knox-token.ts'
import { nameTrustOf } from '../../../core/keys/namesakes.ts'
import type { KeyCheck, KeyVerdict, RefusalReason } from '../../../core/keys/verdict.ts'
import type { JwtVerdict, KnoxClaims } from '../knox-claims.ts'
import type { Authenticator } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import { type Authenticated, NOBODY } from '../principal.ts'
import type { Provider } from '../topology.ts'
import { type ForeignIssuer, type ForeignVerdict, foreignIssuerOf } from './foreign-issuer.ts'
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
 * Keys are accepted unless `knox.token.exp.server-managed` is false. All other parameters concern JWTs alone, as in Knox:
 * with the keys of another issuer, its tokens are accepted instead of those that were issued here.
 *
 * @throws {TopologyProblem} a parameter cannot be understood.
 */
export function createJwtProvider({ params }: Provider, checks: TokenChecks, where: string): Authenticator {
  const places = tokenPlacesOf(params)
  const openPaths = [
    ...ALWAYS_OPEN,
    ...(params.get('jwt.unauthenticated.path.list') ?? '').split(/[;,]/).map((path) => path.trim()),
  ]
  const keysAccepted = params.get('knox.token.exp.server-managed')?.trim().toLowerCase() !== 'false'
  const foreign = foreignIssuerOf(params, where, checks)
  const rules: JwtRules = { ...expectationsOf(params, foreign !== undefined), foreign }

  return async (request) => {
    if (openPaths.includes(request.path)) return NOBODY
    try {
      const token = await presentedToken(request, places)
      if (token === undefined) return refuse(undefined, 'no_credentials')
      if (isPresentedJwt(token)) {
        // Who acts for the subject must be somebody too (RFC 8693 section 2.1).
        if (token.actor !== undefined) await callerOfJwt(request, token.actor, checks, rules)
        return await callerOfJwt(request, token.text, checks, rules)
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
}

/** By which rules JSON Web Tokens are accepted; `foreign`: who else issues them. */
type JwtRules = Expectations & { readonly foreign: ForeignIssuer | undefined }

function expectationsOf(params: Provider['params'], isForeign: boolean): Expectations {
  const listOf = (name: string) =>
    (params.get(name) ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')
  return {
    audiences: listOf('knox.token.audiences'),
    // As Knox: keys that many share, such as those of one provider for all its customers, say nothing of the issuer.
    issuers: isForeign && !params.has('jwt.expected.issuer') ? ['KNOXSSO'] : listOf('jwt.expected.issuer'),
    algorithms: listOf('jwt.expected.sigalg'),
    types:
      isForeign && !params.has('knox.token.allowed.jws.types')
        ? FOREIGN_TYPES
        : listOf('knox.token.allowed.jws.types'),
  }
}

/** Tokens for other purposes say so (RFC 8725 section 3.11). */
const FOREIGN_TYPES = ['JWT', 'jwt', '']

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
  checks: TokenChecks,
  rules: JwtRules,
): Promise<Authenticated> {
  const { foreign } = rules
  const found = await foreign?.verify(jwt).catch((error: unknown) => unlessOwnCounts(error, rules))
  if (found !== undefined && !(found instanceof KnoxRefusal)) return callerOfForeign(found, rules)
  if (foreign !== undefined && !foreign.besidesOwn) return refuse(undefined)
  const { checkJwt, checkHolder, now } = checks
  const verdict = await checkJwt(jwt)
  if (!verdict.ok && verdict.reason !== 'expired') {
    if (found !== undefined) throw found
    return refuse(undefined)
  }
  const { claims } = verdict
  if (!isExpected(claims, rules)) return refuse(undefined)
  const { subject: name, groups, tokenId } = claims
  if (!claims.managed || tokenId === undefined) return verdict.ok ? { name, groups } : refuse(EXPIRED)
  // What is kept here counts, and not what the token says of itself: it may have been renewed since.
  const state = await checkHolder(tokenId, checkOf(request))
  const key = state.found?.key
  if (state.refusal === undefined && key !== undefined) return { name, groups, key, trust: nameTrustOf(key) }
  return refuseKey(state, { shownId: tokenDisplayId(tokenId), knownId: false, now: now() })
}

/** That the keys of another issuer cannot be had says nothing of tokens of this server, where they count as well. */
function unlessOwnCounts(error: unknown, { foreign }: JwtRules): KnoxRefusal {
  if (error instanceof KnoxRefusal && foreign?.besidesOwn === true) return error
  throw error
}

/** Nothing is kept here of the tokens of others: they are good as long as they say. */
function callerOfForeign({ claims, isExpired }: ForeignVerdict, rules: JwtRules): Authenticated {
  if (!isExpected(claims, rules)) return refuse(undefined)
  return isExpired ? refuse(EXPIRED) : { name: claims.subject, groups: claims.groups }
}

const EXPIRED = 'Token has expired'

async function callerOfKey(
  request: KnoxRequest,
  { text }: PresentedToken,
  { checkKey, now }: TokenChecks,
): Promise<Authenticated> {
  const { verdict, id, knownId } = await checkKey(text, checkOf(request))
  const key = verdict.found?.key
  if (verdict.refusal === undefined && key !== undefined) return callerWith(key)
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
function callerWith(key: ApiKey): Authenticated {
  const isThirdParty = key.knox?.type === 'CLIENT_ID' && key.knox.thirdPartyApp !== false
  return isThirdParty
    ? { name: key.id, groups: NO_GROUPS, key, trust: 'none' }
    : { name: key.owner, groups: NO_GROUPS, key, trust: nameTrustOf(key) }
}

const NO_GROUPS: readonly string[] = []

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
