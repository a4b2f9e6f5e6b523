import type { HttpReply } from '../../../transports/http/http-message.ts'
import { createImpersonation } from '../identity-assertion/impersonation.ts'
import type { KnoxService } from '../knox-filter.ts'
import { KnoxRefusal, type KnoxRequest } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import { type ServiceParams, serviceParams } from '../service-params.ts'
import type { Topology, TopologyService } from '../topology.ts'
import { type AnswerKind, issueToken } from './issue-token.ts'
import { changeReply, ERROR_CODES, errorReply, jsonReply } from './life-cycle-reply.ts'
import { listTokens } from './list-tokens.ts'
import { type Changing, changeEach, idsIn, renewToken, revokeToken, setEnabled } from './manage-tokens.ts'
import type { TokenServiceParts } from './token-service-parts.ts'
import { type TokenKind, type TokenSettings, tokenSettingsOf } from './token-settings.ts'
import { tssStatusReply } from './tss-status.ts'

/** Roles of services that this makes. */
export const TOKEN_SERVICE_ROLES = ['APIKEY', 'CLIENTID', 'KNOXTOKEN'] as const

/** Where a service is found below its topology. */
type Places = {
  /** Prefix of its parameters. */
  readonly prefix: string | undefined
  readonly opens: (path: string) => boolean
  /** Where tokens are issued and managed, without a slash at the end. */
  readonly bases: readonly string[]
}

const PLACES: Readonly<Record<TokenKind, Places>> = {
  APIKEY: {
    prefix: 'apikey',
    opens: (path) => path.startsWith('/apikey/api/'),
    bases: ['/apikey/api/v1/auth/key'],
  },
  CLIENTID: {
    prefix: 'clientid',
    opens: (path) => path.startsWith('/clientid/api/'),
    bases: ['/clientid/api/v1/oauth/credentials'],
  },
  KNOXTOKEN: {
    prefix: undefined,
    opens: (path) => path.startsWith('/knoxtoken/api/') || isOauth(path),
    bases: ['/knoxtoken/api/v1/token', '/knoxtoken/api/v2/token'],
  },
}

/** `/oauth/v1/token` and `/ANY/v1/oauth/tokens`, with a slash at the end or without. */
function isOauth(path: string): boolean {
  return /^\/oauth\/v1\/token\/?$|^\/[^/]+\/v1\/oauth\/tokens\/?$/.test(path)
}

/** Where the key set is: where Knox has it, and where the `jku` of its tokens points to. */
const KEY_SETS = [
  '/knoxtoken/api/v1/jwks.json',
  '/knoxtoken/api/v2/jwks.json',
  '/apikey/api/v1/auth/jwks.json',
  '/clientid/api/v1/oauth/jwks.json',
]

/**
 * Makes one of the token services of a topology.
 *
 * @throws {TopologyProblem} a parameter cannot be understood.
 */
export function createTokenService(
  { role }: TopologyService,
  topology: Topology,
  parts: TokenServiceParts,
): KnoxService {
  const kind = kindOf(role)
  const places = PLACES[kind]
  const params = serviceParams(topology, role, places.prefix)
  const where = `${topology.file}: service "${role}"`
  const context: ServiceContext = {
    kind,
    settings: tokenSettingsOf(kind, params, {
      where,
      perUserMax: parts.perUserMax,
      hmacSecretBytes: parts.hmacSecretBytes,
    }),
    managed: isManaged(kind, params),
    impersonation: impersonates(topology),
    parts,
  }
  return {
    role,
    matches: places.opens,
    isOpen: (path) => KEY_SETS.includes(path),
    answer(request, principal) {
      const resource = resourceOf(request.path, places)
      if (resource === undefined) throw new KnoxRefusal(404)
      return RESOURCES[resource](request, principal, context)
    },
  }
}

type ServiceContext = {
  readonly kind: TokenKind
  readonly settings: TokenSettings
  readonly managed: boolean
  readonly impersonation: boolean
  readonly parts: TokenServiceParts
}

function kindOf(role: string): TokenKind {
  const kind = TOKEN_SERVICE_ROLES.find((each) => each === role)
  if (kind === undefined) throw new Error(`"${role}" is no token service`)
  return kind
}

/** Keys always are; JSON Web Tokens unless the topology says otherwise, so that they can be revoked. */
function isManaged(kind: TokenKind, params: ServiceParams): boolean {
  return kind !== 'KNOXTOKEN' || params.get('knox.token.exp.server-managed')?.trim().toLowerCase() !== 'false'
}

function impersonates({ providers }: Topology): boolean {
  const identity = providers.find(({ role }) => role === 'identity-assertion')
  return identity !== undefined && createImpersonation(identity.params).isEnabled
}

type Resource =
  | 'token'
  | 'oauth'
  | 'jwks.json'
  | 'getTssStatus'
  | 'getUserTokens'
  | 'renew'
  | 'revoke'
  | 'revokeTokens'
  | 'enable'
  | 'enableTokens'
  | 'disable'
  | 'disableTokens'

function resourceOf(asked: string, { bases }: Places): Resource | undefined {
  if (isOauth(asked)) return 'oauth'
  const path = asked.endsWith('/') ? asked.slice(0, -1) : asked
  if (KEY_SETS.includes(path)) return 'jwks.json'
  const base = bases.find((each) => path === each || path.startsWith(`${each}/`))
  if (base === undefined) return undefined
  const below = path.slice(base.length + 1)
  if (below === '') return 'token'
  const isResource = below !== 'token' && below !== 'oauth' && Object.hasOwn(RESOURCES, below)
  return isResource ? (below as Resource) : undefined
}

type ResourceHandler = (
  request: KnoxRequest,
  principal: Principal,
  context: ServiceContext,
) => Promise<HttpReply>

const RESOURCES: Readonly<Record<Resource, ResourceHandler>> = {
  token: (request, principal, context) => {
    // Whoever follows a link must not get a key, and HEAD is answered by GET in Knox.
    const byGet = context.kind === 'KNOXTOKEN' || context.parts.issuesByGet
    requireMethod(request, byGet ? ['POST', 'GET'] : ['POST'])
    return issue(request, principal, context, context.kind)
  },
  oauth: (request, principal, context) => {
    requireMethod(request, ['POST', 'GET'])
    return issue(request, principal, context, 'OAUTH')
  },
  'jwks.json': async (request, _principal, { parts }) => {
    requireMethod(request, ['GET', 'HEAD'])
    const reply = jsonReply(200, JSON.stringify(await parts.signingKeys.keySet()))
    return { ...reply, headers: { ...reply.headers, 'Cache-Control': 'public, max-age=300' } }
  },
  getTssStatus: (request, _principal, { settings, managed, impersonation }) => {
    requireMethod(request, ['GET'])
    return Promise.resolve(tssStatusReply(settings, { managed, impersonation }))
  },
  getUserTokens: (request, principal, { parts, managed }) => {
    requireMethod(request, ['GET'])
    if (!managed) return Promise.resolve(errorReply(503, 'Token management is not configured'))
    return listTokens(request, principal, parts)
  },
  // Knox maps one method in version 1 and another in version 2, and its own shell uses the wrong one.
  renew: async (request, principal, context) => {
    requireMethod(request, ['PUT', 'POST'])
    return changeReply(await renewToken(await bodyText(request), changing(request, principal, context)))
  },
  revoke: async (request, principal, context) => {
    requireMethod(request, ['DELETE', 'POST'])
    return changeReply(await revokeToken(await bodyText(request), changing(request, principal, context)))
  },
  enable: (request, principal, context) => enable(request, changing(request, principal, context), true),
  disable: (request, principal, context) => enable(request, changing(request, principal, context), false),
  revokeTokens: (request, principal, context) => {
    requireMethod(request, ['DELETE', 'POST'])
    const change = changing(request, principal, context)
    return batch(request, (id) => revokeToken(id, change))
  },
  enableTokens: (request, principal, context) =>
    enableEach(request, changing(request, principal, context), true),
  disableTokens: (request, principal, context) =>
    enableEach(request, changing(request, principal, context), false),
}

function issue(
  request: KnoxRequest,
  principal: Principal,
  { settings, managed, parts }: ServiceContext,
  kind: AnswerKind,
): Promise<HttpReply> {
  return issueToken(request, principal, { kind, settings, managed, parts })
}

function changing(
  request: KnoxRequest,
  principal: Principal,
  { settings, managed, parts }: ServiceContext,
): Changing {
  return { request, principal, settings, managed, parts }
}

async function enable(request: KnoxRequest, change: Changing, enabled: boolean): Promise<HttpReply> {
  requireMethod(request, ['PUT'])
  return changeReply(await setEnabled(await bodyText(request), { enabled, always: false }, change))
}

function enableEach(request: KnoxRequest, change: Changing, enabled: boolean): Promise<HttpReply> {
  requireMethod(request, ['PUT'])
  const type = request.http.headers['content-type']
  if (typeof type !== 'string' || !/^application\/json\s*(?:;|$)/i.test(type)) throw new KnoxRefusal(415)
  return batch(request, (id) => setEnabled(id, { enabled, always: true }, change))
}

async function batch(request: KnoxRequest, change: Parameters<typeof changeEach>[1]): Promise<HttpReply> {
  const ids = idsIn(await bodyText(request))
  if (ids === undefined) {
    return errorReply(
      400,
      'Invalid body: a JSON array of at most 1000 ids of tokens is needed',
      ERROR_CODES.invalidToken,
    )
  }
  const result = await changeEach(ids, change)
  return result === undefined ? { status: 204, headers: {}, body: '' } : changeReply(result)
}

async function bodyText(request: KnoxRequest): Promise<string> {
  return (await request.body()).text
}

function requireMethod({ http }: KnoxRequest, methods: readonly string[]): void {
  if (methods.includes(http.method)) return
  throw new KnoxRefusal(405, undefined, { Allow: methods.join(', ') })
}
