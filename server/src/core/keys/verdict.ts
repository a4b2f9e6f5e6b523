import type { GoodToken } from '../access/caller.ts'
import type { Instant } from '../record.ts'
import type { ApiKey, FoundKey, Revocation } from './api-key.ts'
import type { RateLimit } from './policy.ts'

/**
 * Why a token is not good, in the order in which it is found out.
 *
 * - `malformed`: no token of ours looks like this; nothing was looked up.
 * - `unknown`: never issued, deleted long ago, used up, not good yet, or replaced by a rotation.
 * - `revoked`, `disabled`, `expired`: a key that was good once.
 * - `forbidden`: not from this address, not at this time, or not without the proof that the key is bound to.
 * - `insufficient`: good, but it may not do what was asked.
 * - `rate_limited`, `usage_exceeded`: too often, for now or for good.
 */
export type RefusalReason =
  | 'malformed'
  | 'unknown'
  | 'revoked'
  | 'disabled'
  | 'expired'
  | 'forbidden'
  | 'insufficient'
  | 'rate_limited'
  | 'usage_exceeded'

/** The answer to "is this token good?", when it shall act for its owner here. */
export type Verdict =
  | { readonly valid: true; readonly token: GoodToken }
  | {
      readonly valid: false
      readonly reason: RefusalReason
      readonly retryAt?: Instant
      /** Where its limits stand; only with `rate_limited`. */
      readonly standing?: LimitStanding
    }

/** What is asked of a key when somebody else's service wants to know. */
export type KeyCheck = {
  /** What the key must be allowed to do; absent: nothing in particular. */
  readonly permissions?: PermissionQuery
  /** Credits, and uses of each rate limit; whole number, 0 to `COST_MAX`; absent: 1. 0 spends and counts nothing. */
  readonly cost?: number
  /** Of the client that showed the key, not of who asks; absent: unknown, which keys bound to addresses refuse. */
  readonly address?: string
  /** What the client showed beside the key; keys that are bound to a certificate or key pair are refused without. */
  readonly shown?: ShownProof
  /** Limits to count this use against, by name; absent: the automatic ones. */
  readonly limits?: readonly string[]
  /** Somebody only looks at the key: it is not one of its uses, nor a refused one. Goes with a cost of 0. */
  readonly isNoUse?: true
}

/** The request that asks about keys, for the audit trail: its id is read only when a key is refused. */
export type AskingRequest = { readonly id: string }

/** What a client showed beside a key, to prove that it holds what the key is bound to. */
export type ShownProof = {
  /** Of its certificate, which somebody who is trusted has checked; as in `Confirmation`. */
  readonly x5tS256?: string
  readonly dpop?: ShownDpop
}

/** A DPoP proof (RFC 9449), and the request that it was sent with. Nothing of it is believed before it is checked. */
export type ShownDpop = { readonly proof: string; readonly method: string; readonly url: string }

/** One question about a key: what somebody showed, any text of any length, and what it must be good for. */
export type KeyQuestion = { readonly key: string; readonly check: KeyCheck }

export const COST_MAX = 1_000_000_000

/** Which permissions a key must have; see `permission-query.ts`. */
export type PermissionQuery =
  | { readonly kind: 'permission'; readonly controller: string; readonly action: string }
  | { readonly kind: 'and' | 'or'; readonly of: readonly PermissionQuery[] }

/** The answer to "is this key good, whose is it, what may it do?". */
export type KeyVerdict = {
  /** Absent: it is valid. */
  readonly refusal?: RefusalReason
  /** With `forbidden`: all that is missing is a good DPoP proof. */
  readonly lacksProof?: true
  /** Absent when no key of that token is known. */
  readonly found?: FoundKey
  /** What the scopes of the key come to, see `grantedScopesOf`; absent when it has none, and may do what its owner may. */
  readonly permissions?: readonly string[]
  /** State of the limits that this use was counted against. */
  readonly limits: readonly LimitState[]
  /** What is left; absent when the key has no budget. */
  readonly credits?: number
  /** When it is worth while to try again; only with `rate_limited` and `usage_exceeded`, if ever. */
  readonly retryAt?: Instant
}

/** Where a rate limit stands. */
export type LimitState = {
  readonly name: string
  readonly limit: number
  readonly remaining: number
  /** When it is as if the key had not been used. */
  readonly resetAt: Instant
}

/** The limits that bind a key, and the state of those that a use was counted against. */
export type LimitStanding = { readonly limits: readonly RateLimit[]; readonly states: readonly LimitState[] }

/** One step of an explanation: what was checked, with which values, how it went, and what would change the answer. */
export type CheckStep = {
  readonly check:
    | 'known'
    | 'revoked'
    | 'disabled'
    | 'expired'
    | 'address'
    | 'window'
    | 'confirmation'
    | 'permissions'
    | 'limits'
    | 'credits'
  readonly outcome: 'passed' | 'refused' | 'skipped'
  /** What was looked at, such as `{ address: '10.0.0.1', allowed: ['192.0.2.0/24'] }`. No secrets. */
  readonly input: Readonly<Record<string, unknown>>
  /** What would change a refusal, as a sentence. */
  readonly remedy?: string
}

/** A key as administrators see it, with what the store counts of it. */
export type KeyState = 'active' | 'disabled' | 'expired' | 'revoked'

/** A key with everything that may be told of it. */
export type KeyView = {
  readonly key: ApiKey
  readonly state: KeyState
  readonly credits?: number
  readonly revocation?: Revocation
}
