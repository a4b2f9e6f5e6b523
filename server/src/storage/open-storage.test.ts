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
  for (const url of ['postgres://user:hunter2@host/db', 'mysql://hunter2', 'hunter2', '']) {
    const error = await refusal(openStorage(url), 'storage.unavailable')
    assert.match(error.message, /no driver for it; it has "sqlite:PATH"/)
    assert.doesNotMatch(error.message, /hunter2/)
  }
})

test('refuses a missing path', async () => {
  const error = await refusal(openStorage('sqlite:'), 'storage.unavailable')
  assert.match(error.message, /the path is missing/)
})
