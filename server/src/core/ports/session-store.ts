import type { Session } from '../access/session.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { UserId } from '../ids.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'
import type { Instant } from '../record.ts'

/** Where sessions are kept. */
export interface SessionStore {
  /** @throws {DomainError} `user.not_found` when the owner is neither stored nor the anonymous user. */
  insert(session: Session, event: AuditEvent): Promise<void>
  findByFingerprint(fingerprint: Fingerprint): Promise<Session | undefined>
  /** Removes a single-use session; true for exactly one caller. */
  consume(fingerprint: Fingerprint): Promise<boolean>
  /**
   * Stores `next` and lets `old` live only until `oldExpiresAt`, in one transaction; false, and nothing changed, when
   * `old` is gone or was refreshed already. `singleUse` sessions are already consumed by then.
   */
  refresh(old: Fingerprint, oldExpiresAt: Instant, next: Session, event: AuditEvent): Promise<boolean>
  /** Removes one session; true when there was one. */
  remove(fingerprint: Fingerprint, event: AuditEvent): Promise<boolean>
  /** Removes all sessions of an owner and answers their fingerprints. */
  removeByOwner(owner: UserId, event: AuditEvent): Promise<readonly Fingerprint[]>
  /** Forgets at most `max` sessions that expired before `now`; answers how many. */
  purgeExpired(now: Instant, max: number): Promise<number>
}
