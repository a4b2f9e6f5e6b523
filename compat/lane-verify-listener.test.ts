import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ask, createAdmin, type RunningServer, startServer } from './running-server.ts'

type Reply = { readonly status: number; readonly text: string }

/** One request over a Unix socket. */
function askSocket(
  socketPath: string,
  path: string,
  options: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Reply> {
  const { body, headers } = options
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath,
        path,
        method: text === undefined ? 'GET' : 'POST',
        headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
      },
      (response) => {
        let received = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          received += part
        })
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text: received }))
      },
    )
    sent.once('error', reject)
    sent.end(text)
  })
}

function socketFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-compat-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function start(
  t: TestContext,
  flags: readonly string[],
  dataDir?: string,
): Promise<{ readonly server: RunningServer; readonly key: string; readonly token: string }> {
  const server = await startServer({ arguments: flags, ...(dataDir !== undefined && { dataDir }) })
  t.after(() => server.stop().finally(server.discard))
  const token = await createAdmin(server)
  const body = { owner: 'admin', description: 'verified' }
  const { body: made } = await ask(server, 'POST', '/v1/keys', { token, body })
  return { server, key: made.key, token }
}

test('a Unix socket that was opened to everybody verifies without a token, and does nothing else', async (t) => {
  const path = join(socketFolder(t), 'verify.sock')
  const { key } = await start(t, ['--verify.listen', `unix:${path}`, '--verify.openWithoutAuthentication'])
  const { status, text } = await askSocket(path, '/v1/verify', { body: { key } })
  assert.equal(status, 200)
  assert.equal(JSON.parse(text).code, 'VALID')
  const batch = await askSocket(path, '/v1/verify/batch', { body: { keys: [key] } })
  assert.equal(JSON.parse(batch.text).results[0].code, 'VALID')
  assert.equal((await askSocket(path, '/v1/authorize/a', { headers: { 'x-api-key': key } })).status, 200)
  assert.equal((await askSocket(path, '/v1/verify', { body: { key, explain: true } })).status, 403)
  for (const other of ['/v1/keys', '/_now', '/metrics', '/v1/verify/x', '/'])
    assert.equal((await askSocket(path, other)).status, 404, other)
  const website = { body: { key }, headers: { origin: 'https://example.com' } }
  assert.equal((await askSocket(path, '/v1/verify', website)).status, 403)
})

test('without the switch it asks for a token, as everywhere', async (t) => {
  const path = join(socketFolder(t), 'verify.sock')
  const { key, token } = await start(t, ['--verify.listen', `unix:${path}`])
  assert.equal((await askSocket(path, '/v1/verify', { body: { key } })).status, 401)
  const headers = { authorization: `Bearer ${token}` }
  assert.equal((await askSocket(path, '/v1/verify', { body: { key }, headers })).status, 200)
})

test('a proxy at the other end of a Unix socket says where the client is', async (t) => {
  const path = join(socketFolder(t), 'verify.sock')
  const { server, token } = await start(t, ['--verify.listen', `unix:${path}`])
  const body = { owner: 'admin', addresses: ['198.51.100.0/24'] }
  const { body: made } = await ask(server, 'POST', '/v1/keys', { token, body })
  const statusFrom = async (headers: Readonly<Record<string, string>>) =>
    (await askSocket(path, '/v1/authorize', { headers: { 'x-api-key': made.key, ...headers } })).status
  assert.equal(await statusFrom({ 'x-forwarded-for': '198.51.100.9' }), 200)
  assert.equal(await statusFrom({ 'x-forwarded-for': '203.0.113.9' }), 403)
  assert.equal(await statusFrom({}), 403)
  const byHttp = { 'x-forwarded-for': '198.51.100.9', connection: 'close' }
  assert.equal(await statusFrom(byHttp), 200, 'the same by node:http')
})

test('the socket of a server that was killed is taken over, that of one that lives is not', async (t) => {
  const path = join(socketFolder(t), 'verify.sock')
  const flags = ['--verify.listen', `unix:${path}`, '--verify.openWithoutAuthentication']
  const first = await startServer({ arguments: flags })
  await assert.rejects(startServer({ arguments: flags }), /Cannot listen on unix:/)
  await first.stop('SIGKILL')
  const { key } = await start(t, flags, first.dataDir)
  assert.equal((await askSocket(path, '/v1/verify', { body: { key } })).status, 200)
})

test('a second port verifies as well', async (t) => {
  const { server, key, token } = await start(t, ['--verify.listen', '127.0.0.1:0', '--log-level', 'info'])
  const at = /"at":"(127\.0\.0\.1:\d+)"/.exec(server.output())?.[1]
  assert.ok(at !== undefined, server.output())
  const { body } = await ask({ url: `http://${at}` }, 'POST', '/v1/verify', { token, body: { key } })
  assert.equal(body.code, 'VALID')
})

test('settings that contradict each other keep the server from starting', async () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--verify.openWithoutAuthentication'], /verify\.listen, which is not set/],
    [['--verify.listen', 'nonsense'], /neither HOST:PORT nor unix:PATH/],
    [['--workers', '2', '--storage', 'sqlite::memory:'], /a store that they can share/],
    [['--forwardAuth.trustedProxies', 'proxy'], /"proxy" is no address or network/],
    [['--forwardAuth.keyHeaders', 'Authorization'], /cannot be the name of a header that holds keys/],
  ]
  for (const [flags, why] of wrong) await assert.rejects(startServer({ arguments: flags }), why)
})
