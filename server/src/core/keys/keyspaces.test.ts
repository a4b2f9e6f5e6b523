import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkKeyspaces, DEFAULT_KEYSPACE, KEYSPACES_MAX } from './keyspaces.ts'

const DEFAULT = { [DEFAULT_KEYSPACE]: { prefix: 'lk', environment: 'live' } }

describe('checkKeyspaces', () => {
  test('finds nothing wrong with good ones', () => {
    assert.deepEqual(checkKeyspaces(DEFAULT), [])
    const more = {
      'test.1': { prefix: 'lk', environment: 'test' },
      B_2: { prefix: 'acme2', environment: '1' },
    }
    assert.deepEqual(checkKeyspaces({ ...DEFAULT, ...more }), [])
  })

  test('wants one for keys that name none', () => {
    assert.match(checkKeyspaces({}).join(), /must be a keyspace "default"/)
  })

  test('refuses parts of which no token can be made', () => {
    for (const part of ['', 'LK', 'l_k', 'l-k', 'a'.repeat(17), 'lé', 'lk\n']) {
      assert.match(
        checkKeyspaces({ default: { prefix: part, environment: 'live' } }).join(),
        /the prefix .* is not/,
      )
      assert.match(
        checkKeyspaces({ default: { prefix: 'lk', environment: part } }).join(),
        /the environment .* is not/,
      )
    }
  })

  test('refuses names that could break a rule for scanners', () => {
    for (const name of ['', 'a b', "a'", 'a"', 'a\n', 'x'.repeat(65)]) {
      const problems = checkKeyspaces({ ...DEFAULT, [name]: { prefix: 'other', environment: 'live' } })
      assert.match(problems.join(), /a name has/, JSON.stringify(name))
    }
  })

  test('refuses prefixes of known vendors, and says whose they are', () => {
    assert.match(checkKeyspaces({ default: { prefix: 'ghp', environment: 'x' } }).join(), /those of GitHub/)
    assert.match(checkKeyspaces({ default: { prefix: 'sk', environment: 'live' } }).join(), /those of Stripe/)
  })

  test('refuses two that could not be told apart, and tells all that is wrong at once', () => {
    const problems = checkKeyspaces({
      ...DEFAULT,
      twin: { prefix: 'lk', environment: 'live' },
      bad: { prefix: 'A', environment: 'B' },
    })
    assert.equal(problems.length, 3)
    assert.match(problems.join('\n'), /"default" and "twin" both begin with "lk_live_"/)
  })

  test('has a limit', () => {
    const many = Array.from({ length: KEYSPACES_MAX }, (_, index) => [
      `k${index}`,
      { prefix: 'x', environment: `${index}` },
    ])
    assert.match(checkKeyspaces({ ...DEFAULT, ...Object.fromEntries(many) }).join(), /at most 100/)
    assert.deepEqual(checkKeyspaces({ ...DEFAULT, ...Object.fromEntries(many.slice(1)) }), [])
  })
})
