import type { Dialect } from './dialect.ts'
import { sql } from './sql-text.ts'

/** SQLite: texts are UTF-8 and compare byte by byte unless a column says otherwise. */
export const SQLITE: Dialect = {
  placeholder: () => '?',
  byCodePoints: (expression) => expression,
  isOneOf: (expression, values) =>
    values.length === 1 && values[0] !== undefined
      ? sql`${expression} = ${values[0]}`
      : sql`${expression} IN (SELECT value FROM json_each(${JSON.stringify(values)}))`,
  isNotTrue: (condition) => sql`(${condition}) IS NOT TRUE`,
}
