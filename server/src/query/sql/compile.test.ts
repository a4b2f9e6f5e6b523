import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseElasticsearch } from '../elasticsearch.ts'
import { SEARCHABLE_FIELDS } from '../fields.ts'
import { compileCandidates, letsAllThrough } from './compile.ts'
import type { Column, Columns } from './dialect.ts'
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

/** As they are where SQL can call back. */
const CALLED_BACK = new Map<string, Column>([
  [
    '_id',
    { kind: 'term', expression: sql`id`, nullable: false, selective: true, passes: () => sql`pass(id)` },
  ],
  ['userId', { kind: 'constant', term: 'ann' }],
  ['ttl', { kind: 'encodedTerm', equals: (text) => sql`ttl = ${text}`, passes: () => sql`pass(ttl)` }],
  ['expiresAt', { kind: 'number', expression: sql`ends`, nullable: true, passes: () => sql`pass(ends)` }],
  ['_kuzzle_info.createdAt', { kind: 'number', expression: sql`made`, nullable: false }],
  ['description', { kind: 'present' }],
  ['token', { kind: 'absent' }],
])

function compile(query: unknown, columns: Columns = COLUMNS) {
  const scope = { mapping: SEARCHABLE_FIELDS['api-keys'], now: 0 }
  const { condition, exact, selective } = compileCandidates(parseElasticsearch(query, scope), columns, SQLITE)
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

describe('the condition of a query that SQL has no words for', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
  const called = (query: unknown) => {
    const { text, exact } = compile(query, CALLED_BACK)
    return [text, exact]
  }

  test('calls back for patterns, ranges and prefixes of encoded terms, and long lists', () => {
    for (const query of [
      { wildcard: { ttl: '*4*' } },
      { regexp: { ttl: '4.' } },
      { prefix: { ttl: '4' } },
      { prefix: { ttl: { value: '4', case_insensitive: true } } },
      { range: { ttl: { gte: '4' } } },
      { terms: { ttl: numbers(101) } },
      { term: { ttl: '\ud800' } },
    ]) {
      assert.deepEqual(called(query), ['pass(ttl)', true], JSON.stringify(query))
    }
    assert.deepEqual(called({ ids: { values: numbers(5001) } }), ['pass(id)', true])
    assert.deepEqual(called({ terms: { expiresAt: numbers(5001) } }), ['pass(ends)', true])
  })

  test('lets every row through where it cannot call back', () => {
    for (const query of [
      { wildcard: { description: '*4*' } },
      { prefix: { description: '4' } },
      { range: { description: { gte: '4' } } },
      { terms: { '_kuzzle_info.createdAt': numbers(5001) } },
      { terms: { '_kuzzle_info.createdAt': numbers(21).map((n) => `20${n + 10}`) } },
      { term: { '_kuzzle_info.updater': 'ann' } },
      { prefix: { '_kuzzle_info.updater': 'ann' } },
      { range: { '_kuzzle_info.updatedAt': { gte: 0 } } },
      { term: { '_kuzzle_info.updatedAt': 0 } },
      { terms: { '_kuzzle_info.updatedAt': [0] } },
      { terms: { '_kuzzle_info.updatedAt': ['2024', 0] } },
    ]) {
      assert.deepEqual(called(query), ['TRUE', false], JSON.stringify(query))
    }
  })

  test('says a few dates as ranges', () => {
    const [text, exact] = called({ terms: { '_kuzzle_info.createdAt': ['2024', '2023'] } })
    assert.deepEqual([text, exact], ['((made >= ? AND made <= ?) OR (made >= ? AND made <= ?))', true])
  })

  test('is the same for all rows of one term', () => {
    for (const query of [
      { term: { userId: 'ann' } },
      { terms: { userId: ['bob', 'ann'] } },
      { wildcard: { userId: 'a*' } },
      { regexp: { userId: 'a[n]+' } },
      { prefix: { userId: 'an' } },
      { prefix: { userId: '' } },
      { range: { userId: { gte: 'ann', lt: 'anna' } } },
      { exists: { field: 'userId' } },
    ]) {
      assert.deepEqual(called(query), ['TRUE', true], JSON.stringify(query))
    }
    for (const query of [
      { term: { userId: 'bob' } },
      { terms: { userId: numbers(5001) } },
      { wildcard: { userId: 'b*' } },
      { prefix: { userId: 'b' } },
      { range: { userId: { gt: 'ann' } } },
      { wildcard: { token: '*' } },
      { terms: { token: ['x'] } },
      { range: { token: { gt: 'x' } } },
    ]) {
      assert.deepEqual(called(query), ['FALSE', true], JSON.stringify(query))
    }
    assert.deepEqual(called({ fuzzy: { userId: 'anm' } }), ['TRUE', false])
  })

  test('is left to judging with more parameters than a statement may have', () => {
    const should = numbers(400).map((n) => ({ terms: { ttl: numbers(100).map((m) => n * 100 + m) } }))
    assert.deepEqual(called({ bool: { should } }), ['TRUE', false])
    assert.equal(called({ bool: { should: should.slice(0, 200) } })[1], true)
  })

  test('knows by an index what starts with enough of a term', () => {
    const startsWith = (prefix: string) => (prefix.startsWith('x') ? undefined : sql`hex LIKE ${prefix}`)
    const equals = (text: string) => sql`hex = ${text}`
    const columns = new Map<string, Column>([
      ['hash', { kind: 'encodedTerm', equals, startsWith, selectiveFrom: 4 }],
      ['fingerprint', { kind: 'encodedTerm', equals, startsWith, exists: sql`hex IS NOT NULL` }],
    ])
    const prefix = (field: string, value: string) => {
      const { text, exact, selective } = compile({ prefix: { [field]: value } }, columns)
      return [text, exact, selective]
    }
    assert.deepEqual(prefix('hash', 'abc'), ['hex LIKE ?', true, false])
    assert.deepEqual(prefix('hash', 'abcd'), ['hex LIKE ?', true, true])
    assert.deepEqual(prefix('fingerprint', 'abcdef'), ['hex LIKE ?', true, false])
    assert.deepEqual(prefix('hash', 'xyz'), ['FALSE', true, true])
    assert.deepEqual(prefix('hash', ''), ['TRUE', true, false])
    assert.deepEqual(prefix('fingerprint', ''), ['hex IS NOT NULL', true, false])
    const { selective } = compile(
      { bool: { should: [{ term: { hash: 'ab' } }, { prefix: { hash: 'abcd' } }] } },
      columns,
    )
    assert.equal(selective, true)
  })

  test('finds nothing where no value can be equal', () => {
    assert.deepEqual(called({ terms: { expiresAt: [1.5] } }), ['FALSE', true])
    assert.deepEqual(
      compileCandidates({ kind: 'terms', field: 'ttl', terms: new Set(), boost: 1 }, CALLED_BACK, SQLITE)
        .condition.pieces,
      ['FALSE'],
    )
  })

  test('is that there is a value, for a range without ends', () => {
    for (const kind of ['termRange', 'numberRange'] as const) {
      const field = kind === 'termRange' ? '_kuzzle_info.updater' : 'expiresAt'
      const { condition, exact } = compileCandidates({ kind, field, boost: 1 }, COLUMNS, SQLITE)
      assert.match(printSql(condition, SQLITE.placeholder), / IS NOT NULL$/)
      assert.equal(exact, true)
    }
  })

  test('takes any of the words of several fields', () => {
    const fields = ['userId', '_id', 'token']
    const query = { multi_match: { query: 'ann', fields, type: 'cross_fields' } }
    assert.deepEqual(compile(query, CALLED_BACK).text, 'TRUE')
    assert.deepEqual(
      compile({ multi_match: { ...query.multi_match, fields: ['token', 'ttl'] } }, CALLED_BACK).text,
      'ttl = ?',
    )
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

  test('is not nested deeper than databases allow, however many conditions there are', () => {
    const many = Array.from({ length: 1024 }, (_, index) => sql`a = ${index}`)
    const joined = joinSql('OR', many)
    const text = printSql(joined, () => '?')
    assert.deepEqual(
      joined.values,
      Array.from({ length: 1024 }, (_, index) => index),
    )
    assert.equal(text.match(/a = \?/g)?.length, 1024)
    assert.ok(Math.max(...text.split(' OR ').map((part) => part.match(/\(/g)?.length ?? 0)) <= 5)
    assert.equal(
      printSql(joinSql('+', [sql`a`, sql`b`, sql`c`, sql`d`, sql`e`]), String),
      '((a + b + c + d) + e)',
    )
  })
})
