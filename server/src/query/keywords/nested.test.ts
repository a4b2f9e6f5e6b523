import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SEARCHABLE_FIELDS } from '../fields.ts'
import { assertRefused, documentsOf, NOW, searchIn } from './sample-keys.ts'

const mapping = SEARCHABLE_FIELDS.profiles
const PATH = 'policies.restrictedTo'

const PROFILES = documentsOf(mapping, [
  {
    tags: ['mod'],
    policies: [
      {
        roleId: 'editor',
        restrictedTo: [
          { index: 'nyc', collections: ['yellow', 'green'] },
          { index: 'mtp', collections: ['red'] },
        ],
      },
    ],
  },
  { policies: [{ roleId: 'editor' }, { roleId: 'admin' }] },
  { policies: [{ roleId: 'viewer', restrictedTo: [{ index: 'mtp', collections: ['yellow'] }] }] },
])

const find = (query: unknown) => searchIn(PROFILES, { mapping, now: NOW }, { query })
const nested = (query: object, more: object = {}) => ({ nested: { path: PATH, query, ...more } })
const index = { term: { [`${PATH}.index`]: 'mtp' } }
const yellow = { term: { [`${PATH}.collections`]: 'yellow' } }

test('fields of nested objects are seen only by nested', async () => {
  assert.deepEqual(await find(index), [])
  assert.deepEqual(await find({ exists: { field: PATH } }), [])
  assert.deepEqual(await find(nested(index)), ['d0', 'd2'])
  assert.deepEqual(await find({ bool: { must_not: nested(index) } }), ['d1'])
})

test('nested wants one object to satisfy the whole query', async () => {
  assert.deepEqual(await find(nested({ bool: { must: [index, yellow] } })), ['d2'])
  assert.deepEqual((await find({ bool: { must: [nested(index), nested(yellow)] } })).toSorted(), ['d0', 'd2'])
})

test('nested does not see the fields around the objects', async () => {
  assert.deepEqual(await find(nested({ term: { 'policies.roleId': 'editor' } })), [])
})

test('objects that are not nested lose what belongs together', async () => {
  const both = ['editor', 'admin'].map((roleId) => ({ term: { 'policies.roleId': roleId } }))
  assert.deepEqual(await find({ bool: { filter: both } }), ['d1'])
})

test('nested combines the scores of its objects as it is told', async () => {
  const score = (score_mode: string) => {
    const inner = { constant_score: { filter: { exists: { field: `${PATH}.index` } }, boost: 2 } }
    return {
      bool: {
        should: [
          nested(inner, { score_mode }),
          { constant_score: { filter: { ids: { values: ['d2'] } }, boost: 1 } },
        ],
      },
    }
  }
  assert.deepEqual(await find(score('sum')), ['d0', 'd2'])
  for (const mode of ['avg', 'min', 'max', 'none'])
    assert.deepEqual(await find(score(mode)), ['d2', 'd0'], mode)
})

test('nested refuses paths that are no nested objects, unless told to ignore them', async () => {
  const scope = (path: string, more: object = {}) => ({ nested: { path, query: { match_all: {} }, ...more } })
  assertRefused(scope('nope'), '[nested] failed to find nested object under path [nope]')
  assertRefused(
    scope('_kuzzle_info'),
    '[nested] nested object under path [_kuzzle_info] is not of nested type',
  )
  assert.deepEqual(await find(scope('nope', { ignore_unmapped: true })), [])
})

test('nested needs a path and a query, and takes inner_hits without answering them', async () => {
  assertRefused({ nested: { query: {} } }, "[nested] requires 'path' field")
  assertRefused({ nested: { path: PATH } }, "[nested] requires 'query' field")
  assertRefused({ nested: { path: PATH, query: { match_all: {} }, score_mode: 'x' } }, 'No score mode')
  assertRefused({ nested: { path: PATH, query: { match_all: {} }, inner_hits: 1 } }, '[inner_hits]')
  assert.deepEqual(await find(nested(index, { inner_hits: {} })), ['d0', 'd2'])
})
