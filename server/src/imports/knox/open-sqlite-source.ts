import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { createSqlSource, type KnoxSource } from './knox-source.ts'

/** Knox's tables in a SQLite file. @throws {Error} there is no such file, or it is no database. */
export async function openSqliteSource(path: string): Promise<KnoxSource> {
  if (!existsSync(path)) throw new Error(`there is no file "${path}"`)
  return sqliteSource(new DatabaseSync(path, { readOnly: true }))
}

/** Knox's tables in an open database, which it closes. */
export function sqliteSource(database: DatabaseSync): KnoxSource {
  return createSqlSource(
    async (sql, values) => {
      const statement = database.prepare(sql)
      statement.setReturnArrays(true)
      return statement.all(...values) as unknown as readonly (readonly unknown[])[]
    },
    async () => {
      if (database.isOpen) database.close()
    },
  )
}
