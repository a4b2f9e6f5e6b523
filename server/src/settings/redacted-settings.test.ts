import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { readSettings } from './read-settings.ts'
import { redactedSettings } from './redacted-settings.ts'

const settings = readSettings({
  flags: [
    '--security.authToken.secret',
    'canary-'.repeat(8),
    '--storage',
    'postgres://joe:canary@db.example/keys',
  ],
  environment: {},
  readFile: () => '{}',
})

test('redacted settings show everything but secrets, as a tree of names', () => {
  const tree = redactedSettings(settings)
  assert.deepEqual(tree['stats'], { enabled: true, ttl: 3_600_000, statsInterval: 10_000 })
  assert.equal(tree['storage'], 'postgres://joe:[secret]@db.example/keys')
  assert.doesNotMatch(JSON.stringify(tree), /canary/)
  assert.match(JSON.stringify(tree), /"secret":"\[secret\]"/)
})

test('settings that are printed or logged by mistake show no secret', () => {
  assert.doesNotMatch(JSON.stringify(settings), /canary/)
  assert.doesNotMatch(inspect(settings, { depth: 9 }), /canary/)
})

test('a secret can be had by those who need it', () => {
  assert.equal(settings['security.authToken.secret']?.(), 'canary-'.repeat(8))
})
