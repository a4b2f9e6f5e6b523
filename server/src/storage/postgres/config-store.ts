import type { ConfigStore } from '../../core/ports/config-store.ts'
import { sql } from '../../query/sql/sql-text.ts'
import type { AuditWriter } from './audit-store.ts'
import { json, jsonObjectColumn, text } from './column.ts'
import type { Row } from './connection.ts'
import type { PostgresDatabase } from './database.ts'

/** The server's own small things in PostgreSQL. */
export function createConfigStore(database: PostgresDatabase, audit: AuditWriter): ConfigStore {
  const find = (name: string) => sql`SELECT value FROM config WHERE name = ${text(name)}`

  return {
    async read(name) {
      return storedValue(await database.first(find(name)))
    },
    readOrCreate(name, value) {
      return database.change(async (transaction) => {
        transaction.later(sql`INSERT INTO config (name, value) VALUES (${text(name)}, ${json(value)})
          ON CONFLICT (name) DO NOTHING`)
        return storedValue(await transaction.first(find(name))) ?? value
      })
    },
    async update(name, change, event) {
      await database.change(async (transaction) => {
        // Makes a row where there is none, so that there is one to lock.
        const row = await transaction.first(sql`INSERT INTO config (name, value) VALUES (${text(name)}, '')
          ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING value`)
        const next = change(storedValue(row))
        transaction.later(sql`UPDATE config SET value = ${json(next)} WHERE name = ${text(name)}`)
        transaction.later(audit.insert(event))
      })
    },
  }
}

function storedValue(row: Row | undefined) {
  return row === undefined || row[0] === '' ? undefined : jsonObjectColumn(row, 0)
}
