import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { ProfileId, RoleId, UserId } from '../../core/ids.ts'
import type { AccessStore } from '../../core/ports/access-store.ts'
import type { RecordInfo } from '../../core/record.ts'
import {
  profileAlreadyExists,
  profileInUse,
  profileNotFound,
  roleAlreadyExists,
  roleInUse,
  roleNotFound,
} from '../refusals.ts'
import { AccessCache, type AccessFreshness } from './access-cache.ts'
import { prepareAccessWriter } from './access-writer.ts'
import type { WriteAudit } from './audit-store.ts'
import { column } from './column.ts'
import type { SqliteDatabase } from './database.ts'
import { PROFILE_COLUMNS, profileFromRow } from './profile-row.ts'
import { ROLE_COLUMNS, roleFromRow } from './role-row.ts'
import { searchProfiles, searchRoles } from './search.ts'
import { UserRoles } from './user-roles.ts'
import { USER_COLUMNS, userFromRow } from './user-row.ts'
import type { UserWriter } from './user-writer.ts'

/** SQL of this store's look-ups, for the test that asks SQLite how it answers them. */
export const ACCESS_LOOKUPS = {
  roleById: `SELECT ${ROLE_COLUMNS}, revision FROM roles WHERE id = ?`,
  profileById: `SELECT ${PROFILE_COLUMNS}, revision FROM profiles WHERE id = ?`,
  holderOfRole: `SELECT profiles.id FROM profile_role JOIN profiles ON profiles.seq = profile_role.profile_seq
    WHERE profile_role.role_id = ? LIMIT 1`,
  isHeld: 'SELECT 1 FROM user_profile WHERE profile_id = ? LIMIT 1',
  holders: `SELECT ${USER_COLUMNS}, users.seq FROM user_profile JOIN users ON users.seq = user_profile.user_seq
    WHERE user_profile.profile_id = ?`,
  removeRole: 'DELETE FROM roles WHERE id = ?',
  removeProfile: 'DELETE FROM profiles WHERE id = ?',
} as const

/** What users are left with when their last profile is taken from them. */
const LAST_RESORT = 'anonymous' as ProfileId

/** What the access store shares with those of the same database. */
export type AccessStoreNeeds = {
  readonly writeAudit: WriteAudit
  readonly userWriter: UserWriter
  readonly freshness: AccessFreshness
}

/** Roles and profiles in SQLite, answered from memory. */
export function createAccessStore(
  database: SqliteDatabase,
  { writeAudit, userWriter, freshness }: AccessStoreNeeds,
): AccessStore {
  const writer = prepareAccessWriter(database, freshness)
  const roleById = database.statement(ACCESS_LOOKUPS.roleById)
  const profileById = database.statement(ACCESS_LOOKUPS.profileById)
  const holderOfRole = database.statement(ACCESS_LOOKUPS.holderOfRole)
  const removeRole = database.statement(ACCESS_LOOKUPS.removeRole)
  const removeProfile = database.statement(ACCESS_LOOKUPS.removeProfile)
  const isHeld = database.statement(ACCESS_LOOKUPS.isHeld)
  const roles = new AccessCache<RoleId, Role>(freshness, roleById, roleFromRow)
  const profiles = new AccessCache<ProfileId, Profile>(freshness, profileById, profileFromRow)
  const userRoles = new UserRoles(database, freshness, { profiles, roles })
  const unassign = prepareUnassign(database, userWriter)

  // Changes read the rows themselves: memory may be behind another process by the time the lock is theirs.
  const storedRole = (id: RoleId) => asRecord(roleById.get(id), roleFromRow)
  const storedProfile = (id: ProfileId) => asRecord(profileById.get(id), profileFromRow)

  return {
    async findRole(id) {
      return database.read(() => roles.find(id))
    },
    async findProfile(id) {
      return database.read(() => profiles.find(id))
    },
    rolesOf: (user) => database.read(() => userRoles.find(user)),
    putRole(role, existing, event) {
      return database.change(() => {
        const old = storedRole(role.id)
        if (old !== undefined && existing === 'refuse') throw roleAlreadyExists(role.id)
        writer.putRole(keepingOrigin(role, old))
        writeAudit(event)
      })
    },
    updateRole(id, change, event) {
      return database.change(() => {
        const old = storedRole(id)
        if (old === undefined) throw roleNotFound(id)
        const next = { ...change(old), id }
        writer.putRole(next)
        writeAudit(event)
        return next
      })
    },
    removeRole(id, event) {
      return database.change(() => {
        const holder = holderOfRole.get(id)
        if (holder !== undefined) throw roleInUse(id, column<ProfileId>(holder, 0))
        if (removeRole.run(id) === 0) throw roleNotFound(id)
        writer.touch()
        writeAudit(event)
      })
    },
    putProfile(profile, existing, event) {
      return database.change(() => {
        const old = storedProfile(profile.id)
        if (old !== undefined && existing === 'refuse') throw profileAlreadyExists(profile.id)
        writer.putProfile(keepingOrigin(profile, old))
        writeAudit(event)
      })
    },
    updateProfile(id, change, event) {
      return database.change(() => {
        const old = storedProfile(id)
        if (old === undefined) throw profileNotFound(id)
        const next = { ...change(old), id }
        writer.putProfile(next)
        writeAudit(event)
        return next
      })
    },
    removeProfile(id, assigned, event, by) {
      return database.change(() => {
        if (profileById.get(id) === undefined) throw profileNotFound(id)
        if (assigned === 'unassign') unassign(id, event, by)
        else if (isHeld.get(id) !== undefined) throw profileInUse(id)
        removeProfile.run(id)
        writer.touch()
        writeAudit(event)
      })
    },
    replaceAll(newRoles, newProfiles, event) {
      return database.change(() => {
        const removed = writer.removeAll()
        for (const role of newRoles) writer.putRole(role)
        for (const profile of newProfiles) writer.putProfile(profile)
        writeAudit(event)
        return removed
      })
    },
    searchRoles: (search) => searchRoles(database, search),
    searchProfiles: (search) => searchProfiles(database, search),
  }
}

function asRecord<R, T>(row: R | undefined, fromRow: (row: R) => T): T | undefined {
  return row === undefined ? undefined : fromRow(row)
}

/** The record as given, but made when and by whom the stored one was. */
function keepingOrigin<T extends { readonly record: RecordInfo }>(record: T, old: T | undefined): T {
  if (old === undefined) return record
  const { createdAt, createdBy } = old.record
  return { ...record, record: { ...record.record, createdAt, createdBy } }
}

/** Takes a profile from every user that holds it, inside a change. */
function prepareUnassign(
  database: SqliteDatabase,
  userWriter: UserWriter,
): (id: ProfileId, event: AuditEvent, by: UserId) => void {
  const holders = database.statement(ACCESS_LOOKUPS.holders)
  return (id, event, by) => {
    for (const row of holders.all(id)) {
      const user = userFromRow(row)
      const left = user.profileIds.filter((profileId) => profileId !== id)
      userWriter.replace(Number(row.at(-1)), {
        ...user,
        profileIds: left.length > 0 ? left : [LAST_RESORT],
        record: { ...user.record, updatedBy: by, updatedAt: event.at },
      })
    }
  }
}
