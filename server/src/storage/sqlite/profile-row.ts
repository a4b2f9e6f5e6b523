import type { Policy, Profile } from '../../core/access/profile.ts'
import type { ProfileId } from '../../core/ids.ts'
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

/** Columns of `profiles` that `profileFromRow` reads, in its order. */
export const PROFILE_COLUMNS = `id, policies, rate_limit, tags, content, ${RECORD_COLUMNS}`

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
export function profileValues(profile: Profile): readonly SqlValue[] {
  return [
    profile.id,
    JSON.stringify(profile.policies),
    profile.rateLimit,
    optionalJson(profile.tags),
    JSON.stringify(profile.content),
    ...recordValues(profile.record),
  ]
}
