import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFile, cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const GENERATOR = fileURLToPath(new URL('generate-unicode-tables.ts', import.meta.url))
const GENERATED = fileURLToPath(new URL('../server/src/query/unicode-tables.generated.ts', import.meta.url))
const BYTES_MAX = 100_000

const folder = await mkdtemp(join(tmpdir(), 'latchkey-unicode-'))
after(() => rm(folder, { recursive: true }))

function generate(...args: readonly string[]) {
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', GENERATOR, ...args], {
    encoding: 'utf8',
  })
}

test('the table in the repository is what the generator makes, and small', async () => {
  const check = generate('--check')
  assert.equal(check.status, 0, check.stderr)
  assert.ok((await stat(GENERATED)).size < BYTES_MAX)
})

test('a table that was changed is told, and made anew', async () => {
  const file = join(folder, 'table.ts')
  await cp(GENERATED, file)
  await appendFile(file, '// changed\n')
  const check = generate('--check', file)
  assert.equal(check.status, 1)
  assert.match(check.stderr, /table\.ts is stale: run `node tools\/generate-unicode-tables\.ts`/)

  assert.equal(generate(file).status, 0)
  assert.equal(await readFile(file, 'utf8'), await readFile(GENERATED, 'utf8'))
  assert.equal(generate('--check', file).status, 0)
})

test('a table that is missing is stale', () => {
  assert.equal(generate('--check', join(folder, 'missing.ts')).status, 1)
})
