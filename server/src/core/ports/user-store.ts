import type { Search, SearchPage } from '../../query/search.ts'
import type { Credentials } from '../access/credentials.ts'
import type { User } from '../access/user.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { ProfileId, UserId } from '../ids.ts'
import type { Fingerprint } from '../keys/fingerprint.ts'

/** The parts of credentials that may change. */
export type CredentialsChange = Partial<Pick<Credentials, 'username' | 'passwordHash'>>

/** What ended together with a user. */
export type RemovedUser = { readonly user: User; readonly endedTokens: readonly Fingerprint[] }

/** Where users and their credentials are kept. The anonymous user is never stored. */
export interface UserStore {
  /**
   * Stores a new user with its credentials.
   *
   * `onlyIfNoneHas`: refuse when some user already holds that profile (first administrator); exact under concurrency.
   *
   * @throws {DomainError} `user.already_exists`, `profile.not_found`, `credentials.username_taken`,
   *   `credentials.orphaned` (credentials of that owner exist already), `admin.exists`.
   */
  create(
    user: User,
    credentials: readonly Credentials[],
    event: AuditEvent,
    onlyIfNoneHas?: ProfileId,
  ): Promise<void>

  find(id: UserId): Promise<User | undefined>

  /** The users that exist, in the order of `ids`, without repeats. */
  findMany(ids: readonly UserId[]): Promise<readonly User[]>

  /**
   * Replaces a user by what `change` makes of it, atomically. `change` is pure and may run more than once.
   *
   * @throws {DomainError} `user.not_found`, `profile.not_found`; whatever `change` throws.
   */
  update(id: UserId, change: (user: User) => User, event: AuditEvent): Promise<User>

  /**
   * Removes the user with all its credentials, API keys and sessions, whatever their number, in one transaction.
   *
   * @throws {DomainError} `user.not_found`
   */
  remove(id: UserId, event: AuditEvent): Promise<RemovedUser>

  /** Removes every user and everything that belongs to users, the anonymous user's keys and sessions included. */
  removeAll(
    event: AuditEvent,
  ): Promise<{ readonly count: number; readonly endedTokens: readonly Fingerprint[] }>

  existsWithProfile(profileId: ProfileId): Promise<boolean>

  /** @throws {QueryError} */
  search(search: Search): Promise<SearchPage<User>>

  /**
   * @throws {DomainError} `user.not_found`, `credentials.already_exist`, `credentials.username_taken`.
   */
  createCredentials(credentials: Credentials, event: AuditEvent): Promise<void>

  /**
   * Replaces the parts that are given and answers what is stored then, atomically: two updates of different parts both
   * count.
   *
   * @throws {DomainError} `credentials.not_found`, `credentials.username_taken`.
   */
  updateCredentials(owner: UserId, change: CredentialsChange, event: AuditEvent): Promise<Credentials>

  /** Re-hash at login: replaces the hash only while the stored one is still `oldHash`. */
  replacePasswordHash(owner: UserId, oldHash: string, newHash: string): Promise<void>

  /** @throws {DomainError} `credentials.not_found` */
  removeCredentials(owner: UserId, event: AuditEvent): Promise<void>

  findCredentials(owner: UserId): Promise<Credentials | undefined>

  /** Exact, case-sensitive. */
  findCredentialsByUsername(username: string): Promise<Credentials | undefined>

  /** Credentials as documents `{username, kuid}`. @throws {QueryError} */
  searchCredentials(search: Search): Promise<SearchPage<Credentials>>
}
