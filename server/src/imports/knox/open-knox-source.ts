import type { KnoxSource } from './knox-source.ts'
import { openCsvSource } from './open-csv-source.ts'
import { openPostgresSource } from './open-postgres-source.ts'
import { openSqliteSource } from './open-sqlite-source.ts'

/** Forms of addresses of Knox's tables. */
export const KNOX_SOURCES = ['postgres://USER@HOST/DB', 'sqlite:PATH', 'csv:DIR'] as const

/**
 * Opens Knox's tables, wherever they are, loading only the driver that is needed.
 *
 * @throws {Error} they cannot be read, or the address has another form; the message holds no password.
 */
export async function openKnoxSource(address: string): Promise<KnoxSource> {
  if (address.startsWith('sqlite:')) return openSqliteSource(address.slice('sqlite:'.length))
  if (address.startsWith('csv:')) return openCsvSource(address.slice('csv:'.length))
  if (/^(jdbc:)?postgres(ql)?:\/\//.test(address)) return openPostgresSource(address)
  const kind = /^[\w:+-]*?(?=:\/\/|:@|$)/.exec(address)?.[0] ?? ''
  throw new Error(
    `"${kind.slice(0, 30)}" is not one of ${KNOX_SOURCES.join(', ')}: write the tables of other databases to CSV files`,
  )
}
