import type { KnoxRow } from './knox-row.ts'

/** A database of Knox, or a dump of one. */
export interface KnoxSource {
  /** How many tokens there are. */
  count(): Promise<number>
  /** All tokens in the order in which they were issued, at most `ROWS_AT_ONCE` at a time. Changes nothing there. */
  batches(): AsyncIterable<readonly KnoxRow[]>
  close(): Promise<void>
}

/** Tokens that are read, and stored, together. */
export const ROWS_AT_ONCE = 500

/** A row of a result: texts or numbers, in the order of the columns. */
export type SqlRow = readonly unknown[]

/** Runs a statement with `?` for each value. */
export type RunSql = (sql: string, values: readonly (string | number)[]) => Promise<readonly SqlRow[]>

/** Reads Knox's tables through SQL that all its databases understand. */
export function createSqlSource(run: RunSql, close: () => Promise<void>): KnoxSource {
  return {
    count: async () => Number((await run('SELECT count(*) FROM KNOX_TOKENS', []))[0]?.[0] ?? 0),
    async *batches() {
      let after: Position = BEFORE_ALL
      for (;;) {
        const page = await run(PAGE, [after.place, after.id, ROWS_AT_ONCE])
        const last = page.at(-1)
        if (last === undefined) return
        const next = { id: String(last[0]), place: String(last[6]) }
        if (next.id === after.id && next.place === after.place) {
          throw new Error(`KNOX_TOKENS cannot be read on behind the token "${next.id}": it comes again`)
        }
        after = next
        yield grouped(page)
      }
    },
    close,
  }
}

/** The token after which a page begins; `place`: its time of issue as a number, whatever is written there. */
type Position = { readonly place: string; readonly id: string }

const BEFORE_ALL: Position = { place: '-9223372036854775808', id: '' }

/**
 * One page, tokens and metadata by one statement, so that no token is seen without what was committed with it. Numbers
 * come as text, because they may be larger than JavaScript's. Files of SQLite may hold any text in place of a time: its
 * place in the order is a number all the same, so that the next page begins behind it.
 */
const PAGE = `SELECT page.token_id, CAST(page.issue_time AS varchar(20)), CAST(page.expiration AS varchar(20)),
    CAST(page.max_lifetime AS varchar(20)), md.md_name, md.md_value, CAST(page.place AS varchar(20))
  FROM (
    SELECT token_id, issue_time, expiration, max_lifetime, CAST(coalesce(issue_time, 0) AS bigint) AS place
    FROM KNOX_TOKENS
    WHERE (CAST(coalesce(issue_time, 0) AS bigint), token_id) > (CAST(? AS bigint), CAST(? AS varchar(128)))
    ORDER BY place, token_id LIMIT CAST(? AS integer)
  ) page LEFT JOIN KNOX_TOKEN_METADATA md ON md.token_id = page.token_id
  ORDER BY page.place, page.token_id`

function grouped(rows: readonly SqlRow[]): readonly KnoxRow[] {
  const tokens = new Map<string, KnoxRow & { readonly metadata: Map<string, string> }>()
  for (const [id, issueTime, expiration, maxLifetime, name, value] of rows) {
    const key = String(id)
    const token = tokens.get(key) ?? {
      id: key,
      issueTime: textOf(issueTime),
      expiration: textOf(expiration),
      maxLifetime: textOf(maxLifetime),
      metadata: new Map<string, string>(),
    }
    tokens.set(key, token)
    if (typeof name === 'string' && typeof value === 'string') token.metadata.set(name, value)
  }
  return [...tokens.values()]
}

function textOf(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}
