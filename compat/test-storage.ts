import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Connection } from '../server/src/storage/postgres/connection.ts'

const { LATCHKEY_TEST_STORAGE: base, ...environment } = process.env

/** The environment for programs of ours: without what is meant for the tests, which they would not know. */
export const ENVIRONMENT: NodeJS.ProcessEnv = environment

/** Where the data directory of a test's server says which store belongs to it. */
const FILE = 'test-storage'

/**
 * The store that tests are to run on instead of the default: a schema of its own for each data directory, in the PostgreSQL
 * database whose URL, without parameters, is in `LATCHKEY_TEST_STORAGE`. Undefined: the default. Who started the database
 * server removes the schemas with it.
 */
export async function testStorage(dataDir: string): Promise<string | undefined> {
  if (base === undefined || base === '') return undefined
  const file = join(dataDir, FILE)
  if (!existsSync(file)) {
    const schema = `test_${randomUUID().replaceAll('-', '')}`
    await run(base, `CREATE SCHEMA ${schema}`)
    writeFileSync(file, schema)
  }
  return inSchema(base, readFileSync(file, 'utf8'))
}

function inSchema(base: string, schema: string): string {
  return `${base}?options=${encodeURIComponent(`-c search_path=${schema}`)}`
}

async function run(url: string, text: string): Promise<void> {
  const connection = await Connection.open(url, LOCK_WAIT_MAX_MS)
  try {
    await connection.ask({ text, values: [] })
  } finally {
    await connection.end()
  }
}

const LOCK_WAIT_MAX_MS = 10_000
