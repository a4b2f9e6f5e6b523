import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { SETTING_NAMES } from '../settings/settings.ts'
import { runCommandLine } from './run-command-line.ts'
import { launch, temporaryDirectory } from './testing/launch.ts'

async function run(
  ...args: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let out = ''
  let err = ''
  const code = await runCommandLine(args, {
    environment: {},
    print: (text) => {
      out += text
    },
    complain: (text) => {
      err += text
    },
    askSecret: () => assert.fail('nothing is asked'),
  })
  return { code, out, err }
}

test('help is given in every usual way, names every command, and fits a terminal', async () => {
  const { code, out } = await run('help')
  assert.equal(code, 0)
  for (const word of [
    'serve',
    'create-admin',
    'settings',
    '--port',
    '--data-dir',
    '--log-level',
    'LATCHKEY_PORT',
  ])
    assert.ok(out.includes(word), word)
  assert.deepEqual(
    [await run('--help'), await run('-h'), await run('serve', '--help')],
    Array(3).fill({ code, out, err: '' }),
  )
  assert.ok(out.split('\n').every((line) => line.length <= 120))
})

test('the version is that of the package', async () => {
  assert.match((await run('--version')).out, /^latchkey \d+\.\d+\.\d+\n$/)
  assert.deepEqual(await run('version'), await run('-v'))
})

test('"settings" lists every setting', async () => {
  const { code, out } = await run('settings')
  assert.equal(code, 0)
  for (const name of SETTING_NAMES) assert.ok(out.includes(`${name} = `), name)
  assert.match(out, /--port {2}LATCHKEY_PORT/)
})

test('a wrong command line is refused with exit code 2 and a hint', async () => {
  for (const args of [['surf'], ['create-admin'], ['create-admin', '--port'], ['settings', 'all']]) {
    const { code, out, err } = await run(...args)
    assert.deepEqual([code, out], [2, ''])
    assert.match(err, /Try: latchkey --help/)
  }
})

test('"create-admin" creates the first administrator from a piped password, once, and shows it nowhere', async (t) => {
  const data = ['--data-dir', join(temporaryDirectory(t), 'data')]
  const first = launch(t, ['create-admin', 'ada', ...data])
  first.feed('canary battery staple\nsecond line\n')
  assert.equal(await first.exit, 0)
  assert.equal(first.stdout(), 'Administrator "ada" created.\n')
  assert.match(first.stderr(), /"action":"user\.create".*"carrier":"cli"/)
  assert.doesNotMatch(first.stderr(), /canary|second line/)

  const second = launch(t, ['create-admin', 'bob', ...data])
  second.feed('another password\n')
  assert.equal(await second.exit, 1)
  assert.match(second.stderr(), /Cannot create the first administrator: there is one already; .*--recover/)

  const server = launch(t, ['--port', '0', ...data])
  const [, url] = await server.seen(/listening on (http\S+)/)
  const login = await fetch(`${url}/_login/local`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"username":"ada","password":"canary battery staple"}',
  })
  assert.equal(login.status, 200)
})

test('"create-admin --recover" gives the rights back while a server runs, which takes it from the next request', async (t) => {
  const data = ['--data-dir', join(temporaryDirectory(t), 'data')]
  const first = launch(t, ['create-admin', 'ada', ...data])
  first.feed('forgotten\n')
  assert.equal(await first.exit, 0)
  const server = launch(t, ['--port', '0', ...data])
  const [, url] = await server.seen(/listening on (http\S+)/)
  const ask = (method: string, path: string, body?: unknown, token?: string) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  const logIn = async (username: string, password: string): Promise<string> =>
    JSON.parse(await (await ask('POST', '/v1/login', { username, password })).text()).token
  const before = await logIn('ada', 'forgotten')
  // Through Kuzzle's API, which allows it.
  const rights = { controllers: { auth: { actions: { login: true } } } }
  assert.equal((await ask('PUT', '/roles/admin', rights, before)).status, 200)
  assert.equal((await ask('GET', '/v1/keys', undefined, before)).status, 403)

  const recovery = launch(t, ['create-admin', 'bob', '--recover', ...data])
  recovery.feed('canary password\n')
  assert.equal(await recovery.exit, 0)
  assert.equal(
    recovery.stdout(),
    'Role and profile "admin" have their rights; "bob" logs in as user "bob".\n',
  )
  assert.match(recovery.stderr(), /"action":"admin\.recover".*"carrier":"cli"/)
  assert.doesNotMatch(recovery.stderr(), /canary/)
  for (const token of [before, await logIn('bob', 'canary password')]) {
    assert.equal((await ask('GET', '/v1/roles/admin', undefined, token)).status, 200)
  }
})

test('"create-admin" refuses an empty password', async (t) => {
  const child = launch(t, ['create-admin', 'ada', '--storage', 'sqlite::memory:'])
  child.feed('')
  assert.equal(await child.exit, 1)
  assert.match(child.stderr(), /password/i)
})
