import { randomUUID } from 'node:crypto'
import type { Caller, GoodToken } from '../../core/access/caller.ts'
import type { Right } from '../../core/access/rights.ts'
import type { Origin } from '../../core/audit/audit-event.ts'
import { DomainError } from '../../core/errors.ts'
import { ANONYMOUS_ID } from '../../core/ids.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import type { Clock } from '../../core/ports/clock.ts'
import type { Origins } from '../../transports/http/origins.ts'
import type { Action, Controller } from './action.ts'
import { tokenOfCookie, wantsCookie } from './cookies.ts'
import { asKuzzleError, REFUSED_TOKENS } from './domain-errors.ts'
import { type Envelope, printEnvelope } from './envelope.ts'
import type { Gate } from './gate.ts'
import { fail, KuzzleError } from './kuzzle-errors.ts'
import type { KuzzleLog } from './kuzzle-log.ts'
import { checkCookieOrigin, checkOrigin } from './origins.ts'
import { Outcome, type OutcomeExtras } from './outcome.ts'
import type { KuzzleRequest } from './request.ts'
import { checkSdkVersion } from './sdk-version.ts'
import type { ServerFacts } from './server-facts.ts'

/** What came of a request. */
export type Answer = {
  readonly envelope: Envelope
  readonly extras: OutcomeExtras
}

/** Where every request passes, whatever carried it. */
export interface Funnel {
  /**
   * Answers a request; never rejects.
   *
   * `onToken` is told of the token of the request as soon as it was found good.
   */
  answer(request: KuzzleRequest, onToken?: (token: GoodToken) => void): Promise<Answer>
  /**
   * Anything thrown, in Kuzzle's words. What nobody threw on purpose is logged, and answered with a reference to
   * look for in the log.
   */
  explain(error: unknown, requestId: string): KuzzleError
}

/** What a funnel is made of. */
export type FunnelParts = {
  readonly authority: KeyAuthority
  readonly controllers: Readonly<Record<string, Controller>>
  readonly server: ServerFacts
  readonly gate: Gate
  readonly origins: Origins
  readonly log: KuzzleLog
  /** The address of a client, proxies that are trusted left out; undefined: unknown. Absent: the peer's. */
  readonly addressOf?: AddressOf
}

/** Tells the address of the client behind a peer by the headers that came with the request or connection. */
export type AddressOf = (peer: {
  readonly address: string
  readonly headers: KuzzleRequest['context']['headers']
}) => string | undefined

/** Checks and runs requests in Kuzzle's order: form, origin, load, token, rights, rate, action. */
export function createFunnel(parts: FunnelParts): Funnel {
  const { authority, server, gate, origins, log } = parts
  const findAction = actionFinder(parts.controllers)
  const tellOfOutage = outageTeller(log, server.clock)
  const envelopes = { node: server.node, development: server.settings.development }

  async function process(request: KuzzleRequest, onToken?: (token: GoodToken) => void): Promise<unknown> {
    const controller = request.controller || fail('api.assert.missing_argument', 'controller')
    const action = request.action || fail('api.assert.missing_argument', 'action')
    const rights = rightsOf(request, { controller, action })
    checkOrigin(request.context.headers, origins)
    return gate.pass(async () => {
      const origin = originOf(request, parts.addressOf)
      const token = await goodToken(request, origin)
      if (token !== undefined) onToken?.(token)
      const caller = await authority.tokens.identify(token, origin)
      // Whoever has a cookie must be able to lose it, also one that is good for nothing any more: scripts cannot.
      if (!isCookieLogout(request)) for (const right of rights) await checkRight(caller, right)
      if (isCounted(request, caller)) await authority.tokens.countRequest(caller.user)
      const { run } = findAction(controller, action)
      if (server.settings.strictSdkVersion) checkSdkVersion(request.volatile)
      return run(request, { authority, caller, server })
    }, request.context.isGone)
  }

  async function goodToken(request: KuzzleRequest, origin: Origin): Promise<GoodToken | undefined> {
    const shown = shownToken(request, server.settings.cookieAuthentication, origins)
    if (shown === undefined) return undefined
    const verdict = await authority.tokens.verify(shown.token, origin)
    if (verdict.valid) return verdict.token
    return shown.mayBeBad ? undefined : fail(REFUSED_TOKENS[verdict.reason])
  }

  async function checkRight(caller: Caller, right: Right): Promise<void> {
    if (await authority.tokens.isAllowed(caller, right)) return
    const { id, profileIds } = caller.user
    if (server.settings.failsafeMode && !profileIds.some((profile) => profile === 'admin')) {
      return fail('security.rights.failsafe_mode_admin_only')
    }
    if (id === ANONYMOUS_ID) return fail('security.rights.unauthorized', right.controller, right.action)
    return fail('security.rights.forbidden', right.controller, right.action, id)
  }

  function explain(error: unknown, requestId: string): KuzzleError {
    tellOfOutage(error)
    const known = asKuzzleError(error)
    if (known !== undefined) return known
    const reference = randomUUID()
    log.error({ err: error, reference, requestId: shorten(requestId) }, 'A request failed unexpectedly')
    const unexpected = new KuzzleError('core.fatal.unexpected_error', [`look for ${reference} in the log`])
    unexpected.cause = error
    return unexpected
  }

  async function answer(request: KuzzleRequest, onToken?: (token: GoodToken) => void): Promise<Answer> {
    server.statistics.started(request.protocol)
    const outcome = await process(request, onToken).then(asOutcome, (error: unknown) =>
      failed(explain(error, request.requestId)),
    )
    const { result, extras } = outcome
    const envelope = printEnvelope(envelopes, subjectOf(request), { result, error: extras.error })
    server.statistics.finished(request.protocol, envelope.status)
    return { envelope, extras }
  }

  return { answer, explain }
}

/** While the storage cannot be used, the log says so this often. */
const OUTAGE_TOLD_EVERY_MS = 10_000

/** Clients cannot mend the storage, so somebody else must hear of it; but not once for each request. */
function outageTeller(log: KuzzleLog, clock: Clock): (error: unknown) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  return (error) => {
    if (!(error instanceof DomainError && error.code === 'storage.unavailable')) return
    const now = clock.now()
    if (now - toldAt < OUTAGE_TOLD_EVERY_MS) return
    toldAt = now
    log.error({ reason: error.message }, 'Requests fail because the storage cannot be used')
  }
}

/** Finds actions. @throws {KuzzleError} `api.process.controller_not_found`, `api.process.action_not_found` */
function actionFinder(
  controllers: Readonly<Record<string, Controller>>,
): (controller: string, action: string) => Action {
  const table = new Map(
    Object.entries(controllers).map(([name, actions]) => [name, new Map(Object.entries(actions))]),
  )
  return (controller, action) => {
    const actions = table.get(controller) ?? fail('api.process.controller_not_found', controller)
    return actions.get(action) ?? fail('api.process.action_not_found', controller, action)
  }
}

/** The token that a request shows: itself, or in a cookie. `mayBeBad`: then the request is anonymous. */
function shownToken(
  request: KuzzleRequest,
  cookiesAllowed: boolean,
  origins: Origins,
): { readonly token: string; readonly mayBeBad: boolean } | undefined {
  // Without cookies, and without a wish for them, nothing more is to be looked at: the common case.
  const hasCookies = request.context.headers['cookie'] !== undefined
  const cookieWanted = request.args.has('cookieAuth') && wantsCookie(request)
  if (!hasCookies && !cookieWanted) return ownToken(request)

  const cookie = tokenOfCookieUnlessChecked(request, cookieWanted)
  if (!cookiesAllowed && (cookie !== undefined || cookieWanted)) return fail('security.cookie.unsupported')
  if (cookie !== undefined || cookieWanted) checkCookieOrigin(request.context.headers, origins)
  if (cookie === undefined) return ownToken(request)
  if (request.jwt !== undefined) {
    return fail(
      'security.token.verification_error',
      'Both token and cookie are present, could not decide which one to use',
    )
  }
  if (cookieWanted && request.controller === 'auth') {
    if (request.action === 'login' || request.action === 'checkToken') return undefined
    if (request.action === 'logout') return { token: cookie, mayBeBad: true }
  }
  return { token: cookie, mayBeBad: false }
}

function isCookieLogout(request: KuzzleRequest): boolean {
  return request.controller === 'auth' && request.action === 'logout' && wantsCookie(request)
}

function ownToken({
  jwt,
}: KuzzleRequest): { readonly token: string; readonly mayBeBad: boolean } | undefined {
  return jwt === undefined ? undefined : { token: jwt, mayBeBad: false }
}

/** `auth:checkToken` tells itself of a cookie that cannot be read. */
function tokenOfCookieUnlessChecked(request: KuzzleRequest, cookieWanted: boolean): string | undefined {
  const isChecked = cookieWanted && request.controller === 'auth' && request.action === 'checkToken'
  return isChecked && request.jwt === undefined ? undefined : tokenOfCookie(request)
}

/** Every right that a request needs: one, or one for each place that it names. */
function rightsOf(
  request: KuzzleRequest,
  right: { readonly controller: string; readonly action: string },
): readonly Right[] {
  const { index, collection } = request
  const targets = request.args.has('targets') ? request.targets : []
  if (targets.length === 0) {
    return [
      { ...right, ...(index !== undefined && { index }), ...(collection !== undefined && { collection }) },
    ]
  }
  if (index !== undefined || collection !== undefined) {
    return fail('api.assert.mutually_exclusive', 'targets', index === undefined ? 'collection' : 'index')
  }
  const places = targets.flatMap((target) =>
    target.collections.length === 0
      ? [{ ...right, index: target.index }]
      : target.collections.map((name) => ({ ...right, index: target.index, collection: name })),
  )
  if (places.length <= PLACES_MAX) return places
  return fail('api.assert.invalid_argument', 'targets', `at most ${PLACES_MAX} collections`)
}

/** Most places that one request may name: each needs a right. */
const PLACES_MAX = 100

/** Logins are counted where passwords are checked, and nobody is kept from logging out. */
function isCounted({ controller, action }: KuzzleRequest, caller: Caller): boolean {
  if (controller !== 'auth') return true
  return action !== 'login' && (action !== 'logout' || caller.token === undefined)
}

function originOf({ context, requestId }: KuzzleRequest, addressOf?: AddressOf): Origin {
  const peer = context.address
  const address =
    addressOf === undefined || peer === undefined
      ? peer
      : addressOf({ address: peer, headers: context.headers })
  return {
    ...(address !== undefined && { address }),
    carrier: context.protocol,
    requestId: shorten(requestId),
    local: context.local,
  }
}

/** Longest part of a client's request id that is kept anywhere. */
const REQUEST_ID_KEPT_MAX = 128

function shorten(requestId: string): string {
  return requestId.length > REQUEST_ID_KEPT_MAX ? requestId.slice(0, REQUEST_ID_KEPT_MAX) : requestId
}

function subjectOf(request: KuzzleRequest) {
  const index = request.args.get('index')
  const collection = request.args.get('collection')
  return {
    requestId: request.requestId,
    controller: request.controller,
    action: request.action,
    volatile: request.volatile,
    index: typeof index === 'string' ? index : undefined,
    collection: typeof collection === 'string' ? collection : undefined,
  }
}

function asOutcome(result: unknown): Outcome {
  return result instanceof Outcome ? result : new Outcome(result, {})
}

function failed(error: KuzzleError): Outcome {
  return new Outcome(undefined, { error })
}
