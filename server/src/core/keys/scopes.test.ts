import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isScope, SCOPE_LENGTH_MAX, scopesKeep } from './scopes.ts'

/** Few letters, so that patterns and names often meet. */
const name = fc.stringMatching(/^[ab.]{1,6}$/)
const pattern = fc.stringMatching(/^[ab.*]{1,6}$/)
const scope = fc.oneof(
  fc.constant('*'),
  fc.tuple(pattern, pattern).map(([controller, action]) => `${controller}:${action}`),
)

/** What a scope means, said by a regular expression. */
function keeps(text: string, controller: string, action: string): boolean {
  const full = text === '*' ? '*:*' : text
  const source = full.replaceAll('.', '\\.').replaceAll('*', '[^:]*')
  return new RegExp(`^${source}$`).test(`${controller}:${action}`)
}

describe('scopesKeep', () => {
  test('keeps what any of the patterns fits, whatever the patterns', () => {
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 5 }), name, name, (scopes, controller, action) => {
        const expected = scopes.some((text) => keeps(text, controller, action))
        assert.equal(scopesKeep(scopes, controller, action), expected)
        assert.equal(scopesKeep(scopes, controller, action), expected)
      }),
      { numRuns: 3_000 },
    )
  })

  test('keeps everything without scopes, and nothing with an empty list of them', () => {
    assert.ok(scopesKeep(undefined, 'invoices', 'read'))
    assert.ok(!scopesKeep([], 'invoices', 'read'))
  })

  test('keeps by name, by controller, by action, and by parts of them', () => {
    assert.ok(scopesKeep(['invoices:read'], 'invoices', 'read'))
    assert.ok(!scopesKeep(['invoices:read'], 'invoices', 'readAll'))
    assert.ok(!scopesKeep(['invoices:read'], 'Invoices', 'read'))
    assert.ok(scopesKeep(['invoices:*'], 'invoices', 'write'))
    assert.ok(!scopesKeep(['invoices:*'], 'invoices2', 'write'))
    assert.ok(scopesKeep(['*:read'], 'anything', 'read'))
    assert.ok(scopesKeep(['inv*:get*'], 'invoices', 'getOne'))
    assert.ok(scopesKeep(['*'], 'any', 'thing'))
    assert.ok(scopesKeep(['x:y', 'invoices:re*d'], 'invoices', 'read'))
  })

  test('never lets a pattern use the same text twice', () => {
    assert.ok(!scopesKeep(['aba*ba:x'], 'aba', 'x'))
    assert.ok(!scopesKeep(['a*b*b:x'], 'ab', 'x'))
    assert.ok(scopesKeep(['a*b*b:x'], 'abb', 'x'))
  })

  test('does not confuse names with what JavaScript objects have', () => {
    for (const word of ['constructor', '__proto__', 'toString']) {
      assert.ok(!scopesKeep(['a:b'], word, word))
      assert.ok(scopesKeep([`${word}:${word}`], word, word))
    }
  })

  test('keeps nothing for what is no scope', () => {
    for (const text of ['', 'invoices', ':', 'a:', ':b', 'a:b:c', 'a b:c', '**']) {
      assert.ok(!isScope(text), text)
      const [controller = '', action = ''] = text.split(':')
      assert.ok(!scopesKeep([text], controller, action), text)
    }
  })

  test('answers soon for the worst of patterns', () => {
    const worst = `${'*a'.repeat(60)}:b`
    assert.ok(isScope(worst))
    for (let count = 0; count < 1_000; count++) assert.ok(!scopesKeep([worst], 'a'.repeat(59), 'b'))
  })
})

describe('isScope', () => {
  test('has a limit', () => {
    assert.ok(isScope(`a:${'b'.repeat(SCOPE_LENGTH_MAX - 2)}`))
    assert.ok(!isScope(`a:${'b'.repeat(SCOPE_LENGTH_MAX - 1)}`))
  })
})
