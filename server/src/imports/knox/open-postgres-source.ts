import { createSqlSource, type KnoxSource } from './knox-source.ts'

/** How long to wait for a connection. */
const CONNECT_MAX_MS = 15_000

/**
 * Knox's tables in PostgreSQL. `url` is that of Knox's own settings, `jdbc:` and all, or any that PostgreSQL's programs
 * understand; what it does not say comes from `PGPASSWORD` and the like.
 *
 * @throws {Error} there is no connection, or no such tables.
 */
export async function openPostgresSource(url: string): Promise<KnoxSource> {
  // Only who moves in needs the driver.
  const { Client } = await import('pg')
  const client = new Client({
    connectionString: url.replace(/^jdbc:/, ''),
    connectionTimeoutMillis: CONNECT_MAX_MS,
    application_name: 'latchkey import',
  })
  // A connection that breaks between two statements fails the next one, which is soon enough to know.
  client.on('error', () => undefined)
  await client.connect()
  return createSqlSource(
    async (sql, values) => {
      const text = numbered(sql)
      return (await client.query<unknown[]>({ text, values: [...values], rowMode: 'array' })).rows
    },
    () => client.end(),
  )
}

/** The statement with PostgreSQL's placeholders. It holds no text of others, and none with a question mark. */
function numbered(sql: string): string {
  let count = 0
  return sql.replace(/\?/g, () => `$${++count}`)
}
