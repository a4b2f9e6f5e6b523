import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type DumpedToken,
  dumpedToken,
  HASH_KEY,
  writeCsvDump,
} from '../server/src/imports/knox/testing/knox-dump.ts'
import { askNative, createNativeAdmin } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const MAIN = new URL('../server/src/main.ts', import.meta.url).pathname
const GUIDE = new URL('../docs/guides/moving-from-knox.md', import.meta.url)

/** Owned by a user, and by somebody whom only Knox knows. */
const ADAS = dumpedToken(1, { metadata: { userName: 'ada' } })
const GUESTS = dumpedToken(2, { metadata: { userName: 'guest' } })

describe('tokens that Knox issued', () => {
  let server: RunningServer
  let admin: string
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-knox-'))

  before(async () => {
    server = await startServer({ environment: { LATCHKEY_WORKERS: '2' } })
    admin = await createNativeAdmin(server)
    await askNative(server, 'PUT', '/v1/owners/ada', { token: admin, body: { roles: ['default'] } })
    writeCsvDump(
      folder,
      [ADAS, GUESTS].map(({ row }) => row),
    )
    writeFileSync(join(folder, 'hash-key.txt'), HASH_KEY)
  })
  after(async () => {
    await server.stop()
    server.discard()
    rmSync(folder, { recursive: true, force: true })
    for (const secret of [HASH_KEY, ADAS.token, GUESTS.token]) {
      assert.ok(!server.output().includes(secret), 'the log holds a secret')
    }
  })

  /** Runs a line of the guide, into the store of the server. */
  async function importAsTheGuideSays(line: string): Promise<string> {
    const args = line
      .replace('DIR', folder)
      .replace('hash-key.txt', join(folder, 'hash-key.txt'))
      .split(' ')
      .slice(1)
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, ...args, '--data-dir', server.dataDir],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 0)
    return output
  }

  async function codeOf(key: string): Promise<string> {
    const { status, body } = await askNative(server, 'POST', '/v1/verify', { token: admin, body: { key } })
    assert.equal(status, 200)
    return body.valid ? 'valid' : body.code
  }

  const kuzzleUserOf = async ({ token }: DumpedToken): Promise<unknown> =>
    (await askNative(server, 'GET', '/users/_me', { token })).body.result?._id

  it('work in a running server as soon as the line of the guide has run', async () => {
    for (const { token } of [ADAS, GUESTS]) assert.equal(await codeOf(token), 'NOT_FOUND')
    const line = readFileSync(GUIDE, 'utf8')
      .split('\n')
      .find((text) => text.startsWith('latchkey import knox --from csv:DIR'))
    assert.match(await importAsTheGuideSays(line ?? ''), /2 tokens read:\n\s+2 imported/)
    for (const { token } of [ADAS, GUESTS]) {
      // More than one thread answers: each of them must come to know the token.
      const answers = await Promise.all(Array.from({ length: 20 }, () => codeOf(token)))
      assert.deepEqual(new Set(answers), new Set(['valid']))
    }
  })

  it('pass forward-auth, in each header that may hold a key', async () => {
    const headersOf = ({ token }: DumpedToken) => [
      { authorization: `Bearer ${token}` },
      { 'x-api-key': token },
    ]
    for (const headers of [...headersOf(ADAS), ...headersOf(GUESTS)]) {
      assert.equal((await askNative(server, 'GET', '/v1/authorize', { headers })).status, 200)
    }
  })

  it('act in the API of Kuzzle for their owner when that is a user here, and are refused otherwise', async () => {
    assert.equal(await kuzzleUserOf(ADAS), 'ada')
    const { status, body } = await askNative(server, 'GET', '/users/_me', { token: GUESTS.token })
    assert.deepEqual([status, body.error.id], [401, 'security.token.invalid'])
    assert.equal((await askNative(server, 'GET', '/v1/whoami', { token: GUESTS.token })).status, 401)
  })

  it('are seen, found and revoked through the other languages', async () => {
    const path = `/v1/keys/${GUESTS.row.id}`
    const { body } = await askNative(server, 'GET', path, { token: admin })
    assert.deepEqual([body.owner, body.family, body.state], ['guest', 'knox', 'active'])
    assert.equal((await askNative(server, 'DELETE', path, { token: admin })).status, 204)
    assert.equal(await codeOf(GUESTS.token), 'REVOKED')
    const search = `/users/ada/api-keys/_search`
    const found = await askNative(server, 'POST', search, { token: admin, body: {} })
    assert.deepEqual(
      found.body.result.hits.map((hit: { readonly _id: string }) => hit._id),
      [ADAS.row.id],
    )
  })
})
