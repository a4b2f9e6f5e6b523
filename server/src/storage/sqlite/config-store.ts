import type { ConfigStore } from '../../core/ports/config-store.ts'
import type { WriteAudit } from './audit-store.ts'
import { jsonObjectColumn } from './column.ts'
import type { SqliteDatabase } from './database.ts'

/** SQL of this store's look-up, for the test that asks SQLite how it answers it. */
export const CONFIG_LOOKUP = 'SELECT value FROM config WHERE name = ?'

const CREATE = 'INSERT INTO config (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING'
const WRITE = `INSERT INTO config (name, value) VALUES (?, ?)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`

/** The server's own small things in SQLite. */
export function createConfigStore(database: SqliteDatabase, writeAudit: WriteAudit): ConfigStore {
  const find = database.statement(CONFIG_LOOKUP)
  const create = database.statement(CREATE)
  const write = database.statement(WRITE)

  function read(name: string) {
    const row = find.get(name)
    return row && jsonObjectColumn(row, 0)
  }

  return {
    async read(name) {
      return database.read(() => read(name))
    },
    readOrCreate(name, value) {
      return database.change(() => {
        create.run(name, JSON.stringify(value))
        return read(name) ?? value
      })
    },
    update(name, change, event) {
      return database.change(() => {
        write.run(name, JSON.stringify(change(read(name))))
        writeAudit(event)
      })
    },
  }
}
