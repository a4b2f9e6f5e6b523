import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DomainError } from '../errors.ts'
import {
  PERMISSION_NESTING_MAX,
  PERMISSION_QUERY_LENGTH_MAX,
  PERMISSION_TERMS_MAX,
  parsePermissionQuery,
  printPermissionQuery,
  queryHolds,
} from './permission-query.ts'
import type { PermissionQuery } from './verdict.ts'

function holds(given: string | readonly string[], ...granted: readonly string[]): boolean {
  return queryHolds(parsePermissionQuery(given), (controller, action) =>
    granted.includes(`${controller}:${action}`),
  )
}

function refuses(given: string | readonly string[], problem: RegExp): void {
  assert.throws(
    () => parsePermissionQuery(given),
    (error) => {
      assert.ok(error instanceof DomainError)
      assert.equal(error.code, 'policy.invalid')
      assert.equal(error.facts['member'], 'permissions')
      assert.match(String(error.facts['problem']), problem)
      return true
    },
  )
}

const { query } = fc.letrec<{ query: PermissionQuery }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc
      .constantFrom('a', 'b', 'c', 'd')
      .map((controller): PermissionQuery => ({ kind: 'permission', controller, action: 'x' })),
    fc.record(
      { kind: fc.constantFrom('and', 'or'), of: fc.array(tie('query'), { minLength: 2, maxLength: 3 }) },
      { noNullPrototype: true },
    ),
  ),
}))

/** As `queryHolds`, said in another way: the truth table of the text in JavaScript's own logic. */
function meaning(of: PermissionQuery): string {
  if (of.kind === 'permission') return `has(${JSON.stringify(of.controller)})`
  return `(${of.of.map(meaning).join(of.kind === 'and' ? '&&' : '||')})`
}

describe('a permission query', () => {
  test('holds as the permissions and words in it say', () => {
    assert.ok(holds('a:x', 'a:x'))
    assert.ok(!holds('a:x', 'a:y', 'b:x'))
    assert.ok(holds('a:x AND b:x', 'a:x', 'b:x'))
    assert.ok(!holds('a:x AND b:x', 'a:x'))
    assert.ok(holds('a:x OR b:x', 'b:x'))
    assert.ok(!holds('a:x OR b:x'))
    assert.ok(holds(' ( invoices:read and(a:b or c:d) ) ', 'invoices:read', 'c:d'))
  })

  test('binds AND more tightly than OR, and parentheses most tightly', () => {
    assert.ok(holds('a:x OR b:x AND c:x', 'a:x'))
    assert.ok(holds('a:x AND b:x OR c:x', 'c:x'))
    assert.ok(!holds('(a:x OR b:x) AND c:x', 'a:x'))
    assert.ok(!holds('a:x AND (b:x OR c:x)', 'c:x'))
  })

  test('given as a list, wants every member', () => {
    assert.ok(holds(['a:x', 'b:x OR c:x'], 'a:x', 'c:x'))
    assert.ok(!holds(['a:x', 'b:x'], 'a:x'))
  })

  test('may ask for names that are words of the language, because they have a colon', () => {
    assert.ok(holds('and:or AND or:and', 'and:or', 'or:and'))
  })

  test('is read as it was printed', () => {
    fc.assert(
      fc.property(query, (given) =>
        assert.deepEqual(parsePermissionQuery(printPermissionQuery(given)), given),
      ),
    )
  })

  test('holds exactly when logic says so, for everything that can be granted', () => {
    fc.assert(
      fc.property(query, fc.subarray(['a', 'b', 'c', 'd']), (given, granted) => {
        const evaluate = new Function('has', `return ${meaning(given)}`)
        const expected: unknown = evaluate((name: string) => granted.includes(name))
        assert.equal(
          queryHolds(given, (controller) => granted.includes(controller)),
          expected,
        )
      }),
    )
  })
})

describe('parsePermissionQuery', () => {
  test('refuses what asks for nothing, so that nobody is let in for want of a question', () => {
    for (const empty of ['', '  ', '()', [], [''], ['a:x', '']]) refuses(empty, /empty|not a permission/)
  })

  test('refuses wildcards, because neither "any" nor "all" is said', () => {
    for (const wildcard of ['*', 'a:*', '*:x', 'a:r*']) refuses(wildcard, /only concrete permissions/)
  })

  test('refuses what is not a permission', () => {
    for (const word of ['a', 'a:', ':x', 'a:x:y', 'a/b:x', 'é:x', 'AND', 'a:x AND OR b:x']) {
      refuses(word, /is not a permission/)
    }
  })

  test('refuses what is not finished or not connected', () => {
    refuses('a:x AND', /ends where/)
    refuses('(a:x', /not closed/)
    refuses('a:x)', /not expected/)
    refuses('a:x b:x', /not expected/)
    refuses('a:x NOT b:x', /not expected/)
  })

  test('has limits of length, number and nesting', () => {
    const longest = `a:${'x'.repeat(PERMISSION_QUERY_LENGTH_MAX - 2)}`
    assert.ok(holds(longest, longest))
    refuses(`${longest}x`, /longer than/)
    refuses([longest, 'a'], /longer than/)
    refuses(
      Array.from({ length: PERMISSION_TERMS_MAX + 1 }, () => ''),
      /longer than/,
    )

    const most = Array.from({ length: PERMISSION_TERMS_MAX }, () => 'a:x')
    assert.ok(holds(most, 'a:x'))
    refuses([...most.slice(1), 'a:x OR a:x'], /more than 100 permissions/)

    const deepest = `${'('.repeat(PERMISSION_NESTING_MAX)}a:x${')'.repeat(PERMISSION_NESTING_MAX)}`
    assert.ok(holds(deepest, 'a:x'))
    refuses(`(${deepest})`, /more than 50 parentheses/)
  })

  test('answers every text with a query or a refusal', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('a:x', 'AND', 'OR', '(', ')', ' ', 'b:y', '*'))
        .map((words) => words.join(' ')),
    )
    fc.assert(
      fc.property(text, (given) => {
        try {
          parsePermissionQuery(given)
        } catch (error) {
          assert.ok(error instanceof DomainError)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
