import type { ControllerRights, Role } from '../../core/access/role.ts'
import type { RoleId } from '../../core/ids.ts'
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

/** Columns of `roles` that `roleFromRow` reads, in its order. */
export const ROLE_COLUMNS = sql`id, controllers, tags, content, ${RECORD_COLUMNS}`

/** The role in a row of `SELECT ${ROLE_COLUMNS} FROM roles`. */
export function roleFromRow(row: Row): Role {
  return {
    id: column<RoleId>(row, 0),
    controllers: jsonColumn<ControllerRights>(row, 1),
    ...(row[2] !== null && { tags: jsonColumn<readonly string[]>(row, 2) }),
    content: jsonObjectColumn(row, 3),
    record: recordColumns(row, 4),
  }
}

/** Values for `INSERT INTO roles (${ROLE_COLUMNS})`. */
export function roleValues(role: Role): SqlText {
  const { id, controllers, tags, content, record } = role
  return sql`${text(id)}, ${json(controllers)}, ${json(tags)}, ${json(content)}, ${recordValues(record)}`
}
