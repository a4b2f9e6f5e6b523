import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openStorage } from '../open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const run = promisify(execFile)
const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))
const PASSWORD = 'staple battery %/@'

suite('a server that asks for a password', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  let url: (user: string) => string

  before(async () => {
    server = await startPostgres()
    const data = String((await server.run('SHOW data_directory'))[0]?.['data_directory'])
    const rules = ['host all latchkey 127.0.0.1/32 trust', 'host all asked 127.0.0.1/32 scram-sha-256']
    writeFileSync(join(data, 'pg_hba.conf'), `${rules.join('\n')}\n`)
    await server.run('SELECT pg_reload_conf()')
    await server.run(`CREATE USER asked PASSWORD '${PASSWORD}'`)
    await server.run('CREATE SCHEMA asked AUTHORIZATION asked')
    url = (user) => `postgres://${user}@127.0.0.1:${server.port}/postgres`
  })

  after(async () => {
    await server.stop()
  })

  test('gets it from the URL', async () => {
    await (await openStorage(url(`asked:${encodeURIComponent(PASSWORD)}`))).close()
  })

  test('or from PGPASSWORD, which others cannot see in the list of processes', async () => {
    const status = [
      '--disable-warning=ExperimentalWarning',
      MAIN,
      'cluster',
      'status',
      '--storage',
      url('asked'),
    ]
    await assert.rejects(run(process.execPath, status, { env: {} }), /Cannot use the PostgreSQL store/)
    const withPassword = run(process.execPath, status, { env: { PGPASSWORD: PASSWORD } })
    await assert.rejects(withPassword, /No node is running/)
  })

  test('a wrong one is refused with what PostgreSQL says of it, and not repeated', async () => {
    await assert.rejects(openStorage(url('asked:wrong-secret')), (error: Error) => {
      assert.match(error.message, /password/)
      assert.doesNotMatch(error.message, /wrong-secret/)
      return true
    })
  })
})
