import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { KnoxSource } from './knox-source.ts'
import { sqliteSource } from './open-sqlite-source.ts'
import { readCsv } from './read-csv.ts'

const TABLES = {
  KNOX_TOKENS: ['token_id', 'issue_time', 'expiration', 'max_lifetime'],
  KNOX_TOKEN_METADATA: ['token_id', 'md_name', 'md_value'],
} as const

const SCHEMA = `
  CREATE TABLE KNOX_TOKENS (token_id TEXT PRIMARY KEY, issue_time INTEGER, expiration INTEGER, max_lifetime INTEGER);
  CREATE TABLE KNOX_TOKEN_METADATA (token_id TEXT, md_name TEXT, md_value TEXT, PRIMARY KEY (token_id, md_name));`

/**
 * A folder with `KNOX_TOKENS.csv` and `KNOX_TOKEN_METADATA.csv`: RFC 4180 with a line of column names, an empty field
 * being NULL. Their rows need no order: a temporary database, gone when the source is closed, sorts them.
 *
 * @throws {Error} a file or column is missing, a line has too few fields, or a token is there twice.
 */
export async function openCsvSource(folder: string): Promise<KnoxSource> {
  // An empty name is a file of SQLite's own that nobody else sees.
  const database = new DatabaseSync('')
  try {
    database.exec(SCHEMA)
    for (const [table, columns] of Object.entries(TABLES)) {
      await load(database, { table, columns, path: join(folder, `${table}.csv`) })
    }
  } catch (error) {
    database.close()
    throw error
  }
  return sqliteSource(database)
}

type CsvTable = { readonly table: string; readonly columns: readonly string[]; readonly path: string }

async function load(database: DatabaseSync, { table, columns, path }: CsvTable): Promise<void> {
  if (!existsSync(path)) throw new Error(`there is no file "${path}"`)
  const places = columns.map(() => '?').join(', ')
  const insert = database.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
  database.exec('BEGIN')
  let order: readonly number[] | undefined
  let line = 0
  for await (const fields of readCsv(createReadStream(path, 'utf8'))) {
    line += 1
    if (order === undefined) {
      order = columns.map((column) => placeOf(column, fields, path))
      continue
    }
    const values = order.map((at) => fields[at])
    if (values.includes(undefined)) throw new Error(`record ${line} of "${path}" has too few fields`)
    insert.run(...values.map((value) => (value === undefined || value === '' ? null : value)))
  }
  if (order === undefined)
    throw new Error(`"${path}" is empty: its first line must be the names of its columns`)
  database.exec('COMMIT')
}

function placeOf(column: string, names: readonly string[], path: string): number {
  const at = names.findIndex((name) => name.trim().toLowerCase() === column)
  if (at === -1) throw new Error(`"${path}" has no column "${column}": its first line is ${names.join(',')}`)
  return at
}
