import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ALL, assertRefused, documentsOf, find, NOW, searchIn } from './sample-keys.ts'

describe('a value of the wrong kind is refused by what it is', () => {
  test('null, an object, a list', () => {
    assertRefused({ ids: { values: ['a', null] } }, '[ids] unknown token [VALUE_NULL] after [values]')
    assertRefused({ term: { ttl: { value: {} } } }, '[term] unknown token [START_OBJECT] after [value]')
    assertRefused({ term: { ttl: { value: ['1'] } } }, '[term] query does not support arrays for value')
    assertRefused({ terms: { ttl: [['1']] } }, '[terms] unknown token [START_ARRAY] after [terms]')
    assertRefused({ terms_set: { ttl: 5 } }, '[terms_set] unknown token [VALUE_NUMBER] after [ttl]')
    assertRefused({ terms_set: { ttl: { terms: 'a' } } }, '[terms_set] query does not support [terms]')
    assertRefused({ terms_set: { ttl: {} } }, 'No terms specified for terms_set query')
    assertRefused({ wildcard: { ttl: null } }, 'value cannot be null')
  })

  test('a field without a name', () => {
    assertRefused({ term: { '': 1 } }, '[term] field name is null or empty')
    assertRefused({ range: { '': {} } }, 'field name is null or empty')
  })

  test('a boolean where a number of clauses is wanted', () => {
    const should = [{ match_all: {} }]
    assertRefused({ bool: { should, minimum_should_match: true } }, 'For input string: "true"')
    const given = { query: 'lora key', minimum_should_match: false }
    assertRefused({ match: { description: given } }, '"false"')
    for (const clause of ['multi_match', 'query_string', 'simple_query_string']) {
      assertRefused({ [clause]: { ...given, fields: ['description'] } }, '"false"')
    }
  })

  test('a phrase of a number, a range of ids', () => {
    assertRefused(
      { match_phrase: { expiresAt: { query: '1 2', analyzer: 'standard' } } },
      'Can only use phrase queries on text fields - not on [expiresAt] which is of type [long]',
    )
    assertRefused(
      { query_string: { query: '_id:[a TO b]', default_field: 'ttl' } },
      'does not support range queries',
    )
  })

  test('a number that is too great for its field, by the name of the type', async () => {
    const mapping = {
      properties: { i: { type: 'integer' }, s: { type: 'short' }, l: { type: 'long' } },
    } as const
    const among = (query: object) => searchIn(documentsOf(mapping, []), { mapping, now: NOW }, { query })
    const outOfRange = (field: string, value: number, type: string) =>
      assert.rejects(among({ term: { [field]: value } }), {
        message: `failed to create query: Value [${value}] is out of range for ${type}`,
      })
    await outOfRange('i', 2 ** 31 + 1, 'an integer')
    await outOfRange('s', -(2 ** 15) - 1, 'a short')
    await outOfRange('l', 2 ** 64, 'a long')
    assert.deepEqual(await among({ term: { i: 2 ** 31 - 1 } }), [])
  })

  test('a name that is nearly one clause or several', () => {
    assertRefused({ termz: {} }, 'unknown query [termz] did you mean any of [term, terms]?', 'unknown_clause')
    assertRefused({ prefx: {} }, 'unknown query [prefx] did you mean [prefix]?', 'unknown_clause')
  })
})

test('a script without members is none, wherever it stands', async () => {
  assert.deepEqual(await find({ term: { script: 5 } }), [])
  assert.deepEqual(
    await find({ terms: { _script: [1, 2] } }).catch((error) => error.code),
    'forbidden_keyword',
  )
})

test('a boolean field takes true and false, as text too, and nothing for false', async () => {
  const mapping = { properties: { on: { type: 'boolean' } } } as const
  const documents = documentsOf(mapping, [{ on: true }, { on: false }, { on: 'true' }, { on: '' }, {}])
  const among = (query: object) => searchIn(documents, { mapping, now: NOW }, { query })
  for (const yes of [true, 'true']) assert.deepEqual(await among({ term: { on: yes } }), ['d0', 'd2'])
  for (const no of [false, 'false', '']) assert.deepEqual(await among({ term: { on: no } }), ['d1', 'd3'])
  assert.deepEqual(await among({ terms: { on: [true, 'false'] } }), ['d0', 'd1', 'd2', 'd3'])
  await assert.rejects(among({ term: { on: 'yes' } }), /Can't parse boolean value \[yes\]/)
})

test('both ends of a range say for themselves whether they belong to it', async () => {
  const range = (more: object) => find({ range: { expiresAt: { from: -1, to: -1, ...more } } })
  assert.deepEqual(await range({}), ['perm', 'fox', 'none'])
  assert.deepEqual(await range({ include_upper: false }), [])
  assert.deepEqual(await range({ include_upper: true, include_lower: 'true' }), ['perm', 'fox', 'none'])
})

describe('a field of a string query that is not mapped finds nothing, and refuses nothing', () => {
  test('in tests of terms', async () => {
    const fields = ['nope', 'description']
    const simple = (query: string) => find({ simple_query_string: { query, fields } })
    assert.deepEqual(await simple('sigf*'), ['fox', 'call'])
    assert.deepEqual(await simple('sigfx~1'), ['fox'])
    assert.deepEqual(await find({ simple_query_string: { query: 'sigf*', fields: ['nope'] } }), [])
    assert.deepEqual(await find({ query_string: { query: 'sigf*', fields } }), ['fox', 'call'])
  })

  test('in words of several fields taken together', async () => {
    const cross = (fields: readonly string[]) =>
      find({ multi_match: { query: '42', fields, type: 'cross_fields' } })
    assert.deepEqual(await cross(['nope']), [])
    assert.deepEqual(await cross(['nope', 'ttl']), ['gate'])
    assert.deepEqual(await cross(['expiresAt']), [])
    assert.deepEqual(await cross(['expiresAt', 'ttl']), ['gate'])
  })

  test('in phrases that look into fields with a suffix', async () => {
    const mapping = {
      properties: { t: { type: 'text' }, 't.raw': { type: 'keyword' }, u: { type: 'text' } },
    } as const
    const documents = documentsOf(mapping, [
      { t: 'a b', 't.raw': 'a b' },
      { t: 'a b c', 't.raw': 'a b c', u: 'a b' },
    ])
    for (const clause of ['query_string', 'simple_query_string']) {
      const phrase = (fields: readonly string[], more: object = {}) =>
        searchIn(
          documents,
          { mapping, now: NOW },
          { query: { [clause]: { query: '"a b"', fields, quote_field_suffix: '.raw', ...more } } },
        )
      assert.deepEqual(await phrase(['t']), ['d0'])
      assert.deepEqual(await phrase(['u']), ['d1'])
      assert.deepEqual(await phrase(['nope', '_id']), [])
      assert.deepEqual((await phrase(['t'], { quote_field_suffix: undefined })).toSorted(), ['d0', 'd1'])
    }
  })
})

test('flags of simple_query_string are names, or a number that stands for all or none', async () => {
  const simple = (query: string, flags: unknown) =>
    find({ simple_query_string: { query, flags, fields: ['description'], default_operator: 'and' } })
  assert.deepEqual(await simple('lora | gateway', -1), await simple('lora | gateway', 'ALL'))
  assert.deepEqual(await simple('lora | gateway', 0), await simple('lora | gateway', 'NONE'))
  assertRefused(
    { simple_query_string: { query: 'a', flags: true } },
    'Unknown simple_query_string flag [true]',
  )
})

test('a minimum that asks for nothing changes nothing', async () => {
  const query = (minimum_should_match: unknown) =>
    find({ query_string: { query: 'lora sigfox', default_field: 'description', minimum_should_match } })
  const all = await query(undefined)
  assert.equal(all.length, 4)
  assert.deepEqual(await query(0), all)
  assert.deepEqual(await query('-5'), all)
  assert.deepEqual(await query(2), [])
})

test('dates of a string query are those of its zone', async () => {
  const created = (time_zone: string | undefined) =>
    find({ query_string: { query: '_kuzzle_info.createdAt:[2024-04-01 TO 2024-04-01]', time_zone } })
  assert.deepEqual(await created(undefined), ['gate'])
  assert.deepEqual(await created('+02:00'), ['fox', 'gate'])
})

test('a star alone in a string query asks for any value in its fields', async () => {
  const query = (fields: readonly string[] | undefined) => find({ query_string: { query: '*', fields } })
  assert.deepEqual(await query(undefined), ALL)
  assert.deepEqual(await query(['_kuzzle_info.updater']), ['ship'])
  assert.deepEqual(await query(['_id']), ALL)
  assert.deepEqual(await query(['nope']), [])
})
