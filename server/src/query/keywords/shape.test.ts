import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertRefused, find } from './sample-keys.ts'

test('a query that is no object is refused', () => {
  for (const query of [1, 'x', null, [], [{ match_all: {} }]])
    assertRefused(query, 'must start with start_object')
})

test('an empty query inside another is refused', () => {
  assertRefused({ bool: { must: [{}] } }, 'query malformed, empty clause found')
})

test('a clause whose body is no object is refused', () => {
  assertRefused({ match: 'x' }, '[match] query malformed, no start_object after query name')
})

test('a second clause beside the first is refused', () => {
  assertRefused(
    { match_all: {}, match: { description: 'x' } },
    '[match_all] malformed query, expected [END_OBJECT] but found [FIELD_NAME]',
  )
})

test('an unknown clause is refused as such, with a near name', () => {
  assertRefused({ foo: {} }, /^unknown query \[foo\]$/, 'unknown_clause')
  assertRefused({ mtach: {} }, 'did you mean [match]?', 'unknown_clause')
  assertRefused({ constructor: {} }, 'unknown query [constructor]', 'unknown_clause')
})

test('clauses that are part of Elasticsearch but never answered are refused by name', () => {
  for (const clause of ['geo_distance', 'has_child', 'script', 'function_score', 'more_like_this', 'knn']) {
    assertRefused(
      { [clause]: {} },
      `The "${clause}" keyword is not allowed in this query.`,
      'forbidden_keyword',
    )
  }
})

test('an inline script is refused wherever it is, also as the name of a field', () => {
  const refused = [
    { bool: { must: [{ term: { script: { source: 'x' } } }] } },
    { script: { script: { source: 'x' } } },
    { term: { userId: { value: { _script: { lang: 'x' } } } } },
  ]
  for (const query of refused) assertRefused(query, /"_?script\.(source|lang|script)"/, 'forbidden_keyword')
  assertRefused({ term: { script: 'abc' } }, 'script.0', 'forbidden_keyword')
})

test('a stored script by its id is not an inline script', async () => {
  assertRefused({ term: { script: { id: 'a', params: {} } } }, '[term] query does not support [id]')
  assert.deepEqual(
    await find({ term: { _script: { id: 1 } } }).catch((error: Error) => error.name),
    'QueryError',
  )
})

test('more than 1024 clauses are refused', () => {
  const should = (count: number) => ({ bool: { should: Array(count).fill({ match_all: {} }) } })
  assertRefused(should(1024), 'too_many_clauses')
  assertRefused({ match: { description: Array(1024).fill('a').join(' ') } }, 'too_many_clauses')
})

test('1024 clauses in all are answered', async () => {
  assert.equal((await find({ bool: { should: Array(1023).fill({ match_all: {} }) } })).length, 9)
})

test('a bool deeper than 20 levels is refused, whatever is around it', () => {
  const nest = (depth: number): object =>
    depth === 0 ? { match_all: {} } : { bool: { must: nest(depth - 1) } }
  assertRefused(nest(21), 'nested depth')
  assertRefused({ constant_score: { filter: nest(21) } }, 'nested depth')
})

test('a bool of 20 levels is answered', async () => {
  const nest = (depth: number): object =>
    depth === 0 ? { match_all: {} } : { bool: { must: nest(depth - 1) } }
  assert.equal((await find(nest(20))).length, 9)
})

test('any clause nested very deeply is refused and does not exhaust the stack', () => {
  let query: object = { match_all: {} }
  for (let depth = 0; depth < 50_000; depth += 1) query = { constant_score: { filter: query } }
  assertRefused(query, 'nested depth')
})
