import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import { roleNotFound } from '../refusals.ts'
import type { AccessFreshness } from './access-cache.ts'
import type { SqliteDatabase, Statement } from './database.ts'
import { PROFILE_COLUMNS, profileValues } from './profile-row.ts'
import { ROLE_COLUMNS, roleValues } from './role-row.ts'

/** Writes roles and profiles with all that depends on them; inside a change only. */
type AccessWriter = {
  /** Stores a new role, or a new state of the one that has its id. */
  putRole(role: Role): void
  /** As `putRole`. @throws {DomainError} `role.not_found` for the first role that is not stored. */
  putProfile(profile: Profile): void
  /** Removes all profiles and roles, and answers their numbers. */
  removeAll(): { readonly removedRoles: number; readonly removedProfiles: number }
  /** Tells this and other processes that a role or profile was removed. */
  touch(): void
}

/** Prepares the writing of roles and profiles. */
export function prepareAccessWriter(database: SqliteDatabase, freshness: AccessFreshness): AccessWriter {
  const upsertRole = database.statement(upsert('roles', ROLE_COLUMNS))
  const upsertProfile = database.statement(upsert('profiles', PROFILE_COLUMNS))
  const findRole = database.statement('SELECT 1 FROM roles WHERE id = ?')
  const unlink = database.statement('DELETE FROM profile_role WHERE profile_seq = ?')
  const link = database.statement('INSERT INTO profile_role (role_id, profile_seq) VALUES (?, ?)')
  const removeProfiles = database.statement('DELETE FROM profiles')
  const removeRoles = database.statement('DELETE FROM roles')

  function linkRoles(profile: Profile, seq: number): void {
    unlink.run(seq)
    for (const roleId of new Set(profile.policies.map((policy) => policy.roleId))) {
      if (findRole.get(roleId) === undefined) throw roleNotFound(roleId)
      link.run(roleId, seq)
    }
  }

  return {
    putRole(role) {
      returned(upsertRole, ...roleValues(role), freshness.nextRevision())
    },
    putProfile(profile) {
      linkRoles(profile, returned(upsertProfile, ...profileValues(profile), freshness.nextRevision()))
    },
    removeAll() {
      freshness.nextRevision()
      const removedProfiles = removeProfiles.run()
      return { removedProfiles, removedRoles: removeRoles.run() }
    },
    touch() {
      freshness.nextRevision()
    },
  }
}

/** The one number that a statement with RETURNING gives. */
function returned(statement: Statement, ...values: Parameters<Statement['all']>): number {
  return Number(statement.all(...values)[0]?.[0])
}

/** INSERT that replaces every column but `seq` when the id is there, so that the order of creation stays. */
function upsert(table: 'roles' | 'profiles', columns: string): string {
  const names = [...columns.split(',').map((name) => name.trim()), 'revision']
  const values = names.map(() => '?').join(', ')
  const replaced = names.map((name) => `${name} = excluded.${name}`).join(', ')
  return `INSERT INTO ${table} (${names.join(', ')}) VALUES (${values})
    ON CONFLICT (id) DO UPDATE SET ${replaced} RETURNING seq`
}
