import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../core/json.ts'
import { MAPPING_LIMITS, parseMapping, printMapping } from './mapping-shape.ts'

function nest(levels: number): JsonObject {
  return levels === 0 ? { type: 'keyword' } : { properties: { deeper: nest(levels - 1) } }
}

describe('the shape of a mapping', () => {
  it('reads leaves, objects and nested objects', () => {
    const mapping = parseMapping({
      dynamic: 'false',
      _meta: {},
      properties: {
        name: { type: 'text', store: true },
        address: { properties: { city: { type: 'keyword' } } },
        phones: { type: 'nested', properties: { number: { type: 'keyword' } } },
        anything: { type: 'object' },
      },
    })
    assert.deepEqual(mapping.properties, {
      name: { type: 'text' },
      address: { type: 'object', properties: { city: { type: 'keyword' } } },
      phones: { type: 'nested', properties: { number: { type: 'keyword' } } },
      anything: { type: 'object', properties: {} },
    })
    assert.deepEqual(parseMapping({}).properties, {})
    for (const dynamic of ['strict', 'true', true, false, 'runtime']) {
      assert.deepEqual(parseMapping({ dynamic }).properties, {})
    }
  })

  const refused: readonly (readonly [what: string, body: JsonObject, message: RegExp])[] = [
    ['a member that is none', { foo: { type: 'text' } }, /"foo" of "mapping" is not supported/],
    ['a kind of dynamic that there is not', { dynamic: 'zzz' }, /Could not convert \[dynamic\].*"zzz"/],
    ['properties that are no object', { properties: [] }, /"properties" is not an object/],
    ['a field that is no object', { properties: { a: 'text' } }, /"properties\.a" is not an object/],
    ['a field without type', { properties: { a: {} } }, /No type specified for field "properties\.a"/],
    [
      'a type that is not searchable',
      { properties: { a: { type: 'geo_point' } } },
      /No handler for type \[geo_point\]/,
    ],
    ['a type that is no text', { properties: { a: { type: 1 } } }, /No handler for type \[1\]/],
    [
      'a parameter that would change what is found',
      { properties: { a: { type: 'text', analyzer: 'english' } } },
      /"analyzer" of "properties\.a" is not supported/,
    ],
    [
      'fields below a leaf',
      { properties: { a: { type: 'text', properties: { b: { type: 'text' } } } } },
      /"properties\.a" of type "text" cannot hold fields/,
    ],
    ['too many levels', { properties: { a: nest(MAPPING_LIMITS.depthMax) } }, /more than 20 levels/],
    [
      'too many fields',
      {
        properties: Object.fromEntries(
          Array.from({ length: MAPPING_LIMITS.fieldsMax + 1 }, (_, n) => [`f${n}`, { type: 'keyword' }]),
        ),
      },
      /1001 fields, and 1000 is the limit/,
    ],
  ]
  for (const [what, body, message] of refused) {
    it(`refuses ${what} rather than ignoring it`, () => {
      assert.throws(() => parseMapping(body), { code: 'mapping.invalid', message })
    })
  }

  it('accepts as many levels as the limit says', () => {
    assert.doesNotThrow(() => parseMapping({ properties: { a: nest(MAPPING_LIMITS.depthMax - 1) } }))
  })

  it('does not list the record metadata', () => {
    const printed = printMapping({ properties: { a: { type: 'text' }, _kuzzle_info: { properties: {} } } })
    assert.deepEqual(printed, { a: { type: 'text' } })
  })
})
