import type { ScrollStore } from '../../core/ports/scroll-store.ts'
import { sql } from '../../query/sql/sql-text.ts'
import { column, number, text } from './column.ts'
import type { PostgresDatabase } from './database.ts'

/** Result sets that are walked through, in PostgreSQL. */
export function createScrollStore(database: PostgresDatabase): ScrollStore {
  return {
    open({ id, kind, total, pages, expiresAt }, { openMax, sizeMax }, now) {
      const size = pages.reduce((sum, hits) => sum + hits.length, 0)
      return database.change(async (transaction) => {
        const count = await transaction.run(sql`INSERT INTO scrolls (id, kind, total, size, expires_at)
          SELECT ${text(id)}, ${text(kind)}, ${total}::bigint, ${size}::bigint, ${number(expiresAt)}
          FROM (SELECT count(*) AS scrolls, coalesce(sum(size), 0) AS size FROM scrolls
            WHERE expires_at > ${number(now)}) AS held
          WHERE held.scrolls < ${openMax}::bigint AND held.size + ${size}::bigint <= ${sizeMax}::bigint`)
        if (count === 0) return false
        pages.forEach((hits, place) => {
          transaction.later(sql`INSERT INTO scroll_pages (scroll_id, number, hits)
            VALUES (${text(id)}, ${place}::bigint, ${text(hits)})`)
        })
        return true
      })
    },
    async next(kind, id, { now, expiresAt }) {
      const { rows } = await database.changeBy(sql`WITH taken AS (
          UPDATE scrolls SET position = position + 1, expires_at = ${number(expiresAt)}
          WHERE id = ${text(id)} AND kind = ${text(kind)} AND expires_at > ${number(now)}
          RETURNING id, position - 1 AS number, total
        )
        SELECT page.hits, taken.total FROM taken LEFT JOIN scroll_pages AS page
          ON page.scroll_id = taken.id AND page.number = taken.number`)
      const [row] = rows
      return row && { hits: column<string | null>(row, 0) ?? '[]', total: column<number>(row, 1) }
    },
    async purgeExpired(now, max) {
      const { count } = await database.changeBy(sql`DELETE FROM scrolls WHERE id IN (
        SELECT id FROM scrolls WHERE expires_at <= ${number(now)}
        ORDER BY expires_at LIMIT ${max}::bigint FOR UPDATE SKIP LOCKED)`)
      return count
    },
  }
}
