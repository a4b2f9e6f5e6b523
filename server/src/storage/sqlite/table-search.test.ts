import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseElasticsearch } from '../../query/elasticsearch.ts'
import { QueryError } from '../../query/query-error.ts'
import { compileCandidates } from '../../query/sql/compile.ts'
import { printSql } from '../../query/sql/sql-text.ts'
import { SQLITE } from '../../query/sql/sqlite.ts'
import { StepBudget } from '../../query/step-budget.ts'
import { aKey, anEvent, numbers, userId } from '../contract/records.ts'
import { judgeAll, parseKeys } from '../contract/search-contract.ts'
import { prepareAudit } from './audit-store.ts'
import { createKeyStore } from './key-store.ts'
import { openDatabase } from './open-database.ts'
import { searchKeys } from './search.ts'
import { prepareSearchIndex } from './search-index.ts'
import { KEYS } from './search-tables.ts'
import { SearchTests } from './search-tests.ts'

const BOUNDS = { waitingMax: 100_000, lockWaitMaxMs: 1_000 }
const OWNER = userId('ann')

const ALL = numbers(300).map((n) =>
  aKey(`k${n}`, 'ann', {
    description: `key ${n % 7}`,
    ...(n % 3 !== 0 && { ttlMs: (n % 50) * 1000 }),
    ...(n % 4 === 0 && { expiresAt: n }),
    record: {
      createdBy: userId(n % 2 === 0 ? 'author-a' : 'author-b'),
      createdAt: n * 3_600_000,
      ...(n % 5 === 0 && { updatedBy: userId('x\u{1f680}'), updatedAt: n }),
    },
  }),
)

async function openKeys() {
  const database = await openDatabase(':memory:', BOUNDS)
  const keys = createKeyStore(database, prepareAudit(database), () => undefined)
  for (const key of ALL) await keys.insert(key, undefined, anEvent('key.create'))
  const index = prepareSearchIndex(database)
  await database.change(() => {
    while (index.indexNext(OWNER));
  })
  return database
}

const on = (clause: string, field: string, value: unknown) => ({ [clause]: { [field]: value } })
const [first] = ALL
const middle = first?.fingerprint.slice(20, 24) ?? ''

/** Clauses about keyword fields, and long lists, none of which is about a description. */
const ON_KEYWORDS: readonly object[] = [
  on('wildcard', 'ttl', '*1*'),
  on('wildcard', 'ttl', '1?000'),
  on('regexp', 'ttl', '[1-3]+0{3}'),
  on('prefix', 'ttl', '2'),
  on('prefix', 'ttl', { value: '-', case_insensitive: true }),
  on('range', 'ttl', { gt: '2', lte: '30000' }),
  on('range', 'ttl', {}),
  on('terms', 'ttl', numbers(300)),
  on('terms', 'ttl', [...numbers(6000), -1]),
  on('wildcard', 'userId', 'a*'),
  on('regexp', 'userId', 'b.*'),
  on('terms', 'userId', numbers(6000)),
  on('term', '_kuzzle_info.author', '\ud800'),
  on('wildcard', '_kuzzle_info.author', '*-B'),
  on('wildcard', '_kuzzle_info.author', { value: '*-B', case_insensitive: true }),
  on('regexp', '_kuzzle_info.updater', 'x.'),
  on('wildcard', '_kuzzle_info.updater', '*\u{1f680}*'),
  on('range', '_kuzzle_info.updater', { gt: '\ud800' }),
  on('wildcard', 'fingerprint', `*${middle}*`),
  on('wildcard', 'fingerprint', `*${middle.toUpperCase()}*`),
  on('regexp', 'hash', '.*[a-c]{3}.*'),
  on('regexp', 'hash', 'a.*'),
  on('terms', 'fingerprint', [...numbers(200), first?.fingerprint]),
  on('terms', 'expiresAt', numbers(6000)),
  on('terms', '_kuzzle_info.createdAt', numbers(6000)),
  on('terms', '_kuzzle_info.createdAt', ['1970-01-02', '1970-01-03T05', 3_600_000]),
  on(
    'terms',
    '_kuzzle_info.createdAt',
    numbers(100).map((n) => new Date(n * 7_200_000).toISOString()),
  ),
  { ids: { values: numbers(6000).map((n) => `k${2 * n}`) } },
]
const NOT = ON_KEYWORDS.map((clause) => ({ bool: { must_not: [clause] } }))

const SCORED: readonly object[] = [
  on('fuzzy', 'ttl', '11001'),
  on('fuzzy', 'ttl', { value: '110', fuzziness: 2, max_expansions: 2 }),
  on('fuzzy', 'userId', 'anne'),
  on('fuzzy', 'userId', 'bob'),
  on('fuzzy', '_kuzzle_info.author', 'autor-a'),
  on('fuzzy', '_kuzzle_info.updater', { value: 'xx', fuzziness: 1 }),
  on('fuzzy', 'fingerprint', `x${first?.fingerprint.slice(1)}`),
  {
    bool: {
      should: [
        on('fuzzy', '_kuzzle_info.author', { value: 'autor-a', boost: 1.1 }),
        on('match', 'description', '3'),
      ],
      filter: on('wildcard', 'ttl', '*2*'),
    },
  },
  {
    dis_max: {
      queries: [
        on('fuzzy', 'ttl', '21001'),
        on('wildcard', 'ttl', '2*'),
        on('match', 'description', 'key 4'),
      ],
      tie_breaker: 0.7,
    },
  },
]

describe('a search of an owner with few or many keys', () => {
  test('finds what judging each key finds, whether SQL has words for it or calls back', async () => {
    const database = await openKeys()
    for (const query of [...ON_KEYWORDS, ...NOT, ...SCORED]) {
      for (const sort of [undefined, [{ '_kuzzle_info.createdAt': 'desc' }]]) {
        const search = parseKeys({ query, ...(sort && { sort }) }, 2, 20)
        assert.ok(search !== undefined)
        const expected = await judgeAll(search, ALL)
        for (const indexedFrom of [0, ALL.length + 1]) {
          const page = await searchKeys(database, OWNER, search, indexedFrom)
          const found = { ids: page.hits.map((key) => key.id), total: page.total }
          assert.deepEqual(found, expected, JSON.stringify(query).slice(0, 200))
        }
      }
    }
    await database.close()
  })

  test('takes as many clauses, as deep in each other, as the language allows', async () => {
    const database = await openKeys()
    const ranges = numbers(1020).map((n) => on('range', 'expiresAt', { gt: n - 1 }))
    const deep = numbers(40).reduce<object>(
      (inner, n) => ({
        dis_max: { queries: [inner, ...numbers(20).map((m) => on('term', 'ttl', 1000 * n + m))] },
      }),
      on('term', 'ttl', 1000),
    )
    const nots = numbers(19).reduce<object>(
      (inner, n) => ({
        bool: { must_not: [inner, ...numbers(50).map((m) => on('term', 'ttl', -2 - n - m))] },
      }),
      on('term', 'ttl', 1000),
    )
    for (const query of [
      { bool: { must: ranges } },
      { bool: { should: ranges } },
      { bool: { should: ranges, minimum_should_match: 40 } },
      { bool: { must_not: ranges } },
      {
        bool: {
          filter: numbers(400).map(() =>
            on(
              'terms',
              'ttl',
              numbers(100).map((n) => n * 1000),
            ),
          ),
        },
      },
      deep,
      nots,
    ]) {
      const search = parseKeys({ query, sort: ['_doc'] }, 0, 300)
      assert.ok(search !== undefined)
      const page = await searchKeys(database, OWNER, search)
      assert.deepEqual(
        { ids: page.hits.map((key) => key.id), total: page.total },
        await judgeAll(search, ALL),
      )
    }
    await database.close()
  })

  test('is refused when its patterns take too many steps', async () => {
    const budget = new StepBudget(20)
    const tests = new SearchTests(budget)
    const database = await openKeys()
    const query = parseElasticsearch(on('regexp', 'hash', '.*f'), { mapping: KEYS.mapping, now: 0 })
    const { condition } = compileCandidates(query, tests.over(KEYS.columns), SQLITE)
    const text = `SELECT count(*) FROM keys WHERE ${printSql(condition, SQLITE.placeholder)}`
    const count = () => database.read(() => database.statement(text).get(...condition.values))
    assert.throws(count, (error) => error instanceof QueryError && error.code === 'too_expensive')
    tests.end()
    assert.throws(count, /no search under way/)
    await database.close()
  })
})

test('what is asked of keyword fields is told by SQL alone, so that no key is read for it', () => {
  const tests = new SearchTests(new StepBudget(1_000_000))
  const columns = tests.over(KEYS.columns)
  for (const clause of [...ON_KEYWORDS, ...NOT]) {
    const query = parseElasticsearch(clause, { mapping: KEYS.mapping, now: 0 })
    const { exact } = compileCandidates(query, columns, SQLITE)
    assert.equal(exact, true, JSON.stringify(clause).slice(0, 200))
  }
  tests.end()
})
