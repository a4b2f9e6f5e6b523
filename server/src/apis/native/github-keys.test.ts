import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite, type TestContext, test } from 'node:test'
import { ASKED_EVERY_MS, createGithubKeys } from './github-keys.ts'

const pemOf = (namedCurve: string): string =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'pem' }).toString()

/** What GitHub documents: a key, a report and its signature. */
const DOCUMENTED = {
  key: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq
kCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==
-----END PUBLIC KEY-----`,
  report: '[{"token":"some_token","type":"some_type","url":"some_url"}]',
  signature:
    'MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=',
}

async function keysFrom(t: TestContext, answer: () => { status?: number; body: string }) {
  let now = 1_000_000
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    const { status = 200, body } = answer()
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  let failures = 0
  const url = `http://127.0.0.1:${port}/keys`
  const keys = createGithubKeys(url, { now: () => now }, () => {
    failures += 1
  })
  return {
    keys,
    asked: () => asked,
    failures: () => failures,
    passMs: (ms: number) => {
      now += ms
    },
  }
}

const listOf = (keys: Readonly<Record<string, string>>): string =>
  JSON.stringify({
    public_keys: Object.entries(keys).map(([key_identifier, key]) => ({
      key_identifier,
      key,
      is_current: true,
    })),
  })

suite("GitHub's keys", () => {
  test('verify what GitHub documents', async (t) => {
    const { keys } = await keysFrom(t, () => ({ body: listOf({ one: DOCUMENTED.key }) }))
    const key = await keys.find('one')
    assert.ok(key !== undefined)
    const signature = Buffer.from(DOCUMENTED.signature, 'base64')
    const isGood = (report: string) =>
      verify('sha256', Buffer.from(report), { key, dsaEncoding: 'der' }, signature)
    assert.ok(isGood(DOCUMENTED.report))
    assert.ok(!isGood(`${DOCUMENTED.report} `))
  })

  test('are asked for once, and again for an unknown one, but not as often as anybody likes', async (t) => {
    const known: Record<string, string> = { one: pemOf('prime256v1') }
    const { keys, asked, passMs } = await keysFrom(t, () => ({ body: listOf(known) }))
    assert.ok(await keys.find('one'))
    for (let n = 0; n < 5; n++) assert.equal(await keys.find(`none ${n}`), undefined)
    assert.equal(asked(), 1)
    known['two'] = pemOf('prime256v1')
    passMs(ASKED_EVERY_MS)
    const found = await Promise.all(Array.from({ length: 5 }, () => keys.find('two')))
    assert.ok(found.every((key) => key !== undefined))
    assert.equal(asked(), 2)
  })

  test('that cannot be had are an error, also of a curve that none should be of; those known stay good', async (t) => {
    const answers = [
      { body: listOf({ one: pemOf('prime256v1') }) },
      { status: 500, body: '' },
      { body: 'nonsense' },
      { body: listOf({ two: pemOf('secp384r1') }) },
      { body: listOf({ two: 'nonsense' }) },
      { body: ' '.repeat(1_000_001) },
    ]
    const { keys, passMs, failures } = await keysFrom(t, () => answers.shift() ?? { body: '' })
    assert.ok(await keys.find('one'))
    for (let n = 0; n < 5; n++) {
      passMs(ASKED_EVERY_MS)
      await assert.rejects(keys.find('two'))
      // Not to be known and not to have been asked for are different things to be told.
      await assert.rejects(keys.find('two'))
      assert.equal(failures(), n + 1)
      assert.ok(await keys.find('one'))
    }
  })
})
