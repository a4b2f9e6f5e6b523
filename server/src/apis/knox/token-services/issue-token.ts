import { DomainError } from '../../../core/errors.ts'
import type { KeyId, UserId } from '../../../core/ids.ts'
import type { JsonObject } from '../../../core/json.ts'
import type { Issued, TokenRequest } from '../../../core/key-authority.ts'
import type { ApiKey } from '../../../core/keys/api-key.ts'
import type { Instant } from '../../../core/record.ts'
import type { HttpReply } from '../../../transports/http/http-message.ts'
import type { KnoxRequest } from '../knox-request.ts'
import type { Principal } from '../principal.ts'
import { requestParameters } from '../request-parameters.ts'
import { canonicalName } from './certificate-name.ts'
import { ERROR_CODES, errorReply, jsonReply } from './life-cycle-reply.ts'
import { expiresInSeconds, lifeOf } from './lifespan.ts'
import { createdByOf, isForbiddenByKey, originOf, trustOf } from './token-owner.ts'
import type { TokenServiceParts } from './token-service-parts.ts'
import type { TokenKind, TokenSettings } from './token-settings.ts'

/** The kinds of answers to somebody who asks for a token. */
export type AnswerKind = TokenKind | 'OAUTH'

/** What the issue of tokens depends on besides the request. */
export type Issuing = {
  readonly kind: AnswerKind
  readonly settings: TokenSettings
  /** Whether the state of JSON Web Tokens is kept here, so that they can be revoked; keys always are. */
  readonly managed: boolean
  readonly parts: TokenServiceParts
}

/** Names of metadata that mean something to the server itself. */
export const RESERVED_METADATA = [
  'userName',
  'createdBy',
  'enabled',
  'passcode',
  'type',
  'lastUsedAt',
  'comment',
  'thirdPartyApp',
]

export const COMMENT_LENGTH_MAX = 256
export const METADATA_NAME_LENGTH_MAX = 32
export const METADATA_VALUE_LENGTH_MAX = 256

/** Issues a token for the principal, and answers as the service of that kind does; a refusal issues nothing. */
export async function issueToken(
  request: KnoxRequest,
  principal: Principal,
  issuing: Issuing,
): Promise<HttpReply> {
  const { settings, parts } = issuing
  const distrust = certificateProblem(request, settings)
  if (distrust !== undefined) return errorReply(403, distrust)
  const given = await requestParameters(request)
  if (given === undefined) return errorReply(400, 'Invalid body: a JSON object or a form is needed, or none')
  const problem = problemOf(given)
  if (problem !== undefined) return errorReply(400, problem)
  const wantsGroups = given.get('knox.token.include.groups')?.toLowerCase() === 'true'
  if (wantsGroups && !settings.groupsAllowed) {
    return errorReply(400, 'Including group information in tokens is disabled')
  }
  const lifespan = settings.lifespanAllowed ? given.get('lifespan') : undefined
  const life = lifeOf(lifespan, settings.ttlMs)
  if (!life.ok) return errorReply(400, life.problem)
  const now = parts.now()
  const expiresAt = life.ms === undefined ? undefined : now + life.ms
  const groups = wantsGroups ? principal.groups : []
  try {
    return await issue(request, principal, issuing, { given, now, expiresAt, groups })
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    // Clients look for these words.
    if (error.code === 'key.owner_full') return errorReply(403, 'Unable to get token - token limit exceeded.')
    if (isForbiddenByKey(error)) return errorReply(403, error.message, ERROR_CODES.unauthorized)
    if (UNUSABLE.includes(error.code)) return errorReply(400, error.message)
    throw error
  }
}

function certificateProblem({ clientName }: KnoxRequest, { clientNames }: TokenSettings): string | undefined {
  if (clientNames === undefined) return undefined
  if (clientName === undefined) return 'Unable to get token - client cert required.'
  const name = canonicalName(clientName)
  const isAllowed = name !== undefined && clientNames.includes(name)
  return isAllowed ? undefined : 'Unable to get token - untrusted client cert.'
}

/** What the caller asked for cannot be stored, its own name included. */
const UNUSABLE: readonly string[] = ['id.invalid', 'metadata.invalid', 'key.ttl_invalid']

type Asked = {
  readonly given: ReadonlyMap<string, string>
  readonly now: Instant
  readonly expiresAt: Instant | undefined
  readonly groups: readonly string[]
}

async function issue(
  request: KnoxRequest,
  principal: Principal,
  issuing: Issuing,
  asked: Asked,
): Promise<HttpReply> {
  const { kind, managed, parts } = issuing
  const wanted = tokenRequestOf(principal, issuing, asked)
  const isKept = managed || kind === 'APIKEY' || kind === 'CLIENTID'
  if (!isKept) parts.tokens.checkIssue(wanted, originOf(request))
  const issued = isKept ? await parts.tokens.issue(wanted, originOf(request)) : undefined
  switch (kind) {
    case 'APIKEY':
    case 'CLIENTID': {
      if (issued === undefined) throw new Error('A key was not stored')
      const seconds = expiresInSeconds(asked.now, issued.issued.expiresAt)
      return keyReply(kind, issued, seconds)
    }
    case 'KNOXTOKEN':
    case 'OAUTH':
      return jwtReply(request, principal, issuing, { ...asked, issued })
  }
}

function tokenRequestOf(
  principal: Principal,
  { kind, settings }: Issuing,
  { given, now, expiresAt }: Asked,
): TokenRequest {
  const { maxLifetimeMs, perUserMax, whenExceeded } = settings
  const metadata = metadataOf(given)
  return {
    // Knox's users need not be known here: a name is all there is of them.
    owner: principal.effective as UserId,
    createdBy: createdByOf(principal),
    shown: principal.key,
    ownerTrust: trustOf(principal),
    type: kind === 'APIKEY' ? 'API_KEY' : kind === 'CLIENTID' ? 'CLIENT_ID' : 'JWT',
    // A blank one is none.
    comment: (given.get('comment') ?? '').trim() === '' ? '' : (given.get('comment') ?? ''),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(maxLifetimeMs !== undefined && { maxLifetimeAt: now + maxLifetimeMs }),
    ...(kind === 'CLIENTID' && { thirdPartyApp: settings.isThirdPartyApp }),
    ...(metadata !== undefined && { metadata }),
    ...(perUserMax !== undefined && { limit: { max: perUserMax, exceeded: whenExceeded } }),
  }
}

function keyReply(
  kind: 'APIKEY' | 'CLIENTID',
  { token, issued }: Issued<ApiKey>,
  seconds: number | undefined,
): HttpReply {
  const life = seconds === undefined ? {} : { expires_in: seconds }
  // The order of members is Knox's.
  const body =
    kind === 'APIKEY'
      ? { key_id: issued.id, api_key: token.reveal(), ...life }
      : { client_secret: token.reveal(), ...life, client_id: issued.id }
  return jsonReply(200, JSON.stringify(body))
}

async function jwtReply(
  request: KnoxRequest,
  principal: Principal,
  { kind, settings, parts, managed }: Issuing,
  { now, expiresAt, groups, issued }: Asked & { readonly issued: Issued<ApiKey> | undefined },
): Promise<HttpReply> {
  const tokenId = issued?.issued.id ?? (parts.randomId() as KeyId)
  const keySetUrl = parts.baseUrlOf(request.http) + keySetPathOf(request, kind)
  const client = clientOf(principal)
  const jwt = await parts.signingKeys.sign({
    claims: {
      iss: settings.issuer,
      sub: principal.effective,
      iat: Math.trunc(now / 1_000),
      ...(settings.audiences.length > 0 && { aud: [...settings.audiences] }),
      // Never later than the state says, and never in the past.
      ...(expiresAt !== undefined && { exp: Math.trunc(expiresAt / 1_000) }),
      ...(client !== undefined && { client_id: client }),
      ...(groups.length > 0 && { 'knox.groups': [...groups] }),
      ...(settings.isDelegated && principal.impersonated && { act: { sub: principal.name } }),
      'knox.id': tokenId,
      'managed.token': String(managed),
    },
    algorithm: settings.algorithm,
    type: settings.tokenType,
    keySetUrl,
  })
  if (kind === 'OAUTH') {
    const refresh = issued === undefined ? {} : { refresh_token: issued.token.reveal() }
    return jsonReply(
      200,
      JSON.stringify({
        access_token: jwt,
        ...refresh,
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: expiresInSeconds(now, expiresAt) ?? -1,
      }),
    )
  }
  return jsonReply(
    200,
    JSON.stringify({
      access_token: jwt,
      token_id: tokenId,
      managed: String(managed),
      ...(settings.targetUrl !== undefined && { target_url: settings.targetUrl }),
      ...Object.fromEntries(settings.clientData),
      ...(settings.certificate !== undefined && { endpoint_public_cert: settings.certificate }),
      token_type: 'Bearer',
      expires_in: expiresAt ?? -1,
      ...(issued !== undefined && { passcode: issued.token.reveal() }),
    }),
  )
}

/** Beside the resource that issues, as in Knox; tokens of OAuth are none's neighbours. */
function keySetPathOf({ http, base }: KnoxRequest, kind: AnswerKind): string {
  if (kind === 'OAUTH') return `${base}/knoxtoken/api/v1/jwks.json`
  return `${http.path.replace(/[^/]*\/?$/, '')}jwks.json`
}

/** The application that acts for the owner of its credentials, when one does. */
function clientOf({ key }: Principal): KeyId | undefined {
  return key?.knox?.type === 'CLIENT_ID' && key.knox.thirdPartyApp === false ? key.id : undefined
}

const METADATA = 'md_'

function problemOf(given: ReadonlyMap<string, string>): string | undefined {
  const comment = given.get('comment') ?? ''
  if (comment.length > COMMENT_LENGTH_MAX) {
    return `Invalid comment: it has ${comment.length} characters, and ${COMMENT_LENGTH_MAX} is the limit`
  }
  for (const [name, value] of given) {
    if (!name.startsWith(METADATA)) continue
    const own = name.slice(METADATA.length)
    if (RESERVED_METADATA.includes(own)) return `Invalid metadata "${own}": the name is reserved`
    if (own === '' || own.length > METADATA_NAME_LENGTH_MAX) {
      return `Invalid metadata: a name must have 1 to ${METADATA_NAME_LENGTH_MAX} characters`
    }
    if (value.length > METADATA_VALUE_LENGTH_MAX) {
      return `Invalid metadata "${own}": its value has ${value.length} characters, and ${METADATA_VALUE_LENGTH_MAX} is the limit`
    }
  }
  return undefined
}

function metadataOf(given: ReadonlyMap<string, string>): JsonObject | undefined {
  const entries = [...given]
    .filter(([name, value]) => name.startsWith(METADATA) && value.trim() !== '')
    .map(([name, value]) => [name.slice(METADATA.length), value])
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
