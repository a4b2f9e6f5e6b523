import type { UserId } from '../../core/ids.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import { text } from './column.ts'

/** Forgets the index of an owner whose keys are about to end, so that nobody needs to note each of them. */
export function forgetIndex(owner: UserId): SqlText {
  return sql`DELETE FROM key_index_owner WHERE owner = ${text(owner)}`
}

/** Forgets all indexes. */
export const FORGET_INDEXES = sql`DELETE FROM key_index_owner`
