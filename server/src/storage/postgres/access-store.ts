import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { AuditEvent } from '../../core/audit/audit-event.ts'
import type { ProfileId, RoleId, UserId } from '../../core/ids.ts'
import type { AccessStore } from '../../core/ports/access-store.ts'
import type { RecordInfo } from '../../core/record.ts'
import { sql } from '../../query/sql/sql-text.ts'
import {
  profileAlreadyExists,
  profileInUse,
  profileNotFound,
  roleAlreadyExists,
  roleInUse,
  roleNotFound,
} from '../refusals.ts'
import { RecordMemory, UserRoles, type UserRolesParts } from './access-memory.ts'
import { lockAccess, nextRevision, putProfile, putRole, removeAllAccess } from './access-writer.ts'
import type { AuditWriter } from './audit-store.ts'
import { column, text } from './column.ts'
import { PROFILE_COLUMNS, profileFromRow } from './profile-row.ts'
import { ROLE_COLUMNS, roleFromRow } from './role-row.ts'
import { searchProfiles, searchRoles } from './search.ts'
import type { Transaction } from './transaction.ts'
import { USER_COLUMNS, userFromRow } from './user-row.ts'
import { replaceUser } from './user-writer.ts'

/** What users are left with when their last profile is taken from them. */
const LAST_RESORT = 'anonymous' as ProfileId

/**
 * Roles and profiles in PostgreSQL. Changes of any of them happen one after another, over all nodes; `rolesOf` answers from
 * memory what nobody was heard to have changed.
 */
export function createAccessStore(audit: AuditWriter, parts: Omit<UserRolesParts, 'roles'>): AccessStore {
  const { database, readThrough } = parts
  const roles = new RecordMemory<RoleId, Role>(roleFromRow)
  const profiles = new RecordMemory<ProfileId, Profile>(profileFromRow)
  const userRoles = new UserRoles({ ...parts, roles })
  parts.feed.listen(({ kind }) => {
    if (kind !== 'access' && kind !== 'everything') return
    roles.outdate()
    profiles.outdate()
  })

  const change = <T>(event: AuditEvent, work: (transaction: Transaction) => Promise<T>): Promise<T> =>
    database.change(async (transaction) => {
      await lockAccess(transaction)
      const result = await work(transaction)
      transaction.later(audit.insert(event))
      return result
    })

  return {
    findRole: (id) =>
      readThrough.read(
        () => roles.read(id, () => database.first(roleById(id))),
        () => roles.current(id),
      ),
    findProfile: (id) =>
      readThrough.read(
        () => profiles.read(id, () => database.first(profileById(id))),
        () => profiles.current(id),
      ),
    rolesOf: (user) => userRoles.find(user),
    putRole(role, existing, event) {
      return change(event, async (transaction) => {
        const old = await storedRole(transaction, role.id)
        if (old !== undefined && existing === 'refuse') throw roleAlreadyExists(role.id)
        await putRole(transaction, keepingOrigin(role, old))
      })
    },
    updateRole(id, makeNext, event) {
      return change(event, async (transaction) => {
        const old = await storedRole(transaction, id)
        if (old === undefined) throw roleNotFound(id)
        const next = { ...makeNext(old), id }
        await putRole(transaction, next)
        return next
      })
    },
    removeRole(id, event) {
      return change(event, async (transaction) => {
        const holder = await transaction.first(
          sql`SELECT profile_id FROM profile_role WHERE role_id = ${text(id)} LIMIT 1`,
        )
        if (holder !== undefined) throw roleInUse(id, column<ProfileId>(holder, 0))
        const removed = await transaction.run(sql`DELETE FROM roles WHERE id = ${text(id)}`)
        if (removed === 0) throw roleNotFound(id)
        await nextRevision(transaction)
      })
    },
    putProfile(profile, existing, event) {
      return change(event, async (transaction) => {
        const old = await storedProfile(transaction, profile.id)
        if (old !== undefined && existing === 'refuse') throw profileAlreadyExists(profile.id)
        await putProfile(transaction, keepingOrigin(profile, old))
      })
    },
    updateProfile(id, makeNext, event) {
      return change(event, async (transaction) => {
        const old = await storedProfile(transaction, id)
        if (old === undefined) throw profileNotFound(id)
        const next = { ...makeNext(old), id }
        await putProfile(transaction, next)
        return next
      })
    },
    removeProfile(id, assigned, event, by) {
      return change(event, async (transaction) => {
        if ((await storedProfile(transaction, id)) === undefined) throw profileNotFound(id)
        if (assigned === 'unassign') await unassign(transaction, id, event, by)
        else if (await isHeld(transaction, id)) throw profileInUse(id)
        await nextRevision(transaction)
        transaction.later(sql`DELETE FROM profiles WHERE id = ${text(id)}`)
      })
    },
    replaceAll(newRoles, newProfiles, event) {
      return change(event, async (transaction) => {
        const removed = await removeAllAccess(transaction)
        for (const role of newRoles) await putRole(transaction, role)
        for (const profile of newProfiles) await putProfile(transaction, profile)
        return removed
      })
    },
    searchRoles: (search) => searchRoles(database, search),
    searchProfiles: (search) => searchProfiles(database, search),
  }
}

function roleById(id: RoleId) {
  return sql`SELECT ${ROLE_COLUMNS}, revision FROM roles WHERE id = ${text(id)}`
}

function profileById(id: ProfileId) {
  return sql`SELECT ${PROFILE_COLUMNS}, revision FROM profiles WHERE id = ${text(id)}`
}

async function storedRole(transaction: Transaction, id: RoleId): Promise<Role | undefined> {
  const row = await transaction.first(roleById(id))
  return row && roleFromRow(row)
}

async function storedProfile(transaction: Transaction, id: ProfileId): Promise<Profile | undefined> {
  const row = await transaction.first(profileById(id))
  return row && profileFromRow(row)
}

async function isHeld(transaction: Transaction, id: ProfileId): Promise<boolean> {
  const row = await transaction.first(sql`SELECT 1 FROM user_profile WHERE profile_id = ${text(id)} LIMIT 1`)
  return row !== undefined
}

/** The record as given, but made when and by whom the stored one was. */
function keepingOrigin<T extends { readonly record: RecordInfo }>(record: T, old: T | undefined): T {
  if (old === undefined) return record
  const { createdAt, createdBy } = old.record
  return { ...record, record: { ...record.record, createdAt, createdBy } }
}

/** Takes a profile from every user that holds it. */
async function unassign(
  transaction: Transaction,
  id: ProfileId,
  event: AuditEvent,
  by: UserId,
): Promise<void> {
  const rows = await transaction.all(sql`SELECT ${USER_COLUMNS} FROM users
    WHERE id IN (SELECT user_id FROM user_profile WHERE profile_id = ${text(id)}) ORDER BY id FOR UPDATE`)
  for (const row of rows) {
    const user = userFromRow(row)
    const left = user.profileIds.filter((profileId) => profileId !== id)
    replaceUser(transaction, {
      ...user,
      profileIds: left.length > 0 ? left : [LAST_RESORT],
      record: { ...user.record, updatedBy: by, updatedAt: event.at },
    })
  }
}
