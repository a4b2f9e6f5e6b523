import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { StepBudget } from './step-budget.ts'
import { assertRefuses } from './testing/refusal.ts'
import { compileWildcard } from './wildcard.ts'

const STEPS_MAX = 100_000

function matches(pattern: string, term: string, caseInsensitive = false): boolean {
  return compileWildcard(pattern, { caseInsensitive }).matches(term, new StepBudget(STEPS_MAX))
}

/** What a pattern means, by definition and without regard to cost. */
function matchesByDefinition(pattern: readonly string[], term: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return term.length === 0
  if (first === '*')
    return Array.from({ length: term.length + 1 }, (_, n) => n).some((n) =>
      matchesByDefinition(rest, term.slice(n)),
    )
  const [character, ...others] = term
  if (character === undefined) return false
  if (first === '\\' && rest[0] !== undefined)
    return character === rest[0] && matchesByDefinition(rest.slice(1), others)
  return (first === '?' || first === character) && matchesByDefinition(rest, others)
}

const characters = fc.constantFrom('a', 'b', '*', '?', '\\', '😀')

test('a pattern matches what its definition says', () => {
  fc.assert(
    fc.property(
      fc.array(characters, { minLength: 1, maxLength: 8 }),
      fc.array(characters, { maxLength: 8 }),
      (pattern, term) => {
        assert.equal(matches(pattern.join(''), term.join('')), matchesByDefinition(pattern, term))
      },
    ),
    { numRuns: 3000 },
  )
})

test('a pattern without wildcards matches itself only', () => {
  assert.equal(matches('jared.doe', 'jared.doe'), true)
  assert.equal(matches('jared.doe', 'jared.does'), false)
  assert.equal(matches('jared.doe', 'jared.do'), false)
  assert.equal(matches('red', 'jared'), false)
})

test('? is exactly one character, also one beyond the basic plane', () => {
  assert.equal(matches('42?', '42'), false)
  assert.equal(matches('42?', '420'), true)
  assert.equal(matches('?', '🚀'), true)
  assert.equal(matches('??', '🚀'), false)
  assert.equal(matches('*?x', '🚀x'), true)
})

test('* is any run of characters, also none', () => {
  assert.equal(matches('*', ''), true)
  assert.equal(matches('***', 'abc'), true)
  assert.equal(matches('a*c', 'ac'), true)
  assert.equal(matches('*ab*ab', 'abaab'), true)
  assert.equal(matches('*ab*ab', 'aab'), false)
  assert.equal(matches('a*', 'b'), false)
})

test('a backslash makes the next character literal, and is literal at the end', () => {
  assert.equal(matches('a\\*', 'a*'), true)
  assert.equal(matches('a\\*', 'ab'), false)
  assert.equal(matches('\\?', '?'), true)
  assert.equal(matches('\\a', 'a'), true)
  assert.equal(matches('\\\\', '\\'), true)
  assert.equal(matches('a\\', 'a\\'), true)
  assert.equal(matches('a\\', 'a'), false)
})

test('the empty pattern matches nothing', () => {
  assert.equal(matches('', ''), false)
  assert.equal(matches('', 'a'), false)
})

test('case-insensitive matching folds ASCII letters only', () => {
  assert.equal(matches('LoRa*', 'lORA-1', true), true)
  assert.equal(matches('LoRa*', 'lora-1', false), false)
  assert.equal(matches('É', 'é', true), false)
  assert.equal(matches('[', '{', true), false)
  assert.equal(matches('@', '`', true), false)
  assert.equal(matches('AZ', 'az', true), true)
  assert.equal(matches('az', 'AZ', true), true)
})

test('the literal prefix is what comes before the first wildcard, and in folded matching before the first letter', () => {
  const prefix = (pattern: string, caseInsensitive = false) =>
    compileWildcard(pattern, { caseInsensitive }).literalPrefix
  assert.equal(prefix('abc'), 'abc')
  assert.equal(prefix('ab*c'), 'ab')
  assert.equal(prefix('a?c'), 'a')
  assert.equal(prefix('*a'), '')
  assert.equal(prefix('a\\*b*'), 'a*b')
  assert.equal(prefix('é🚀?'), 'é🚀')
  assert.equal(prefix('42-A*', true), '42-')
  assert.equal(prefix('42-z*', true), '42-')
  assert.equal(prefix('{42}', true), '{42}')
  assert.equal(prefix('a*', true), '')
  assert.equal(prefix('x'.repeat(2000)), 'x'.repeat(1000))
})

test('every match starts with the literal prefix', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: characters, maxLength: 6 }),
      fc.string({ unit: characters, maxLength: 6 }),
      (pattern, term) => {
        const matcher = compileWildcard(pattern, { caseInsensitive: false })
        if (matcher.matches(term, new StepBudget(STEPS_MAX)))
          assert.ok(term.startsWith(matcher.literalPrefix))
      },
    ),
  )
})

test('a hostile pattern costs no more than its length times that of the term', () => {
  const pattern = `${'*a'.repeat(200)}b`
  const term = 'a'.repeat(2000)
  const steps = pattern.length * term.length
  assert.equal(
    compileWildcard(pattern, { caseInsensitive: false }).matches(term, new StepBudget(steps)),
    false,
  )
})

test('the work is taken from the budget', () => {
  const matcher = compileWildcard('abc', { caseInsensitive: false })
  assert.equal(matcher.matches('abc', new StepBudget(3)), true)
  assertRefuses(
    () => matcher.matches('abc', new StepBudget(2)),
    'too_expensive',
    'Cannot finish the query: it needs more than 2 steps, and that is the limit. Narrow it down, for example by a ' +
      'longer literal prefix or by a clause on an exact value',
  )
})
