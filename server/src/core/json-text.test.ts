import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { JSON_DEPTH_MAX, parseJson } from './json-text.ts'

function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`
}

describe('JSON that clients send', () => {
  it('is read', () => {
    assert.deepEqual(parseJson('{"a":[1]}'), { ok: true, value: { a: [1] } })
  })

  it('that is malformed is refused', () => {
    for (const text of ['', '{', 'undefined', '{"a":1}x', "{'a':1}", '\ufeff{}'])
      assert.equal(parseJson(text).ok, false)
  })

  it('may be nested as deep as anybody needs, and no deeper', () => {
    assert.equal(parseJson(nested(JSON_DEPTH_MAX)).ok, true)
    assert.equal(parseJson(nested(JSON_DEPTH_MAX + 1)).ok, false)
    assert.equal(parseJson(nested(400_000)).ok, false)
  })
})
