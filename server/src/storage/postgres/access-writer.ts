import type { Profile } from '../../core/access/profile.ts'
import type { Role } from '../../core/access/role.ts'
import type { RoleId } from '../../core/ids.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { roleNotFound } from '../refusals.ts'
import { noteChanges } from './change.ts'
import { column, text } from './column.ts'
import { PROFILE_COLUMNS, profileValues } from './profile-row.ts'
import { ROLE_COLUMNS, roleValues } from './role-row.ts'
import type { Transaction } from './transaction.ts'

/** Waits until nobody else changes roles, profiles or who holds them, and keeps others from it. To be done first. */
export async function lockAccess(transaction: Transaction): Promise<void> {
  await transaction.run(sql`SELECT 1 FROM access_revision FOR UPDATE`)
}

/** Keeps others from `lockAccess`, but not from this. To be done first. */
export async function shareAccess(transaction: Transaction): Promise<void> {
  await transaction.run(sql`SELECT 1 FROM access_revision FOR KEY SHARE`)
}

/** Says, to other nodes as well, that something changed; answers the revision that it gets. */
export async function nextRevision(transaction: Transaction): Promise<number> {
  noteChanges(transaction, [{ kind: 'access' }])
  const row = await transaction.first(sql`UPDATE access_revision SET value = value + 1 RETURNING value`)
  return Number(row?.[0])
}

/** Stores a new role, or a new state of the one that has its id. */
export async function putRole(transaction: Transaction, role: Role): Promise<void> {
  transaction.later(upsertRole(role, await nextRevision(transaction)))
}

/** As `putRole`. @throws {DomainError} `role.not_found` for the first role that is not stored. */
export async function putProfile(transaction: Transaction, profile: Profile): Promise<void> {
  const roleIds = [...new Set(profile.policies.map((policy) => policy.roleId))]
  await requireRoles(transaction, roleIds)
  transaction.later(upsertProfile(profile, await nextRevision(transaction)))
  transaction.later(sql`DELETE FROM profile_role WHERE profile_id = ${text(profile.id)}`)
  transaction.later(sql`INSERT INTO profile_role (role_id, profile_id)
    SELECT jsonb_array_elements_text(${storedJson(roleIds)}::jsonb), ${text(profile.id)}`)
}

/** Removes all profiles and roles, and answers their numbers. */
export async function removeAllAccess(
  transaction: Transaction,
): Promise<{ readonly removedRoles: number; readonly removedProfiles: number }> {
  await nextRevision(transaction)
  const removedProfiles = await transaction.run(sql`DELETE FROM profiles`)
  return { removedProfiles, removedRoles: await transaction.run(sql`DELETE FROM roles`) }
}

async function requireRoles(transaction: Transaction, ids: readonly RoleId[]): Promise<void> {
  const rows = await transaction.all(sql`SELECT id FROM roles
    WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(${storedJson(ids)}::jsonb)))`)
  const found = new Set(rows.map((row) => column<RoleId>(row, 0)))
  const missing = ids.find((id) => !found.has(id))
  if (missing !== undefined) throw roleNotFound(missing)
}

/** What is replaced when the id is there; `seq` stays, and with it the order of creation. */
const REPLACED_RECORD = sql`created_by = excluded.created_by, created_at = excluded.created_at,
  updated_by = excluded.updated_by, updated_at = excluded.updated_at, revision = excluded.revision`

function upsertRole(role: Role, revision: number): SqlText {
  return sql`INSERT INTO roles (${ROLE_COLUMNS}, revision) VALUES (${roleValues(role)}, ${revision}::bigint)
    ON CONFLICT (id) DO UPDATE SET controllers = excluded.controllers, tags = excluded.tags,
      content = excluded.content, ${REPLACED_RECORD}`
}

function upsertProfile(profile: Profile, revision: number): SqlText {
  return sql`INSERT INTO profiles (${PROFILE_COLUMNS}, revision)
    VALUES (${profileValues(profile)}, ${revision}::bigint)
    ON CONFLICT (id) DO UPDATE SET policies = excluded.policies, rate_limit = excluded.rate_limit,
      tags = excluded.tags, content = excluded.content, ${REPLACED_RECORD}`
}
