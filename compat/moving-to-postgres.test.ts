import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type PostgresServer,
  postgresIsMissing,
  startPostgres,
} from '../server/src/storage/postgres/testing/postgres-server.ts'
import { askNative, createNativeAdmin } from './native-client.ts'
import { ask, type RunningServer, startServer } from './running-server.ts'

const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname
const GUIDE = readFileSync(new URL('../docs/guides/moving-to-postgres.md', import.meta.url), 'utf8')

/** The commands of the guide, in order. */
const COMMANDS = [...GUIDE.matchAll(/```sh\nlatchkey (.*)\n```/g)].map((match) => match[1] ?? '')
const PASSWORD = 'correct horse battery staple'

describe('the guide to PostgreSQL, line by line', { skip: postgresIsMissing() }, () => {
  let postgres: PostgresServer
  let store: string
  let server: RunningServer
  let dataDir: string
  let admin: string
  const keys = new Map<string, string>()

  before(async () => {
    postgres = await startPostgres()
    store = await postgres.newStore()
    dataDir = mkdtempSync(join(tmpdir(), 'latchkey-moving-'))
    const file = join(dataDir, 'latchkey.db')
    server = await startServer({ arguments: ['--storage', `sqlite:${file}`], dataDir })
    admin = await createNativeAdmin(server)
    const credentials = { local: { username: 'melis', password: PASSWORD } }
    const body = { content: { profileIds: ['default'] }, credentials }
    await ask(server, 'POST', '/users/melis/_create', { token: admin, body })
    for (const id of ['good', 'rotated', 'disabled', 'revoked', 'late']) await issue(id)
    keys.set('old', keys.get('rotated') ?? '')
    const path = '/v1/keys/rotated/rotate'
    const rotated = await askNative(server, 'POST', path, { token: admin, body: { grace: 'P1D' } })
    keys.set('rotated', rotated.body.key)
    await askNative(server, 'POST', '/v1/keys/disabled/disable', { token: admin, body: {} })
    await askNative(server, 'DELETE', '/v1/keys/revoked', { token: admin })
  })
  after(async () => {
    await server?.stop()
    server?.discard()
    await postgres?.stop()
  })

  async function issue(id: string): Promise<void> {
    const issued = await askNative(server, 'POST', '/v1/keys', { token: admin, body: { id, owner: 'melis' } })
    assert.equal(issued.status, 201, issued.text)
    keys.set(id, issued.body.key)
  }

  /** A command of the guide as arguments, with the stores of this test. */
  function argumentsOf(command: string | undefined): readonly string[] {
    assert.ok(command !== undefined)
    return command
      .split(' ')
      .map((word) =>
        word
          .replace('postgres://latchkey@db.example/latchkey', store)
          .replace('sqlite:data/', `sqlite:${dataDir}/`),
      )
  }

  async function run(command: string | undefined): Promise<{ code: number | null; output: string }> {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, ...argumentsOf(command)],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const [code] = await once(child, 'close')
    return { code, output }
  }

  async function verdicts(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {}
    for (const [id, key] of keys) {
      const { body } = await askNative(server, 'POST', '/v1/verify', { token: admin, body: { key } })
      found[id] = body.valid ? 'VALID' : body.code
    }
    return found
  }

  const EXPECTED = {
    good: 'VALID',
    rotated: 'VALID',
    old: 'VALID',
    disabled: 'DISABLED',
    revoked: 'REVOKED',
    late: 'REVOKED',
    later: 'VALID',
  }

  it('shows what there is to do, and copies while the server serves', async () => {
    const [dryRun, copy] = COMMANDS
    const shown = await run(dryRun)
    assert.equal(shown.code, 0, shown.output)
    assert.match(shown.output, /A dry run, so nothing was changed[\s\S]*\nkeys +4 rows/)
    const copied = await run(copy)
    assert.equal(copied.code, 0, copied.output)
    assert.match(copied.output, /\nkeys +4 rows +4 added[\s\S]*All \d+ rows are in the target/)
  })

  it('lets no server start on the target before the last pass', async () => {
    await assert.rejects(
      startServer({ arguments: ['--storage', store] }),
      /another one is being moved into it/,
    )
  })

  it('copies what changed since, and the server on PostgreSQL knows all that the other one did', async () => {
    await askNative(server, 'DELETE', '/v1/keys/late', { token: admin })
    await issue('later')
    assert.deepEqual(await verdicts(), EXPECTED)
    await server.stop()
    const [, , finish, start] = COMMANDS
    const finished = await run(finish)
    assert.equal(finished.code, 0, finished.output)
    assert.match(finished.output, /The move is finished/)
    server = await startServer({ arguments: argumentsOf(start), dataDir })
    assert.deepEqual(await verdicts(), EXPECTED)
  })

  it('keeps sessions, passwords and the audit trail', async () => {
    assert.equal((await ask(server, 'GET', '/users/_me', { token: admin })).body.result._id, 'admin')
    const login = { username: 'melis', password: PASSWORD }
    const answer = await ask(server, 'POST', '/_login/local', { body: login })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const verified = await run(`audit verify --storage ${store}`)
    assert.equal(verified.code, 0, verified.output)
  })

  it('moves back into a file', async () => {
    const restored = await askNative(server, 'POST', '/v1/keys/late/restore', { token: admin, body: {} })
    assert.equal(restored.status, 200, restored.text)
    await server.stop()
    const back = await run(COMMANDS[4])
    assert.equal(back.code, 0, back.output)
    server = await startServer({ arguments: ['--storage', `sqlite:${join(dataDir, 'back.db')}`], dataDir })
    assert.deepEqual(await verdicts(), { ...EXPECTED, late: 'VALID' })
    const verified = await run(`audit verify --storage sqlite:${join(dataDir, 'back.db')}`)
    assert.equal(verified.code, 0, verified.output)
  })
})
