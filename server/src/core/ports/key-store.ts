import type { Search, SearchPage } from '../../query/search.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { KeyId, UserId } from '../ids.ts'
import type { ApiKey } from '../keys/api-key.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'

/** Where API keys are kept. */
export interface KeyStore {
  /**
   * Stores a new key. The owner must exist, unless it is the anonymous user.
   *
   * `perOwnerMax`: refuse when the owner already holds that many; exact under concurrency.
   *
   * @throws {DomainError} `key.id_taken`, `user.not_found`, `key.owner_full`.
   */
  insert(key: ApiKey, perOwnerMax: number | undefined, event: AuditEvent): Promise<void>

  /** One indexed look-up; the hot path of every verification. */
  findByFingerprint(fingerprint: Fingerprint): Promise<ApiKey | undefined>

  findById(id: KeyId): Promise<ApiKey | undefined>

  /** Removes the owner's key of that id and answers it; undefined when there is none or it is someone else's. */
  remove(owner: UserId, id: KeyId, event: AuditEvent): Promise<ApiKey | undefined>

  countByOwner(owner: UserId): Promise<number>

  /** The owner's keys that match; unknown owners have none. @throws {QueryError} */
  search(owner: UserId, search: Search): Promise<SearchPage<ApiKey>>
}
