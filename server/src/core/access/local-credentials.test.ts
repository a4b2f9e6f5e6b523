import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JsonObject } from '../json.ts'
import { PASSWORD_BYTES_MAX, parseChangedCredentials, parseNewCredentials } from './local-credentials.ts'

describe('local credentials', () => {
  const refused: readonly (readonly [JsonObject, string])[] = [
    [{}, 'username_required'],
    [{ password: 'p' }, 'username_required'],
    [{ username: '', password: 'p' }, 'username_required'],
    [{ username: 'u' }, 'password_required'],
    [{ username: 'u', password: null }, 'password_required'],
    [{ username: 'u', password: 'p', kuid: 'somebody' }, 'owner_specified'],
    [{ username: 7, password: 'p' }, 'username_unusable'],
    [{ username: 'u', password: ['p'] }, 'password_unusable'],
    [{ username: 'u', password: 'p'.repeat(PASSWORD_BYTES_MAX + 1) }, 'password_unusable'],
    [{ username: 'u\u0000', password: 'p' }, 'username_unusable'],
    [{ username: '\ud800', password: 'p' }, 'username_unusable'],
  ]
  for (const [body, problem] of refused) {
    test(`${JSON.stringify(body).slice(0, 60)} are refused: ${problem}`, () => {
      assert.throws(() => parseNewCredentials(body), {
        code: 'credentials.invalid',
        facts: { strategy: 'local', problem },
      })
    })
  }

  test('never repeat the password in a refusal', () => {
    const password = `hunter2 ${'x'.repeat(PASSWORD_BYTES_MAX)}`
    try {
      parseNewCredentials({ username: 'u', password })
      assert.fail('accepted')
    } catch (error) {
      assert.ok(error instanceof Error)
      assert.doesNotMatch(JSON.stringify({ ...error }) + error.message, /hunter2/)
    }
  })

  test('can be changed one by one, but not to nothing', () => {
    assert.deepEqual(parseChangedCredentials({ username: 'u' }), { username: 'u' })
    assert.deepEqual(parseChangedCredentials({ password: 'p' }), { password: 'p' })
    assert.throws(() => parseChangedCredentials({ username: '' }), {
      facts: { strategy: 'local', problem: 'username_or_password_required' },
    })
  })
})
