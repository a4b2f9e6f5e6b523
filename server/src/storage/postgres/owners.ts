import { ANONYMOUS_ID, type UserId } from '../../core/ids.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { userNotFound } from '../refusals.ts'
import type { Transaction } from './transaction.ts'

/** The row of a user, locked so that it stays until the end of the transaction: as a part of a statement. */
export function stayingUser(owner: UserId): SqlText {
  return sql`SELECT 1 FROM users WHERE id = ${owner}::text FOR KEY SHARE`
}

/** Whether somebody may own things without being stored. */
export function needsNoUser(owner: UserId): boolean {
  return owner === ANONYMOUS_ID
}

/** @throws {DomainError} `user.not_found` for an owner that is neither stored nor the anonymous user. */
export async function requireOwner(transaction: Transaction, owner: UserId): Promise<void> {
  if (needsNoUser(owner)) return
  if ((await transaction.first(stayingUser(owner))) === undefined) throw userNotFound(owner)
}
