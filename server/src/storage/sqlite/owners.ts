import { ANONYMOUS_ID, type UserId } from '../../core/ids.ts'
import { userNotFound } from '../refusals.ts'
import type { SqliteDatabase } from './database.ts'

/** Refuses, inside a change, an owner that is neither stored nor the anonymous user, with `user.not_found`. */
export type RequireOwner = (owner: UserId) => void

/** Prepares the check of owners, for all stores of one database. */
export function prepareOwners(database: SqliteDatabase): RequireOwner {
  const find = database.statement('SELECT 1 FROM users WHERE id = ?')
  return (owner) => {
    if (owner !== ANONYMOUS_ID && find.get(owner) === undefined) throw userNotFound(owner)
  }
}
