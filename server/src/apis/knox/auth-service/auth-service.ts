import type { ApiKey } from '../../../core/keys/api-key.ts'
import type { HttpReply } from '../../../transports/http/http-message.ts'
import { encodeHeader, type IdentityHeaders, identityHeadersOf, printIdentity } from '../identity-headers.ts'
import type { KnoxService } from '../knox-filter.ts'
import { KnoxRefusal } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import type { Params, TopologyService } from '../topology.ts'

/** What this service may know of the environment. */
export type AuthServiceParts = {
  /** The token that `bearer` hands out, by the name of its variable; undefined: it is not set. */
  readonly tokenFor: (variable: string) => string | undefined
  /** What the scopes of a key come to; undefined when it has none. */
  readonly scopesOf: (key: ApiKey) => Promise<readonly string[] | undefined>
}

const BASE = '/auth/api/v1'
const METHODS = {
  pre: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  extauthz: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'],
  bearer: ['GET'],
} as const

/**
 * `KNOX-AUTH-SERVICE`: tells proxies who asks, in headers. `pre` for nginx and other Knoxes, `extauthz` for Envoy, which
 * appends the path of the request; `bearer` hands out the token of another service.
 *
 * With `auth.header.key.details` = true, which Knox does not know, headers also tell of the key that was shown: its id
 * `X-Knox-Key-ID` and, when it has some, its scopes `X-Knox-Key-Scopes`.
 *
 * @throws {TopologyProblem} a parameter cannot be understood.
 */
export function createAuthService(
  { params }: TopologyService,
  file: string,
  { tokenFor, scopesOf }: AuthServiceParts,
): KnoxService {
  const where = `${file}: service "KNOX-AUTH-SERVICE"`
  const identity: Identity = {
    ...identityHeadersOf(params, where),
    tellsOfKeys: isTrue(params, 'auth.header.key.details'),
  }
  const acceptsPaths = isTrue(params, 'ignore.additional.path')
  const variable = params.get('auth.bearer.token.env')?.trim() ?? 'BEARER_AUTH_TOKEN'

  return {
    role: 'KNOX-AUTH-SERVICE',
    matches: (path) => path === '/auth/api' || path.startsWith('/auth/api/'),
    tellsWhoAsks: (path) => path === `${BASE}/pre` || path === `${BASE}/extauthz`,
    // Proxies send the body of the request along now and then; it is none of ours.
    streams: true,
    async answer(request, principal) {
      const resource = resourceOf(request.path, acceptsPaths)
      if (resource === undefined) throw new KnoxRefusal(404)
      const methods: readonly string[] = METHODS[resource]
      if (!methods.includes(request.http.method)) {
        throw new KnoxRefusal(405, undefined, { Allow: methods.join(', ') })
      }
      if (resource === 'bearer') return handOut(variable, tokenFor)
      const { key } = principal
      const hasScopes = identity.tellsOfKeys && key?.policy?.scopes !== undefined
      return tell(principal, identity, hasScopes ? await scopesOf(key) : undefined)
    },
  }
}

type Resource = keyof typeof METHODS

function resourceOf(path: string, acceptsPaths: boolean): Resource | undefined {
  const below = path.startsWith(`${BASE}/`) ? path.slice(BASE.length + 1) : ''
  if (below === 'pre' || below === 'bearer' || below === 'extauthz') return below
  return acceptsPaths && below.startsWith('extauthz/') ? 'extauthz' : undefined
}

type Identity = IdentityHeaders & { readonly tellsOfKeys: boolean }

function tell(principal: Principal, identity: Identity, scopes: readonly string[] | undefined): HttpReply {
  const { key } = principal
  const headers: Record<string, string> = {
    'Cache-Control': 'no-store',
    ...printIdentity(principal, identity),
  }
  if (identity.tellsOfKeys && key !== undefined) {
    headers['X-Knox-Key-ID'] = encodeHeader(key.id)
    if (scopes !== undefined) headers['X-Knox-Key-Scopes'] = scopes.join(' ') || 'none'
  }
  return { status: 200, headers, body: '' }
}

function handOut(variable: string, tokenFor: AuthServiceParts['tokenFor']): HttpReply {
  const token = tokenFor(variable)
  if (token === undefined || token === '') {
    throw new KnoxRefusal(500, `Token environment variable '${variable}' is not set`)
  }
  return {
    status: 200,
    headers: { Authorization: `Bearer ${token}`, 'Cache-Control': 'no-store' },
    body: '',
  }
}

function isTrue(params: Params, name: string): boolean {
  return params.get(name)?.trim().toLowerCase() === 'true'
}
