import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import {
  type PostgresServer,
  postgresIsMissing,
  startPostgres,
} from '../server/src/storage/postgres/testing/postgres-server.ts'
import { askNative, createNativeAdmin } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const GUIDE = readFileSync(new URL('../docs/guides/backup.md', import.meta.url), 'utf8')

/** The shell commands of the guide, by the name that stands behind `sh`. */
const COMMANDS = new Map(
  [...GUIDE.matchAll(/^```sh (\S+)\n([\s\S]*?)^```$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
)

const COMMAND_MAX_MS = 120_000

/** Runs commands of the guide as somebody who pastes them into a shell. */
function paste(
  name: string,
  variables: Readonly<Record<string, string>>,
  folder: string | undefined = undefined,
): void {
  const path = [
    dirname(process.execPath),
    ...(folder === undefined ? [] : [folder]),
    process.env['PATH'] ?? '',
  ]
  execFileSync('bash', ['-eu', '-c', COMMANDS.get(name) ?? assert.fail(`${name} is not in the guide`)], {
    env: { ...process.env, ...variables, PATH: path.join(delimiter) },
    timeout: COMMAND_MAX_MS,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-backup-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function started(t: TestContext, storage: string): Promise<RunningServer> {
  const server = await startServer({ arguments: ['--storage', storage] })
  t.after(async () => {
    await server.stop('SIGKILL')
    server.discard()
  })
  return server
}

const statusOf = async (server: RunningServer, key: string): Promise<number> =>
  (await askNative(server, 'GET', '/v1/authorize', { token: key })).status

const issue = async (
  server: RunningServer,
  token: string,
): Promise<{ readonly id: string; readonly key: string }> => {
  const { status, body } = await askNative(server, 'POST', '/v1/keys', { token, body: {} })
  assert.equal(status, 201)
  return body
}

/** Changes a store before and after a back-up; answers what a restored server must say. */
async function liveOn(server: RunningServer, backUp: () => void) {
  const admin = await createNativeAdmin(server)
  const [kept, revokedLater, revokedBefore] = [
    await issue(server, admin),
    await issue(server, admin),
    await issue(server, admin),
  ]
  const revoke = async ({ id }: { readonly id: string }): Promise<void> => {
    assert.equal((await askNative(server, 'DELETE', `/v1/keys/${id}`, { token: admin })).status, 204)
  }
  await revoke(revokedBefore)
  backUp()
  await revoke(revokedLater)
  const later = await issue(server, admin)
  return async (restored: RunningServer): Promise<void> => {
    assert.equal(await statusOf(restored, kept.key), 200)
    assert.equal(await statusOf(restored, revokedBefore.key), 401)
    assert.equal(await statusOf(restored, later.key), 401)
    // As the guide says: it is good again until it is revoked again.
    assert.equal(await statusOf(restored, revokedLater.key), 200)
    const again = await askNative(restored, 'DELETE', `/v1/keys/${revokedLater.id}`, { token: admin })
    assert.equal(again.status, 204)
    assert.equal(await statusOf(restored, revokedLater.key), 401)
    await issue(restored, admin)
  }
}

/** The server is among them: client programs of another release may refuse to work with it. */
const PROGRAMS = ['postgres', 'initdb', 'psql', 'pg_dump', 'pg_restore', 'pg_basebackup', 'pg_verifybackup']

/** Where the client programs of the newest installed PostgreSQL are, which is the one that tests start. */
function clientPrograms(): string | undefined {
  const [newest] = globSync('/usr/lib/postgresql/*/bin').sort((one, other) =>
    other.localeCompare(one, 'en', { numeric: true }),
  )
  return newest !== undefined && PROGRAMS.every((name) => existsSync(join(newest, name))) ? newest : undefined
}

function programsAreMissing(): string | false {
  if (postgresIsMissing() !== false) return postgresIsMissing()
  return (
    clientPrograms() === undefined &&
    'there are no pg_dump, pg_restore, psql and pg_basebackup in /usr/lib/postgresql'
  )
}

describe('the commands of the guide to back-up and restore', () => {
  test('bring a store in SQLite back as it was when a running server was backed up', async (t) => {
    const folder = newFolder(t)
    const [dataDir, backup] = [join(folder, 'data'), join(folder, 'backup.db')]
    const storage = `sqlite:${join(dataDir, 'latchkey.db')}`
    const server = await started(t, storage)
    const variables = { DATA_DIR: dataDir, BACKUP: backup }
    const check = await liveOn(server, () => paste('sqlite-backup', variables))
    assert.equal(statSync(backup).mode & 0o077, 0)
    assert.throws(() => paste('sqlite-backup', variables), 'a back-up is never overwritten')
    await server.stop()
    paste('sqlite-restore', variables)
    assert.equal(statSync(join(dataDir, 'latchkey.db')).mode & 0o077, 0)
    assert.ok(existsSync(join(dataDir, 'before-restore', 'latchkey.db')))
    await check(await started(t, storage))
  })

  describe('on PostgreSQL', { skip: programsAreMissing() }, () => {
    const programs = clientPrograms()

    async function startServerOf(
      t: TestContext,
    ): Promise<{ postgres: PostgresServer; url(database: string): string }> {
      const postgres = await startPostgres()
      t.after(() => postgres.stop())
      await postgres.run('CREATE DATABASE latchkey')
      return { postgres, url: (database) => `postgres://latchkey@127.0.0.1:${postgres.port}/${database}` }
    }

    test('bring a dump back in a new database', async (t) => {
      const { url } = await startServerOf(t)
      const variables = {
        DATABASE: url('latchkey'),
        SERVER: url('postgres'),
        RESTORED: url('latchkey_restored'),
        BACKUP: join(newFolder(t), 'latchkey.dump'),
      }
      const server = await started(t, url('latchkey'))
      const check = await liveOn(server, () => paste('postgres-backup', variables, programs))
      await server.stop()
      paste('postgres-restore', variables, programs)
      await check(await started(t, url('latchkey_restored')))
    })

    test('take a base back-up that PostgreSQL itself finds to be whole', async (t) => {
      const { url } = await startServerOf(t)
      const server = await started(t, url('latchkey'))
      const base = join(newFolder(t), 'base')
      await liveOn(server, () => paste('postgres-base', { SERVER: url('postgres'), BASE: base }, programs))
      assert.ok(existsSync(join(base, 'backup_manifest')))
    })
  })

  test('are all run by these tests', () => {
    assert.deepEqual(
      [...COMMANDS.keys()],
      ['sqlite-backup', 'sqlite-restore', 'postgres-backup', 'postgres-restore', 'postgres-base'],
    )
  })
})
