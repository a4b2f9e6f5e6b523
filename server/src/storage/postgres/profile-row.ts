import type { Policy, Profile } from '../../core/access/profile.ts'
import type { ProfileId } from '../../core/ids.ts'
import { type SqlText, sql } from '../../query/sql/sql-text.ts'
import {
  column,
  json,
  jsonColumn,
  jsonObjectColumn,
  number,
  RECORD_COLUMNS,
  recordColumns,
  recordValues,
  text,
} from './column.ts'
import type { Row } from './connection.ts'

/** Columns of `profiles` that `profileFromRow` reads, in its order. */
export const PROFILE_COLUMNS = sql`id, policies, rate_limit, tags, content, ${RECORD_COLUMNS}`

/** The profile in a row of `SELECT ${PROFILE_COLUMNS} FROM profiles`. */
export function profileFromRow(row: Row): Profile {
  return {
    id: column<ProfileId>(row, 0),
    policies: jsonColumn<readonly Policy[]>(row, 1),
    rateLimit: column<number>(row, 2),
    ...(row[3] !== null && { tags: jsonColumn<readonly string[]>(row, 3) }),
    content: jsonObjectColumn(row, 4),
    record: recordColumns(row, 5),
  }
}

/** Values for `INSERT INTO profiles (${PROFILE_COLUMNS})`. */
export function profileValues(profile: Profile): SqlText {
  const { id, policies, rateLimit, tags, content, record } = profile
  return sql`${text(id)}, ${json(policies)}, ${number(rateLimit)}, ${json(tags)}, ${json(content)},
    ${recordValues(record)}`
}
