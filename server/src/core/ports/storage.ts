import type { AccessStore } from './access-store.ts'
import type { AuditStore } from './audit-store.ts'
import type { ConfigStore } from './config-store.ts'
import type { IdempotencyStore } from './idempotency-store.ts'
import type { KeyStore } from './key-store.ts'
import type { LegacyKeyStore } from './legacy-key-store.ts'
import type { SessionStore } from './session-store.ts'
import type { UserStore } from './user-store.ts'

/**
 * Everything that outlives the process.
 *
 * Promises that every driver keeps, and `storage/contract` tests:
 * - a promise of a mutation resolves only after the change, and the audit event given with it, are durable;
 * - a mutation happens wholly or not at all, and is seen by every read that starts after it resolved;
 * - several processes may use one store at once;
 * - a caller's mistake rejects with a `DomainError` and changes nothing.
 */
export interface Storage {
  readonly keys: KeyStore
  readonly legacyKeys: LegacyKeyStore
  readonly users: UserStore
  readonly access: AccessStore
  readonly sessions: SessionStore
  readonly audit: AuditStore
  readonly config: ConfigStore
  readonly idempotency: IdempotencyStore
  /** Whether the store answers now; used by health checks. */
  isHealthy(): Promise<boolean>
  /** Fingerprints of keys that this thread keeps in memory. */
  cachedKeys(): number
  /** Finishes what was accepted, then lets go of files and connections. */
  close(): Promise<void>
}
