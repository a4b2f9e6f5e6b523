import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Mapping } from '../../query/mapping.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import { MAPPING_DEPTH_MAX, MAPPING_FIELDS_MAX, mergeMapping, parseMapping } from './merge-mapping.ts'

const old: Mapping = {
  properties: { name: { type: 'text' }, address: { properties: { city: { type: 'keyword' } } } },
}

const problem = (name: string) => (error: unknown) =>
  isJsonObject(error) && isJsonObject(error['facts']) && error['facts']['problem'] === name

describe('a mapping', () => {
  test('takes fields in addition, also inside of objects', () => {
    const added = {
      properties: { age: { type: 'long' }, address: { properties: { zip: { type: 'keyword' } } } },
    }
    assert.deepEqual(mergeMapping(old, parseMapping(added)), {
      properties: {
        name: { type: 'text' },
        address: { properties: { city: { type: 'keyword' }, zip: { type: 'keyword' } } },
        age: { type: 'long' },
      },
    })
  })

  test('is unchanged by fields that it has already', () => {
    assert.deepEqual(mergeMapping(old, old), old)
    assert.deepEqual(mergeMapping(old, parseMapping({})), old)
  })

  test('never changes the type of a field', () => {
    for (const properties of [
      { name: { type: 'keyword' } },
      { name: { properties: { first: { type: 'text' } } } },
      { address: { type: 'nested', properties: {} } },
      { address: { properties: { city: { type: 'keyword', normalizer: 'lowercase' } } } },
    ]) {
      assert.throws(() => mergeMapping(old, parseMapping({ properties })), problem('type_changed'))
    }
  })

  test('refuses what it cannot search', () => {
    const nested = (depth: number): JsonObject =>
      depth === 0 ? { type: 'text' } : { properties: { a: nested(depth - 1) } }
    const cases: readonly (readonly [string, JsonObject])[] = [
      ['type_unsupported', { a: { type: 'geo_point' } }],
      ['type_unsupported', { a: { type: 1 } }],
      ['malformed', { a: {} }],
      ['malformed', { a: 'text' }],
      ['malformed', { a: { type: 'text', properties: {} } }],
      ['malformed', { a: { type: 'text', normalizer: 'lowercase' } }],
      ['name_unusable', { '': { type: 'text' } }],
      ['name_unusable', { 'a.b': { type: 'text' } }],
      ['too_deep', { a: nested(MAPPING_DEPTH_MAX) }],
    ]
    for (const [name, properties] of cases)
      assert.throws(() => parseMapping({ properties }), problem(name), name)
    assert.throws(() => parseMapping({ properties: [] }), problem('malformed'))
  })

  test('holds a bounded number of fields', () => {
    const properties = Object.fromEntries(
      Array.from({ length: MAPPING_FIELDS_MAX }, (_, n) => [`f${n}`, { type: 'long' as const }]),
    )
    assert.doesNotThrow(() => mergeMapping({ properties: {} }, { properties }))
    assert.throws(() => mergeMapping(old, { properties }), problem('too_many_fields'))
  })
})
