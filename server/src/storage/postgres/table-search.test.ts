import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Storage } from '../../core/ports/storage.ts'
import type { Search } from '../../query/search.ts'
import { aKey, anEvent, numbers, userId } from '../contract/records.ts'
import { judgeAll, parseKeys } from '../contract/search-contract.ts'
import { openStorage } from '../open-storage.ts'
import { type PostgresServer, postgresIsMissing, startPostgres } from './testing/postgres-server.ts'

const OWNER = userId('-1')

const ALL = numbers(1_200).map((n) =>
  aKey(`k${n}`, OWNER, {
    description: `key ${n % 7}`,
    ...(n % 3 !== 0 && { ttlMs: (n % 50) * 1000 }),
    ...(n % 4 === 0 && { expiresAt: n }),
    ...(n % 6 === 0 && { policy: { scopes: [`s:${n % 5}`, 'all:\u0000'] } }),
    record: {
      createdBy: userId(n % 2 === 0 ? 'author-a' : 'author-b\u0000\u0001'),
      createdAt: n * 3_600_000,
      ...(n % 5 === 0 && { updatedBy: userId('x\u{1f680}'), updatedAt: n }),
    },
  }),
)

const [first] = ALL
const middle = first?.fingerprint.slice(20, 24) ?? ''

const on = (clause: string, field: string, value: unknown) => ({ [clause]: { [field]: value } })
const ranges = numbers(1_020).map((n) => on('range', 'expiresAt', { gt: n - 1 }))
const deep = numbers(40).reduce<object>(
  (inner, n) => ({
    dis_max: { queries: [inner, ...numbers(20).map((m) => on('term', 'ttl', 1000 * n + m))] },
  }),
  on('term', 'ttl', 1000),
)

const QUERIES: Readonly<Record<string, object>> = {
  everything: { match_all: {} },
  'a prefix of a fingerprint': on('prefix', 'fingerprint', first?.fingerprint.slice(0, 3)),
  'a whole fingerprint': on('term', 'hash', first?.fingerprint.toUpperCase()),
  'a part of a fingerprint': on('wildcard', 'fingerprint', `*${middle}*`),
  'a regular expression': on('regexp', 'ttl', '[1-3]+0{3}'),
  'a text with U+0000': on('term', '_kuzzle_info.author', 'author-b\u0000\u0001'),
  'a prefix with U+0000': on('prefix', '_kuzzle_info.author', 'author-b\u0000'),
  'texts with U+0000': on('terms', '_kuzzle_info.author', ['author-b\u0000\u0001', 'nobody']),
  'half of a surrogate pair': on('range', '_kuzzle_info.updater', { gt: '\ud800' }),
  'texts beyond U+FFFF': on('range', '_kuzzle_info.updater', { gt: 'x\uffff' }),
  scopes: on('terms', 'scopes', ['s:3', 'all:\u0000']),
  'no scopes': { bool: { must_not: { exists: { field: 'scopes' } } } },
  'fuzzy terms': on('fuzzy', '_kuzzle_info.author', 'autor-a'),
  'thousands of terms': on('terms', 'ttl', [...numbers(6000), -1]),
  'thousands of numbers': on('terms', 'expiresAt', numbers(6000)),
  'thousands of ids': { ids: { values: numbers(6000).map((n) => `k${2 * n}`) } },
  'many conditions': { bool: { must: ranges } },
  'many alternatives': { bool: { should: ranges } },
  'some of many alternatives': { bool: { should: ranges, minimum_should_match: 40 } },
  'many exclusions': { bool: { must_not: ranges } },
  'conditions deep in each other': deep,
  'words, ranked': on('match', 'description', '3 key'),
}

describe('a search in PostgreSQL', { skip: postgresIsMissing() }, () => {
  let server: PostgresServer
  let storage: Storage
  before(async () => {
    server = await startPostgres()
    storage = await openStorage(await server.newStore())
    for (const key of ALL) await storage.keys.insert(key, undefined, anEvent('key.create'))
  })
  after(async () => {
    await storage.close()
    await server.stop()
  })

  for (const [what, query] of Object.entries(QUERIES)) {
    test(`for ${what} finds what judging each key finds`, async () => {
      for (const sort of [undefined, [{ '_kuzzle_info.createdAt': 'desc' }]]) {
        const search = parseKeys({ query, ...(sort && { sort }) }, 2, 20)
        assert.ok(search !== undefined)
        const page = await storage.keys.search(OWNER, search)
        const found = { ids: page.hits.map((key) => key.id), total: page.total }
        assert.deepEqual(found, await judgeAll(search, ALL))
      }
    })
  }

  const createdAt = '_kuzzle_info.createdAt'
  const PLACES: readonly (readonly [sort: readonly object[], place: readonly unknown[]])[] = [
    [[{ [createdAt]: 'desc' }], [600 * 3_600_000]],
    [
      [{ [createdAt]: 'desc' }, { _id: 'asc' }],
      [600 * 3_600_000, 'k1'],
    ],
    [
      [{ expiresAt: 'asc' }, { [createdAt]: 'desc' }],
      [-1, 77 * 3_600_000],
    ],
    [
      [{ '_kuzzle_info.author': 'desc' }, { _id: 'desc' }],
      ['author-b\u0000\u0001', 'k55'],
    ],
    [[{ '_kuzzle_info.author': 'asc' }], ['author-\ud800']],
    [
      [{ '_kuzzle_info.updatedAt': 'asc' }, { _id: 'asc' }],
      [500, 'k3'],
    ],
    [
      [{ '_kuzzle_info.updater': { order: 'asc', missing: '_first' } }, { _id: 'asc' }],
      [null, 'k9'],
    ],
    [
      [{ _score: 'desc' }, { [createdAt]: 'asc' }],
      [1, 50 * 3_600_000],
    ],
    [
      [{ enabled: 'asc' }, { ttl: 'asc' }, { _id: 'asc' }],
      [true, '1000', 'k9'],
    ],
  ]
  for (const [sort, place] of PLACES) {
    test(`a page behind ${JSON.stringify(place)} in the order ${JSON.stringify(sort)} is that of judging`, async () => {
      for (const query of [{ match_all: {} }, on('term', 'ttl', -1)]) {
        const search = searchFor({ query, sort, search_after: place })
        const page = await storage.keys.search(OWNER, search)
        const found = { ids: page.hits.map((key) => key.id), total: page.total }
        assert.deepEqual(found, await judgeAll(search, ALL))
      }
    })
  }
})

function searchFor(body: object): Search {
  const search = parseKeys({ query: { match_all: {} }, ...body }, 0, 30)
  assert.ok(search !== undefined)
  return search
}
