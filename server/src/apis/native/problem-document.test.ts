import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DomainError } from '../../core/errors.ts'
import { QueryError } from '../../query/query-error.ts'
import { PROBLEMS, Problem } from './problem.ts'
import { asProblem, problemReply, refusedToken } from './problem-document.ts'

const scene = { requestId: 'a b', metadataUrl: 'https://keys.test/.well-known/oauth-protected-resource' }

describe('problem documents', () => {
  it('hold what RFC 9457 wants, and a stable code', () => {
    const { status, headers, body } = problemReply(new Problem('key.not_found', 'Cannot find it'), scene)
    assert.equal(status, 404)
    assert.equal(headers['Content-Type'], 'application/problem+json')
    assert.deepEqual(JSON.parse(String(body)), {
      type: 'urn:latchkey:problem:key.not_found',
      title: 'There is no such key',
      status: 404,
      detail: 'Cannot find it',
      code: 'key.not_found',
      instance: 'urn:latchkey:request:a%20b',
    })
  })

  it('say when to come back whenever that is what is wrong', () => {
    for (const [code, { status }] of Object.entries(PROBLEMS)) {
      const { headers } = problemReply(new Problem(code as keyof typeof PROBLEMS, 'x'), scene)
      // Only a budget that is refilled is worth coming back for.
      const passes = (status === 429 || status === 503) && code !== 'token.usage_exceeded'
      assert.equal('Retry-After' in headers, passes, code)
      assert.equal('WWW-Authenticate' in headers, status === 401 || code === 'right.missing', code)
    }
    const late = asProblem(new DomainError('login.too_many', 'x', { retryAfterMs: 2_500 }))
    assert.equal(late?.headers['Retry-After'], '3')
    const retryAfter = (reason: 'rate_limited' | 'usage_exceeded', retryAt: number) =>
      refusedToken({ reason, retryAt }, 1_000).headers['Retry-After']
    assert.equal(retryAfter('rate_limited', 1_010), '1')
    assert.equal(retryAfter('usage_exceeded', 61_001), '61')
  })

  it('tell where the limits of a token stand that was used too often', () => {
    const limits = [{ name: 'minute', limit: 2, windowMs: 60_000 }]
    const states = [{ name: 'minute', limit: 2, remaining: 0, resetAt: 61_000 }]
    const problem = refusedToken(
      { reason: 'rate_limited', retryAt: 31_000, standing: { limits, states } },
      1_000,
    )
    const { headers } = problemReply(problem, scene)
    assert.equal(headers['RateLimit-Policy'], '"minute";q=2;w=60')
    assert.equal(headers['RateLimit'], '"minute";r=0;t=60')
    assert.equal(headers['Retry-After'], '30')
  })

  it('challenge as RFC 6750 says: no error code for who shows no token', () => {
    const challenge = (problem: Problem) => String(problemReply(problem, scene).headers['WWW-Authenticate'])
    assert.doesNotMatch(challenge(new Problem('token.missing', 'x')), /error=/)
    assert.match(
      challenge(refusedToken({ reason: 'expired' }, 0)),
      /^Bearer realm="latchkey".*error="invalid_token"/,
    )
    assert.match(challenge(new Problem('right.missing', 'x')), /error="insufficient_scope"/)
  })

  it('are made of what the core and the query languages refuse, and of nothing that nobody threw on purpose', () => {
    const domain = new DomainError('policy.invalid', 'Cannot use it', {
      member: 'limits[0].windowMs',
      problem: 'empty',
    })
    assert.equal(asProblem(domain)?.code, 'policy.invalid')
    assert.deepEqual(asProblem(domain)?.errors, [{ pointer: '/limits/0/window', detail: 'empty' }])
    assert.equal(asProblem(new QueryError('malformed', 'x'))?.code, 'query.malformed')
    assert.equal(asProblem(new Error('x')), undefined)
    assert.equal(asProblem('x'), undefined)
  })

  it('tell malformed, unknown, revoked, disabled and expired tokens apart in nothing', () => {
    const reasons = ['malformed', 'unknown', 'revoked', 'disabled', 'expired'] as const
    const replies = reasons.map((reason) => JSON.stringify(problemReply(refusedToken({ reason }, 0), scene)))
    assert.equal(new Set(replies).size, 1)
  })
})
