import type { LoginThrottle } from './access/login-throttle.ts'
import type { RequestCounter } from './access/request-counter.ts'
import type { AuditEvent } from './audit/audit-event.ts'
import type { RefusalLog } from './audit/refusal-log.ts'
import type { CoreSettings } from './core-settings.ts'
import type { EndedTokens } from './keys/ended-tokens.ts'
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
  /** Told of every audit event once it is stored, for instance to write it to the log. Must not throw. */
  readonly onAudit?: (event: AuditEvent) => void
}

/** What every use case may use: what came from outside, and what this process remembers between calls. */
export type Context = CoreDependencies & {
  readonly ended: EndedTokens
  readonly requests: RequestCounter
  readonly logins: LoginThrottle
  /** The secret that signs tokens. */
  readonly signingSecret: () => Promise<string>
}
