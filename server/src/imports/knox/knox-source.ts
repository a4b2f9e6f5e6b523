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
        const rows = grouped(await run(PAGE, [after.issueTime, after.id, ROWS_AT_ONCE]))
        const last = rows.at(-1)
        if (last === undefined) return
        after = { issueTime: last.issueTime ?? '0', id: last.id }
        yield rows
      }
    },
    close,
  }
}

/** The token after which a page begins. */
type Position = { readonly issueTime: string; readonly id: string }

const BEFORE_ALL: Position = { issueTime: String(-(2 ** 62)), id: '' }

/**
 * One page, tokens and metadata by one statement, so that no token is seen without what was committed with it. Numbers
 * come as text, because they may be larger than JavaScript's.
 */
const PAGE = `SELECT page.token_id, CAST(page.issue_time AS varchar(20)), CAST(page.expiration AS varchar(20)),
    CAST(page.max_lifetime AS varchar(20)), md.md_name, md.md_value
  FROM (
    SELECT token_id, issue_time, expiration, max_lifetime FROM KNOX_TOKENS
    WHERE (coalesce(issue_time, 0), token_id) > (CAST(? AS bigint), CAST(? AS varchar(128)))
    ORDER BY coalesce(issue_time, 0), token_id LIMIT CAST(? AS integer)
  ) page LEFT JOIN KNOX_TOKEN_METADATA md ON md.token_id = page.token_id
  ORDER BY coalesce(page.issue_time, 0), page.token_id`

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
