import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import {
  dumpedTokens,
  HASH_KEY,
  temporaryFolder,
  writeSqliteDump,
} from '../imports/knox/testing/knox-dump.ts'
import { launch } from './testing/launch.ts'
import { runProgram } from './testing/run-program.ts'

const run = (...args: readonly string[]) => runProgram(args)

function dump(t: TestContext, count: number): { readonly data: string; readonly args: readonly string[] } {
  const folder = temporaryFolder(t)
  const [database, hashKey, data] = ['knox.db', 'hash-key', 'data'].map((name) => join(folder, name))
  assert.ok(database !== undefined && hashKey !== undefined && data !== undefined)
  writeSqliteDump(
    database,
    dumpedTokens(count).map(({ row }) => row),
  )
  writeFileSync(hashKey, `${HASH_KEY}\n`)
  const args = [
    'import',
    'knox',
    '--from',
    `sqlite:${database}`,
    '--hash-key-file',
    hashKey,
    '--data-dir',
    data,
  ]
  return { data, args }
}

test('an import tells what it did, and one that is only tried what it would do', async (t) => {
  const { args, data } = dump(t, 3)
  const tried = await run(...args, '--dry-run')
  assert.equal(tried.code, 0)
  assert.match(tried.out, /^3 tokens read; a dry run, so nothing was changed:\n {8}3 would be imported\n/)
  assert.equal(existsSync(data), false)
  const done = await run(...args)
  assert.match(done.out, /^3 tokens read:\n {8}3 imported\n/)
  assert.match(done.err, /3 of 3 tokens read/)
  assert.ok(!(done.out + done.err).includes(HASH_KEY))
  const again = await run(...args)
  assert.match(again.out, / 0 imported\n[\s\S]* 3 are here already, left as they are\n/)
  assert.equal(again.code, 0)
})

test('an import that is told too little, too much, or nonsense is refused before it starts', async (t) => {
  const { args, data } = dump(t, 1)
  const wrong: [readonly string[], number, RegExp][] = [
    [['import'], 2, /knox/],
    [['import', 'kong'], 2, /knox/],
    [['import', 'knox', '--from'], 2, /"--from" needs a value/],
    [['import', 'knox'], 2, /one source/],
    [args.slice(0, 4), 2, /--hash-key-file/],
    [[...args, '--jdbc', 'postgres://h/db'], 2, /one source/],
    [[...args, '--dry-rum'], 2, /dry-rum/],
    [[...args, '--hash-key-file=/none'], 1, /Cannot read the hash key/],
    [[...args, '--hash-algorithm', 'HmacMD5'], 1, /HmacMD5/],
  ]
  for (const [given, code, pattern] of wrong) {
    const answer = await run(...given)
    assert.deepEqual([answer.code, answer.out], [code, ''], given.join(' '))
    assert.match(answer.err, pattern)
  }
  assert.equal(existsSync(data), false)
})

test('an import that was killed goes on where it was when it is run again', async (t) => {
  const count = 10_000
  const { args, data } = dump(t, count)
  const killed = launch(t, args)
  await killed.seen(/5000 of 10000 tokens read/)
  killed.signal('SIGKILL')
  await killed.exit
  const before = await keysIn(data)
  assert.ok(before >= 5_000)
  const { out } = await run(...args)
  const imported = Number(/(\d+) imported/.exec(out)?.[1])
  assert.deepEqual([imported + before, await keysIn(data)], [count, count])
})

/** How many keys there are, each with what proves it and an event of its import. */
async function keysIn(data: string): Promise<number> {
  const database = new DatabaseSync(join(data, 'latchkey.db'), { readOnly: true })
  const counts = [
    'SELECT count(*) AS n FROM keys',
    'SELECT count(*) AS n FROM keys JOIN legacy_macs ON key_seq = keys.seq',
    `SELECT count(DISTINCT subject) AS n FROM audit_events WHERE action = 'key.import'`,
    `SELECT count(*) AS n FROM audit_events WHERE action = 'key.import'`,
  ].map((sql) => Number(database.prepare(sql).get()?.['n']))
  database.close()
  assert.equal(new Set(counts).size, 1, counts.join(' '))
  return counts[0] ?? 0
}
