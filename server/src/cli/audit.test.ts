import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from './testing/launch.ts'
import { runProgram } from './testing/run-program.ts'

async function run(...args: readonly string[]) {
  const shown: string[] = []
  const said = await runProgram(args, {
    progress: (text) => shown.push(text),
    askSecret: async () => 'correct horse battery staple',
  })
  return { ...said, shown }
}

/** The folder of a store with a few events in it. */
async function aStore(t: TestContext): Promise<string> {
  const folder = temporaryDirectory(t)
  assert.equal((await run('create-admin', 'ada', '--data-dir', folder, '--log-level', 'error')).code, 0)
  return folder
}

function forge(folder: string, sql: string): void {
  const connection = new DatabaseSync(join(folder, 'latchkey.db'))
  connection.exec(sql)
  connection.close()
}

const headIn = (out: string): string => /^ {2}head {3}([0-9a-f]{64})$/m.exec(out)?.[1] ?? assert.fail(out)

test('"audit verify" says what the chains are, and finds the head that was noted', async (t) => {
  const folder = await aStore(t)
  const { code, out, err } = await run('audit', 'verify', '--data-dir', folder)
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /^chain [0-9a-f-]{36}\n {2}events \d+\n {2}first {2}1 at 2.*Z\n {2}last {3}\d+ at 2.*Z\n/)
  assert.match(out, /\d+ events? on 1 chain: all of them are as they were sealed\.\nChained since 2.*Z\./)
  const storage = `sqlite:${join(folder, 'latchkey.db')}`
  const again = await run('audit', 'verify', '--storage', storage, `--expect=${headIn(out).toUpperCase()}`)
  assert.deepEqual([again.code, again.err], [0, ''])
  assert.match(again.out, /1 of 1 expected head found/)
})

test('"audit verify" fails and names the event when one was changed', async (t) => {
  const folder = await aStore(t)
  forge(
    folder,
    "DROP TRIGGER audit_events_never_change; UPDATE audit_events SET actor = 'mallory' WHERE sequence = 1",
  )
  const { code, out, err } = await run('audit', 'verify', '--data-dir', folder)
  assert.equal(code, 1)
  assert.match(out, /FAULT {2}event 1 was changed/)
  assert.match(err, /The audit trail is NOT as it was written/)
})

test('"audit verify --expect" fails when the end was cut off', async (t) => {
  const folder = await aStore(t)
  const head = headIn((await run('audit', 'verify', '--data-dir', folder)).out)
  forge(
    folder,
    `DROP TRIGGER audit_events_stay;
    DELETE FROM audit_events WHERE sequence = (SELECT max(sequence) FROM audit_events);
    UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'audit_events'`,
  )
  assert.equal((await run('audit', 'verify', '--data-dir', folder)).code, 0)
  const { code, err } = await run('audit', 'verify', '--data-dir', folder, '--expect', head)
  assert.equal(code, 1)
  assert.ok(err.includes(`No event has the expected head ${head}`), err)
})

test('"audit verify" never creates the store that it is to verify', async (t) => {
  const folder = temporaryDirectory(t)
  for (const what of ['verify', 'export']) {
    const { code, err } = await run('audit', what, '--data-dir', folder)
    assert.deepEqual([code, err.includes('there is no store at')], [1, true])
  }
})

test('"audit export" prints lines that can be verified with nothing but SHA-256', async (t) => {
  const folder = await aStore(t)
  const { code, out, err } = await run('audit', 'export', '--data-dir', folder)
  const lines = out.split('\n').slice(0, -1)
  assert.deepEqual([code, err], [0, `${lines.length} events.\n`])
  let previous = '0'.repeat(64)
  for (const line of lines) {
    const [, text, hash] = /^(.*),"hash":"([0-9a-f]{64})"\}$/s.exec(line) ?? []
    assert.equal(createHash('sha256').update(`${text}}`).digest('hex'), hash)
    assert.equal(JSON.parse(line).previous, previous)
    previous = hash ?? ''
  }
  assert.equal(previous, headIn((await run('audit', 'verify', '--data-dir', folder)).out))
})

test('a wrong command line is refused', async () => {
  const head = 'a'.repeat(64)
  for (const args of [
    [],
    ['burn'],
    ['verify', '--expect'],
    ['verify', '--expect', 'abc'],
    ['export', '--expect', head],
  ]) {
    const { code, err } = await run('audit', ...args)
    assert.deepEqual([code, err.includes('latchkey --help')], [2, true], args.join(' '))
  }
})
