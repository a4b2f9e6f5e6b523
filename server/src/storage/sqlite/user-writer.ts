import type { User } from '../../core/access/user.ts'
import type { ProfileId } from '../../core/ids.ts'
import { profileNotFound } from '../refusals.ts'
import type { AccessFreshness } from './access-cache.ts'
import { recordValues } from './column.ts'
import type { SqliteDatabase } from './database.ts'
import { USER_COLUMNS, userValues } from './user-row.ts'

const INSERT = `INSERT INTO users (${USER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING seq`
/** SQL that finds what it writes, for the test that asks SQLite how it does. */
export const USER_WRITES = {
  replace: `UPDATE users SET profile_ids = ?, content = ?,
    created_by = ?, created_at = ?, updated_by = ?, updated_at = ? WHERE seq = ?`,
  unassign: 'DELETE FROM user_profile WHERE user_seq = ?',
  findProfile: 'SELECT 1 FROM profiles WHERE id = ?',
  profileIds: 'SELECT profile_ids FROM users WHERE seq = ?',
} as const

/** Writes users together with the index of their profiles; inside a change only. */
export type UserWriter = {
  insert(user: User): void
  /** Stores everything of `user` but its id in the row `seq`. */
  replace(seq: number, user: User): void
  /** Tells this and other processes that a user is no more. */
  removed(): void
  /** @throws {DomainError} `profile.not_found` for the first that is not stored. */
  requireProfiles(profileIds: readonly ProfileId[]): void
}

/** Prepares the writing of users, for all stores of one database. */
export function prepareUserWriter(database: SqliteDatabase, freshness: AccessFreshness): UserWriter {
  const insert = database.statement(INSERT)
  const replace = database.statement(USER_WRITES.replace)
  const assign = database.statement('INSERT INTO user_profile (profile_id, user_seq) VALUES (?, ?)')
  const unassign = database.statement(USER_WRITES.unassign)
  const findProfileIds = database.statement(USER_WRITES.profileIds)
  const findProfile = database.statement(USER_WRITES.findProfile)

  function assignAll(seq: number, profileIds: readonly ProfileId[]): void {
    for (const id of new Set(profileIds)) assign.run(id, seq)
  }

  return {
    insert(user) {
      const [row] = insert.all(...userValues(user))
      assignAll(Number(row?.[0]), user.profileIds)
    },
    replace(seq, user) {
      const { profileIds, content, record } = user
      const json = JSON.stringify(profileIds)
      if (findProfileIds.get(seq)?.[0] !== json) freshness.nextRevision()
      replace.run(json, JSON.stringify(content), ...recordValues(record), seq)
      unassign.run(seq)
      assignAll(seq, profileIds)
    },
    removed() {
      freshness.nextRevision()
    },
    requireProfiles(profileIds) {
      for (const id of profileIds) {
        if (findProfile.get(id) === undefined) throw profileNotFound(id)
      }
    },
  }
}
