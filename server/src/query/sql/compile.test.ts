import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseElasticsearch } from '../elasticsearch.ts'
import { SEARCHABLE_FIELDS } from '../fields.ts'
import { compileCandidates, letsAllThrough } from './compile.ts'
import type { Column } from './dialect.ts'
import { joinSql, printSql, sql } from './sql-text.ts'
import { SQLITE } from './sqlite.ts'

const COLUMNS = new Map<string, Column>([
  ['_id', { kind: 'term', expression: sql`id`, nullable: false, selective: true }],
  ['userId', { kind: 'term', expression: sql`owner`, nullable: false, selective: false }],
  ['_kuzzle_info.updater', { kind: 'term', expression: sql`updated_by`, nullable: true, selective: false }],
  ['expiresAt', { kind: 'number', expression: sql`expires_at`, nullable: true }],
  ['description', { kind: 'present' }],
  ['token', { kind: 'absent' }],
])

function compile(query: unknown) {
  const scope = { mapping: SEARCHABLE_FIELDS['api-keys'], now: 0 }
  const { condition, exact, selective } = compileCandidates(parseElasticsearch(query, scope), COLUMNS, SQLITE)
  const text = printSql(condition, SQLITE.placeholder)
  return { text, values: condition.values, exact, selective }
}

describe('the condition of a query', () => {
  test('says a clause about a column exactly, with every value as a parameter', () => {
    const { text, values, exact } = compile({ term: { userId: "x' OR 1=1 --" } })
    assert.deepEqual([text, values, exact], ['owner = ?', ["x' OR 1=1 --"], true])
  })

  test('turns prefixes and ranges into comparisons', () => {
    assert.equal(compile({ prefix: { userId: 'ab' } }).text, '(owner >= ? AND owner < ?)')
    assert.deepEqual(compile({ prefix: { userId: 'ab' } }).values, ['ab', 'ac'])
    assert.equal(
      compile({ range: { expiresAt: { gt: 1, lte: 5 } } }).text,
      '(expires_at > ? AND expires_at <= ?)',
    )
  })

  test('makes one parameter of many values', () => {
    const { text, values } = compile({ terms: { userId: ['a', 'b', 'c'] } })
    assert.equal(text, 'owner IN (SELECT value FROM json_each(?))')
    assert.deepEqual(values, ['["a","b","c"]'])
  })

  test('lets every row through where SQL cannot tell, and says so', () => {
    const { text, exact } = compile({ match: { description: 'lora' } })
    assert.deepEqual([text, exact], ['TRUE', false])
  })

  test('narrows by what it can tell and leaves the rest to judging', () => {
    const query = { bool: { must: [{ match: { description: 'x' } }], filter: [{ term: { userId: 'a' } }] } }
    const { text, exact } = compile(query)
    assert.deepEqual([text, exact], ['owner = ?', false])
  })

  test('never excludes by a condition that is wider than its clause', () => {
    const wide = { bool: { must: [{ term: { userId: 'a' } }, { match: { description: 'x' } }] } }
    assert.equal(compile({ bool: { must_not: wide } }).text, 'TRUE')
    assert.equal(compile({ bool: { must_not: { term: { userId: 'a' } } } }).text, '(owner = ?) IS NOT TRUE')
  })

  test('is true for all alternatives together, unless one of them is unknown', () => {
    const known = [{ term: { userId: 'a' } }, { term: { _id: 'b' } }]
    assert.equal(compile({ bool: { should: known } }).text, '(owner = ? OR id = ?)')
    assert.equal(compile({ bool: { should: [...known, { match: { description: 'x' } }] } }).text, 'TRUE')
    assert.equal(compile({ bool: { should: known, must: { match_all: {} } } }).text, 'TRUE')
  })

  test('counts alternatives when several are needed', () => {
    const should = [{ term: { userId: 'a' } }, { term: { _id: 'b' } }]
    const { text, values } = compile({ bool: { should, minimum_should_match: 2 } })
    assert.equal(text, '(CASE WHEN owner = ? THEN 1 ELSE 0 END + CASE WHEN id = ? THEN 1 ELSE 0 END) >= ?')
    assert.deepEqual(values, ['a', 'b', 2])
    assert.equal(compile({ bool: { should, minimum_should_match: 3 } }).text, 'FALSE')
  })

  test('knows which columns always, never or sometimes have a value', () => {
    const exists = (field: string) => compile({ exists: { field } }).text
    assert.deepEqual([exists('userId'), exists('description'), exists('token')], ['TRUE', 'TRUE', 'FALSE'])
    assert.equal(exists('_kuzzle_info.updater'), 'updated_by IS NOT NULL')
    assert.equal(compile({ prefix: { description: '' } }).exact, false)
  })

  test('is selective when an index finds the few rows, and something else may narrow them', () => {
    assert.equal(compile({ term: { _id: 'a' } }).selective, true)
    assert.equal(
      compile({ bool: { must: [{ term: { _id: 'a' } }, { match: { description: 'x' } }] } }).selective,
      true,
    )
    assert.equal(
      compile({ bool: { should: [{ term: { _id: 'a' } }, { term: { userId: 'a' } }] } }).selective,
      false,
    )
  })

  test('leaves texts that SQL would store differently to judging', () => {
    assert.deepEqual(compile({ term: { userId: '\ud800' } }).exact, false)
    assert.deepEqual(compile({ range: { userId: { gt: '\ud800' } } }).exact, false)
  })

  test('that excludes nothing is known as such', () => {
    const all = compileCandidates({ kind: 'all', boost: 1 }, COLUMNS, SQLITE)
    assert.equal(letsAllThrough(all), true)
    assert.equal(letsAllThrough(compileCandidates({ kind: 'none' }, COLUMNS, SQLITE)), false)
  })
})

describe('SQL text', () => {
  test('is put together with its values in order', () => {
    const inner = sql`b = ${2} AND c = ${'3'}`
    const text = sql`SELECT ${1} WHERE ${inner} LIMIT ${4}`
    assert.equal(
      printSql(text, (number) => `$${number}`),
      'SELECT $1 WHERE b = $2 AND c = $3 LIMIT $4',
    )
    assert.deepEqual(text.values, [1, 2, '3', 4])
  })

  test('joins one condition or more, never none', () => {
    assert.equal(printSql(joinSql('OR', [sql`a`]), String), 'a')
    assert.equal(printSql(joinSql('AND', [sql`a`, sql`b`, sql`c`]), String), '(a AND b AND c)')
    assert.throws(() => joinSql('AND', []))
  })
})
