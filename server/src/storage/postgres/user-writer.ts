import type { User } from '../../core/access/user.ts'
import type { ProfileId } from '../../core/ids.ts'
import { storedJson } from '../../query/sql/postgres.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { profileNotFound } from '../refusals.ts'
import { column, json, number, text } from './column.ts'
import type { Transaction } from './transaction.ts'
import { USER_COLUMNS, userValues } from './user-row.ts'

/** Stores a new user together with the index of its profiles. */
export function insertUser(transaction: Transaction, user: User): void {
  transaction.later(sql`INSERT INTO users (${USER_COLUMNS}) VALUES (${userValues(user)})`)
  transaction.later(assign(user))
}

/** Stores everything of a user that is there. Whether its profiles changed is the caller's to say. */
export function replaceUser(transaction: Transaction, user: User): void {
  const { id, profileIds, content, record } = user
  transaction.later(sql`UPDATE users SET profile_ids = ${json(profileIds)}, content = ${json(content)},
    created_by = ${text(record.createdBy)}, created_at = ${number(record.createdAt)},
    updated_by = ${text(record.updatedBy)}, updated_at = ${number(record.updatedAt)} WHERE id = ${text(id)}`)
  transaction.later(sql`DELETE FROM user_profile WHERE user_id = ${text(id)}`)
  transaction.later(assign(user))
}

/** @throws {DomainError} `profile.not_found` for the first that is not stored. */
export async function requireProfiles(transaction: Transaction, ids: readonly ProfileId[]): Promise<void> {
  const rows = await transaction.all(sql`SELECT id FROM profiles
    WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(${storedJson(ids)}::jsonb)))`)
  const found = new Set(rows.map((row) => column<ProfileId>(row, 0)))
  const missing = ids.find((id) => !found.has(id))
  if (missing !== undefined) throw profileNotFound(missing)
}

function assign({ id, profileIds }: User): SqlText {
  const distinct = [...new Set(profileIds)]
  return sql`INSERT INTO user_profile (profile_id, user_id)
    SELECT jsonb_array_elements_text(${storedJson(distinct)}::jsonb), ${text(id)}`
}
