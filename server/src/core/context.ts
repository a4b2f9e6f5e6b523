import type { LoginThrottle } from './access/login-throttle.ts'
import type { RequestCounter } from './access/request-counter.ts'
import type { AuditEvent } from './audit/audit-event.ts'
import type { RefusalLog } from './audit/refusal-log.ts'
import type { CoreSettings } from './core-settings.ts'
import type { EndedTokens } from './keys/ended-tokens.ts'
import type { HashKeys } from './keys/hash-keys.ts'
import type { ProofMemory } from './keys/proof-memory.ts'
import type { RateCounters } from './keys/rate-limits.ts'
import type { UsageCounter } from './keys/usage-counter.ts'
import type { Clock } from './ports/clock.ts'
import type { PasswordHasher } from './ports/password-hasher.ts'
import type { Randomness } from './ports/randomness.ts'
import type { Storage } from './ports/storage.ts'

/** What a key authority needs from outside. */
export type CoreDependencies = {
  readonly storage: Storage
  readonly clock: Clock
  readonly randomness: Randomness
  readonly passwords: PasswordHasher
  readonly settings: CoreSettings
  /** Shared with `createHousekeeping`, which writes it to the store. */
  readonly refusals: RefusalLog
  /** Shared with `createHousekeeping`, which writes it to the store. */
  readonly uses: UsageCounter
  /**
   * Counts uses against rate limits, unless the store does for all nodes; absent: in the memory of this authority, at most
   * `RATE_COUNTERS_MAX`.
   */
  readonly rates?: RateCounters
  /** Told of every audit event once it is stored, for instance to write it to the log. Must not throw. */
  readonly onAudit?: (event: AuditEvent) => void
}

/** What every use case may use: what came from outside, and what this process remembers between calls. */
export type Context = CoreDependencies & {
  readonly ended: EndedTokens
  readonly rates: RateCounters
  readonly proofs: ProofMemory
  readonly requests: RequestCounter
  readonly logins: LoginThrottle
  /** The secret that signs tokens. */
  readonly signingSecret: () => Promise<string>
  /** The keys with which Knox hashed the tokens that came from there. */
  readonly hashKeys: HashKeys
}
