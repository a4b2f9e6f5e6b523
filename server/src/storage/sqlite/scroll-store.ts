import type { ScrollStore } from '../../core/ports/scroll-store.ts'
import { column } from './column.ts'
import type { SqliteDatabase } from './database.ts'

const INSERT = 'INSERT INTO scrolls (id, kind, total, size, expires_at) VALUES (?, ?, ?, ?, ?)'

/** SQL of this store's look-ups, for the test that asks SQLite how it answers them. */
export const SCROLL_LOOKUPS = {
  take: `UPDATE scrolls SET position = position + 1, expires_at = ? WHERE id = ? AND kind = ? AND expires_at > ?
    RETURNING position - 1, total`,
  page: 'SELECT hits FROM scroll_pages WHERE scroll_id = ? AND number = ?',
  ended: 'SELECT 1 FROM scrolls WHERE expires_at <= ? LIMIT 1',
  purge: `DELETE FROM scrolls WHERE id IN
    (SELECT id FROM scrolls WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
} as const

/** Result sets that are walked through, in SQLite. */
export function createScrollStore(database: SqliteDatabase): ScrollStore {
  const held = database.statement('SELECT count(*), coalesce(sum(size), 0) FROM scrolls WHERE expires_at > ?')
  const insert = database.statement(INSERT)
  const insertPage = database.statement('INSERT INTO scroll_pages (scroll_id, number, hits) VALUES (?, ?, ?)')
  const take = database.statement(SCROLL_LOOKUPS.take)
  const page = database.statement(SCROLL_LOOKUPS.page)
  const ended = database.statement(SCROLL_LOOKUPS.ended)
  const purge = database.statement(SCROLL_LOOKUPS.purge)

  return {
    open({ id, kind, total, pages, expiresAt }, { openMax, sizeMax }, now) {
      const size = pages.reduce((sum, text) => sum + text.length, 0)
      return database.change(() => {
        const row = held.get(now) ?? []
        if (column<number>(row, 0) >= openMax || column<number>(row, 1) + size > sizeMax) return false
        insert.run(id, kind, total, size, expiresAt)
        pages.forEach((hits, number) => {
          insertPage.run(id, number, hits)
        })
        return true
      })
    },
    next(kind, id, { now, expiresAt }) {
      return database.change(() => {
        const row = take.get(expiresAt, id, kind, now)
        if (row === undefined) return undefined
        const found = page.get(id, column<number>(row, 0))
        return {
          hits: found === undefined ? '[]' : column<string>(found, 0),
          total: column<number>(row, 1),
        }
      })
    },
    async purgeExpired(now, max) {
      if (database.read(() => ended.get(now)) === undefined) return 0
      return database.change(() => purge.run(now, max))
    },
  }
}
