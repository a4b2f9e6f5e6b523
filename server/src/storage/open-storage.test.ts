import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusal } from './contract/records.ts'
import { openStorage } from './open-storage.ts'

test('opens a storage in memory', async () => {
  const storage = await openStorage('sqlite::memory:')
  assert.equal(await storage.isHealthy(), true)
  await storage.close()
})

test('refuses what it has no driver for without repeating a password', async () => {
  for (const url of ['mysql://hunter2', 'hunter2', '']) {
    const error = await refusal(openStorage(url), 'storage.unavailable')
    assert.match(error.message, /no driver for it; there are "sqlite:PATH" and "postgres:/)
    assert.doesNotMatch(error.message, /hunter2/)
  }
})

test('refuses a server that is not there, or a URL of none, without repeating a password', async () => {
  for (const [url, problem] of [
    ['postgres://user:hunter2@127.0.0.1:1/db', /ECONNREFUSED/],
    ['postgres://user:hunter2@127.0.0.1:1,[::1]:1/db', /ECONNREFUSED|EADDRNOTAVAIL/],
    ['postgres://user:hunter2@localhost:1/db', /ECONNREFUSED/],
    ['postgresql://user:hunter2@host:none/db', /cannot be understood/],
    ['postgres:hunter2', /cannot be understood/],
    ['postgres://user:hunter2@host/db?target_session_attrs=standby', /must be read-write/],
  ] as const) {
    const error = await refusal(openStorage(url), 'storage.unavailable')
    assert.match(error.message, problem)
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /hunter2/)
  }
})

test('refuses a missing path', async () => {
  const error = await refusal(openStorage('sqlite:'), 'storage.unavailable')
  assert.match(error.message, /the path is missing/)
})
