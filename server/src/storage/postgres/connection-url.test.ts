import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConnectionUrl } from './connection-url.ts'

const BASE = 'postgres://joe:canary@db/keys'

const MODES: Readonly<Record<string, string>> = {
  '': '',
  '?sslmode=disable': '?sslmode=disable',
  '?sslmode=no-verify': '?sslmode=no-verify',
  '?sslmode=require': '?sslmode=verify-full',
  '?sslmode=verify-ca&sslrootcert=ca.pem': '?sslmode=verify-full&sslrootcert=ca.pem',
  '?sslmode=verify-full': '?sslmode=verify-full',
  '?sslmode=disable&sslmode=require': '?sslmode=verify-full',
  '?uselibpqcompat=true&sslmode=require': '?uselibpqcompat=true&sslmode=require',
}

for (const [given, asked] of Object.entries(MODES)) {
  test(`asks the driver for "${asked}" where the URL says "${given}"`, () => {
    assert.deepEqual(parseConnectionUrl(BASE + given), [BASE + asked])
  })
}

for (const mode of ['bogus', 'prefer', 'allow', '', 'REQUIRE', 'disable&sslmode=bogus']) {
  test(`refuses sslmode=${mode}, and repeats nothing of the URL`, () => {
    assert.throws(
      () => parseConnectionUrl(`${BASE}?sslmode=${mode}`),
      (error: Error) => {
        assert.match(
          error.message,
          /sslmode must be one of disable, no-verify, verify-full, verify-ca, require/,
        )
        assert.doesNotMatch(error.message, /canary|bogus/)
        return true
      },
    )
  })
}

test('the driver warns of no mode that it is asked for', async (t) => {
  const warned = t.mock.method(process, 'emitWarning', () => {})
  const { Client } = await import('pg')
  for (const given of Object.keys(MODES).filter((mode) => !mode.includes('sslrootcert'))) {
    for (const connectionString of parseConnectionUrl(BASE + given)) new Client({ connectionString })
  }
  assert.equal(warned.mock.callCount(), 0)
})
