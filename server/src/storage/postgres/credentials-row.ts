import type { Credentials } from '../../core/access/credentials.ts'
import type { UserId } from '../../core/ids.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { column } from './column.ts'
import type { Row } from './connection.ts'

/** Columns of `credentials` that `credentialsFromRow` reads, in its order. */
export const CREDENTIALS_COLUMNS = sql`owner, username, password_hash`

/** The credentials in a row of `SELECT ${CREDENTIALS_COLUMNS} FROM credentials`. */
export function credentialsFromRow(row: Row): Credentials {
  return {
    strategy: 'local',
    owner: column<UserId>(row, 0),
    username: column<string>(row, 1),
    passwordHash: column<string>(row, 2),
  }
}
