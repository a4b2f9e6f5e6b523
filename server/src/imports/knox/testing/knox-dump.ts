import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { printKnoxToken } from '../../../core/keys/knox-token.ts'
import { printLegacyMac } from '../../../core/keys/legacy-mac.ts'

/** The alias `knox.token.hash.key` of the gateway that the rows of the tests come from. */
export const HASH_KEY = 'sPj8FCgQhCEi6G18kBfpswxYSki33plbelGLs0hMSbk'

/** A row of `KNOX_TOKENS` with its rows of `KNOX_TOKEN_METADATA`. */
export type DumpRow = {
  readonly id: string
  readonly issueTime: number | null
  readonly expiration: number
  readonly maxLifetime: number
  readonly metadata: Readonly<Record<string, string>>
}

/** A row, and the token that its holder has. */
export type DumpedToken = { readonly row: DumpRow; readonly token: string }

/** Knox's tables, as its own scripts create them. */
export const KNOX_SCHEMA = [
  `CREATE TABLE KNOX_TOKENS (token_id varchar(128) NOT NULL, issue_time bigint, expiration bigint,
    max_lifetime bigint, PRIMARY KEY(token_id))`,
  `CREATE TABLE KNOX_TOKEN_METADATA (token_id varchar(128) NOT NULL, md_name varchar(32) NOT NULL,
    md_value varchar(256) NOT NULL, PRIMARY KEY(token_id, md_name),
    CONSTRAINT fk_token_id FOREIGN KEY(token_id) REFERENCES KNOX_TOKENS(token_id) ON DELETE CASCADE)`,
]

/** The token of that number, of one of seven users, hashed as Knox does. */
export function dumpedToken(n: number, changed: Partial<DumpRow> = {}): DumpedToken {
  // Ids whose order is not that of issue.
  const id = `${((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0')}-0000-4000-8000-${hex(n)}`
  const passcode = `00000000-0000-4000-9000-${hex(n)}`
  const userName = changed.metadata?.['userName'] ?? `user-${n % 7}`
  const issueTime = 1_600_000_000_000 + n
  const mac = { algorithm: 'HmacSHA256', issueTime, userName }
  const row: DumpRow = {
    id,
    issueTime,
    expiration: -1,
    maxLifetime: issueTime + 604_800_000,
    ...changed,
    metadata: {
      userName,
      passcode: printLegacyMac({ id, passcode }, mac, HASH_KEY),
      enabled: 'true',
      type: 'API_KEY',
      ...changed.metadata,
    },
  }
  return { row, token: printKnoxToken({ id, passcode }) }
}

/** Tokens of these numbers. */
export function dumpedTokens(count: number): readonly DumpedToken[] {
  return Array.from({ length: count }, (_, n) => dumpedToken(n))
}

/** A folder that goes when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-import-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes rows into a SQLite file. */
export function writeSqliteDump(path: string, rows: readonly DumpRow[]): void {
  const database = new DatabaseSync(path)
  for (const table of KNOX_SCHEMA) database.exec(table)
  const token = database.prepare('INSERT INTO KNOX_TOKENS VALUES (?, ?, ?, ?)')
  const metadata = database.prepare('INSERT INTO KNOX_TOKEN_METADATA VALUES (?, ?, ?)')
  database.exec('BEGIN')
  for (const row of rows) {
    token.run(row.id, row.issueTime, row.expiration, row.maxLifetime)
    for (const [name, value] of Object.entries(row.metadata)) metadata.run(row.id, name, value)
  }
  database.exec('COMMIT')
  database.close()
}

/** Writes rows into the two CSV files of a folder, as PostgreSQL's `\copy ... CSV HEADER` does. */
export function writeCsvDump(folder: string, rows: readonly DumpRow[]): void {
  const lines = (records: readonly (readonly (string | number | null)[])[]): string =>
    records.map((fields) => `${fields.map(csvField).join(',')}\n`).join('')
  writeFileSync(
    join(folder, 'KNOX_TOKENS.csv'),
    lines([
      ['token_id', 'issue_time', 'expiration', 'max_lifetime'],
      ...rows.map((row) => [row.id, row.issueTime, row.expiration, row.maxLifetime]),
    ]),
  )
  writeFileSync(
    join(folder, 'KNOX_TOKEN_METADATA.csv'),
    lines([
      ['token_id', 'md_name', 'md_value'],
      ...rows.flatMap(({ id, metadata }) => Object.entries(metadata).map((entry) => [id, ...entry])),
    ]),
  )
}

function csvField(value: string | number | null): string {
  const text = String(value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function hex(n: number): string {
  return n.toString(16).padStart(12, '0')
}
