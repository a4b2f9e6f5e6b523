import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStorage } from '../storage/open-storage.ts'
import { postgresIsMissing, startPostgres } from '../storage/postgres/testing/postgres-server.ts'
import { runCommandLine } from './run-command-line.ts'

async function run(...args: readonly string[]) {
  const said = { stdout: '', stderr: '' }
  const code = await runCommandLine(['partition', ...args], {
    environment: {},
    print: (text) => {
      said.stdout += text
    },
    complain: (text) => {
      said.stderr += text
    },
    askSecret: async () => '',
  })
  return { code, ...said }
}

test('wants a number of partitions that there can be', async () => {
  for (const into of ['0', '1025', '-3', '2.5', 'many', '']) {
    const { code, stderr } = await run(`--into=${into}`, '--storage', 'postgres://127.0.0.1:1/d')
    assert.equal(code, 2, into)
    assert.match(stderr, /"--into" needs a number of partitions from 1 to 1024/)
  }
  assert.equal((await run('--into')).code, 2)
})

test('refuses a file, and says why', async () => {
  const { code, stderr } = await run('--storage', 'sqlite:nowhere/x.db')
  assert.equal(code, 1)
  assert.match(stderr, /only PostgreSQL has partitions/)
})

test('tells how keys lie, splits them, and makes them whole', { skip: postgresIsMissing() }, async () => {
  const server = await startPostgres()
  try {
    const storage = await server.newStore()
    const unknown = await run('--storage', storage)
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /no Latchkey was ever started on it/)
    await (await openStorage(storage)).close()
    assert.deepEqual(await run('--storage', storage), {
      code: 0,
      stdout: '0 keys in one table\n',
      stderr: '',
    })
    const split = await run('--into', '16', '--storage', storage)
    assert.equal(split.code, 0)
    assert.equal(split.stdout, '0 keys in 16 partitions\n')
    assert.match(split.stderr, /^copying 0 rows of keys into 16 partitions$/m)
    assert.equal((await run(`--storage=${storage}`)).stdout, '0 keys in 16 partitions\n')
    assert.equal((await run('--storage', storage, '--into=1')).stdout, '0 keys in one table\n')
  } finally {
    await server.stop()
  }
})
