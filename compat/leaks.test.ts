import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { askNative, createNativeAdmin, type NativeOptions } from './native-client.ts'
import { type RunningServer, startServer } from './running-server.ts'

const GITHUB = '/v1/leaks/github'
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('tokens that lie where everybody can read them', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  let github: Server
  let server: RunningServer
  let admin: string

  before(async () => {
    const key = publicKey.export({ type: 'spki', format: 'pem' })
    github = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ public_keys: [{ key_identifier: 'current', key, is_current: true }] }))
    })
    github.listen(0, '127.0.0.1')
    await once(github, 'listening')
    const { port } = github.address() as AddressInfo
    server = await startServer({ arguments: ['--leaks.github-keys-url', `http://127.0.0.1:${port}/keys`] })
    admin = await createNativeAdmin(server)
  })
  after(async () => {
    await server.stop()
    server.discard()
    github.close()
  })

  const ask = (method: string, path: string, body?: unknown, more: NativeOptions = {}) =>
    askNative(server, method, path, { token: admin, body, ...more })
  const issue = async (): Promise<string> => (await ask('POST', '/v1/keys', {})).body.key
  const codeOf = async (key: string) => (await ask('POST', '/v1/verify', { key })).body.code

  function report(matches: unknown, headers: Readonly<Record<string, string>> = {}, sent?: string) {
    const body = JSON.stringify(matches)
    const signature = sign('sha256', Buffer.from(body), { key: privateKey, dsaEncoding: 'der' })
    return askNative(server, 'POST', GITHUB, {
      body: sent ?? body,
      headers: {
        'github-public-key-identifier': 'current',
        'github-public-key-signature': signature.toString('base64'),
        ...headers,
      },
    })
  }

  it("are revoked on GitHub's word, which learns by their hash whether they were ours", async () => {
    const key = await issue()
    const url = 'https://github.com/octocat/hello/blob/main/.env'
    const foreign = 'lk_live_0000000000000000000000000000000000000000'
    const { status, body, text } = await report([
      { token: key, type: 'latchkey_api_key', url, source: 'content', more: 1 },
      { token: foreign, type: 'latchkey_api_key', url: null },
    ])
    assert.equal(status, 200, text)
    assert.deepEqual(body, [
      { token_hash: sha256(key), token_type: 'latchkey_api_key', label: 'true_positive' },
      { token_hash: sha256(foreign), token_type: 'latchkey_api_key', label: 'false_positive' },
    ])
    assert.equal(await codeOf(key), 'REVOKED')
    assert.doesNotMatch(server.output(), new RegExp(key))
    assert.match(server.output(), /key\.leak/)
  })

  it('are left alone on the word of anybody else', async () => {
    const key = await issue()
    const matches = [{ token: key, type: 't', url: 'u' }]
    const attempts = [
      report(matches, {}, JSON.stringify([...matches, ...matches])),
      report(matches, { 'github-public-key-identifier': 'another' }),
      report(matches, { 'github-public-key-signature': 'AAAA' }),
      report(matches, { 'github-public-key-signature': '' }),
      askNative(server, 'POST', GITHUB, { body: matches }),
      askNative(server, 'POST', GITHUB, { body: matches, token: admin }),
    ]
    for (const { status, body } of await Promise.all(attempts)) {
      assert.equal(status, 403)
      assert.equal(body.code, 'leaks.signature_invalid')
    }
    assert.equal(await codeOf(key), 'VALID')
  })

  it('can be many at once', async () => {
    const keys = await Promise.all(Array.from({ length: 50 }, issue))
    const others = Array.from({ length: 2_000 }, (_, n) => `lk_live_nobody_${n}`)
    const { status, body } = await report(
      [...keys, ...others].map((token) => ({ token, type: 't', url: 'u' })),
    )
    assert.equal(status, 200)
    assert.equal(body.filter((each: { label: string }) => each.label === 'true_positive').length, 50)
    for (const key of keys) assert.equal(await codeOf(key), 'REVOKED')
  })

  it('can be reported by whoever may revoke keys, by token or by hash', async () => {
    const [one, other] = [await issue(), await issue()]
    const { body } = await ask('POST', '/v1/leaks', {
      leaks: [
        { key: one, url: 'https://paste.example/1' },
        { fingerprint: sha256(other) },
        { key: 'nothing' },
      ],
      reporter: 'feed-7',
    })
    assert.deepEqual(
      body.leaks.map(({ known, done, owner }: Record<string, unknown>) => [known, done, owner]),
      [
        [true, 'revoked', 'admin'],
        [true, 'revoked', 'admin'],
        [false, 'none', undefined],
      ],
    )
    await ask('PUT', '/v1/roles/verifier', { permissions: ['keys:verify'] })
    await ask('PUT', '/v1/owners/verifier', { roles: ['verifier'] })
    const token = (await ask('POST', '/v1/keys', { owner: 'verifier' })).body.key
    const leaks = [{ key: await issue() }]
    assert.equal((await ask('POST', '/v1/leaks', { leaks }, { token })).body.code, 'right.missing')
    for (const wrong of [
      {},
      { leaks: [] },
      { leaks: [{}] },
      { leaks: [{ key: 'x', fingerprint: sha256('x') }] },
    ]) {
      assert.equal((await ask('POST', '/v1/leaks', wrong)).status, 400)
    }
  })

  it('are recognised by who has them, without telling which they are', async () => {
    await ask('PUT', '/v1/roles/asker', { permissions: ['keys:range'] })
    await ask('PUT', '/v1/owners/asker', { roles: ['asker'] })
    const token = (await ask('POST', '/v1/keys', { owner: 'asker' })).body.key
    const key = await issue()
    const digits = sha256(key).slice(0, 5)
    const { body } = await ask('GET', `/v1/fingerprints/${digits}`, undefined, { token })
    assert.ok(body.suffixes.includes(sha256(key).slice(5)))
    for (const wrong of ['abcd', 'abcdef', 'ABCDE', 'ghijk']) {
      assert.equal((await ask('GET', `/v1/fingerprints/${wrong}`, undefined, { token })).status, 400)
    }
    assert.equal((await ask('POST', '/v1/verify', { key }, { token })).status, 403)
    assert.equal((await askNative(server, 'GET', `/v1/fingerprints/${digits}`)).status, 401)
  })
})

describe("GitHub's reports", () => {
  it('are not taken unless the operator said where its keys are', async () => {
    const server = await startServer()
    try {
      const { status } = await askNative(server, 'POST', GITHUB, { body: [] })
      assert.equal(status, 404)
    } finally {
      await server.stop()
      server.discard()
    }
  })
})
