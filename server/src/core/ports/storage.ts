import type { RateCounters } from '../keys/rate-limits.ts'
import type { AccessStore } from './access-store.ts'
import type { AuditStore } from './audit-store.ts'
import type { ClusterNodes } from './cluster-nodes.ts'
import type { ConfigStore } from './config-store.ts'
import type { IdempotencyStore } from './idempotency-store.ts'
import type { KeyStore } from './key-store.ts'
import type { LegacyKeyStore } from './legacy-key-store.ts'
import type { ScrollStore } from './scroll-store.ts'
import type { SessionStore } from './session-store.ts'
import type { StoreChanges } from './store-changes.ts'
import type { UserStore } from './user-store.ts'

/**
 * Everything that outlives the process.
 *
 * Promises that every driver keeps, and `storage/contract` tests:
 * - a promise of a mutation resolves only after the change, and the audit event given with it, are durable;
 * - a mutation happens wholly or not at all, and is seen by every read that starts after it resolved. Only `keys.lookUp`
 *   and `access.rolesOf` may answer a while longer what was so before another node on the same PostgreSQL changed it, for a
 *   time that is bounded: see `changes`;
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
  readonly scrolls: ScrollStore
  /** The processes that share the store; absent: it is a file of this machine, which keeps no list of them. */
  readonly cluster?: ClusterNodes
  /** What all nodes on the store change; of a file, what its other processes do, which every read sees anyway. */
  readonly changes?: StoreChanges
  /** Counts uses over all processes that share the store; absent: those of one machine count in their memory. */
  readonly rates?: RateCounters
  /** Whether the store answers now; used by health checks. */
  isHealthy(): Promise<boolean>
  /** Fingerprints of keys that this thread keeps in memory. */
  cachedKeys(): number
  /** Finishes what was accepted, then lets go of files and connections. */
  close(): Promise<void>
}
