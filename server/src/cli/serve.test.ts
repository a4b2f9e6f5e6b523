import assert from 'node:assert/strict'
import { once } from 'node:events'
import { statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { type Launched, launch, temporaryDirectory } from './testing/launch.ts'

const IN_MEMORY = ['--port', '0', '--storage', 'sqlite::memory:']
const LISTENING = /latchkey listening on http:\/\/127\.0\.0\.1:(\d+)\n/

async function portOf(server: Launched): Promise<number> {
  return Number((await server.seen(LISTENING))[1])
}

const QUERY = '{"controller":"server","action":"now"}'

/** Sends a request but for the last character of its body. */
async function beginRequest(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  t.after(() => socket.destroy())
  // A cut connection is what some tests want; those that want an answer see that it is missing.
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const head = `POST /_query HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${QUERY.length}\r\n\r\n`
  socket.write(head + QUERY.slice(0, -1))
  // The server answers one connection's bytes in order of arrival: once it answers this one, it has begun that one.
  await fetch(`http://127.0.0.1:${port}/_now`)
  return socket
}

async function answerOn(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

describe('starting', () => {
  test('prints one line that tells where it listens, and answers there', async (t) => {
    const server = launch(t, IN_MEMORY)
    const port = await portOf(server)
    const answer = await fetch(`http://127.0.0.1:${port}/_now`)
    assert.equal(answer.status, 200)
    assert.equal(server.stdout().match(/latchkey listening on http/g)?.length, 1)
  })

  test('tells how to create the first administrator, with a line that works, and later that there is one', async (t) => {
    const data = ['--port', '0', '--data-dir', join(temporaryDirectory(t), 'deep', 'data')]
    const first = launch(t, data)
    const [, url = '', body = ''] = await first.seen(/curl -s (\S+_createFirstAdmin\/admin) --json '(.*)'\n/)
    const headers = { 'content-type': 'application/json' }
    assert.equal((await fetch(url, { method: 'POST', headers, body })).status, 200)
    first.signal('SIGTERM')
    assert.equal(await first.exit, 0)
    const second = launch(t, data)
    await second.seen(/An administrator exists\./)
    assert.doesNotMatch(second.stdout(), /_createFirstAdmin/)
  })

  test('keeps its data where only its own user can read it', async (t) => {
    const directory = join(temporaryDirectory(t), 'data')
    await portOf(launch(t, ['--port', '0', '--data-dir', directory]))
    assert.equal(statSync(directory).mode & 0o777, 0o700)
    assert.equal(statSync(join(directory, 'latchkey.db')).mode & 0o777, 0o600)
  })

  test('says where MQTT listens, when it does', async (t) => {
    const server = launch(t, [
      ...IN_MEMORY,
      '--server.protocols.mqtt.enabled',
      '--server.protocols.mqtt.port=0',
    ])
    await portOf(server)
    assert.match(server.stdout(), /latchkey listening on mqtt:\/\/127\.0\.0\.1:[1-9]\d*\n/)
  })

  test('with --log-format json prints and logs one JSON object a line', async (t) => {
    const server = launch(t, [...IN_MEMORY, '--log-format', 'json'])
    const [, url] = await server.seen(/latchkey listening on (http[^ "]+)/)
    server.signal('SIGTERM')
    assert.equal(await server.exit, 0)
    const ready = JSON.parse(server.stdout())
    assert.equal(ready.url, url)
    assert.equal(ready.adminExists, false)
    const logged = server
      .stderr()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.ok(logged.some(({ audit }) => audit?.action === 'role.create'))
    assert.ok(logged.every(({ level, time, msg }) => level && time && msg))
  })

  test('reads the environment and the file that it names', async (t) => {
    const file = join(temporaryDirectory(t), 'latchkey.json')
    writeFileSync(file, '{ "storage": "sqlite::memory:", /* free */ "server": { "port": 0 } }')
    const server = launch(t, [], { environment: { LATCHKEY_CONFIG: file, LATCHKEY_LOG_FORMAT: 'json' } })
    assert.match((await server.seen(/"storage":"[^"]+"/))[0], /sqlite::memory:/)
  })
})

describe('refusing to start', () => {
  async function refusal(
    t: TestContext,
    args: readonly string[],
  ): Promise<readonly [number | null, string, string]> {
    const server = launch(t, args)
    return [await server.exit, server.stdout(), server.stderr()]
  }

  test('a port in use is named, with what to do about it', async (t) => {
    const port = await portOf(launch(t, IN_MEMORY))
    const [code, out, err] = await refusal(t, [
      '--storage',
      'sqlite::memory:',
      '--port',
      String(port),
      '--log-level',
      'error',
    ])
    assert.equal(code, 1)
    assert.equal(out, '')
    assert.match(err, new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use.*--port N`))
  })

  test('so is the port of MQTT, and the data is let go of', async (t) => {
    const busy = await portOf(launch(t, IN_MEMORY))
    const mqtt = [
      '--server.protocols.mqtt.enabled',
      '--server.protocols.mqtt.port',
      String(busy),
      '--log-level',
      'error',
    ]
    const [code, , err] = await refusal(t, [...IN_MEMORY, ...mqtt])
    assert.equal(code, 1)
    assert.match(
      err,
      new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${busy}: .*--server\\.protocols\\.mqtt\\.port N`),
    )
  })

  test('development on an address that others can reach', async (t) => {
    const [code, out, err] = await refusal(t, [...IN_MEMORY, '--dev', '--host', '0.0.0.0'])
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, /flag --dev: anonymous callers may do everything.*loopback address/)
  })

  test('all wrong settings at once', async (t) => {
    const [code, , err] = await refusal(t, ['--prot', '1', '--log-level', 'loud'])
    assert.equal(code, 2)
    assert.match(
      err,
      /^Cannot start: 2 settings are wrong\.\n {2}flag --prot: .*--port\?\n {2}flag --log-level: /,
    )
  })

  test('a store that cannot be opened, without printing its password', async (t) => {
    const [code, , err] = await refusal(t, ['--port', '0', '--storage', 'mystery://joe:canary@host/db'])
    assert.equal(code, 1)
    assert.match(err, /^Cannot open storage/)
    assert.doesNotMatch(err, /canary|\n {4}at /)
  })

  test('a file that is no store of ours', async (t) => {
    const file = join(temporaryDirectory(t), 'notes.txt')
    writeFileSync(file, 'dear diary\n'.repeat(1000))
    const [code, , err] = await refusal(t, ['--port', '0', '--storage', `sqlite:${file}`])
    assert.equal(code, 1)
    assert.match(err, /^Cannot open /)
    assert.match(err, /notes\.txt/)
  })
})

describe('stopping', () => {
  test('SIGTERM lets a request that has begun finish, accepts no other, and exits with 0', async (t) => {
    const server = launch(t, IN_MEMORY)
    const port = await portOf(server)
    const request = await beginRequest(t, port)
    server.signal('SIGTERM')
    await server.seen(/Stopping/)
    await assert.rejects(once(connect(port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' })
    request.write(QUERY.slice(-1))
    assert.match(await answerOn(request), /^HTTP\/1\.1 200 .*"now":\d+/s)
    assert.equal(await server.exit, 0)
  })

  test('the same signal twice in a row, as npm passes it on, still lets the request finish', async (t) => {
    const server = launch(t, IN_MEMORY)
    const request = await beginRequest(t, await portOf(server))
    server.signal('SIGTERM')
    await server.seen(/Stopping/)
    server.signal('SIGTERM')
    server.signal('SIGINT')
    request.write(QUERY.slice(-1))
    assert.match(await answerOn(request), /^HTTP\/1\.1 200 /)
    assert.equal(await server.exit, 0)
  })

  test('a later, second signal ends it at once', async (t) => {
    const server = launch(t, IN_MEMORY)
    await beginRequest(t, await portOf(server))
    server.signal('SIGTERM')
    await server.seen(/Stopping/)
    const impatience = setInterval(() => server.signal('SIGTERM'), 100)
    assert.equal(await server.exit, 143)
    clearInterval(impatience)
  })

  test('a client that never finishes its request does not hold it for more than 10 seconds', async (t) => {
    const server = launch(t, IN_MEMORY)
    await beginRequest(t, await portOf(server))
    const startedAt = performance.now()
    server.signal('SIGTERM')
    assert.equal(await server.exit, 0)
    assert.ok(performance.now() - startedAt < 10_000)
  })

  test('a fault of its own is logged whole and ends it with 1', async (t) => {
    const planted = `process.on('SIGUSR2', () => { Promise.reject(new Error('planted fault')) })`
    const server = launch(t, IN_MEMORY, {
      nodeOptions: ['--import', `data:text/javascript,${encodeURIComponent(planted)}`],
    })
    await portOf(server)
    server.signal('SIGUSR2')
    assert.equal(await server.exit, 1)
    assert.match(server.stderr(), /fatal A fault of Latchkey itself; it ends now.*\n.*planted fault\n +at /)
  })
})
