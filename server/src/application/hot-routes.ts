import { OVERLOADED } from '../apis/forward-auth/authorize-reply.ts'
import { createForwardAuth, type ForwardAuthParts } from '../apis/forward-auth/forward-auth.ts'
import type { Verification } from '../apis/native/native-api.ts'
import { createVerifyApi } from '../apis/native/verify-api.ts'
import { checkNobody, createCheckCaller } from '../apis/native/verify-caller.ts'
import type { KeyAuthority } from '../core/key-authority.ts'
import { isAddressRange } from '../core/keys/address-list.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Settings } from '../settings/settings.ts'
import type { LaneReply, LaneRoute } from '../transports/lane/lane-message.ts'
import { httpReplyOf } from '../transports/lane/lane-over-http.ts'
import { clientAddressOf } from './client-address-of.ts'
import { nativeSettingsOf } from './native-settings-of.ts'
import type { RoutedApi } from './route-requests.ts'
import { StartError } from './start-error.ts'

/** The routes that services and proxies ask all the time, for the lane and for node:http behind it. */
export type HotRoutes = {
  readonly lane: { readonly routes: readonly LaneRoute[]; readonly overloaded: LaneReply }
  readonly verification: Verification
  readonly forwardAuth: RoutedApi
}

/** What is particular to where requests come in. */
export type HotPlace = {
  /** Who may verify. */
  readonly callers: 'with the right' | 'everybody'
  /** Whose `X-Forwarded-For` forward-auth believes. */
  readonly believes: ForwardAuthParts['believes']
}

const ANY_PORT: HotPlace = { callers: 'with the right', believes: 'trusted proxies' }

/**
 * Builds verifications and forward-auth as the settings want them.
 *
 * @throws {StartError} when settings cannot be used; it names all that is wrong.
 */
export function createHotRoutes(
  settings: Settings,
  { authority, clock }: { readonly authority: KeyAuthority; readonly clock: Clock },
  { callers, believes }: HotPlace = ANY_PORT,
): HotRoutes {
  refuseProblems(settings)
  const { publicUrl } = nativeSettingsOf(settings)
  const checkCaller = createCheckCaller({
    authority,
    clock,
    addressOf: clientAddressOf(settings),
    failsafeMode: settings['plugins.common.failsafeMode'],
  })
  const verify = createVerifyApi({
    authority,
    checkCaller: callers === 'everybody' ? checkNobody : checkCaller,
    bodyBytesMax: settings['server.maxRequestSize'],
    ...(publicUrl !== undefined && { publicUrl }),
  })
  const forwardAuth = createForwardAuth({
    authority,
    clock,
    keyHeaders: settings['forwardAuth.keyHeaders'],
    trustedProxies: settings['forwardAuth.trustedProxies'],
    believes,
    ...(settings['http.tls.clientCertificates'] === 'optional' && { certificates: 'count' }),
    ...(publicUrl !== undefined && { publicUrl }),
  })
  return {
    lane: { routes: [...verify.routes, forwardAuth.route], overloaded: verify.overloaded },
    verification: verify.overHttp,
    forwardAuth: { handler: forwardAuth.overHttp, overloaded: () => httpReplyOf(OVERLOADED) },
  }
}

/** A header name as RFC 9110 section 5.1 has it. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/

function refuseProblems(settings: Settings): void {
  const names = settings['forwardAuth.keyHeaders']
    .filter((name) => !HEADER_NAME.test(name) || name.toLowerCase() === 'authorization')
    .map((name) => `  forwardAuth.keyHeaders: "${name}" cannot be the name of a header that holds keys`)
  const ranges = settings['forwardAuth.trustedProxies']
    .filter((range) => !isAddressRange(range))
    .map((range) => `  forwardAuth.trustedProxies: "${range}" is no address or network`)
  const problems = [...names, ...ranges]
  if (problems.length > 0) throw new StartError(`Cannot start with these settings:\n${problems.join('\n')}`)
}
