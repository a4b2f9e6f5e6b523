import { expiryOf } from '../../../core/access/caller.ts'
import type { Session } from '../../../core/access/session.ts'
import type { Origin } from '../../../core/audit/audit-event.ts'
import type { Issued, KeyAuthority } from '../../../core/key-authority.ts'
import type { Verdict } from '../../../core/keys/verdict.ts'
import type { ActionContext, Controller } from '../action.ts'
import { EMPTY_TOKEN_COOKIE, tokenCookie, tokenOfCookie, wantsCookie } from '../cookies.ts'
import { parseExpiresIn } from '../expires-in.ts'
import { KUZZLE_ERRORS } from '../kuzzle-errors.ts'
import { Outcome } from '../outcome.ts'
import type { KuzzleRequest } from '../request.ts'
import { checkIdentified } from './auth-rights.ts'

/** Logging in and out, and the tokens that come of it. */
export const sessionActions: Controller = {
  login: {
    routes: [
      { verb: 'POST', path: '/_login/:strategy' },
      { verb: 'GET', path: '/_login/:strategy', published: false },
    ],
    async run(request, { authority, caller }) {
      const login = {
        strategy: request.string('strategy'),
        username: credentialOf(request, 'username'),
        password: credentialOf(request, 'password'),
        ...lifeOf(request),
      }
      return sessionOutcome(request, await authority.sessions.login(login, caller.origin))
    },
  },

  logout: {
    routes: [{ verb: 'POST', path: '/_logout' }],
    async run(request, { authority, caller }) {
      const cookie = wantsCookie(request)
      if (!cookie) checkIdentified(request, caller)
      if (caller.token !== undefined) await authority.sessions.logout(caller, request.boolean('global'))
      const result = { acknowledged: true }
      return cookie ? new Outcome(result, { cookie: EMPTY_TOKEN_COOKIE }) : result
    },
  },

  refreshToken: {
    routes: [{ verb: 'POST', path: '/_refreshToken' }],
    async run(request, { authority, caller }) {
      checkIdentified(request, caller)
      return sessionOutcome(request, await authority.sessions.refresh(caller, lifeOf(request)))
    },
  },

  createToken: {
    routes: [{ verb: 'POST', path: '/_createToken' }],
    async run(request, { authority, caller }) {
      const singleUse = request.boolean('singleUse')
      const { issued, token } = await authority.sessions.createToken(caller, {
        ...lifeOf(request),
        singleUse,
      })
      const { expiresAt, ttl } = lifespanOf(issued)
      return { expiresAt, singleUse, token: token.reveal(), ttl }
    },
  },

  checkToken: {
    routes: [{ verb: 'POST', path: '/_checkToken' }],
    async run(request, { authority, caller }) {
      const token = wantsCookie(request) ? tokenOfCookie(request) : givenToken(request)
      if (!token) return { expiresAt: null, kuid: '-1', valid: true }
      return verdictResult(await checkToken(authority, token, caller.origin))
    },
  },

  getStrategies: {
    routes: [{ verb: 'GET', path: '/strategies' }],
    run: async (_request, { authority }: ActionContext) => authority.sessions.strategies(),
  },
}

/** One half of username and password, which clients send in the body or, over GET, as arguments. */
function credentialOf(request: KuzzleRequest, name: 'username' | 'password'): string | undefined {
  const inBody = request.body === undefined || Array.isArray(request.body) ? {} : request.bodyObjectWhole()
  const value = inBody[name] ?? request.args.get(name)
  return typeof value === 'string' ? value : undefined
}

function lifeOf(request: KuzzleRequest): { readonly ttlMs?: number } {
  const ttlMs = parseExpiresIn(request.args.get('expiresIn'))
  return ttlMs === undefined ? {} : { ttlMs }
}

function givenToken(request: KuzzleRequest): string | undefined {
  if (request.body === undefined || Array.isArray(request.body)) return undefined
  return request.bodyObjectWhole()['token'] === null ? undefined : request.bodyString('token', '')
}

/** A new session, which the client will use from now on; its token is in the result, or else in a cookie. */
function sessionOutcome(request: KuzzleRequest, { issued, token }: Issued<Session>): Outcome {
  const { expiresAt, ttl } = lifespanOf(issued)
  const result = { _id: issued.owner, expiresAt, ttl }
  if (wantsCookie(request)) {
    return new Outcome(result, { session: issued, cookie: tokenCookie(token.reveal(), issued) })
  }
  return new Outcome({ ...result, jwt: token.reveal() }, { session: issued })
}

/** -1 stands for "never". */
function lifespanOf(life: { readonly expiresAt?: number; readonly ttlMs?: number }) {
  return { expiresAt: life.expiresAt ?? -1, ttl: life.ttlMs ?? -1 }
}

/** Asking about a key is no use of it, but a single-use token is used up by it: Kuzzle 2.56 does so. */
async function checkToken({ tokens }: KeyAuthority, token: string, origin: Origin): Promise<Verdict> {
  const verdict = await tokens.inspect(token, origin)
  const isSingleUse = verdict.valid && verdict.token.kind === 'session' && verdict.token.session.singleUse
  return isSingleUse ? tokens.verify(token, origin) : verdict
}

function verdictResult(verdict: Verdict) {
  if (!verdict.valid) return { state: KUZZLE_ERRORS['security.token.invalid'].template, valid: false }
  const { token } = verdict
  const { owner } = token.kind === 'key' ? token.key : token.session
  return { expiresAt: expiryOf(token) ?? -1, kuid: owner, valid: true }
}
