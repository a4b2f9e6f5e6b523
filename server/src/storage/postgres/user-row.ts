import type { User } from '../../core/access/user.ts'
import type { ProfileId, UserId } from '../../core/ids.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import {
  column,
  json,
  jsonColumn,
  jsonObjectColumn,
  RECORD_COLUMNS,
  recordColumns,
  recordValues,
  text,
} from './column.ts'
import type { Row } from './connection.ts'

/** Columns of `users` that `userFromRow` reads, in its order. */
export const USER_COLUMNS = sql`id, profile_ids, content, ${RECORD_COLUMNS}`

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
export function userValues(user: User): SqlText {
  const { id, profileIds, content, record } = user
  return sql`${text(id)}, ${json(profileIds)}, ${json(content)}, ${recordValues(record)}`
}
