import { parseKnoxToken } from '../../../core/keys/knox-token.ts'
import { looksLikeJwt } from '../knox-claims.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Params } from '../topology.ts'
import { shownCredentials } from './basic-credentials.ts'

/** A token that a request shows, and what it must be. */
export type PresentedToken = {
  readonly text: string
  /** `jwt` and `key`: it must be one; `either`: by its looks. */
  readonly as: 'jwt' | 'key' | 'either'
  /** It was shown as the secret of this client, which must be the id of the token. */
  readonly clientId?: string
  /** JSON Web Token of who acts for the subject of this one. */
  readonly actor?: string
}

/** Where tokens are looked for besides the header `Authorization`. */
export type TokenPlaces = {
  /** Name of the cookie; undefined: none. */
  readonly cookie: string | undefined
  /** Name of the parameter in the query string; undefined: none. Tokens there are JWTs only. */
  readonly queryParameter: string | undefined
}

/** The places that the parameters of a `JWTProvider` name. */
export function tokenPlacesOf(params: Params): TokenPlaces {
  const usesCookie = params.get('knox.token.use.cookie')?.trim().toLowerCase() === 'true'
  const query = params.get('knox.token.query.param.name')?.trim() ?? ''
  return {
    cookie: usesCookie ? (params.get('knox.token.cookie.name')?.trim() ?? 'hadoop-jwt') : undefined,
    queryParameter: query === '' ? undefined : query,
  }
}

/**
 * The token that a request shows: in a cookie, the header `Authorization`, `X-API-Key`, the query string, or a form as
 * clients of OAuth send it. Undefined: none.
 *
 * @throws {KnoxRefusal} credentials that can be no token, with Knox's words.
 */
export async function presentedToken(
  request: KnoxRequest,
  places: TokenPlaces,
): Promise<PresentedToken | undefined> {
  const exchange = tokenExchange(request)
  if (exchange !== undefined) return exchange
  return (
    inCookie(request, places.cookie) ??
    (await inHeader(request)) ??
    inApiKeyHeader(request) ??
    inQuery(request, places.queryParameter) ??
    (await inForm(request))
  )
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

function tokenExchange({ query }: KnoxRequest): PresentedToken | undefined {
  if (query.get('grant_type') !== EXCHANGE) return undefined
  const subject = query.get('subject_token')
  if (subject === null || subject === '') {
    throw new KnoxRefusal(400, 'RFC 8693 token exchange requires subject_token parameter')
  }
  const actor = query.get('actor_token') ?? ''
  if (actor === '') {
    throw new KnoxRefusal(400, 'RFC 8693 token exchange requires actor_token parameter')
  }
  return { text: subject, as: 'jwt', actor }
}

function inCookie({ http }: KnoxRequest, name: string | undefined): PresentedToken | undefined {
  const { cookie } = http.headers
  if (name === undefined || typeof cookie !== 'string') return undefined
  const found = cookie
    .split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${name}=`))
  return found === undefined ? undefined : { text: found.slice(name.length + 1), as: 'jwt' }
}

async function inHeader(request: KnoxRequest): Promise<PresentedToken | undefined> {
  const shown = shownCredentials(request.http)
  if (shown.kind === 'none') return undefined
  // Knox answers 500 to a Basic value that cannot be read; it is as if nothing was shown.
  if (shown.kind === 'malformed') throw new KnoxRefusal(401)
  if (shown.kind === 'bearer') return { text: shown.token, as: 'either' }
  const { username, password } = shown
  switch (username.toLowerCase()) {
    case 'passcode':
      return { text: password, as: 'key' }
    case 'token':
      if (password === '') throw new KnoxRefusal(401)
      return { text: password, as: 'jwt' }
    default:
      return clientCredentials(request, { id: username, secret: password })
  }
}

/** The token as the secret of a client, its id being the name (RFC 6749 section 2.3.1). */
async function clientCredentials(
  request: KnoxRequest,
  client: { readonly id: string; readonly secret: string },
): Promise<PresentedToken | undefined> {
  const form = request.streamed ? undefined : (await request.body()).form
  if (form?.get('grant_type') !== 'client_credentials') throw new KnoxRefusal(401)
  return secretOf(client)
}

function inApiKeyHeader({ http }: KnoxRequest): PresentedToken | undefined {
  const key = http.headers['x-api-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string') throw new KnoxRefusal(401)
  return { text: key.trim(), as: 'either' }
}

function inQuery({ query }: KnoxRequest, name: string | undefined): PresentedToken | undefined {
  if (query.has('client_secret')) {
    throw new KnoxRefusal(401, 'client_secret must not be sent as a query parameter')
  }
  const token = name === undefined ? null : query.get(name)
  return token === null || token === '' ? undefined : { text: token, as: 'jwt' }
}

async function inForm(request: KnoxRequest): Promise<PresentedToken | undefined> {
  if (request.streamed || request.http.method !== 'POST') return undefined
  const { form } = await request.body()
  switch (form?.get('grant_type')) {
    case 'client_credentials': {
      const assertion = form.get('client_assertion') ?? ''
      if (assertion !== '' && form.get('client_assertion_type')?.endsWith(':jwt-bearer') === true) {
        return { text: assertion, as: 'jwt' }
      }
      return secretOf({ id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' })
    }
    case 'refresh_token':
      return { text: form.get('refresh_token') ?? '', as: 'either' }
    case EXCHANGE:
      return { text: form.get('subject_token') ?? '', as: 'either' }
    default:
      return undefined
  }
}

function secretOf({ id, secret }: { readonly id: string; readonly secret: string }): PresentedToken {
  const token = parseKnoxToken(secret)
  if (token === undefined) throw new KnoxRefusal(401, 'Error while parsing the received client secret')
  if (token.id !== id) {
    throw new KnoxRefusal(401, 'Client credentials flow with mismatching client_id and client_secret')
  }
  return { text: secret, as: 'key', clientId: id }
}

/** Whether a presented token is to be checked as a JWT. @throws {KnoxRefusal} it is not what it must be. */
export function isPresentedJwt({ text, as, actor }: PresentedToken): boolean {
  const isJwt = looksLikeJwt(text)
  if (actor !== undefined && !looksLikeJwt(actor)) throw new KnoxRefusal(401)
  if (as === 'jwt' && !isJwt) throw new KnoxRefusal(401)
  if (as === 'key' && isJwt) throw new KnoxRefusal(401, MALFORMED_KEY)
  return isJwt
}

/** What Knox says of a key that cannot be read. */
export const MALFORMED_KEY = 'Bad request: missing token passcode.'
