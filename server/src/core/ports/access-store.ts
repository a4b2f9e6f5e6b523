import type { Search, SearchPage } from '../../query/search.ts'
import type { Profile } from '../access/profile.ts'
import type { Role } from '../access/role.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { ProfileId, RoleId, UserId } from '../ids.ts'

/** How a write treats a record that is already there. */
export type Existing = 'refuse' | 'replace'

/**
 * Where roles and profiles are kept.
 *
 * Reads are answered from memory while nothing changed, also when another process changed something, and give the
 * identical (`===`) object as long as it is unchanged, so that callers may hang derived rights on it.
 */
export interface AccessStore {
  findRole(id: RoleId): Promise<Role | undefined>
  findProfile(id: ProfileId): Promise<Profile | undefined>

  /**
   * The roles that the profiles of a user give, those of policies for some data only included; a user that does not
   * exist has none. Part of verifications: answers at once, without a promise, whenever nothing has to be waited for, and
   * sees the changes that `KeyStore.lookUp` would.
   */
  rolesOf(user: UserId): readonly Role[] | Promise<readonly Role[]>

  /** @throws {DomainError} `role.already_exists` when `existing` is `refuse`. `createdAt` survives a replacement. */
  putRole(role: Role, existing: Existing, event: AuditEvent): Promise<void>
  /** @throws {DomainError} `role.not_found`; whatever `change` throws. */
  updateRole(id: RoleId, change: (role: Role) => Role, event: AuditEvent): Promise<Role>
  /** @throws {DomainError} `role.not_found`, `role.in_use` while a profile holds it. */
  removeRole(id: RoleId, event: AuditEvent): Promise<void>

  /** @throws {DomainError} `profile.already_exists`, `role.not_found`. */
  putProfile(profile: Profile, existing: Existing, event: AuditEvent): Promise<void>
  /** @throws {DomainError} `profile.not_found`, `role.not_found`; whatever `change` throws. */
  updateProfile(id: ProfileId, change: (profile: Profile) => Profile, event: AuditEvent): Promise<Profile>
  /**
   * `unassign`: take it from its users first, giving `anonymous` to those that are left with none; else refuse.
   *
   * @throws {DomainError} `profile.not_found`, `profile.in_use`.
   */
  removeProfile(id: ProfileId, assigned: 'refuse' | 'unassign', event: AuditEvent, by: UserId): Promise<void>

  /** Removes all and writes these instead, in one transaction. Users keep their profile ids. */
  replaceAll(
    roles: readonly Role[],
    profiles: readonly Profile[],
    event: AuditEvent,
  ): Promise<{ readonly removedRoles: number; readonly removedProfiles: number }>

  /** @throws {QueryError} */
  searchRoles(search: Search): Promise<SearchPage<Role>>
  /** @throws {QueryError} */
  searchProfiles(search: Search): Promise<SearchPage<Profile>>
}
