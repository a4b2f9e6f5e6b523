import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { executeSearch, slicesOf } from './execute-search.ts'
import { SEARCHABLE_FIELDS } from './fields.ts'
import { assertRefusedSearch, documentsOf, NOW, search } from './keywords/sample-keys.ts'
import { QueryError, type QueryErrorCode } from './query-error.ts'
import { type PageRequest, parseCollectionSearch, parseKeySearch, type QueryLanguage } from './search-body.ts'

const SCOPE = { mapping: SEARCHABLE_FIELDS['api-keys'], now: NOW }
const PAGE = { from: 0, size: 10 }

const KEYS = documentsOf(SCOPE.mapping, [
  { description: 'one two', ttl: 1 },
  { description: 'two', ttl: 2 },
  { description: 'three', ttl: 1 },
])

async function find(body: unknown, language: QueryLanguage = 'elasticsearch', page: PageRequest = PAGE) {
  const found = await executeSearch(parseKeySearch(body, page, language, SCOPE), {
    documents: () => slicesOf(KEYS),
  })
  return { ids: found.hits.map((document) => document.id), total: found.total }
}

function refusal(act: () => unknown, code: QueryErrorCode): QueryError {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof QueryError, String(error))
    assert.equal(error.code, code, error.message)
    return error
  }
  assert.fail('was not refused')
}

test('a search for users without a body, or with an empty one, finds all', () => {
  for (const body of [undefined, null, {}]) {
    const { search } = parseCollectionSearch(body, PAGE, 'elasticsearch', SCOPE)
    assert.deepEqual(search.query, { kind: 'all', boost: 1 })
  }
})

describe('a search for API keys', () => {
  test('without a body, or with an empty one, finds all in creation order', async () => {
    for (const body of [undefined, null, {}, [], { query: {} }, { query: [] }]) {
      assert.deepEqual(await find(body), { ids: ['d0', 'd1', 'd2'], total: 3 })
    }
    assert.equal((await find({}, 'koncorde')).total, 3)
  })

  test('takes the query itself, or wrapped', async () => {
    assert.deepEqual((await find({ match: { description: 'two' } })).ids, ['d1', 'd0'])
    assert.deepEqual((await find({ query: { match: { description: 'two' } } })).ids, ['d1', 'd0'])
    assert.deepEqual((await find({ query: { equals: { ttl: 2 } } }, 'koncorde')).ids, ['d1'])
  })

  test('takes an array of clauses that must all match', async () => {
    assert.deepEqual((await find([{ term: { ttl: 1 } }, { match: { description: 'two' } }])).ids, ['d0'])
    assert.deepEqual(
      (await find([{ equals: { ttl: 1 } }, { not: { match: { description: 'two' } } }], 'koncorde')).ids,
      ['d2'],
    )
  })

  test('refuses anything beside a wrapped query', () => {
    const act = () => parseKeySearch({ query: {}, sort: [] }, PAGE, 'elasticsearch', SCOPE)
    assert.equal(refusal(act, 'forbidden_search_key').subject, 'sort')
  })

  test('refuses a wrapped query that is none, and a body that is none', () => {
    for (const body of [{ query: 'x' }, { query: null }, 'x', 7]) {
      const { subject, expected } = refusal(
        () => parseKeySearch(body, PAGE, 'elasticsearch', SCOPE),
        'invalid_type',
      )
      assert.deepEqual([subject, expected], ['body.query', 'object'])
    }
  })

  test('answers the page and the number of all matches', async () => {
    assert.deepEqual(await find({}, 'elasticsearch', { from: 1, size: 1 }), { ids: ['d1'], total: 3 })
    assert.deepEqual(await find({}, 'elasticsearch', { from: 0, size: 0 }), { ids: [], total: 3 })
    assert.deepEqual(await find({}, 'elasticsearch', { from: 9_990, size: 10 }), { ids: [], total: 3 })
  })

  test('refuses a page that is negative or reaches beyond 10,000', () => {
    const act = (page: PageRequest) => () => parseKeySearch({}, page, 'elasticsearch', SCOPE)
    assert.match(
      refusal(act({ from: -1, size: 1 }), 'malformed').message,
      /\[from\] parameter cannot be negative/,
    )
    assert.match(
      refusal(act({ from: 0, size: -1 }), 'malformed').message,
      /\[size\] parameter cannot be negative/,
    )
    const { message } = refusal(act({ from: 9_991, size: 10 }), 'malformed')
    assert.match(message, /must be less than or equal to: \[10000\] but was \[10001\]/)
  })
})

describe('a search body', () => {
  test('refuses members that Kuzzle does not let through', () => {
    const act = () => parseCollectionSearch({ min_score: 1 }, PAGE, 'elasticsearch', SCOPE)
    assert.equal(refusal(act, 'forbidden_search_key').subject, 'min_score')
  })

  test('takes members without visible effect when they have the right type', async () => {
    const body = {
      highlight: {},
      explain: true,
      fields: [],
      suggest: {},
      search_timeout: '1s',
      _name: 'x',
      from: 3,
      size: 0,
    }
    assert.equal((await search(body)).length, 9)
    for (const name of ['highlight', 'explain', 'fields', 'suggest', 'collapse']) {
      assertRefusedSearch({ [name]: 'x' }, `Unknown key for a VALUE_STRING in [${name}].`)
    }
  })

  test('post_filter narrows the hits', async () => {
    const body = {
      query: { match: { description: 'lora' } },
      post_filter: { match_phrase_prefix: { description: 'lora per' } },
    }
    assert.deepEqual(await search(body), ['perm'])
  })

  test('post_filter does not change scores, and is a query of its own', async () => {
    const body = { query: { match: { description: 'lora' } }, post_filter: { match: { description: 'key' } } }
    assert.deepEqual(await search(body), ['perm', 'half'])
    assertRefusedSearch({ post_filter: { x: 1 }, query: { match_all: {} }, sort: 'nope' }, 'No mapping found')
  })

  test('collapse answers the best hit for each value and keeps the total', async () => {
    assert.deepEqual(await search({ collapse: { field: 'userId' } }), ['perm', 'call', 'empty', 'ship'])
    const body = { collapse: { field: 'userId' }, query: { match: { description: 'lora' } } }
    assert.deepEqual(await search(body), ['gate'])
  })

  test('collapse takes documents without a value for one group', async () => {
    assert.deepEqual(await search({ collapse: { field: '_kuzzle_info.updater' } }), ['perm', 'ship'])
  })

  test('collapse refuses what has no single values', () => {
    assertRefusedSearch(
      { collapse: { field: 'nope' } },
      'no mapping found for `nope` in order to collapse on',
    )
    assertRefusedSearch({ collapse: { field: 'description' } }, 'only keywords and numbers are accepted')
    assertRefusedSearch({ collapse: {} }, 'no field specified for collapse')
  })

  test('refuses inline scripts anywhere in it', () => {
    const body = { sort: { _script: { script: { source: 'x' } } } }
    const act = () => parseCollectionSearch(body, PAGE, 'elasticsearch', SCOPE)
    assert.equal(refusal(act, 'forbidden_keyword').subject, '_script.script')
  })

  test('refuses to be no object', () => {
    const act = () => parseCollectionSearch('x', PAGE, 'elasticsearch', SCOPE)
    assert.equal(refusal(act, 'invalid_type').subject, 'body')
  })
})
