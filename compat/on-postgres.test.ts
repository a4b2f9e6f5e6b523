import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { describeLifeCycle } from '../server/src/apis/scenarios/life-cycle-scenarios.ts'
import { openStorage } from '../server/src/storage/open-storage.ts'
import {
  type PostgresServer,
  postgresIsMissing,
  startPostgres,
} from '../server/src/storage/postgres/testing/postgres-server.ts'

/** What other people's clients must find the same on either store. Knox's proxying and malformed input do not reach it. */
const SUITES = [
  'kuzzle-sdk',
  'kuzzle-scenarios-auth',
  'kuzzle-scenarios-security',
  'mqtt',
  'knox-transcripts',
  'knox-life-cycle',
  'native-life-cycle',
  'forward-auth-nginx',
]

/** As many as the machine that runs the tests has processors for, beside what else it runs. */
const AT_ONCE = 2

/** For one suite, however slow the machine is. */
const SUITE_MAX_MS = 240_000

describe('on PostgreSQL, what holds on SQLite', { skip: postgresIsMissing(), concurrency: AT_ONCE }, () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await startPostgres()
  })
  after(() => postgres.stop())

  for (const suite of SUITES) {
    it(suite, { timeout: SUITE_MAX_MS }, async () => {
      const storage = `postgres://latchkey@127.0.0.1:${postgres.port}/postgres`
      const { code, output } = await runSuite(suite, storage)
      assert.equal(code, 0, failuresIn(output))
      assert.match(output, /^ℹ pass [1-9]/m, 'some test must have run')
    })
  }
})

describe('on PostgreSQL', { skip: postgresIsMissing() }, () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await startPostgres()
  })
  after(() => postgres.stop())

  describeLifeCycle(' on PostgreSQL', async (t) => {
    const store = await openStorage(await postgres.newStore())
    t.after(() => store.close())
    return store
  })
})

async function runSuite(suite: string, storage: string): Promise<{ code: unknown; output: string }> {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env
  const file = fileURLToPath(new URL(`${suite}.test.ts`, import.meta.url))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=spec', file],
    {
      env: { ...environment, LATCHKEY_TEST_STORAGE: storage },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: SUITE_MAX_MS,
    },
  )
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = await once(child, 'close')
  return { code, output }
}

/** The tests that failed, each with its name and why: what the reporter writes behind its totals. */
function failuresIn(output: string): string {
  const start = output.indexOf('✖ failing tests:')
  return start === -1 ? output.slice(-10_000) : output.slice(start)
}
