import type { User } from '../../core/access/user.ts'
import type { ProfileId, UserId } from '../../core/ids.ts'
import {
  column,
  jsonColumn,
  jsonObjectColumn,
  RECORD_COLUMNS,
  recordColumns,
  recordValues,
} from './column.ts'
import type { Row, SqlValue } from './database.ts'

/** Columns of `users` that `userFromRow` reads, in its order. */
export const USER_COLUMNS = `id, profile_ids, content, ${RECORD_COLUMNS}`

/** The user in a row of `SELECT ${USER_COLUMNS} FROM users`. */
export function userFromRow(row: Row): User {
  return {
    id: column<UserId>(row, 0),
    profileIds: jsonColumn<readonly ProfileId[]>(row, 1),
    content: jsonObjectColumn(row, 2),
    record: recordColumns(row, 3),
  }
}

/** Values for `INSERT INTO users (${USER_COLUMNS})`. */
export function userValues(user: User): readonly SqlValue[] {
  return [
    user.id,
    JSON.stringify(user.profileIds),
    JSON.stringify(user.content),
    ...recordValues(user.record),
  ]
}
