import { DomainError } from '../../core/errors.ts'
import type {
  KeyAuthority,
  SessionUseCases,
  TokenUseCases,
  VerificationUseCases,
} from '../../core/key-authority.ts'
import type { KeyVerdict } from '../../core/keys/verdict.ts'
import { SAMPLED_ONE_IN } from './metric-table.ts'
import type { Metrics } from './metrics.ts'

/** The same authority, with its verifications and refused logins counted. */
export function measuredAuthority(authority: KeyAuthority, metrics: Metrics): KeyAuthority {
  return {
    ...authority,
    verification: measuredVerification(authority.verification, metrics),
    tokens: measuredTokens(authority.tokens, metrics),
    sessions: measuredSessions(authority.sessions, metrics),
  }
}

function measuredVerification(verification: VerificationUseCases, metrics: Metrics): VerificationUseCases {
  let untilSample = 0

  const counted = (verdict: KeyVerdict): KeyVerdict => {
    metrics.verified(verdict.refusal)
    return verdict
  }
  // Looking at the clock costs more than all the counting; most verifications do without.
  const timed: VerificationUseCases['check'] = (token, check, request) => {
    const startedAt = performance.now()
    const ended = (verdict: KeyVerdict): KeyVerdict => {
      metrics.tookToVerify((performance.now() - startedAt) / 1000)
      return counted(verdict)
    }
    const answer = verification.check(token, check, request)
    return answer instanceof Promise ? answer.then(ended) : ended(answer)
  }
  return {
    check: (token, check, request) => {
      untilSample -= 1
      if (untilSample < 0) {
        untilSample = SAMPLED_ONE_IN - 1
        return timed(token, check, request)
      }
      const answer = verification.check(token, check, request)
      return answer instanceof Promise ? answer.then(counted) : counted(answer)
    },
    checkAll: (questions, request) => {
      untilSample -= questions.length
      const startedAt = untilSample < 0 ? performance.now() : undefined
      const answers = verification.checkAll(questions, request)
      if (startedAt !== undefined) {
        untilSample = SAMPLED_ONE_IN - 1
        metrics.tookToVerify((performance.now() - startedAt) / 1000 / questions.length)
      }
      return answers.map((answer) => (answer instanceof Promise ? answer.then(counted) : counted(answer)))
    },
    grantedScopes: (key) => verification.grantedScopes(key),
    fingerprintRange: (digits) => verification.fingerprintRange(digits),
    explain: (token, check) => verification.explain(token, check),
  }
}

function measuredTokens(tokens: TokenUseCases, metrics: Metrics): TokenUseCases {
  return {
    ...tokens,
    verify: async (token, origin) => {
      const verdict = await tokens.verify(token, origin)
      metrics.checkedToken(verdict.valid ? undefined : verdict.reason)
      return verdict
    },
  }
}

function measuredSessions(sessions: SessionUseCases, metrics: Metrics): SessionUseCases {
  return {
    ...sessions,
    login: async (request, origin) => {
      try {
        return await sessions.login(request, origin)
      } catch (error) {
        if (error instanceof DomainError && error.code === 'login.too_many') metrics.limited('login')
        throw error
      }
    },
  }
}
