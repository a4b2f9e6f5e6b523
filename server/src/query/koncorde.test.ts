import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseElasticsearch } from './elasticsearch.ts'
import { SEARCHABLE_FIELDS } from './fields.ts'
import { ALL, find } from './keywords/sample-keys.ts'
import { translateKoncorde } from './koncorde.ts'
import { QueryError, type QueryErrorCode } from './query-error.ts'

const koncorde = (filter: unknown) => find(filter, 'koncorde')

function assertRefused(filter: unknown, code: QueryErrorCode, message: string): QueryError {
  try {
    parseElasticsearch(translateKoncorde(filter), { mapping: SEARCHABLE_FIELDS['api-keys'], now: 0 })
  } catch (error) {
    assert.ok(error instanceof QueryError, String(error))
    assert.equal(error.code, code)
    assert.ok(error.message.includes(message), error.message)
    return error
  }
  assert.fail('was not refused')
}

describe('what a filter finds', () => {
  test('an empty filter, an empty and, an empty or: everything', async () => {
    for (const filter of [{}, { and: [] }, { or: [] }]) assert.deepEqual(await koncorde(filter), ALL)
  })

  test('equals: the exact value, a number by its text where the field holds texts', async () => {
    assert.deepEqual(await koncorde({ equals: { ttl: '42' } }), ['gate'])
    assert.deepEqual(await koncorde({ equals: { ttl: 42 } }), ['gate'])
    assert.deepEqual(await koncorde({ equals: { '_kuzzle_info.author': 'melis' } }), ['call', 'ete'])
    assert.deepEqual(await koncorde({ equals: { description: 'LoRa' } }), [])
  })

  test('in: any of the values', async () => {
    assert.deepEqual(await koncorde({ in: { ttl: ['42', 36_000] } }), ['gate', 'ete'])
    assert.deepEqual(await koncorde({ in: { ttl: [] } }), [])
  })

  test('and, or, not combine', async () => {
    const jared = { equals: { userId: 'jared.doe' } }
    const everlasting = { equals: { ttl: -1 } }
    assert.deepEqual(await koncorde({ and: [jared, { not: everlasting }] }), ['half', 'gate'])
    assert.deepEqual(await koncorde({ not: { or: [jared, everlasting] } }), ['call', 'ete', 'empty', 'ship'])
  })

  test('and ranks nothing: creation order', async () => {
    assert.deepEqual(await koncorde({ and: [{ match: { description: 'lora' } }] }), ['perm', 'half', 'gate'])
  })

  test('exists and missing: null is no value here', async () => {
    assert.deepEqual(await koncorde({ exists: '_kuzzle_info.updater' }), ['ship'])
    assert.deepEqual(await koncorde({ exists: { field: '_kuzzle_info.updater' } }), ['ship'])
    assert.deepEqual(await koncorde({ missing: 'description' }), ['none'])
  })

  test('exists with a value in brackets: that value, or any when it is a false one', async () => {
    assert.deepEqual(await koncorde({ exists: 'userId["melis"]' }), ['call', 'ete'])
    assert.deepEqual(await koncorde({ exists: 'ttl[42]' }), ['gate'])
    for (const value of ['0', '""', 'false', 'null']) {
      assert.deepEqual(await koncorde({ exists: `ttl[${value}]` }), ALL)
    }
  })

  test('range and ids: as in Elasticsearch', async () => {
    assert.deepEqual(await koncorde({ range: { expiresAt: { lt: 0 } } }), ['perm', 'fox', 'none'])
    assert.deepEqual(await koncorde({ ids: { values: ['fox'] } }), ['fox'])
  })

  test('native clauses may be mixed in, a bool inside them too', async () => {
    const filter = { and: [{ equals: { userId: 'jared.doe' } }, { wildcard: { description: '*fox*' } }] }
    assert.deepEqual(await koncorde(filter), ['fox'])
    const native = { constant_score: { filter: { bool: { must: [{ term: { ttl: 42 } }] } } } }
    assert.deepEqual(await koncorde(native), ['gate'])
  })
})

describe('what a filter is refused for', () => {
  test('bool and regexp, wherever they are operands', () => {
    const bool = assertRefused(
      { and: [{ bool: { must: [] } }] },
      'koncorde_restricted',
      'The operator "bool"',
    )
    assert.deepEqual([bool.subject, bool.subjectKind], ['bool', 'operator'])
    const regexp = assertRefused({ regexp: { userId: 'a' } }, 'koncorde_restricted', 'The clause "regexp"')
    assert.deepEqual([regexp.subject, regexp.subjectKind], ['regexp', 'clause'])
  })

  test('operands that are no objects, also where one is wanted', () => {
    assertRefused({ or: [5] }, 'koncorde_syntax', '"or": can only contain non-empty objects')
    assertRefused({ not: 'x' }, 'koncorde_syntax', '"not": must be an object')
    assertRefused({ exists: { field: { a: 1 } } }, 'malformed', '[exists] unknown token [START_OBJECT]')
    assertRefused({ exists: { nope: 'x' } }, 'malformed', '[exists] must be provided with a [field]')
  })

  test('more than one keyword in one object', () => {
    const message = 'Invalid filter syntax. Filters must have one keyword only'
    assertRefused({ equals: { a: 1 }, exists: 'b' }, 'koncorde_syntax', message)
    assertRefused({ and: [{ equals: { a: 1 }, exists: 'b' }] }, 'koncorde_syntax', message)
  })

  test('operators whose operands have the wrong shape', () => {
    assertRefused({ and: {} }, 'koncorde_syntax', '"and": must be an array')
    assertRefused({ or: [{}] }, 'koncorde_syntax', '"or": can only contain non-empty objects')
    assertRefused({ or: ['x'] }, 'koncorde_syntax', '"or": can only contain non-empty objects')
    assertRefused({ not: 'x' }, 'koncorde_syntax', '"not": must be an object')
    assertRefused({ not: {} }, 'koncorde_syntax', 'exactly 1 property, got 0')
    assertRefused({ not: { a: 1, b: 2 } }, 'koncorde_syntax', 'exactly 1 property, got 2')
  })

  test('brackets that do not close, or hold no JSON', () => {
    const message = 'Invalid exists path "ttl[42": missing closing bracket'
    assertRefused({ exists: 'ttl[42' }, 'koncorde_translation', message)
    assertRefused({ exists: 'ttl[x]' }, 'koncorde_translation', 'is no JSON')
  })

  test('keywords that searches do not have, under the name they are translated to', () => {
    assertRefused({ nothing: {} }, 'unknown_clause', 'unknown query [nothing]')
    assertRefused({ select: {} }, 'unknown_clause', 'unknown query [select]')
    assertRefused({ geoDistanceRange: {} }, 'unknown_clause', 'unknown query [geo_distance_range]')
    assertRefused({ geoDistance: {} }, 'forbidden_keyword', '"geo_distance"')
  })

  test('everything that the translated query is refused for', () => {
    assertRefused({ equals: { userId: null } }, 'malformed', 'value cannot be null')
    assertRefused({ match: { userId: 'a', ttl: 'b' } }, 'malformed', "doesn't support multiple fields")
    assertRefused({ in: { ttl: 42 } }, 'malformed', '[terms] query does not support [ttl]')
    assertRefused({ missing: { field: 'a' } }, 'malformed', '[exists] unknown token [START_OBJECT]')
  })

  test('being no object', () => {
    for (const filter of [undefined, null, 'x', [], 1]) {
      const { subject, expected } = assertRefused(filter, 'invalid_type', 'Wrong type')
      assert.deepEqual([subject, expected], ['body.query', 'object'])
    }
  })

  test('being nested so deeply that it would exhaust the stack', () => {
    let filter: object = { equals: { a: 1 } }
    for (let depth = 0; depth < 50_000; depth += 1) filter = { not: filter }
    assertRefused(filter, 'koncorde_syntax', 'nested deeper')
  })
})
