import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { postgresIsMissing, startPostgres } from '../server/src/storage/postgres/testing/postgres-server.ts'
import type { CasesFile } from './query-cases/run-case.ts'

const TOOL = new URL('./run-query-cases.ts', import.meta.url).pathname
const FIXTURE = new URL('../compat/fixtures/key-searches.json', import.meta.url).pathname
const FILE: CasesFile = JSON.parse(readFileSync(FIXTURE, 'utf8'))

describe('run-query-cases', () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-cases-'))
  after(() => rmSync(directory, { recursive: true, force: true }))

  function run(...args: readonly string[]) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', TOOL, ...args],
      { encoding: 'utf8' },
    )
    const lines = stdout.trim().split('\n')
    return { status, stderr, lines, last: lines.at(-1) }
  }

  function fileOf(name: string, changes: Partial<CasesFile>): string {
    const path = join(directory, name)
    writeFileSync(path, JSON.stringify({ ...FILE, cases: [], paging: [], ...changes }))
    return path
  }

  it('passes every search for API keys that runs over the wire as well', () => {
    const { status, lines } = run(FIXTURE)
    const count = (FILE.cases?.length ?? 0) + (FILE.paging?.length ?? 0)
    assert.deepEqual(lines, [`${count} passed, 0 failed`])
    assert.equal(status, 0)
  })

  it('passes them on PostgreSQL as well', { skip: postgresIsMissing() }, async () => {
    const server = await startPostgres()
    const { status, last } = run(FIXTURE, '--storage', await server.newStore())
    await server.stop()
    assert.match(last ?? '', /^\d+ passed, 0 failed$/)
    assert.equal(status, 0)
  })

  it('runs several files on one stored file, and again later', () => {
    const storage = `sqlite:${join(directory, 'cases.db')}`
    const file = fileOf('file.json', {
      cases: [{ name: 'all', query: { match_all: {} }, ids: FILE.documents.map(({ _id }) => _id) }],
    })
    assert.equal(run(file, file, '--storage', storage).last, '2 passed, 0 failed')
    assert.equal(run(file, '--storage', storage).last, '1 passed, 0 failed')
  })

  it('says in one line which file it cannot read, and exits 1', () => {
    const [none, wrong] = [join(directory, 'none.json'), join(directory, 'no-json.json')]
    writeFileSync(wrong, '{')
    for (const path of [none, wrong]) {
      const { status, stderr } = run(path)
      assert.match(stderr, /^Cannot read the cases in [^\n]+\n$/)
      assert.ok(stderr.includes(path), stderr)
      assert.equal(status, 1)
    }
  })

  it('prints what was expected and found of each failure, and exits 1', () => {
    const file = fileOf('wrong.json', {
      cases: [
        { name: 'too many', query: { term: { ttl: 42 } }, ids: ['lora-gw', 'sigfox'] },
        {
          name: 'wrong order',
          query: { term: { userId: 'melis' } },
          order: [['ete'], ['callback'], ['contact']],
        },
        {
          name: 'no error',
          query: {},
          error: { status: 400, id: 'services.storage.unexpected_bad_request' },
        },
        { name: 'other error', query: { foo: {} }, error: { status: 400, id: 'a.b.c' } },
        { name: 'refused', query: { foo: {} }, ids: [] },
      ],
      paging: [{ name: 'total', userId: 'melis', query: {}, total: 4 }],
      analysis: [{ text: 'a b', tokens: ['a b'] }],
    })
    const { status, lines } = run(file)
    assert.equal(status, 1)
    assert.equal(lines.length, 8)
    assert.equal(lines.at(-1), '0 passed, 7 failed')
    assert.ok(lines.slice(0, -1).every((line) => line.startsWith('FAILED: ')))
    assert.ok(
      lines.includes('FAILED: api-keys: too many: expected ids ["lora-gw","sigfox"], found ["lora-gw"]'),
      lines.join('\n'),
    )
  })

  it('accepts any of several error ids', () => {
    const id = ['a.b.c', 'services.storage.unknown_query_keyword']
    const file = fileOf('ids.json', {
      cases: [{ name: 'x', query: { foo: {} }, error: { status: 400, id } }],
    })
    assert.equal(run(file).last, '1 passed, 0 failed')
  })

  it('reports uncertain cases apart, and lets them fail nothing', () => {
    const cases = [{ name: 'x', query: { term: { ttl: 42 } }, ids: [], certain: false }]
    const { status, lines } = run(fileOf('uncertain.json', { cases }))
    assert.equal(status, 0)
    assert.match(lines[0] ?? '', /^uncertain: api-keys: x: expected ids \[\], found \["lora-gw"\]$/)
    assert.equal(lines[1], '0 passed, 0 failed')
  })

  it('says how it is used when no file is given', () => {
    const { status, stderr } = run()
    assert.equal(status, 2)
    assert.match(stderr, /^usage: run-query-cases\.ts FILE/)
  })

  it('does not pretend to know other stores', () => {
    const { status, stderr } = run(FIXTURE, '--storage', 'mysql://localhost')
    assert.notEqual(status, 0)
    assert.match(stderr, /only sqlite:PATH and postgres:/)
  })
})
