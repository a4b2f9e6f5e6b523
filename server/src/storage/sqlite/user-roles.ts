import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import { ANONYMOUS_ID, type ProfileId, type RoleId, type UserId } from '../../core/ids.ts'
import type { AccessCache, AccessFreshness } from './access-cache.ts'
import { jsonColumn } from './column.ts'
import type { SqliteDatabase, Statement } from './database.ts'

/** Users whose roles are kept in memory; the oldest are dropped first. */
const CACHED_USERS_MAX = 10_000

/** SQL of the look-up, for the test that asks SQLite how it answers it. */
export const PROFILES_OF_USER = 'SELECT profile_ids FROM users WHERE id = ?'

type Cached = { readonly roles: readonly Role[]; generation: number }

/** The roles of users, from memory while no role, profile or assignment of profiles changed. */
export class UserRoles {
  readonly #freshness: AccessFreshness
  readonly #profileIds: Statement
  readonly #profiles: AccessCache<ProfileId, Profile>
  readonly #roles: AccessCache<RoleId, Role>
  readonly #cached = new Map<UserId, Cached>()

  constructor(
    database: SqliteDatabase,
    freshness: AccessFreshness,
    caches: {
      readonly profiles: AccessCache<ProfileId, Profile>
      readonly roles: AccessCache<RoleId, Role>
    },
  ) {
    this.#freshness = freshness
    this.#profileIds = database.statement(PROFILES_OF_USER)
    this.#profiles = caches.profiles
    this.#roles = caches.roles
  }

  /** The identical list as long as it is the same roles. */
  find(user: UserId): readonly Role[] {
    const generation = this.#freshness.generation()
    const cached = this.#cached.get(user)
    if (cached?.generation === generation) return cached.roles
    const profileIds = this.#profilesOf(user)
    if (profileIds === undefined) {
      this.#cached.delete(user)
      return []
    }
    const roles = this.#rolesOf(profileIds)
    if (cached !== undefined && isSame(cached.roles, roles)) {
      cached.generation = generation
      return cached.roles
    }
    this.#cached.set(user, { roles, generation })
    if (this.#cached.size > CACHED_USERS_MAX) this.#forgetOldest()
    return roles
  }

  #profilesOf(user: UserId): readonly ProfileId[] | undefined {
    // The anonymous user is not stored, and holds the profile of its name.
    if (user === ANONYMOUS_ID) return ['anonymous' as ProfileId]
    const row = this.#profileIds.get(user)
    return row && jsonColumn<readonly ProfileId[]>(row, 0)
  }

  #rolesOf(profileIds: readonly ProfileId[]): readonly Role[] {
    const profiles = profileIds.map((id) => this.#profiles.find(id))
    const roleIds = profiles.flatMap((profile) => profile?.policies.map((policy) => policy.roleId) ?? [])
    return [...new Set(roleIds)].map((id) => this.#roles.find(id)).filter((role) => role !== undefined)
  }

  #forgetOldest(): void {
    for (const user of this.#cached.keys()) {
      this.#cached.delete(user)
      return
    }
  }
}

function isSame(one: readonly Role[], other: readonly Role[]): boolean {
  return one.length === other.length && one.every((role, index) => role === other[index])
}
