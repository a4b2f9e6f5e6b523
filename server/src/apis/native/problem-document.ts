import { DomainError, type ErrorFacts } from '../../core/errors.ts'
import type { LimitStanding, RefusalReason } from '../../core/keys/verdict.ts'
import type { Instant } from '../../core/record.ts'
import { QueryError } from '../../query/query-error.ts'
import type { HttpReply } from '../../transports/http/http-message.ts'
import { rateLimitFields, retryAfterSeconds } from '../../transports/http/rate-limit-fields.ts'
import { type OAuthError, oauthErrorOf } from './oauth-error.ts'
import { type InputError, invalid, PROBLEMS, Problem, type ProblemCode } from './problem.ts'

/** A refusal as RFC 9457 has it. `instance` names the request, for whoever looks into the log. */
export type ProblemDocument = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly instance: string
  readonly errors?: readonly InputError[]
} & Partial<OAuthError>

/** What the answer to a refusal depends on. */
export type ProblemScene = {
  readonly requestId: string
  /** URL of the protected-resource metadata (RFC 9728 section 5.1). */
  readonly metadataUrl: string
  /** The route is one of OAuth's. */
  readonly speaksOAuth?: boolean
}

/** The answer to a refused request, with the headers that its status asks for. */
export function problemReply(problem: Problem, scene: ProblemScene): HttpReply {
  const { requestId, metadataUrl, speaksOAuth = false } = scene
  const { status, title } = PROBLEMS[problem.code]
  const document: ProblemDocument = {
    type: `urn:latchkey:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    instance: `urn:latchkey:request:${encodeURIComponent(requestId)}`,
    ...(problem.errors.length > 0 && { errors: problem.errors }),
    ...(speaksOAuth && oauthErrorOf(problem)),
  }
  const challenge = challengeOf(problem.code, status, metadataUrl)
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      ...(challenge !== undefined && { 'WWW-Authenticate': challenge }),
      ...(passesSoon(problem.code, status) && { 'Retry-After': '1' }),
      ...problem.headers,
    },
    body: JSON.stringify(document),
  }
}

/** Whether to come again helps, when nothing better is known. A budget that is not refilled stays empty. */
function passesSoon(code: ProblemCode, status: number): boolean {
  return (status === 429 && code !== 'token.usage_exceeded') || status === 503
}

/** Anything thrown on purpose as a problem; undefined for a broken promise of ours. */
export function asProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  if (error instanceof QueryError) return new Problem(`query.${error.code}`, error.message)
  if (!(error instanceof DomainError)) return undefined
  // To the core a cursor is an id; to clients it is a field of theirs.
  if (error.facts['kind'] === 'cursor') return invalid('cursor', 'no such listing gave it')
  return new Problem(error.code, `${error.message}.`.replace(/\.\.$/, '.'), {
    errors: partsOf(error.facts),
    headers: retryAfter(error.facts['retryAfterMs']),
  })
}

/** The same failure, with what is wrong in other places of the body; anything that names no place stays as it is. */
export function withPointers(error: unknown, moved: (pointer: string) => string): unknown {
  const problem = asProblem(error)
  if (problem === undefined || problem.errors.length === 0) return error
  const { code, message, headers } = problem
  const errors = problem.errors.map((each) =>
    each.pointer === undefined ? each : { ...each, pointer: moved(each.pointer) },
  )
  return new Problem(code, message, { errors, headers, cause: error })
}

/**
 * The refusal of a token to whoever shows it. Malformed, unknown, revoked, disabled and expired ones look the same, so
 * that nobody learns from the answer whether a token was ever good.
 */
export function refusedToken({ reason, retryAt, standing }: TokenRefusal, now: Instant): Problem {
  const code = REFUSALS[reason]
  return new Problem(code, `Cannot use the token: ${REFUSAL_DETAILS[code]}.`, {
    headers: {
      ...(retryAt !== undefined && retryAfter(retryAt - now)),
      ...(standing !== undefined && rateLimitFields(standing, now)),
    },
  })
}

/** Why a token was refused, when to come back, and where its limits stand; the latter two where they are known. */
export type TokenRefusal = {
  readonly reason: RefusalReason
  readonly retryAt?: Instant | undefined
  readonly standing?: LimitStanding | undefined
}

type RefusalCode =
  | 'token.invalid'
  | 'token.forbidden'
  | 'token.rate_limited'
  | 'token.usage_exceeded'
  | 'right.missing'

const REFUSALS: Readonly<Record<RefusalReason, RefusalCode>> = {
  malformed: 'token.invalid',
  unknown: 'token.invalid',
  revoked: 'token.invalid',
  disabled: 'token.invalid',
  expired: 'token.invalid',
  forbidden: 'token.forbidden',
  insufficient: 'right.missing',
  rate_limited: 'token.rate_limited',
  usage_exceeded: 'token.usage_exceeded',
}

const REFUSAL_DETAILS: Readonly<Record<RefusalCode, string>> = {
  'token.invalid': 'it is not good, or not any more',
  'token.forbidden': 'not from this address, not at this time, or not without the proof that it is bound to',
  'token.rate_limited': 'it was used too often just now',
  'token.usage_exceeded': 'it has no credits left',
  'right.missing': 'it may not do this',
}

/** RFC 6750 section 3.1: a request without token is told no error code. */
function challengeOf(code: ProblemCode, status: number, metadataUrl: string): string | undefined {
  const realm = `Bearer realm="latchkey", resource_metadata="${metadataUrl}"`
  if (code === 'right.missing') return `${realm}, error="insufficient_scope"`
  if (status !== 401) return undefined
  return code === 'token.invalid' ? `${realm}, error="invalid_token"` : realm
}

/** Which member the core found wrong, where it says so. */
function partsOf({ member, problem }: ErrorFacts): readonly InputError[] {
  if (typeof member !== 'string' || typeof problem !== 'string') return []
  return [{ pointer: pointerTo(member), detail: problem }]
}

/** Where a member of the core, such as `limits[2].windowMs`, is in the body of a request: `/limits/2/window`. */
function pointerTo(member: string): string {
  const names = member.replaceAll(/\[(\d+)\]/g, '.$1').split('.')
  return names.map((name) => `/${NAMES_HERE[name] ?? name}`).join('')
}

/** The core's lengths of time name their unit; here the value does. */
const NAMES_HERE: Readonly<Record<string, string>> = {
  idleTimeoutMs: 'idleTimeout',
  windowMs: 'window',
  everyMs: 'every',
}

function retryAfter(ms: unknown): Readonly<Record<string, string>> {
  return typeof ms === 'number' && Number.isFinite(ms) ? { 'Retry-After': retryAfterSeconds(ms) } : {}
}
