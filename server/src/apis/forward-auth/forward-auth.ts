import { DomainError } from '../../core/errors.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import { addressAllowed } from '../../core/keys/address-list.ts'
import { clientAddress, forwardedAddress } from '../../core/keys/client-address.ts'
import type { KeyCheck, KeyVerdict, PermissionQuery } from '../../core/keys/verdict.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { HttpHandler } from '../../transports/http/http-message.ts'
import { resourceMetadataUrl } from '../../transports/http/resource-metadata.ts'
import {
  type LaneReply,
  type LaneRequest,
  type LaneRoute,
  repeatRequestId,
} from '../../transports/lane/lane-message.ts'
import { createLaneHandler } from '../../transports/lane/lane-over-http.ts'
import { hasProof, proofIn } from './authorize-proof.ts'
import { createAuthorizeReplies, UNAVAILABLE, UNREADABLE_REQUIREMENT } from './authorize-reply.ts'
import { AUTHORIZE_PATH, createRequirements, scopeOf, shownKey } from './authorize-request.ts'

/** What forward-auth needs. */
export type ForwardAuthParts = {
  readonly authority: KeyAuthority
  readonly clock: Clock
  /** Headers that may hold a key besides `Authorization`, in any case. */
  readonly keyHeaders: readonly string[]
  /** Addresses and networks of the proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  /** Whose headers about the client are believed; `everybody`: nobody else gets to the listener, such as a Unix socket. */
  readonly believes: 'trusted proxies' | 'everybody'
  /** Certificates count that those say in `Client-Cert` that clients showed to them; absent: they do not. */
  readonly certificates?: 'count'
  /** URL under which clients reach this server itself, whose metadata the challenges then name. */
  readonly publicUrl?: string
}

/** `/v1/authorize` and all below it, for the lane and for node:http. */
export type ForwardAuth = { readonly route: LaneRoute; readonly overHttp: HttpHandler }

/** Whatever the method of the original request is, the question is the same. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/**
 * Answers proxies that ask whether a request may pass: nginx `auth_request`, Traefik ForwardAuth, Caddy `forward_auth`,
 * Envoy's ext_authz over HTTP. Never repeats the key. Holds nothing that must be released.
 */
export function createForwardAuth(parts: ForwardAuthParts): ForwardAuth {
  const { authority, clock, publicUrl } = parts
  const keyHeaders = parts.keyHeaders.map((name) => name.toLowerCase())
  const requirements = createRequirements()
  const replies = createAuthorizeReplies(publicUrl === undefined ? undefined : resourceMetadataUrl(publicUrl))

  const answer = (request: LaneRequest): LaneReply | Promise<LaneReply> => {
    const reply = judge(request)
    return reply instanceof Promise
      ? reply.then((later) => repeatRequestId(later, request))
      : repeatRequestId(reply, request)
  }

  const judge = (request: LaneRequest): LaneReply | Promise<LaneReply> => {
    const key = shownKey(request, keyHeaders)
    if (key === undefined) return replies.noKey
    let permissions: PermissionQuery | undefined
    try {
      permissions = requirements.of(request)
    } catch (error) {
      return refusalOf(error)
    }
    return ask(request, key, checkOf(request, permissions, parts))
  }

  const ask = (request: LaneRequest, key: string, check: KeyCheck): LaneReply | Promise<LaneReply> => {
    const { permissions } = check
    const reply = (verdict: KeyVerdict): LaneReply =>
      replies.toVerdict(verdict, permissions === undefined ? '' : scopeOf(permissions), clock.now())
    try {
      const verdict = authority.verification.check(key, check, request)
      return verdict instanceof Promise ? verdict.then(reply).catch(refusalOf) : reply(verdict)
    } catch (error) {
      return refusalOf(error)
    }
  }

  const route: LaneRoute = {
    methods: METHODS,
    path: AUTHORIZE_PATH,
    reach: 'below',
    bodyBytesMax: 0,
    answer,
  }
  // A body of the original request is not read, so nothing can be wrong with it.
  return { route, overHttp: createLaneHandler(route, () => UNREADABLE_REQUIREMENT) }
}

type Belief = 'believes' | 'trustedProxies' | 'certificates'

function checkOf(
  { address: peer, headers }: LaneRequest,
  permissions: PermissionQuery | undefined,
  { believes, trustedProxies, certificates }: Pick<ForwardAuthParts, Belief>,
): KeyCheck {
  const header = headers['x-forwarded-for']
  const forwardedFor = typeof header === 'object' ? header.join() : header
  const address =
    believes === 'everybody'
      ? forwardedAddress(forwardedFor, trustedProxies)
      : clientAddress(peer, forwardedFor, trustedProxies)
  const isBelieved = hasProof(headers) && (believes === 'everybody' || addressAllowed(trustedProxies, peer))
  return {
    ...(permissions !== undefined && { permissions }),
    ...(address !== undefined && { address }),
    ...(isBelieved && { shown: proofIn(headers, certificates) }),
  }
}

/** Nobody passes on a failure. @throws what was not thrown on purpose. */
function refusalOf(error: unknown): LaneReply {
  if (!(error instanceof DomainError)) throw error
  return error.code === 'policy.invalid' ? UNREADABLE_REQUIREMENT : UNAVAILABLE
}
