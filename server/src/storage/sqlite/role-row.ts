import type { ControllerRights, Role } from '../../core/access/role.ts'
import type { RoleId } from '../../core/ids.ts'
import {
  column,
  jsonColumn,
  jsonObjectColumn,
  optionalJson,
  RECORD_COLUMNS,
  recordColumns,
  recordValues,
} from './column.ts'
import type { Row, SqlValue } from './database.ts'

/** Columns of `roles` that `roleFromRow` reads, in its order. */
export const ROLE_COLUMNS = `id, controllers, tags, content, ${RECORD_COLUMNS}`

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
export function roleValues(role: Role): readonly SqlValue[] {
  return [
    role.id,
    JSON.stringify(role.controllers),
    optionalJson(role.tags),
    JSON.stringify(role.content),
    ...recordValues(role.record),
  ]
}
