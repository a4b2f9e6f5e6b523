import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../json.ts'
import { mergeContent } from './update-user.ts'

describe('mergeContent', () => {
  test('merges objects member by member and replaces everything else', () => {
    const old = { a: 1, deep: { kept: true, list: [1, 2], changed: 'x' }, gone: { b: 1 } }
    const change = { deep: { list: [3], changed: { now: 'object' } }, gone: null, added: {} }
    assert.deepEqual(mergeContent(old, change), {
      a: 1,
      deep: { kept: true, list: [3], changed: { now: 'object' } },
      gone: null,
      added: {},
    })
  })

  test('changes neither of its arguments, nor what all objects share', () => {
    const change: JsonObject = JSON.parse(
      '{"__proto__":{"polluted":true},"a":{"__proto__":{"polluted":true}}}',
    )
    const merged = mergeContent({ a: { b: 1 } }, change)
    assert.equal(Object.hasOwn({}, 'polluted') || 'polluted' in {}, false)
    assert.equal('polluted' in merged, false)
    assert.equal(
      JSON.stringify(merged),
      '{"a":{"b":1,"__proto__":{"polluted":true}},"__proto__":{"polluted":true}}',
    )
  })

  test('gives the same when the same change comes again', () => {
    const content = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.jsonValue({ maxDepth: 3 }),
    ) as fc.Arbitrary<JsonObject>
    fc.assert(
      fc.property(content, content, (old, change) => {
        const once = mergeContent(old, change)
        assert.deepEqual(mergeContent(once, change), once)
      }),
    )
  })
})
