import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStorage } from '../storage/open-storage.ts'
import { postgresIsMissing, startPostgres } from '../storage/postgres/testing/postgres-server.ts'
import { runProgram } from './testing/run-program.ts'

const run = (...args: readonly string[]) => runProgram(['partition', ...args])

test('wants a number of partitions that there can be', async () => {
  for (const into of ['0', '1025', '-3', '2.5', 'many', '']) {
    const { code, err } = await run(`--into=${into}`, '--storage', 'postgres://127.0.0.1:1/d')
    assert.equal(code, 2, into)
    assert.match(err, /"--into" needs a number of partitions from 1 to 1024/)
  }
  assert.equal((await run('--into')).code, 2)
})

test('refuses a file, and says why', async () => {
  const { code, err } = await run('--storage', 'sqlite:nowhere/x.db')
  assert.equal(code, 1)
  assert.match(err, /only PostgreSQL has partitions/)
})

test('tells how keys lie, splits them, and makes them whole', { skip: postgresIsMissing() }, async () => {
  const server = await startPostgres()
  try {
    const storage = await server.newStore()
    const unknown = await run('--storage', storage)
    assert.equal(unknown.code, 1)
    assert.match(unknown.err, /no Latchkey was ever started on it/)
    await (await openStorage(storage)).close()
    assert.deepEqual(await run('--storage', storage), {
      code: 0,
      out: '0 keys in one table\n',
      err: '',
    })
    const split = await run('--into', '16', '--storage', storage)
    assert.equal(split.code, 0)
    assert.equal(split.out, '0 keys in 16 partitions\n')
    assert.match(split.err, /^copying 0 rows of keys into 16 partitions$/m)
    assert.equal((await run(`--storage=${storage}`)).out, '0 keys in 16 partitions\n')
    assert.equal((await run('--storage', storage, '--into=1')).out, '0 keys in one table\n')
  } finally {
    await server.stop()
  }
})
